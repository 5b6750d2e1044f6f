/** Measures what a connection costs, and whether calls take longer with many references or connections. */

import { compareCalls, Contender } from "./contender.js";
import type { ContenderName } from "./contender.js";

const CONNECTIONS = 1000;

export interface ConnectionCost {
  readonly name: ContenderName;
  /** Seconds to open one. */
  readonly seconds: number;
  /** Bytes in use for one idle connection. */
  readonly server: number;
  readonly client: number;
}

export async function measureConnections(contenders: readonly Contender[]): Promise<ConnectionCost[]> {
  const costs: ConnectionCost[] = [];
  for (const contender of contenders) {
    if (contender.name === "Twisted") continue; // its memory cannot be compared
    await contender.run("connect", 50); // so that objects that are made once exist before the measurement
    const before = await contender.memory();
    const { seconds } = await contender.run("connect", CONNECTIONS);
    const after = await contender.memory();
    await contender.run("disconnect", 1);
    const [server, client] = [0, 1].map((side) => (after[side]! - before[side]!) / CONNECTIONS);
    costs.push({ name: contender.name, seconds: seconds / CONNECTIONS, server: server!, client: client! });
  }
  return costs;
}

export interface Growth {
  readonly situation: string;
  /** Calls per second, 100 in flight. */
  readonly rate: number;
  /** Processor time of one call of both processes, divided by that of `comparedWith`. */
  readonly cost: number;
  readonly comparedWith: string;
}

/**
 * A title, a contender, the number of references that the client holds, and of connections beside the one that calls.
 */
type Situation = readonly [title: string, name: ContenderName, references: number, connections: number];

export async function measureGrowth(rounds: number): Promise<Growth[]> {
  const many = (count: number): string => count.toLocaleString("en");
  const growth = await measureSituations("hundred", rounds, [
    ["nothing else", "@pb", 0, 0],
    ...[1_000, 10_000, 100_000].map((count): Situation => [`${many(count)} live references`, "@pb", count, 0]),
    ...[10, 100, 1_000].map((count): Situation => [`${many(count)} other connections`, "@pb", 0, count]),
  ]);
  for (const count of [10, 100, 1_000]) {
    const [, own] = await measureSituations("spread", rounds, [
      ["raw JSON in the same way", "raw JSON", 0, count],
      [`calls over ${many(count)} connections in turn`, "@pb", 0, count],
    ]);
    growth.push(own!);
  }
  return growth;
}

/** Runs every situation in two processes of its own, and compares each with the first one. */
async function measureSituations(action: string, rounds: number, situations: readonly Situation[]): Promise<Growth[]> {
  const contenders: Contender[] = [];
  try {
    for (const [, name, references, connections] of situations) {
      const contender = (await Contender.start(name))!;
      contenders.push(contender);
      if (references > 0) await contender.run("hold", references);
      if (connections > 0) await contender.run("connect", connections);
    }
    const results = await compareCalls(contenders, action, rounds);
    return results.map(({ seconds, cpu }, index) => ({
      situation: situations[index]![0],
      rate: 1 / seconds.median,
      cost: cpu.median / results[0]!.cpu.median,
      comparedWith: situations[0]![0],
    }));
  } finally {
    for (const contender of contenders) contender[Symbol.dispose]();
  }
}
