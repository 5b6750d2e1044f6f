// Where the two sides of a contender run: each on a core of its own, as if they were two machines. Left to the system, two processes that wait
// for each other share a core or do not as chance will have it, and a round trip takes 40 or 100 microseconds.

import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import type { Side } from "./contender.js";

const cores = allowedCores();

/** Whether each side has a core of its own. Only Linux is told where to run what. */
export const areApart: boolean = cores.length > 1 && spawnSync("taskset", ["--version"]).status === 0;

/** The command of a side, such that it stays there. */
export function onItsCore(side: Side, command: readonly string[]): readonly string[] {
  return areApart
    ? ["taskset", "--cpu-list", String(side === "server" ? cores[0] : cores.at(-1)), ...command]
    : command;
}

/** The numbers of the cores that this process may use; none where the system does not say. */
function allowedCores(): number[] {
  const list = /^Cpus_allowed_list:\s*(\S+)$/m.exec(ownStatus())?.[1] ?? "";
  return list.split(",").flatMap((range) => {
    const [first = NaN, last = first] = range.split("-").map(Number);
    return first <= last ? Array.from({ length: last - first + 1 }, (_, index) => first + index) : [];
  });
}

function ownStatus(): string {
  try {
    return readFileSync("/proc/self/status", "utf8");
  } catch {
    return "";
  }
}
