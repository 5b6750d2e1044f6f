/** Keeps garbage collection from releasing received objects in the middle of a test. */

import { Unjellier } from "@pb/jelly-types";
import { vi } from "vitest";

/** Keeps every value that is read from a connection alive until the result is disposed. */
export function pinReceivedValues(): Disposable {
  return vi.spyOn(Unjellier.prototype, "readGraph"); // a spy stores all return values
}
