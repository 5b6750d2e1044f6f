/** @pb with a schema of Zod for the argument and the result of the method. */

import { z } from "zod";
import { Bench } from "./pb.js";

export { connect, serve } from "./pb.js";

const note = z.object({ user: z.string(), room: z.number(), text: z.string(), urgent: z.boolean() });
Object.assign(Bench, { accepts: { echo: { args: [note], returns: note } } });
