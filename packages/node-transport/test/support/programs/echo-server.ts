// A server in its own process: echo-server.ts ENDPOINT. Prints its port, and for each line on stdin its memory and
// queue sizes as JSON.

import { createInterface } from "node:readline";
import { Root } from "@pb/broker";
import { listen } from "@pb/node-transport";

class Generous extends Root {
  calls = 0;

  remote_echo<T>(value: T): T {
    this.calls++;
    return value;
  }

  /** A large answer to a small call. */
  remote_much(length: number): string {
    this.calls++;
    return "x".repeat(length);
  }
}

const root = new Generous();
const server = await listen(process.argv[2]!, root, { liveness: false });
console.log(server.port);

for await (const _line of createInterface(process.stdin)) {
  (globalThis as { gc?: () => void }).gc?.();
  const { rss, heapUsed, external } = process.memoryUsage();
  const [connection] = [...server.connections];
  console.log(
    JSON.stringify({ rss, used: heapUsed + external, queued: connection?.queuedBytes ?? 0, calls: root.calls }),
  );
}
await server.destroy();
