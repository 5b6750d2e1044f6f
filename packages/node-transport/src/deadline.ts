// Waiting for something that may never happen.

import type { EventEmitter } from "node:events";

export interface WaitOptions {
  readonly signal?: AbortSignal | undefined;
  /** Infinity: for ever, as for all that {@link after} counts. */
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

/** What a timer of Node can count to: 24 days. A longer one would go off at once. */
export const LONGEST_MS: number = 2 ** 31 - 1;

/** Runs `callback` after so many milliseconds; never, when they are more than a timer counts. */
export function after(ms: number, callback: () => void): NodeJS.Timeout | undefined {
  return ms > LONGEST_MS ? undefined : setTimeout(callback, ms);
}
