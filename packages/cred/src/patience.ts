// How long somebody waits for something that takes several steps.

import { CallTimeoutError } from "@pb/broker";
import { after } from "@pb/broker/extension";
import type { CallOptions } from "@pb/broker";

/**
 * Runs `work` and waits for it no longer than the options say. `work` gets a signal to look at between its steps. What it comes back with too late
 * goes to `discard`.
 */
export async function waitFor<T>(
  what: string,
  { signal, timeoutMs }: CallOptions,
  work: (signal: AbortSignal) => Promise<T>,
  discard: (late: T) => void,
): Promise<T> {
  signal?.throwIfAborted();
  const own = new AbortController();
  const abort = (): void => own.abort(signal?.reason);
  signal?.addEventListener("abort", abort, { once: true });
  const timer =
    timeoutMs === undefined
      ? undefined
      : after(timeoutMs, () => own.abort(new CallTimeoutError(`${what} took longer than ${timeoutMs} ms`)));
  try {
    return await new Promise<T>((resolve, reject) => {
      own.signal.addEventListener("abort", () => reject(own.signal.reason as Error), { once: true });
      work(own.signal).then((value) => (own.signal.aborted ? discard(value) : resolve(value)), reject);
    });
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener("abort", abort);
  }
}
