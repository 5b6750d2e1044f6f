// Options of a call, which are set before it: `reference.with({ timeoutMs: 500 }).call.echo("hi")`.

import { checkOptions } from "@pb/jelly-types";
import { checkDeadline } from "../deadline.js";
import type { DeadlineOptions } from "../deadline.js";

/** How long the caller waits for the answer. */
export interface CallOptions extends DeadlineOptions {
  /** Stops waiting when it aborts: the call rejects with the reason of the signal. The method runs nevertheless. */
  readonly signal?: AbortSignal | undefined;
  /** Milliseconds to wait for the answer. Then the call rejects with `CallTimeoutError`. Default: no limit. */
  readonly timeoutMs?: number | undefined;
}

/**
 * Throws `TypeError` for an unknown name, a signal that is none, and a `timeoutMs` that is not a number of at least 0.
 */
export function checkCallOptions(options: CallOptions): void {
  checkOptions<CallOptions>(options, { signal: "signal", timeoutMs: "any" });
  checkDeadline(options);
}
