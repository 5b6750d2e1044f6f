/**
 * Measures calls of @pb beside other libraries: the same work over loopback TCP, server and client in two processes.
 */

import { writeFileSync } from "node:fs";
import { cpus } from "node:os";
import { formatBytes, formatCount, formatRatio, formatSeconds, interval, ratioCells, table } from "../format.js";
import { findTwisted } from "../../twisted/twisted.js";
import { areOnOwnCores, compareCalls, Contender, contenderNames } from "./contender.js";
import { measureConnections, measureGrowth } from "./growth.js";
import type { Estimate } from "../paired.js";
import { workloads } from "./workloads.js";
import type { Workload } from "./workloads.js";

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
    if (isWanted("connections")) show(connectionTable(await measureConnections(contenders)));
  } finally {
    for (const contender of contenders) contender[Symbol.dispose]();
  }
  if (isWanted("growth")) show(growthTable(await measureGrowth(rounds)));
  if (names.length === 0 && only === undefined && checkout === undefined) {
    writeFileSync(new URL("../TABLE.md", import.meta.url), page(sections));
  }
}

async function measure(workload: Workload, contenders: readonly Contender[], rounds: number): Promise<string> {
  const { name, title, unit, targets } = workload;
  const results = await compareCalls(contenders, name, rounds);
  const rows = results.map((result, index) => [
    result.name,
    interval(perSecond(result.seconds), formatCount),
    ...ratioCells(result, targets?.[contenders[index]!.name], index === 0),
    formatSeconds(result.cpu.median),
  ]);
  const heads = ["", `${unit} a second`, "@pb is faster, times", "target", "processor time for one"];
  return `### ${title}\n\n${table(heads, rows)}`;
}

function perSecond({ low, median, high }: Estimate): Estimate {
  return { low: 1 / high, median: 1 / median, high: 1 / low };
}

function connectionTable(costs: Awaited<ReturnType<typeof measureConnections>>): string {
  const rows = costs.map(({ name, seconds, server, client }) => [
    name,
    formatSeconds(seconds),
    formatBytes(server),
    formatBytes(client),
  ]);
  return `### One connection of 1,000

Memory is heap and buffers after a garbage collection.

${table(["", "time to open", "memory at the server", "memory at the client"], rows)}`;
}

function growthTable(growth: Awaited<ReturnType<typeof measureGrowth>>): string {
  const rows = growth.map(({ situation, rate, cost, comparedWith }) => [
    situation,
    formatCount(rate),
    formatRatio(cost),
    comparedWith,
  ]);
  const heads = ["", "calls a second, 100 in flight", "processor time of a call, times", "that of"];
  return `### Calls of @pb with many references or connections\n\n${table(heads, rows)}`;
}

function page(sections: readonly string[]): string {
  const machine = `${cpus().length} cores (${cpus()[0]?.model ?? "unknown"})`;
  const versions = `Node ${process.version}, Twisted ${findTwisted()?.version ?? "missing"}`;
  return `# Benches

\`npm run bench\` measures all of this and writes this page. [README.md](./README.md) says how it measures. Server and client
are two processes on one machine${areOnOwnCores ? ", each on a core of its own" : ""}, connected over loopback TCP. A number in front of parentheses is the
median, the numbers inside are its 95 % confidence interval. Compare ratios: times differ between machines and hours.

Last run: ${new Date().toISOString().slice(0, 10)}, ${machine}, ${versions}

Features that a library does not have are written by hand, as its user would: raw JSON, grpc-js and socket.io use numbers in
a table as references, subscriptions as observers, and send the password in clear text to log in. Raw JSON sends bytes as
base64. @pb and Twisted answer a
challenge, send a megabyte in pages, and count references. Cap'n Web sends the call on a reference without waiting for the
reference. One-way calls of grpc-js are a stream.

${sections.join("\n\n")}
`;
}
