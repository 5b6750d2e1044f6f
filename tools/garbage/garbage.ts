// Garbage collection when it is asked for, on any engine.

import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

interface Engine {
  gc?: () => void;
  readonly Bun?: { gc(force: boolean): void };
}

/** Collects garbage, at once. From now on it is also `globalThis.gc`, where `expectNothingLeft` looks for it. */
export function garbageCollector(): () => void {
  const engine = globalThis as Engine;
  return (engine.gc ??= engine.Bun === undefined ? collectorOfV8() : () => engine.Bun?.gc(true));
}

function collectorOfV8(): () => void {
  setFlagsFromString("--expose-gc");
  return runInNewContext("gc") as () => void;
}
