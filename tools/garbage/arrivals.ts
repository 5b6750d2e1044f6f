// No garbage collection where it would disturb a test.

import { Unjellier } from "@pb/jelly-types";
import { vi } from "vitest";

/** Until it is disposed of, nothing that arrives is collected, and given back, before the test is done with it. */
export function keepWhatArrives(): Disposable {
  const spy = vi.spyOn(Unjellier.prototype, "readGraph"); // remembers what it returned
  return { [Symbol.dispose]: () => spy.mockRestore() };
}
