// A server that is restarted under load: restarted.ts ENDPOINT. Prints its port. At SIGTERM it drains, and prints how
// long that took and the ids of the calls that it has run, as JSON.

import { Root } from "@pb/broker";
import { listen } from "@pb/node-transport";

class Counter extends Root {
  readonly ids: string[] = [];

  /** Answers after a while, so that calls are in flight at any time. */
  async remote_run(id: string): Promise<string> {
    this.ids.push(id);
    await new Promise((resolve) => setTimeout(resolve, Math.random() * 20));
    return id;
  }
}

const counter = new Counter();
let cut = 0;
const server = await listen(process.argv[2]!, counter, {
  liveness: false,
  onEvent: (event) => {
    if (event.kind === "cut") cut += event.calls;
  },
});
console.log(server.port);
process.on("SIGTERM", () => {
  const start = performance.now();
  void server
    .close({ drainMs: 30_000 })
    .then(() => console.log(JSON.stringify({ took: performance.now() - start, cut, ids: counter.ids })));
});
