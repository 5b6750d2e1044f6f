// One of several processes that compete for the same paths. For each path on stdin, it stops listening on the previous
// path and listens on the new one.
// Prints true, or the code of the error.

import { createInterface } from "node:readline";
import { Root } from "@pb/broker";
import { listen } from "@pb/node-transport";
import type { Server } from "@pb/node-transport";

class Empty extends Root {}

let server: Server | undefined;
for await (const path of createInterface(process.stdin)) {
  await server?.close();
  server = undefined;
  try {
    server = await listen({ type: "unix", path }, new Empty());
    console.log("true");
  } catch (error) {
    console.log(JSON.stringify((error as NodeJS.ErrnoException).code ?? String(error)));
  }
}
