/** Measures what a connection costs, and whether calls take longer with many references or connections. */

import {
  explained,
  formatBytes,
  formatCount,
  formatRatio,
  formatSeconds,
  interval,
  table,
  verdict,
} from "../format.js";
import { compareCalls, Contender } from "./contender.js";
import type { ContenderName } from "./contender.js";

const CONNECTIONS = 1000;

const inTurn = (count: number): string => `calls over ${count.toLocaleString("en")} connections in turn`;

/** The most processor time of these calls, as a multiple of that of raw JSON. */
const GOAL = { title: inTurn(100), most: 1.1 };

const BELOW = `With 100 connections in turn, each call is written on its own: 41 % of the time of the server of @pb and 44 % of that
of raw JSON are \`write\`, and 47 % at the client of @pb. The rest of @pb's is spread over many functions: no other one takes more
than 3 %, and garbage collection takes as much.`;

/** A section of TABLE.md: the time to open a connection, and the bytes in use for an idle one. */
export async function measureConnections(contenders: readonly Contender[]): Promise<string> {
  const rows: string[][] = [];
  for (const contender of contenders) {
    if (contender.name === "Twisted") continue; // its memory cannot be compared
    await contender.run("connect", 50); // so that objects that are made once exist before the measurement
    const before = await contender.memory();
    const { seconds } = await contender.run("connect", CONNECTIONS);
    const after = await contender.memory();
    await contender.run("disconnect", 1);
    const used = after.map((bytes, side) => formatBytes((bytes.used - before[side]!.used) / CONNECTIONS));
    rows.push([contender.name, formatSeconds(seconds / CONNECTIONS), ...used]);
  }
  return `### One connection of 1,000

Memory is heap and buffers after a garbage collection.

${table(["", "time to open", "memory at the server", "memory at the client"], rows)}`;
}

/**
 * A title, a contender, the number of references that the client holds, and of connections beside the one that calls.
 */
type Situation = readonly [title: string, name: ContenderName, references: number, connections: number];

/** A section of TABLE.md: the calls per second and the processor time of a call in each situation. */
export async function measureGrowth(rounds: number): Promise<string> {
  const many = (count: number): string => count.toLocaleString("en");
  const rows = await measureSituations("hundred", rounds, [
    ["nothing else", "@pb", 0, 0],
    ...[1_000, 10_000, 100_000].map((count): Situation => [`${many(count)} live references`, "@pb", count, 0]),
    ...[10, 100, 1_000].map((count): Situation => [`${many(count)} other connections`, "@pb", 0, count]),
  ]);
  for (const count of [10, 100, 1_000]) {
    const [, own] = await measureSituations("spread", rounds, [
      ["raw JSON in the same way", "raw JSON", 0, count],
      [inTurn(count), "@pb", 0, count],
    ]);
    rows.push(own!);
  }
  const heads = ["", "calls a second, 100 in flight", "processor time of a call, times", "that of", "goal"];
  return `### Calls of @pb with many references or connections\n\n${table(heads, rows)}${explained(rows, BELOW)}`;
}

/** Runs every situation in two processes of its own. Returns a row for each, which compares it with the first one. */
async function measureSituations(action: string, rounds: number, situations: Situation[]): Promise<string[][]> {
  const contenders: Contender[] = [];
  try {
    for (const [, name, references, connections] of situations) {
      const contender = (await Contender.start(name))!;
      contenders.push(contender);
      if (references > 0) await contender.run("hold", references);
      if (connections > 0) await contender.run("connect", connections);
    }
    const results = await compareCalls(contenders, action, rounds);
    return results.map(({ seconds, cpuRatio }, index) => {
      const title = situations[index]![0];
      const goal = title === GOAL.title ? verdict(GOAL.most, cpuRatio.high <= GOAL.most) : "";
      const ratio = index === 0 ? "" : interval(cpuRatio, formatRatio);
      return [title, formatCount(1 / seconds.median), ratio, index === 0 ? "" : situations[0]![0], goal];
    });
  } finally {
    for (const contender of contenders) contender[Symbol.dispose]();
  }
}
