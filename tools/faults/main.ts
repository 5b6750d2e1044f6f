// Runs the faults with separate processes, and writes RESULTS.md:
// npm run faults [-- --viewers=N --rounds=N --only=TEXT --dry]. With --scale, it measures what an update costs instead.

import { writeFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { parseArgs } from "node:util";
import { hasNats } from "../e2e/nats/nats-server.js";
import { startNatsCluster } from "../e2e/nats/nats-cluster.js";
import { otherHost } from "../process/network-namespace.js";
import { Fleet } from "./fleet.js";
import type { FleetOptions } from "./fleet.js";
import { checkContract, race } from "./replicas.js";
import { measureScale } from "./scale.js";
import { hostScenarios, replicatedScenarios, scenarios } from "./scenarios.js";
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
const outcomes = new Map<string, Outcome[]>();
const problems: string[] = [];
const total = { records: 0, epochs: 0, updates: 0, older: 0, viewers: 0 };

/** Runs scenarios with the processes that they need. */
async function run(all: typeof scenarios, rounds: number, more: Partial<FleetOptions> = {}): Promise<void> {
  const chosen = Object.entries(all).filter(([name]) => name.includes(values.only));
  if (chosen.length === 0) return;
  await using fleet = await Fleet.start({ ...options, ...more });
  for (let round = 0; round < rounds; round++)
    for (const [name, play] of chosen) {
      const outcome = await play(fleet).catch((error: unknown) => {
        for (const { name: node, outputs } of fleet.nodes)
          for (const { stderr } of outputs) console.error(node, stderr);
        throw error;
      });
      console.log(name, JSON.stringify(outcome));
      outcomes.set(name, [...(outcomes.get(name) ?? []), outcome]);
    }
  const report = await fleet.settle();
  const { auditor } = fleet;
  const duplicates = fleet.duplicates().map((number) => `The update ${number} was acknowledged to two homes`);
  problems.push(...auditor.problems, ...report.problems, ...duplicates);
  total.records += auditor.records;
  total.epochs += auditor.epoch;
  total.updates += report.least;
  total.older += report.older;
  total.viewers = report.viewers;
}

await run(scenarios, Number(values.rounds));
const host = otherHost(); // Undefined without root or network namespaces.
try {
  if (host !== undefined) await run(hostScenarios, 1, { host });
} finally {
  host?.[Symbol.dispose]();
}
await run(replicatedScenarios, Number(values.rounds), { isReplicated: true });
const servers = await startNatsCluster();
const checks = await checkContract(servers);
const races = await race(servers, 200);
await Promise.all(servers.map((server) => server[Symbol.asyncDispose]()));
if (races.wrong > 0) problems.push(`${races.wrong} races between engines ended wrong`);
console.log(JSON.stringify({ ...total, checks, races, problems }));
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

${new Date().toISOString().slice(0, 10)}, ${availableParallelism()} cores, shared with other work: ${options.nodes} nodes, ${total.viewers} viewers and nats-server in processes of their
own; an update each ${options.updateMs} ms, a lease of ${options.leaseMs} ms, each fault ${values.rounds} times.

| Fault | Takeover (ms) | Recovery of all viewers (ms) | Viewers that were stale |
| ----- | ------------- | ---------------------------- | ----------------------- |
${rows.join("\n")}

- ${total.records} records in ${total.epochs} epochs: each epoch has one home, and no home wrote after the next one.
- ${total.updates} updates: no viewer missed one or saw one twice, and no number was acknowledged to two homes.
- ${total.older} times, a viewer that had connected again saw a state from before, until the patches after it had arrived.
- With three NATS servers and \`replicas: 3\`, the ${checks} checks of an engine passed. In ${races.storedBoth} of ${races.rounds} races, NATS stored two
  records that should follow the same one (its issue 4320). With the fence, one engine appended in each race, and all readers
  agreed${races.wrong === 0 ? "" : `, except for ${races.wrong}`}.
- ${problems.length} problems${problems.map((problem) => `\n  - ${problem}`).join("")}.
`;
}

function range(numbers: readonly number[]): string {
  if (numbers.length === 0) return "-";
  const [least, highest] = [Math.min(...numbers), Math.max(...numbers)];
  return least === highest ? String(least) : `${least} to ${highest}`;
}
