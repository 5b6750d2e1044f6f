// How long to wait before the next attempt.

export interface BackoffOptions {
  /** Milliseconds before the second attempt. Default 500. */
  readonly firstMs?: number | undefined;
  /** How much longer each wait is than the one before. Default 2. */
  readonly factor?: number | undefined;
  /** The longest wait. Default 30,000: a server that is back is found within half a minute. */
  readonly highestMs?: number | undefined;
  /**
   * The part of each wait that is left to chance, from 0 to 1. Default 0.5: the clients of a server that was restarted do not come back as one.
   */
  readonly jitter?: number | undefined;
  /** Attempts in a row that may fail; then it stops. Default: no end. */
  readonly attempts?: number | undefined;
  /** Milliseconds that a connection must have lasted for the waits to begin anew. Default 5,000: a server that hangs up at once is not hammered. */
  readonly stableMs?: number | undefined;
}

export type Backoff = { readonly [Name in keyof BackoffOptions]-?: number };

export const defaultBackoff: Backoff = Object.freeze({
  firstMs: 500,
  factor: 2,
  highestMs: 30_000,
  jitter: 0.5,
  attempts: Infinity,
  stableMs: 5_000,
});

/** Milliseconds to wait after `failures` attempts in a row have failed, at least one. */
export function waitAfter(
  failures: number,
  { firstMs, factor, highestMs, jitter }: Backoff,
  random: () => number = Math.random,
): number {
  const whole = Math.min(highestMs, firstMs * factor ** (failures - 1));
  return whole * (1 - jitter * random());
}
