// Measures the cost of an update against the numbers of viewers and nodes: npm run faults -- --scale.

import { readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { Fleet } from "./fleet.js";

/** What one row of the table has: nodes and viewers, and what an update costs. */
export interface ScaleRow {
  readonly nodes: number;
  readonly viewers: number;
  readonly updates: number;
  /** Milliseconds of processor time per update: of the home, of each other node, and of NATS. */
  readonly home: number;
  readonly relay: number;
  readonly nats: number;
  /** Milliseconds from the update to a viewer. */
  readonly p50: number;
  readonly p99: number;
  readonly problems: number;
}

const MEASURED_MS = 12_000;

export async function measureScale(nodes: number, viewers: number): Promise<ScaleRow> {
  const options = { nodes, viewersPerNode: Math.ceil(viewers / nodes), leaseMs: 5000, updateMs: 200 };
  const fleet = await Fleet.start(options);
  try {
    const { home } = fleet;
    const pids = [fleet.server.pid, home.program.pid];
    const others = fleet.nodes.filter((node) => node !== home).map(({ program }) => program.pid);
    await fleet.look("reset");
    const { revision } = fleet.auditor;
    const before = [...pids, ...others].map(cpuMs);
    await sleep(MEASURED_MS);
    const spent = [...pids, ...others].map((pid, index) => cpuMs(pid) - before[index]!);
    const updates = fleet.auditor.revision - revision;
    const report = await fleet.settle();
    const [nats, ofHome, ...relays] = spent.map((ms) => ms / updates);
    const relay = relays.reduce((sum, ms) => sum + ms, 0) / Math.max(1, relays.length);
    const problems = report.problems.length + fleet.auditor.problems.length;
    return { nodes, viewers: report.viewers, updates, home: ofHome!, relay, nats: nats!, ...report.latency, problems };
  } finally {
    await fleet[Symbol.asyncDispose]();
  }
}

/** Processor time of a process so far. Linux counts it in hundredths of a second. */
function cpuMs(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1]!.split(" ");
  return (Number(fields[11]) + Number(fields[12])) * 10;
}
