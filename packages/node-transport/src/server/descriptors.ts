// Notices when the process has no file descriptors left. Node then accepts each connection and closes it at once, and
// reports nothing.

import { onDispose } from "@pb/jelly-types";
import type { ServerEvent } from "@pb/transport";
import { closeSync, openSync, readFileSync } from "node:fs";
import { devNull } from "node:os";
import { SocketError } from "../errors.js";

/** Milliseconds between two checks, each of which opens and closes a file: 20 microseconds. */
const CHECK_MS = 1_000;

/** Milliseconds after which a state that lasts is reported again. */
const REPEAT_MS = 60_000;

/** The part of the limit from which it is near. */
const NEAR = 0.9;

/** How many descriptors are used. */
type Use =
  | { readonly is: "free" }
  | { readonly is: "near"; readonly open: number }
  | { readonly is: "none"; readonly error: Error };

/** Checks until the result is disposed of. Calls `report` when the state changes, and each minute while it lasts. */
export function watchDescriptors(report: (event: ServerEvent) => void): Disposable {
  const limit = softLimit();
  let last: Use["is"] = "free";
  let reportedAt = -Infinity;
  const check = (): void => {
    const use = currentUse(limit);
    const isDue = use.is !== last || performance.now() - reportedAt >= REPEAT_MS;
    last = use.is;
    if (use.is === "free" || !isDue) return;
    reportedAt = performance.now();
    if (use.is === "none") report({ kind: "error", error: use.error });
    else report({ kind: "descriptors", open: use.open, limit });
  };
  const timer = setInterval(check, CHECK_MS).unref();
  return onDispose(() => clearInterval(timer));
}

function currentUse(limit: number): Use {
  try {
    const lowestFree = openSync(devNull, "r"); // The system gives out the lowest number that is free.
    closeSync(lowestFree);
    return lowestFree >= limit * NEAR ? { is: "near", open: lowestFree } : { is: "free" };
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code !== "EMFILE" && code !== "ENFILE") return { is: "free" };
    const text = "Too many files and sockets are open, so that connections are closed as soon as they are accepted";
    const advice = `raise LimitNOFILE= or ulimit -n (${(error as Error).message})`;
    return { is: "none", error: new SocketError(code, `${text}: ${advice}`, { cause: error }) };
  }
}

/** The limit of the process (`LimitNOFILE=`). Infinity where it is not known: only Linux tells it in a file. */
function softLimit(): number {
  try {
    const [, limit] = /^Max open files +(\d+)/m.exec(readFileSync("/proc/self/limits", "latin1")) ?? [];
    return limit === undefined ? Infinity : Number(limit);
  } catch {
    return Infinity;
  }
}
