/** @pb without what both ends can do beyond Twisted's protocol. */

import * as library from "./pb.js";
import type { Client, credentials } from "../library.js";

const options = { extensions: false };

export const serve = (): Promise<number> => library.serve(options);
export const connect = (port: number, user?: typeof credentials): Promise<Client> =>
  library.connect(port, user, options);
