// Prints errors of the program that no caller receives, where nothing else observes them.

import type { BrokerEvent } from "../events.js";

/**
 * Returns an `onEvent` that prints failed methods and callbacks with `console.warn`. `advice` tells how to observe them
 * instead.
 */
export function printErrors(advice: string): (event: BrokerEvent) => void {
  return (event) => {
    if (event.kind === "call-unreadable" || !("error" in event)) return;
    const what = event.kind === "method-failed" ? `The remote method ${event.method}` : "A callback or an answer";
    // eslint-disable-next-line no-console -- the only place for warnings that all platforms have
    console.warn(`${what} failed (${advice}): ${textOf(event.error)}`);
  };
}

function textOf(error: unknown): string {
  try {
    return error instanceof Error ? (error.stack ?? String(error)) : String(error);
  } catch {
    return "a value that cannot be printed";
  }
}
