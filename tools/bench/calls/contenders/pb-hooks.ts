/** @pb with hooks that follow each call at both ends, as those for metrics do. */

import * as library from "./pb.js";
import type { Client, credentials } from "../library.js";

export let settled = 0;
const observer = {
  settled: (): void => {
    settled++;
  },
};
const options = { telemetry: { outgoing: () => observer, incoming: () => observer } };

export const serve = (): Promise<number> => library.serve(options);
export const connect = (port: number, user?: typeof credentials): Promise<Client> =>
  library.connect(port, user, options);
