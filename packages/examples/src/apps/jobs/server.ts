// A queue that runs one job after the other. A client that stops waiting, or has gone, cancels its jobs.

import { setTimeout as sleep } from "node:timers/promises";
import { callContext, PBError, Root } from "@pb/broker";
import type { RemoteReference } from "@pb/broker";
import { listen } from "@pb/node-transport";
import type { Watcher } from "./client.js";

export class Queue extends Root {
  #last: Promise<unknown> = Promise.resolve();
  #length = 0;

  async remote_run(name: string, steps: number, watcher: RemoteReference<Watcher>) {
    const { signal } = callContext(); // aborts when the caller no longer waits
    if (this.#length >= 100) throw new PBError("The queue is full");
    this.#length++;
    const job = this.#last.then(() => work(name, steps, watcher, signal));
    this.#last = job.catch(() => undefined).finally(() => this.#length--);
    return job;
  }
}

async function work(name: string, steps: number, watcher: RemoteReference<Watcher>, signal: AbortSignal) {
  for (let step = 1; step <= steps; step++) {
    await sleep(20, undefined, { signal }).catch(() => {
      throw new PBError(`${name} was canceled`); // expected, so that it is not logged as a bug
    });
    await watcher.callRemote("progress", `${name}: ${step} of ${steps}`);
  }
  return `${name} is done`;
}

await listen("tcp:8787:interface=127.0.0.1", new Queue());
console.log("Listening on port 8787");
