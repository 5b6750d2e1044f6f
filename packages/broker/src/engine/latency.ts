// Measures the round-trip time of a connection with pings.

import { RemoteError } from "../wire/failure.js";
import type { Caller } from "./caller.js";

export class Latency {
  /** In milliseconds, smoothed over the last pings as in RFC 6298. Undefined before the first ping. */
  milliseconds: number | undefined;

  /** See `Broker.ping`. */
  async ping(caller: Caller): Promise<number> {
    const start = performance.now();
    try {
      await caller.call("", "", [], { perspective: null, keepAlive: undefined, isPing: true });
    } catch (error) {
      if (!(error instanceof RemoteError)) throw error;
    }
    const milliseconds = performance.now() - start;
    this.milliseconds = (this.milliseconds ?? milliseconds) * 0.875 + milliseconds * 0.125;
    return milliseconds;
  }
}
