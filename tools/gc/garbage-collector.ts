/** Garbage collection on demand, in V8 and in Bun. */

import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

interface Engine {
  gc?: () => void;
  readonly Bun?: { gc(force: boolean): void };
}

/**
 * Returns a function that collects garbage synchronously. It is also stored as `globalThis.gc`, which
 * `expectNothingLeft` uses.
 */
export function garbageCollector(): () => void {
  const engine = globalThis as Engine;
  return (engine.gc ??= engine.Bun === undefined ? collectorOfV8() : () => engine.Bun?.gc(true));
}

function collectorOfV8(): () => void {
  setFlagsFromString("--expose-gc");
  return runInNewContext("gc") as () => void;
}
