// Waiting for something that may never happen.

import { after } from "@pb/broker/extension";
import type { EventEmitter } from "node:events";

export interface WaitOptions {
  readonly signal?: AbortSignal | undefined;
  /** Infinity: for ever, as for all that `after` counts. */
  readonly ms: number;
  /** The error to reject with when the time is over. */
  readonly late: () => Error;
}

/**
 * Resolves when `emitter` emits `event`. Rejects with its error when it emits one or closes first, with the signal's reason, or when the time is
 * over. Whose emitter it is must close it then.
 */
export function happens(emitter: EventEmitter, event: string, { signal, ms, late }: WaitOptions): Promise<void> {
  return new Promise((resolve, reject) => {
    let cause = new Error(`The socket was closed before ${event}`);
    const settle = (done: () => void) => (): void => {
      clearTimeout(timer);
      emitter.off(event, succeed).off("error", fail).off("close", close);
      signal?.removeEventListener("abort", abort);
      done();
    };
    const succeed = settle(resolve);
    const close = settle(() => reject(cause));
    const abort = settle(() => reject(signal!.reason as Error));
    const fail = (error: Error): void => void (cause = error);
    const timer = after(
      ms,
      settle(() => reject(late())),
    );
    emitter.once(event, succeed).on("error", fail).once("close", close);
    signal?.addEventListener("abort", abort, { once: true });
    if (signal?.aborted === true) abort();
  });
}
