// Options of a call, which are set before it: `reference.with({ timeoutMs: 500 }).call.echo("hi")`.

import type { DeadlineOptions } from "../deadline.js";

/** How long the caller waits for the answer. */
export interface CallOptions extends DeadlineOptions {
  /** Stops waiting when it aborts: the call rejects with the reason of the signal. The method runs nevertheless. */
  readonly signal?: AbortSignal | undefined;
  /** Milliseconds to wait for the answer. Then the call rejects with `CallTimeoutError`. Default: no limit. */
  readonly timeoutMs?: number | undefined;
}
