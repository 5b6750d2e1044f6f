// A program on stage: it does what it is asked on stdin, one JSON line each, and tells the outcome on stdout.

import { createInterface } from "node:readline";
import { garbageCollector } from "../../garbage/garbage.js";

/** Does one thing so many times. What it resolves with, if anything, is told. */
export type Act = (times: number) => Promise<object | undefined> | object | undefined;

/** Tells that it is ready, with `facts`, then runs acts by name until stdin ends. Every program can also tell its `memory`. */
export async function perform(facts: object, acts: Readonly<Record<string, Act>>): Promise<never> {
  tell(facts);
  for await (const line of createInterface({ input: process.stdin })) {
    const { act, times } = JSON.parse(line) as { act: string; times: number };
    const before = process.cpuUsage();
    const start = performance.now();
    const outcome = act === "memory" ? memory() : await acts[act]?.(times);
    const seconds = (performance.now() - start) / 1e3;
    const { user, system } = process.cpuUsage(before);
    const total = process.cpuUsage();
    tell({ seconds, cpu: (user + system) / 1e6, cpuSoFar: (total.user + total.system) / 1e6, ...outcome });
  }
  process.exit();
}

function tell(what: object): void {
  process.stdout.write(`${JSON.stringify(what)}\n`);
}

/** Bytes that are in use after a garbage collection: of the heap and beside it, and of the process as the system sees it. */
function memory(): { used: number; resident: number } {
  const collectGarbage = garbageCollector();
  for (let times = 0; times < 3; times++) collectGarbage();
  const { heapUsed, external, rss } = process.memoryUsage();
  return { used: heapUsed + external, resident: rss };
}
