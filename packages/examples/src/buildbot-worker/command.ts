// What a command is: a function that does the work, told what to do by the master, and that answers with a number as programs do.

import { resolve } from "node:path";
import type { Report } from "./report.js";

/** One command while it runs. */
export interface Task<Args> {
  readonly args: Args;
  readonly report: Report;
  /** Aborted when the master wants it to stop, or is gone. Its reason is a sentence. */
  readonly signal: AbortSignal;
  /** A path that the master gave, as it is on this machine: relative ones are relative to the builder's folder. */
  readonly path: (...parts: (string | null | undefined)[]) => string;
}

export interface Command {
  /** Arguments that there must be. */
  readonly needs: readonly string[];
  /**
   * Resolves with the exit status. A system error that it throws becomes its number and its message; any other makes the build end with an
   * exception.
   */
  run(task: Task<Record<string, unknown>>): Promise<number>;
}

/** A command with the types of its arguments. What the master sends is checked for presence only: it is the one we work for. */
export function command<Args>(
  needs: readonly (keyof Args & string)[],
  run: (task: Task<Args>) => Promise<number>,
): Command {
  return { needs, run: run as Command["run"] };
}

export function pathIn(folder: string): Task<unknown>["path"] {
  return (...parts) => resolve(folder, ...parts.filter((part) => part !== null && part !== undefined));
}
