// A server that records the calls it has run, for a client over a bad network: ledger.ts ENDPOINT. Prints its port, and
// for each line on stdin its
// records as JSON.

import { createInterface } from "node:readline";
import { Cacheable, Referenceable, Root } from "@pb/broker";
import type { CacheObserver, Perspective } from "@pb/broker";
import { listen } from "@pb/node-transport";

/** A number that changes every 10 ms and that clients cache. */
class Board extends Cacheable {
  static readonly remoteType = "ledger.Board";
  value = 0;
  readonly observers = new Set<CacheObserver>();

  override getStateToCacheAndObserveFor(_perspective: Perspective, observer: CacheObserver): unknown {
    this.observers.add(observer);
    return { value: this.value };
  }

  override stoppedObserving(_perspective: Perspective, observer: CacheObserver): void {
    this.observers.delete(observer);
  }

  advance(): void {
    this.value++;
    for (const observer of this.observers) if (observer.isAlive) observer.sendRemote("value", this.value);
  }
}

/** An object that clients hold references to and release. */
class Slip extends Referenceable {
  static out = 0;

  constructor() {
    super();
    Slip.out++;
  }

  remote_number(): number {
    return 1;
  }

  override unreferenced(): void {
    Slip.out--;
  }
}

export class Ledger extends Root {
  readonly board = new Board();
  /** How often each entry was posted. */
  readonly entries = new Map<string, number>();

  remote_post(entry: string, filling: string): string {
    this.entries.set(entry, (this.entries.get(entry) ?? 0) + 1);
    return `${entry} ${filling.length}`;
  }

  remote_slip(): Slip {
    return new Slip();
  }

  remote_board(): Board {
    return this.board;
  }
}

const root = new Ledger();
const clock = setInterval(() => root.board.advance(), 10);
const server = await listen(process.argv[2]!, root, { liveness: { intervalMs: 100, answerMs: 1000 } });
console.log(server.port);

for await (const line of createInterface(process.stdin)) {
  if (line === "stop the clock") clearInterval(clock);
  const { board, entries } = root;
  const stats = [...server.connections].map((connection) => connection.stats());
  console.log(
    JSON.stringify({
      entries: Object.fromEntries(entries),
      value: board.value,
      observers: board.observers.size,
      slips: Slip.out,
      connections: stats.length,
      references: stats.reduce((sum, { referencesGiven }) => sum + referencesGiven, 0),
      caches: stats.reduce((sum, { cachesGiven }) => sum + cachesGiven, 0),
    }),
  );
}
