// The type of a command: a function that gets arguments from the master and resolves with an exit status.

import { resolve } from "node:path";
import type { Report } from "./report.js";

/** A running command. */
export interface Task<Args> {
  readonly args: Args;
  readonly report: Report;
  /** Aborted when the master interrupts the command or disconnects. The reason is a string. */
  readonly signal: AbortSignal;
  /** Makes a path from the master absolute. Relative paths are relative to the folder of the builder. */
  readonly path: (...parts: (string | null | undefined)[]) => string;
}

export interface Command {
  /** The names of the arguments that the master must send. */
  readonly requiredArgs: readonly string[];
  /**
   * Resolves with the exit status. A rejection with a system error is reported as its number and message; with any
   * other error the build ends with an exception.
   */
  run(task: Task<Record<string, unknown>>): Promise<number>;
}

/** Defines a command. Only the presence of arguments is checked: the master is trusted, because it may run anything. */
export function command<Args>(
  requiredArgs: readonly (keyof Args & string)[],
  run: (task: Task<Args>) => Promise<number>,
): Command {
  return { requiredArgs, run: run as Command["run"] };
}

export function pathIn(folder: string): Task<unknown>["path"] {
  return (...parts) => resolve(folder, ...parts.filter((part) => part !== null && part !== undefined));
}
