/** @pb whose users log in with SCRAM, with few iterations: their number is work of the client alone. */

import * as library from "./pb.js";

export const serve = (): Promise<number> => library.serve({}, undefined, { iterations: 4096 });
export { connect } from "./pb.js";
