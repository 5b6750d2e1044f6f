// Giving up on a call before its answer is there.

import type { CallOptions } from "./call-options.js";
import { CallTimeoutError } from "../errors.js";
import type { PendingCall } from "./pending-calls.js";
import { after } from "../timer.js";

/** Lets a call reject before its answer is there. The answer is still expected, and read for the references in it. */
export function giveUpOn(pending: PendingCall, method: string, { signal, timeoutMs }: CallOptions): void {
  const waiting = { ...pending };
  let timer: ReturnType<typeof after>;
  const settle = (): void => {
    clearTimeout(timer);
    signal?.removeEventListener("abort", abort);
  };
  const abandon = (error: unknown): void => {
    settle();
    waiting.reject(error);
  };
  const abort = (): void => abandon(signal?.reason);
  pending.resolve = (value) => {
    settle();
    waiting.resolve(value);
  };
  pending.reject = (error) => {
    settle();
    waiting.reject(error);
  };
  signal?.addEventListener("abort", abort, { once: true });
  if (timeoutMs !== undefined) {
    timer = after(timeoutMs, () => abandon(new CallTimeoutError(`${method} was not answered in ${timeoutMs} ms`)));
  }
  if (signal?.aborted === true) abort(); // meanwhile, by a state hook
}
