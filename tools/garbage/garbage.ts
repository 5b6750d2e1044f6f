// Garbage collection in tests: when it is asked for, and not when it would disturb.

import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { Unjellier } from "@pb/jelly-types";
import { vi } from "vitest";

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

/** Until it is disposed of, nothing that arrives is collected, and given back, before the test is done with it. */
export function keepWhatArrives(): Disposable {
  const spy = vi.spyOn(Unjellier.prototype, "readGraph"); // remembers what it returned
  return { [Symbol.dispose]: () => spy.mockRestore() };
}
