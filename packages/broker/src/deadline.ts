// Waiting with a limit: an abort signal, a timeout, or both.

import { checkNumber } from "@pb/jelly-types";
import { after } from "./timer.js";

/** How long to wait. */
export interface DeadlineOptions {
  /** Stops the wait when it aborts. */
  readonly signal?: AbortSignal | undefined;
  /** Milliseconds to wait, at least 0. Default: no limit. */
  readonly timeoutMs?: number | undefined;
}

/** A deadline that has been started. */
export interface Deadline {
  /** Stops the timer and removes the abort listener. Can be called more than once. */
  clear(): void;
}

/** Throws `TypeError` for a `timeoutMs` that is not a number of at least 0. */
export function checkDeadline({ timeoutMs }: DeadlineOptions): void {
  if (timeoutMs !== undefined) checkNumber("The option timeoutMs", timeoutMs);
}

/**
 * Calls `onExpired` at most once: with the reason of the signal when that aborts, or with the error made by
 * `timeoutError` when the time is over. A signal that is already aborted expires the deadline at once, before this
 * function returns. Throws `TypeError` as {@link checkDeadline} does.
 */
export function startDeadline(
  options: DeadlineOptions,
  timeoutError: (timeoutMs: number) => Error,
  onExpired: (reason: Error) => void,
): Deadline {
  checkDeadline(options);
  const { signal, timeoutMs } = options;
  const expire = (reason: Error): void => {
    clear();
    onExpired(reason);
  };
  const abort = (): void => expire(signal?.reason as Error);
  const timer = timeoutMs === undefined ? undefined : after(timeoutMs, () => expire(timeoutError(timeoutMs)));
  const clear = (): void => {
    clearTimeout(timer);
    signal?.removeEventListener("abort", abort);
  };
  if (signal?.aborted === true) abort();
  else signal?.addEventListener("abort", abort, { once: true });
  return { clear };
}

/**
 * Runs `work` and resolves with its result. Rejects with the error of `work`, or when the deadline expires: with the
 * reason of the signal or with the error made by `timeoutError`. Then the signal passed to `work` aborts, and a result
 * that arrives later is passed to `discard`. A signal that is already aborted rejects without running `work`, and so
 * does a `timeoutMs` that is not a number of at least 0, with a `TypeError`.
 */
export async function withDeadline<T>(
  options: DeadlineOptions,
  timeoutError: (timeoutMs: number) => Error,
  work: (signal: AbortSignal) => Promise<T>,
  discard?: (late: T) => void,
): Promise<T> {
  options.signal?.throwIfAborted();
  const controller = new AbortController();
  return new Promise<T>((resolve, reject) => {
    const deadline = startDeadline(options, timeoutError, (reason) => {
      controller.abort(reason);
      reject(reason);
    });
    const settle = (value: T): void => {
      deadline.clear();
      if (controller.signal.aborted) discard?.(value);
      else resolve(value);
    };
    const fail = (error: Error): void => {
      deadline.clear();
      reject(error);
    };
    try {
      work(controller.signal).then(settle, fail);
    } catch (error) {
      fail(error as Error);
    }
  });
}
