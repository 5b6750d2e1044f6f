// Expressions as people write them, for tests.

import type { Expression } from "@pb/banana";

type Written = number | bigint | string | Uint8Array | Written[];

/** `sexp(["list", 1, ["unicode", "x"]])`: text stands for a byte string. */
export function sexp(written: Written): Expression {
  if (typeof written === "string") return new TextEncoder().encode(written);
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

/** Calls `action` with that many frames below it. */
export function deepInTheStack<T>(frames: number, action: () => T): T {
  return frames === 0 ? action() : deepInTheStack(frames - 1, action);
}
