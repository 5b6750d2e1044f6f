/** Measures many connections at the same time: latency beside throughput, memory, and what they cost while idle. */

import { setTimeout as sleep } from "node:timers/promises";
import { explained, formatBytes, formatCount, formatRatio, interval, table, verdict } from "../format.js";
import { compare, estimate } from "../paired.js";
import type { Estimate, Options, Result } from "../paired.js";
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

const BELOW = `With 1,000 connections that all call, the server of @pb spends 33 % of its time in \`write\`, that of \`ws\` 49 %, and
neither more than 2 % on garbage collection. The rest of @pb's is spread over many functions: no other one takes more than 6 %.
Each message is read and written on its own, because each connection has one call in flight.`;

const BELOW_IDLE = `Snapshots of the heap of a server whose connections have made one call each, divided by the connections between
them (1,000), on a busy machine: 6.0 kB, and 16.9 kB before all parts of a connection called back one object, shared what writes
and reads values, and made their tables when they are needed. The socket of Node takes 1.5 kB of them, 10 closures and
contexts 0.5 kB, a timer 0.2 kB, and the 24 objects of which a connection consists 2.6 kB. Of two ends of @pb, only
one pings every 22 seconds, because some networks drop connections that are idle for 30 seconds: 69 % of the time of the server
for a ping is the \`write\` of its answer.`;

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
  // With 10,000 connections, a sample has at least one call of each.
  const seconds = Math.max(0.5, calling / 5000);
  const action = calling === 1 ? "active" : "crowd";
  const measured = await compareLatencies(contenders, action, { rounds, seconds, warmUp: 1.5 });
  return measured.map(({ result, p50, p99, p999 }, index) => {
    const goal = result.name === "ws and JSON" ? GOALS[title] : undefined;
    return [
      index === 0 ? title : "",
      result.name,
      rate(result),
      ...[p50, p99, p999],
      index === 0 ? "" : interval(result.ratio, formatRatio),
      goal === undefined ? "" : verdict(goal, result.ratio.low >= goal),
    ];
  });
}

/** A result, and the medians of the percentiles of all rounds. */
interface Timed extends Readonly<Record<keyof Latency, string>> {
  readonly result: Result;
}

/** Compares contenders at one action of their clients that measures the latency of each call. */
export async function compareLatencies(
  contenders: readonly Contender[],
  action: string,
  options: Options & { readonly rounds: number },
): Promise<Timed[]> {
  const latencies = contenders.map((): Latency[] => []);
  const measured = contenders.map((each, index) => ({
    name: each.name,
    async run(times: number) {
      const sample = await each.run(action, times);
      latencies[index]!.push(sample.latency!);
      return sample;
    },
  }));
  const results = await compare(measured, options);
  return results.map((result, index) => {
    const last = latencies[index]!.slice(-options.rounds);
    const median = (part: keyof Latency): string => `${estimate(last.map((each) => each[part])).median.toFixed(2)} ms`;
    return { result, p50: median("p50"), p99: median("p99"), p999: median("p999") };
  });
}

/** Calls a second. */
export const rate = ({ seconds: { low, median, high } }: Result): string =>
  interval({ low: 1 / high, median: 1 / median, high: 1 / low } satisfies Estimate, formatCount);

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

const BELOW_SCRAM = `The server needed 3.24 ms (2.70 to 3.91) for it, 2.95 ms (2.09 to 3.22) for the login of Twisted, and 0.76 ms (0.67 to 1.02)
for a connection with one call and without a login, in turns on a busy machine.`;

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
