// A pause before something is tried again.

import { startDeadline } from "@pb/broker/extension";

/** Resolves after some milliseconds, or when the signal aborts. No timer is left then. */
export async function pause(timeoutMs: number, signal: AbortSignal): Promise<void> {
  const over = (): Error => new Error("The pause is over");
  await new Promise<void>((resolve) => startDeadline({ signal, timeoutMs }, over, () => resolve()));
}
