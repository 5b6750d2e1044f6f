/** Measures servers of several processes, which share one port with node:cluster. */

import { availableParallelism } from "node:os";
import { formatRatio, formatSeconds, interval, table } from "../format.js";
import { Contender } from "./contender.js";
import type { ContenderName } from "./contender.js";
import { compareLatencies, rate } from "./crowd.js";

const WORKERS = 2;
const CONNECTIONS = 100;

const situations: readonly (readonly [name: ContenderName, workers: number])[] = [
  ["@pb", WORKERS],
  ["ws and JSON", WORKERS],
  ["grpc-js", WORKERS],
];

/** A section of TABLE.md. */
export async function measureCores(rounds: number): Promise<string> {
  const contenders: Contender[] = [];
  try {
    for (const [name, workers] of situations) {
      const contender = (await Contender.start(name, { workers }))!;
      contenders.push(contender);
      await contender.run("connect", CONNECTIONS);
    }
    const measured = await compareLatencies(contenders, "crowd", { rounds, seconds: 0.5, warmUp: 1.5 });
    const rows = measured.map(({ result, p50, p99 }, index) => [
      result.name,
      rate(result),
      p50,
      p99,
      index === 0 ? "" : interval(result.ratio, formatRatio),
      formatSeconds(result.cpu),
    ]);
    const heads = ["", "calls a second", "p50", "p99", "@pb is faster, times", "processor time for one"];
    return `### Several cores

Servers of ${WORKERS} processes (\`node:cluster\`), and ${WORKERS} processes of clients with ${CONNECTIONS / WORKERS} connections each, which have one
call in flight. No process stays on one core: this machine has ${availableParallelism()} for all of them. The percentiles are the means of
those of the clients.

${table(heads, rows)}`;
  } finally {
    for (const contender of contenders) contender[Symbol.dispose]();
  }
}
