/** Measures many connections at the same time: latency beside throughput, memory, and what they cost while idle. */

import { setTimeout as sleep } from "node:timers/promises";
import { explained, formatBytes, formatCount, formatRatio, interval, table, verdict } from "../format.js";
import { compare, estimate } from "../paired.js";
import type { Estimate, Result } from "../paired.js";
import { Contender } from "./contender.js";
import type { ActionSample, ContenderName, Latency } from "./contender.js";

/** The contenders that are compared with each other: over TCP or as services often are, and over WebSockets. */
const groups: readonly (readonly ContenderName[])[] = [
  ["@pb", "raw JSON", "ws and JSON"],
  ["@pb over WebSocket", "Cap'n Web", "socket.io"],
];

const COUNTS = [1, 10, 100, 1_000, 10_000];
const MOST = 10_000;

/** How many times as fast as `ws` and JSON: with 1,000 connections that all call, and one of 10,000. */
const GOALS: Readonly<Record<string, number>> = { "1,000, all calling": 1, "10,000, one calling": 0.9 };

/** Longer than the 25 seconds between two pings. */
const IDLE_MS = 30_000;

const BELOW = `Each connection is read and written on its own, which costs as many system calls as with the others. With 10,000
connections that all call, the memory of each is not in the caches of the processor anymore, and the collector copies what belongs
to calls in flight. @pb has more objects for each connection than the others (see below).`;

const BELOW_IDLE = `A snapshot of the heap of the server has, for each connection, 20 small tables (3.4 kB), 40 functions with
their contexts (3.3 kB), 27 empty lists (0.9 kB), the socket with its streams (1 kB), and about forty objects of the library. Tables
for caches and all buffers are made when they are needed; the goal would need that of most of the others. Pings: both ends ping
every 25 seconds, so that each of them knows the latency and notices a peer that is gone. To ping only where the peer has not,
would halve that, and leave one end without a latency; a stock Twisted peer does not ping at all. An interval of minutes would
cost less, but some networks drop connections that are idle for 30 seconds.`;

/** A section of TABLE.md. */
export async function measureCrowds(rounds: number): Promise<string> {
  const rows: string[][] = [];
  const idle: string[][] = [];
  for (const names of groups) {
    const contenders: Contender[] = [];
    try {
      for (const name of names) contenders.push((await Contender.start(name))!);
      const before = await Promise.all(contenders.map((each) => each.memory()));
      let open = 0;
      for (const count of COUNTS) {
        for (const contender of contenders) await contender.run("connect", count - open);
        open = count;
        const title = count === 1 ? "1" : `${count.toLocaleString("en")}, all calling`;
        rows.push(...(await measureCrowd(title, contenders, count, rounds)));
      }
      rows.push(...(await measureCrowd("10,000, one calling", contenders, 1, rounds)));
      idle.push(...(await measureIdle(contenders, before)));
    } finally {
      for (const contender of contenders) contender[Symbol.dispose]();
    }
  }
  const heads = ["connections", "", "calls a second", "p50", "p99", "p99.9", "@pb is faster, times", "goal"];
  const idleHeads = ["", "heap and buffers at the server", "resident memory", "processor time of the server"];
  return `### 1 to 10,000 connections

Each connection has one call in flight, or one of them calls while the others are idle. The percentiles are the medians of all
rounds.

${table(heads, rows)}${explained(rows, BELOW)}

### An idle connection of 10,000

Memory after a garbage collection. The processor time is that of ${IDLE_MS / 1000} seconds without calls, in percent of a core;
\`ws\` and JSON, and raw JSON, send no pings. The goals of @pb are 4 kB, 8 kB and 1 %.

${table(idleHeads, idle)}

**Below its goal**, where a row is above. ${BELOW_IDLE}`;
}

/** `calling`: the number of connections that call. */
async function measureCrowd(
  title: string,
  contenders: readonly Contender[],
  calling: number,
  rounds: number,
): Promise<string[][]> {
  const latencies = contenders.map((): Latency[] => []);
  const measured = contenders.map((each, index) => ({
    name: each.name,
    async run(times: number) {
      const sample = await each.run(calling === 1 ? "active" : "crowd", times);
      latencies[index]!.push(sample.latency!);
      return sample;
    },
  }));
  // With 10,000 connections, a sample has at least one call of each.
  const seconds = Math.max(0.5, calling / 5000);
  const results = await compare(measured, { rounds, seconds, warmUp: 1.5 });
  return results.map((result, index) => {
    const last = latencies[index]!.slice(-rounds);
    const goal = result.name === "ws and JSON" ? GOALS[title] : undefined;
    return [
      index === 0 ? title : "",
      result.name,
      rate(result),
      ...(["p50", "p99", "p999"] as const).map((part) => milliseconds(last.map((each) => each[part]))),
      index === 0 ? "" : interval(result.ratio, formatRatio),
      goal === undefined ? "" : verdict(goal, result.ratio.low >= goal),
    ];
  });
}

const rate = ({ seconds: { low, median, high } }: Result): string =>
  interval({ low: 1 / high, median: 1 / median, high: 1 / low } satisfies Estimate, formatCount);

const milliseconds = (values: readonly number[]): string => `${estimate(values).median.toFixed(2)} ms`;

/** `before`: the memory without the connections. */
async function measureIdle(
  contenders: readonly Contender[],
  before: readonly Awaited<ReturnType<Contender["memory"]>>[],
): Promise<string[][]> {
  const memory = await Promise.all(contenders.map((each) => each.memory()));
  const cpuBefore = await Promise.all(contenders.map((each) => each.cpuOfServer()));
  await sleep(IDLE_MS);
  const cpuAfter = await Promise.all(contenders.map((each) => each.cpuOfServer()));
  return contenders.map(({ name }, index) => {
    const [now, then] = [memory[index]![0]!, before[index]![0]!];
    const cpu = (cpuAfter[index]! - cpuBefore[index]!) / (IDLE_MS / 1000);
    return [
      name,
      formatBytes((now.used - then.used) / MOST),
      formatBytes((now.resident - then.resident) / MOST),
      `${(100 * cpu).toFixed(1)} %`,
    ];
  });
}

/** The most processor time of the server for a login with SCRAM, in milliseconds. */
const SCRAM_GOAL_MS = 0.3;

const BELOW_SCRAM = `The time contains that of the connection, about half of it. Its parts are those of the login of Twisted, which has
two round trips less. The client derives the key of the password alone.`;

/** A section of TABLE.md: what a login with SCRAM costs the server. */
export async function measureScram(rounds: number): Promise<string> {
  using contender = (await Contender.start("@pb with SCRAM"))!;
  const LOGINS = 100;
  for (let left = 5; left > 0; left--) await contender.run("login", LOGINS); // V8 compiles
  const samples: ActionSample[] = [];
  for (let left = rounds; left > 0; left--) samples.push(await contender.run("login", LOGINS));
  const format = (value: number): string => `${(value * 1e3).toFixed(2)} ms`;
  const server = estimate(samples.map(({ serverCpu }) => serverCpu / LOGINS));
  const client = estimate(samples.map(({ cpu, serverCpu }) => (cpu - serverCpu) / LOGINS));
  const isReached = server.high * 1e3 <= SCRAM_GOAL_MS;
  const rows = [
    ["server", interval(server, format), verdict(SCRAM_GOAL_MS, isReached)],
    ["client", interval(client, format), ""],
  ];
  return `### Connect, log in with SCRAM, disconnect

With 4,096 iterations, the fewest that a client accepts. Only the client computes them.

${table(["", "processor time for one", "goal, ms"], rows)}${explained(rows, BELOW_SCRAM)}`;
}
