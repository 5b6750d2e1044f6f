// How a call is to be made.

/** How long the caller waits. */
export interface CallOptions {
  /** Gives up waiting: the call rejects with the signal's reason. The method runs all the same. */
  readonly signal?: AbortSignal | undefined;
  /** Milliseconds to wait for the answer; then the call rejects with `CallTimeoutError`. Default: for ever. */
  readonly timeoutMs?: number | undefined;
}
