// Helpers for tests: a short notation for expressions, and errors as values.

import type { Expression } from "@pb/banana";

type Written = number | bigint | string | Uint8Array | Written[];

const utf8 = new TextEncoder();

/** Converts strings to byte strings: `sexp(["list", 1, ["unicode", "x"]])`. */
export function sexp(written: Written): Expression {
  if (typeof written === "string") return utf8.encode(written);
  return Array.isArray(written) ? written.map(sexp) : written;
}

export function errorOf(action: () => unknown): any {
  try {
    action();
  } catch (error) {
    return error;
  }
  throw new Error("Nothing was thrown");
}

/** Calls `action` with that many additional stack frames. */
export function deepInTheStack<T>(frames: number, action: () => T): T {
  return frames === 0 ? action() : deepInTheStack(frames - 1, action);
}

/** The milliseconds of processor time that `action` takes. Unlike wall time, other processes do not change it much. */
export function processorTime(action: () => unknown): number {
  const start = process.cpuUsage();
  action();
  const { user, system } = process.cpuUsage(start);
  return (user + system) / 1000;
}
