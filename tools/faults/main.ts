// Runs the faults with separate processes, and writes RESULTS.md:
// npm run faults [-- --viewers=N --rounds=N --only=TEXT --dry]. With --scale, it measures what an update costs instead.

import { writeFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { parseArgs } from "node:util";
import { hasNats } from "../e2e/nats/nats-server.js";
import { Fleet } from "./fleet.js";
import { measureScale } from "./scale.js";
import { scenarios } from "./scenarios.js";
import type { Outcome } from "./scenarios.js";

const { values } = parseArgs({
  options: {
    viewers: { type: "string", default: "30" },
    rounds: { type: "string", default: "3" },
    lease: { type: "string", default: "2000" },
    only: { type: "string", default: "" },
    dry: { type: "boolean", default: false },
    scale: { type: "boolean", default: false },
  },
});
if (!hasNats(true)) throw new Error("There is no nats-server: install Debian's package nats-server");

if (values.scale) {
  for (const [nodes, viewers] of [
    [1, 3],
    [1, 300],
    [1, 1000],
    [3, 3],
    [3, 300],
    [3, 1000],
  ] as const)
    console.log(JSON.stringify(await measureScale(nodes, viewers)));
  process.exit();
}

const options = {
  nodes: 3,
  viewersPerNode: Math.ceil(Number(values.viewers) / 3),
  leaseMs: Number(values.lease),
  updateMs: 50,
};
const fleet = await Fleet.start(options);
const outcomes = new Map<string, Outcome[]>(Object.keys(scenarios).map((name) => [name, []]));
for (let round = 0; round < Number(values.rounds); round++)
  for (const [name, run] of Object.entries(scenarios).filter(([name]) => name.includes(values.only))) {
    const outcome = await run(fleet).catch((error: unknown) => {
      for (const { name: node, outputs } of fleet.nodes) for (const { stderr } of outputs) console.error(node, stderr);
      throw error;
    });
    console.log(name, JSON.stringify(outcome));
    outcomes.get(name)!.push(outcome);
  }
const report = await fleet.settle();
const { auditor } = fleet;
const duplicates = fleet.duplicates();
const problems = [
  ...auditor.problems,
  ...report.problems,
  ...duplicates.map((number) => `The update ${number} was acknowledged to two homes`),
];
const summary = { records: auditor.records, epochs: auditor.epoch, updates: report.least, problems };
console.log(JSON.stringify(summary));
await fleet[Symbol.asyncDispose]();
if (!values.dry) writeFileSync(new URL("RESULTS.md", import.meta.url), page());
process.exit(problems.length === 0 ? 0 : 1);

function page(): string {
  const rows = [...outcomes].map(([name, all]) => {
    const takeovers = all.flatMap(({ takeoverMs }) => takeoverMs ?? []);
    const cells = [
      name,
      range(takeovers),
      range(all.map(({ recoveryMs }) => recoveryMs)),
      range(all.map((one) => one.stale)),
    ];
    return `| ${cells.join(" | ")} |`;
  });
  return `# Faults of a cluster

<!-- Written by "npm run faults". -->

${new Date().toISOString().slice(0, 10)}, ${availableParallelism()} cores: ${options.nodes} nodes, ${report.viewers} viewers and nats-server in processes of their
own; an update each ${options.updateMs} ms, a lease of ${options.leaseMs} ms, each fault ${values.rounds} times.

| Fault | Takeover (ms) | Recovery of all viewers (ms) | Viewers that were stale |
| ----- | ------------- | ---------------------------- | ----------------------- |
${rows.join("\n")}

- ${summary.records} records in ${summary.epochs} epochs: each epoch has one home, and no home wrote after the next one.
- ${summary.updates} updates: no viewer missed one or saw one twice, and no number was acknowledged to two homes.
- ${report.older} times, a viewer that had connected again saw a state from before, until the patches after it had arrived.
- ${problems.length} problems${problems.map((problem) => `\n  - ${problem}`).join("")}.
`;
}

function range(numbers: readonly number[]): string {
  if (numbers.length === 0) return "-";
  const [least, highest] = [Math.min(...numbers), Math.max(...numbers)];
  return least === highest ? String(least) : `${least} to ${highest}`;
}
