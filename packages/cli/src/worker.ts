// The program of the second thread of `pb tap`.

import { parentPort } from "node:worker_threads";
import { runDecoder } from "./tap/decoder.js";

void runDecoder(parentPort!);
