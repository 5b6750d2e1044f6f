// Counts the calls of each method, and their latencies.

import type { Message, Side } from "../conversation/messages.js";
import type { Ending, Observer } from "./observer.js";

/** Methods that are counted one by one. Further ones share one row. */
const MOST_METHODS = 1_000;

/** The name of the row of all further methods. */
const OTHERS = "(others)";

/** Latencies are counted in classes that differ by 5 %, from a microsecond to days. */
const GROWTH = Math.log(1.05);
const CLASSES = 600;

/** The calls of one method by one side. */
export class MethodStatistics {
  readonly caller: Side;
  readonly method: string;
  calls = 0;
  answers = 0;
  errors = 0;
  late = 0;
  /** Bytes of the calls, and of their answers. */
  callBytes = 0;
  answerBytes = 0;
  readonly #latencies = new Uint32Array(CLASSES);

  constructor(caller: Side, method: string) {
    this.caller = caller;
    this.method = method;
  }

  addLatency(ms: number): void {
    const place = ms <= 0.001 ? 0 : Math.floor(Math.log(ms * 1000) / GROWTH);
    this.#latencies[Math.min(place, CLASSES - 1)]!++;
  }

  /** The latency in milliseconds that this share of the answers did not exceed. Undefined without answers. */
  latency(share: number): number | undefined {
    const total = this.#latencies.reduce((sum, count) => sum + count, 0);
    if (total === 0) return undefined;
    let left = Math.ceil(total * share);
    const place = this.#latencies.findIndex((count) => (left -= count) <= 0);
    return Math.exp((place + 0.5) * GROWTH) / 1000;
  }
}

/** Statistics of all connections together. */
export class Statistics implements Observer {
  readonly #methods = new Map<string, MethodStatistics>();
  readonly bytes = { client: 0, server: 0 };
  readonly opaqueBytes = { client: 0, server: 0 };
  messages = 0;
  connections = 0;
  ended = 0;
  /** What was open at the ends of connections. */
  readonly left = { calls: 0, references: 0, caches: 0 };

  get methods(): readonly MethodStatistics[] {
    return [...this.#methods.values()].sort((a, b) => b.calls - a.calls);
  }

  opened(): void {
    this.connections++;
  }

  message(_connection: number, message: Message): void {
    const { from, size } = message;
    this.messages++;
    this.bytes[from] += size;
    if (message.kind === "opaque") this.opaqueBytes[from] += size;
    if (message.kind === "call") {
      const row = this.#row(from, message.method);
      row.calls++;
      row.callBytes += size;
    } else if ((message.kind === "answer" || message.kind === "error") && message.call !== undefined) {
      const row = this.#row(from === "client" ? "server" : "client", message.call.method);
      row[message.kind === "answer" ? "answers" : "errors"]++;
      if (message.isLate) row.late++;
      row.answerBytes += size;
      row.addLatency(message.latencyMs!);
    }
  }

  finished(): void {
    // Counts nothing.
  }

  closed(_connection: number, { by, client, server }: Ending): void {
    if (by !== "recording") this.ended++;
    for (const { calls, references, caches } of [client, server]) {
      this.left.calls += calls.size;
      this.left.references += references.size;
      this.left.caches += caches.size;
    }
  }

  #row(caller: Side, method: string): MethodStatistics {
    const key = `${caller} ${method}`;
    const row = this.#methods.get(key);
    if (row !== undefined) return row;
    if (this.#methods.size >= MOST_METHODS && method !== OTHERS) return this.#row(caller, OTHERS);
    const added = new MethodStatistics(caller, method);
    this.#methods.set(key, added);
    return added;
  }
}
