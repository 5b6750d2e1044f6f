// One of several that want the same paths. Each line on stdin is a path: it gives back the last one, if that was its own, then listens there.
// Answers with true, or with why not.

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
