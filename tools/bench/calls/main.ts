/**
 * Measures calls of @pb beside other libraries: the same work over loopback TCP, server and client in two processes.
 */

import { writeFileSync } from "node:fs";
import { cpus } from "node:os";
import { benchCodec } from "../codec/main.js";
import { explained, formatCount, formatRatio, formatSeconds, interval, ratioCells, table } from "../format.js";
import { findTwisted } from "../../twisted/twisted.js";
import { areOnOwnCores, compareCalls, Contender, contenderNames, telemetries, variants } from "./contender.js";
import type { ContenderName } from "./contender.js";
import { measureCores } from "./cores.js";
import { measureCrowds, measureScram } from "./crowd.js";
import { measureConnections, measureGrowth } from "./growth.js";
import { workloads } from "./workloads.js";
import type { Workload } from "./workloads.js";

export interface CallOptions {
  /** Default 11, and fewer for the benches of many connections, whose rounds are longer. */
  readonly rounds: number | undefined;
  /** Beginnings of names; @pb always takes part. */
  readonly only?: readonly string[] | undefined;
  readonly checkout?: string | undefined;
}

/** The payloads of the bench `jelly` that have a goal beside JSON. */
const TABLE_PAYLOADS = ["nested record", "100,000 integers", "10,000 dicts"];

/** The fewest whose interval has 95 % is six. */
const CROWD_ROUNDS = 7;

/** Measures the named workloads. Without names, it measures all of them and writes TABLE.md. */
export async function benchCalls(names: readonly string[], { only, checkout, ...options }: CallOptions): Promise<void> {
  const { rounds = 11 } = options;
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
  if (isWanted("scram")) show(await measureScram(rounds));
  if (isWanted("cores")) show(await measureCores(rounds));
  if (isWanted("crowd")) show(await measureCrowds(options.rounds ?? CROWD_ROUNDS));
  if (names.length === 0) for (const section of await benchCodec("jelly", TABLE_PAYLOADS, { rounds })) show(section);
  if (names.length === 0 && only === undefined && checkout === undefined) {
    writeFileSync(new URL("../TABLE.md", import.meta.url), page(sections));
  }
}

async function measure(workload: Workload, contenders: readonly Contender[], rounds: number): Promise<string> {
  const { name, title, unit, goals, below } = workload;
  const results = await compareCalls(contenders, name, rounds);
  const hasOld = contenders.some((each) => each.name === "old @pb");
  const rows = results.map((result, index) => {
    const { low, median, high } = result.seconds;
    return [
      result.name,
      interval({ low: 1 / high, median: 1 / median, high: 1 / low }, formatCount),
      ...ratioCells(result, goals?.[contenders[index]!.name], index === 0),
      formatSeconds(result.cpu),
      ...(hasOld ? [index === 0 ? "" : interval(result.cpuRatio, formatRatio)] : []),
    ];
  });
  const heads = ["", `${unit} a second`, "@pb is faster, times", "goal", "processor time for one"];
  if (hasOld) heads.push("@pb needs less, times");
  return `### ${title}\n\n${table(heads, rows)}${explained(rows, below)}`;
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
    for (const { name, title } of workloads.filter(({ name }) => name === "one" || name === "hundred")) {
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
