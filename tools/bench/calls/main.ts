/**
 * Measures calls of @pb beside other libraries: the same work over loopback TCP, server and client in two processes.
 */

import { writeFileSync } from "node:fs";
import { cpus } from "node:os";
import { formatCount, formatRatio, formatSeconds, interval, ratioCells, table } from "../format.js";
import { findTwisted } from "../../twisted/twisted.js";
import { areOnOwnCores, compareCalls, Contender, contenderNames, telemetries, variants } from "./contender.js";
import type { ContenderName } from "./contender.js";
import { measureConnections, measureGrowth } from "./growth.js";

export interface Workload {
  /** The argument of `npm run bench -- NAME`. */
  readonly name: "one" | "hundred" | "reference" | "one-way" | "bytes" | "updates-1" | "updates-100" | "login";
  readonly title: string;
  /** What is counted, in the plural. */
  readonly unit: string;
  /** How many times as fast as these contenders @pb should be. */
  readonly targets?: Partial<Record<ContenderName, number>>;
}

export const workloads: readonly Workload[] = [
  { name: "one", title: "Echo of a small dict, one call at a time", unit: "calls", targets: { "raw JSON": 0.9 } },
  {
    name: "hundred",
    title: "Echo of a small dict, 100 calls in flight",
    unit: "calls",
    targets: { "raw JSON": 0.7, "socket.io": 1.5, "Cap'n Web": 3, "grpc-js": 15, Twisted: 20 },
  },
  {
    name: "reference",
    title: "A call that returns a reference, and one on it",
    unit: "pairs",
    targets: { "Cap'n Web": 1.2 },
  },
  { name: "one-way", title: "One-way calls with a small dict", unit: "calls" },
  { name: "bytes", title: "A byte string of 1 MB", unit: "strings" },
  { name: "updates-1", title: "Updates of a cached object, ten a turn, to 1 observer", unit: "updates" },
  { name: "updates-100", title: "Updates of a cached object, ten a turn, to 100 observers", unit: "updates" },
  { name: "login", title: "Connect, log in, disconnect", unit: "logins" },
];

export interface CallOptions {
  readonly rounds: number;
  /** Beginnings of names; @pb always takes part. */
  readonly only?: readonly string[] | undefined;
  readonly checkout?: string | undefined;
}

/** Measures the named workloads. Without names, it measures all of them and writes TABLE.md. */
export async function benchCalls(names: readonly string[], { rounds, only, checkout }: CallOptions): Promise<void> {
  const isWanted = (name: string): boolean => names.length === 0 || names.includes(name);
  const takesPart = (name: string): boolean =>
    name === "@pb" ||
    (name === "old @pb" ? checkout !== undefined : (only?.some((each) => name.startsWith(each)) ?? true));
  const sections: string[] = [];
  const show = (section: string): void => {
    console.log(`\n${section}`);
    sections.push(section);
  };

  const contenders: Contender[] = [];
  try {
    for (const name of contenderNames.filter(takesPart)) {
      const contender = await Contender.start(name, { checkout });
      if (contender !== undefined) contenders.push(contender);
    }
    for (const workload of workloads) if (isWanted(workload.name)) show(await measure(workload, contenders, rounds));
    if (isWanted("connections")) show(await measureConnections(contenders));
  } finally {
    for (const contender of contenders) contender[Symbol.dispose]();
  }
  if (isWanted("unused")) show(await measureUnused(rounds, checkout));
  if (isWanted("telemetry")) show(await measureTelemetry(rounds));
  if (isWanted("growth")) show(await measureGrowth(rounds));
  if (names.length === 0 && only === undefined && checkout === undefined) {
    writeFileSync(new URL("../TABLE.md", import.meta.url), page(sections));
  }
}

async function measure(workload: Workload, contenders: readonly Contender[], rounds: number): Promise<string> {
  const { name, title, unit, targets } = workload;
  const results = await compareCalls(contenders, name, rounds);
  const hasOld = contenders.some((each) => each.name === "old @pb");
  const rows = results.map((result, index) => {
    const { low, median, high } = result.seconds;
    return [
      result.name,
      interval({ low: 1 / high, median: 1 / median, high: 1 / low }, formatCount),
      ...ratioCells(result, targets?.[contenders[index]!.name], index === 0),
      formatSeconds(result.cpu),
      ...(hasOld ? [index === 0 ? "" : interval(result.cpuRatio, formatRatio)] : []),
    ];
  });
  const heads = ["", `${unit} a second`, "@pb is faster, times", "target", "processor time for one"];
  if (hasOld) heads.push("@pb needs less, times");
  return `### ${title}\n\n${table(heads, rows)}`;
}

/** A section of TABLE.md: what options cost that a call does not use. */
async function measureUnused(rounds: number, checkout: string | undefined): Promise<string> {
  const others: readonly ContenderName[] = [...variants, ...(checkout === undefined ? [] : ["old @pb" as const])];
  return `### Options that ordinary calls do not use\n
@pb has its extensions (\`pbx\`) and no hooks (\`telemetry\`), as by default. The hooks of the contender with hooks only count. The
one with schemas checks the argument and the result with Zod.

${await compareWith(others, rounds, checkout)}`;
}

/** A section of TABLE.md: what it costs to trace and measure each call. */
async function measureTelemetry(rounds: number): Promise<string> {
  return `### Calls with OpenTelemetry\n
@pb has no hooks, as by default. The others use @pb/telemetry at both ends, in the two processes. With the SDK, each call is two spans
and two durations, which are kept and exported to nowhere, and its trace is sent.

${await compareWith(telemetries, rounds, undefined)}`;
}

/** The time of calls of others beside those of @pb. */
async function compareWith(
  others: readonly ContenderName[],
  rounds: number,
  checkout: string | undefined,
): Promise<string> {
  const names: readonly ContenderName[] = ["@pb", ...others];
  const contenders: Contender[] = [];
  const rows: string[][] = [];
  try {
    for (const name of names) contenders.push((await Contender.start(name, { checkout }))!);
    for (const { name, title } of workloads.slice(0, 2)) {
      const results = await compareCalls(contenders, name, rounds);
      for (const { name: contender, seconds, ratio, cpuRatio } of results.slice(1)) {
        const per = formatSeconds(seconds.median);
        rows.push([title, contender, per, interval(ratio, formatRatio), interval(cpuRatio, formatRatio)]);
      }
    }
  } finally {
    for (const contender of contenders) contender[Symbol.dispose]();
  }
  const heads = ["", "", "time of a call", "its time / that of @pb", "its processor time / that of @pb"];
  return table(heads, rows);
}

function page(sections: readonly string[]): string {
  const cores = `${cpus().length} cores${areOnOwnCores ? ", one for each process" : ""}`;
  const versions = `Node ${process.version}, Twisted ${findTwisted()?.version ?? "missing"}`;
  return `# Benches

\`npm run bench\` writes this page. [README.md](./README.md) says what the contenders do, how it is measured, and what the
numbers in parentheses are.

Last run: ${new Date().toISOString().slice(0, 10)}, ${cpus()[0]?.model ?? "unknown processor"}, ${cores}, ${versions}

${sections.join("\n\n")}
`;
}
