// A server that runs out of descriptors: crowded-server.ts. Prints its port, and its events as JSON. A line on stdin is
// a number: so many descriptors are left free.

import { closeSync, openSync } from "node:fs";
import { devNull } from "node:os";
import { createInterface } from "node:readline";
import { Root } from "@pb/broker";
import { listen } from "@pb/node-transport";

class Empty extends Root {}

const server = await listen("tcp:0:interface=127.0.0.1", new Empty(), {
  liveness: false,
  onEvent: (event) => {
    if (event.kind === "error") console.log(JSON.stringify({ kind: event.kind, error: String(event.error) }));
    else if (event.kind === "descriptors") console.log(JSON.stringify(event));
  },
});
console.log(server.port);

const held: number[] = [];
for await (const line of createInterface(process.stdin)) {
  try {
    for (;;) held.push(openSync(devNull, "r"));
  } catch {
    for (const descriptor of held.splice(held.length - Number(line))) closeSync(descriptor);
  }
}
await server.destroy();
