// Viewers of the fault tests, in a process of their own: ENDPOINTS (joined by spaces) and COUNT for each of them.

import { TypeRegistry } from "@pb/jelly-types";
import { live, liveView } from "@pb/live";
import { reconnecting } from "@pb/node-transport";
import { Sequence } from "./ticks.js";
import type { Ticks, ViewersReport } from "./ticks.js";

const [, , endpoints = "", count = ""] = process.argv;
const problems: string[] = [];
const latencies: number[] = [];
const viewers: { sequence: Sequence; wasStale: boolean; status: () => string }[] = [];

for (const endpoint of endpoints.split(" ")) for (let index = 0; index < Number(count); index++) view(endpoint, index);

function view(endpoint: string, index: number): void {
  const broker = { types: new TypeRegistry().register(liveView()) };
  const client = reconnecting(endpoint, { broker, backoff: { firstMs: 100, highestMs: 1000 } });
  const ticks = live(client, (root) => root.callRemote("ticks"));
  const viewer = { sequence: new Sequence(), wasStale: false, status: () => ticks.status };
  viewers.push(viewer);
  ticks.subscribe(() => {
    if (ticks.status === "stale") viewer.wasStale = true;
    const state = ticks.getSnapshot() as Ticks | undefined;
    if (state === undefined || ticks.status !== "live") return;
    try {
      for (const [, , at] of viewer.sequence.take(state)) latencies.push(Date.now() - at);
    } catch (error) {
      if (problems.length < 10) problems.push(`${endpoint} ${index}: ${(error as Error).message}`);
    }
  });
}

process.stdin.on("data", (line: Buffer) => {
  if (line.toString().includes("reset")) latencies.length = 0;
  console.log(JSON.stringify(report()));
});
process.stdin.on("end", () => process.exit());

function report(): ViewersReport {
  const seen = viewers.map(({ sequence }) => sequence.last).sort((one, other) => one - other);
  const sorted = latencies.toSorted((one, other) => one - other);
  const at = (part: number): number => sorted[Math.floor(sorted.length * part)] ?? 0;
  const stale = viewers.filter(({ wasStale }) => wasStale).length;
  for (const viewer of viewers) viewer.wasStale = viewer.status() === "stale";
  const older = viewers.reduce((sum, { sequence }) => sum + sequence.older, 0);
  const latency = { p50: at(0.5), p99: at(0.99) };
  return { viewers: viewers.length, least: seen[0] ?? 0, highest: seen.at(-1) ?? 0, problems, stale, older, latency };
}
