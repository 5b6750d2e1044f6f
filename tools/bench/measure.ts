// Compares programs in one process, interleaved, so that what disturbs one disturbs the others too.

import { garbageCollector } from "../garbage/garbage.js";

export interface Contender {
  readonly name: string;
  /** Runs that often and returns the seconds of processor time it took: what others on the machine take does not count. */
  readonly run: (times: number) => number | Promise<number>;
}

export interface Result {
  readonly name: string;
  /** Seconds per run: the median of all rounds. */
  readonly seconds: number;
  /** How often faster the first contender is, round by round: the median and the middle 80 %. */
  readonly ratio: Spread;
}

export interface Spread {
  readonly low: number;
  readonly median: number;
  readonly high: number;
}

/** The result of the last run: kept, so that no compiler leaves the work out. */
let _kept: unknown;

/** A contender from a function. */
export function contender(name: string, work: () => unknown): Contender {
  return {
    name,
    run(times) {
      const start = process.cpuUsage();
      for (let left = times; left > 0; left--) _kept = work();
      const { user, system } = process.cpuUsage(start);
      return (user + system) / 1e6;
    },
  };
}

/** Runs every contender once a round, for about `seconds`, in an order that changes. The first is what the others are compared with. */
export async function compare(
  contenders: readonly Contender[],
  { rounds = 25, seconds = 0.005 } = {},
): Promise<Result[]> {
  const times = new Map<Contender, number>();
  for (const each of contenders) times.set(each, await calibrate(each, seconds));
  const measured = new Map<Contender, number[]>(contenders.map((each) => [each, []]));
  for (let round = 0; round < rounds; round++) {
    for (let turn = 0; turn < contenders.length; turn++) {
      const each = contenders[(turn + round) % contenders.length]!;
      const count = times.get(each)!;
      measured.get(each)!.push((await each.run(count)) / count);
    }
  }
  const first = measured.get(contenders[0]!)!;
  return contenders.map((each) => {
    const own = measured.get(each)!;
    return {
      name: each.name,
      seconds: spread(own).median,
      ratio: spread(own.map((time, round) => time / first[round]!)),
    };
  });
}

/** How many runs take about that long, after enough of them to be compiled. */
async function calibrate({ run }: Contender, seconds: number): Promise<number> {
  let times = 1;
  let spent = 0;
  while (true) {
    const elapsed = await run(times);
    spent += elapsed;
    if (spent > 20 * seconds && elapsed > seconds / 2) return Math.max(1, Math.round((times * seconds) / elapsed));
    if (elapsed < seconds) times *= 2;
  }
}

/** Bytes that one run takes from the heap and in array buffers, garbage included: the median of some tries. */
export function allocated({ run }: Contender): number {
  const collectGarbage = garbageCollector();
  const tries = Array.from({ length: 21 }, () => {
    collectGarbage();
    const before = takenBytes();
    const few = 3; // not enough for a collection in between, which would give some back
    void run(few);
    return (takenBytes() - before) / few;
  });
  return spread(tries).median;
}

/** Bytes that are taken from the heap and in array buffers. */
export function takenBytes(): number {
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
}

export function spread(values: readonly number[]): Spread {
  const sorted = [...values].sort((a, b) => a - b);
  const at = (part: number): number => sorted[Math.round(part * (sorted.length - 1))]!;
  return { low: at(0.1), median: at(0.5), high: at(0.9) };
}

export function formatSeconds(seconds: number): string {
  if (seconds >= 1e-3) return `${(seconds * 1e3).toFixed(2)} ms`;
  return `${(seconds * 1e6).toFixed(seconds < 1e-5 ? 2 : 1)} µs`;
}

export function formatBytes(bytes: number): string {
  return bytes >= 10_000 ? `${(bytes / 1000).toFixed(0)} kB` : `${bytes.toFixed(0)} bytes`;
}
