// How long a reconnecting client waits before the next attempt.

import { ConnectionLostError } from "@pb/broker";
import { LONGEST_MS, ServerBusyError, withDefaults } from "@pb/broker/extension";

/** Delays between attempts: exponential backoff with jitter. */
export interface BackoffOptions {
  /** Milliseconds before the second attempt. Default 500. */
  readonly firstMs?: number | undefined;
  /** The factor by which each delay is longer than the one before, at least 1. Default 2. */
  readonly factor?: number | undefined;
  /** The longest delay, in milliseconds. Default 30,000: a client finds a restarted server within half a minute. No
   * delay is longer than 24.8 days, the longest of a timer. */
  readonly highestMs?: number | undefined;
  /**
   * The part of each delay that is random, from 0 to 1. Default 0.5: the clients of a restarted server do not all
   * reconnect at the same moment.
   */
  readonly jitter?: number | undefined;
  /** The number of attempts in a row that may fail before the client stops. Default: no limit. */
  readonly attempts?: number | undefined;
  /**
   * Milliseconds that a connection must last for the delays to start again at `firstMs`. Default 5,000: a server that
   * closes each connection at once is not called too often.
   */
  readonly stableMs?: number | undefined;
}

/** {@link BackoffOptions} with all defaults filled in. */
export type Backoff = { readonly [Name in keyof BackoffOptions]-?: number };

export const defaultBackoff: Backoff = Object.freeze({
  firstMs: 500,
  factor: 2,
  highestMs: 30_000,
  jitter: 0.5,
  attempts: Infinity,
  stableMs: 5_000,
});

/** The options with all defaults filled in. Throws `TypeError` for an option that is not a number in its range. */
export function completeBackoff(options: BackoffOptions | undefined): Backoff {
  return withDefaults<Backoff>("backoff option", defaultBackoff, options, {
    factor: { least: 1 },
    jitter: { most: 1 },
  });
}

/** The most that is added to the time of a denial: a user who is denied for a day comes back after a day. */
const MOST_JITTER_MS = 60_000;

/**
 * Milliseconds to wait because the server was busy, or has denied the user for a time; 0 for any other error. It is
 * what the server asked for, and up to half as much again, so that the clients it refused at one moment do not all
 * return at one moment; for a denial, at most a minute more. At most {@link LONGEST_MS}, as {@link delayAfter}.
 */
export function retryDelay(error: unknown, random: () => number = Math.random): number {
  const cause = error instanceof ConnectionLostError ? error.cause : error;
  const isDenied = error instanceof ConnectionLostError && error.reason === "denied";
  const { retryAfterMs = 0 } = (isDenied || cause instanceof ServerBusyError ? cause : {}) as Partial<ServerBusyError>;
  const jitter = isDenied ? Math.min(retryAfterMs / 2, MOST_JITTER_MS) : retryAfterMs / 2;
  return Math.min(retryAfterMs + jitter * random(), LONGEST_MS);
}

/**
 * Milliseconds to wait after `failures` failed attempts in a row, at most {@link LONGEST_MS}: a timer would end at once
 * after a longer time. `failures` is at least 1; `random` returns numbers as `Math.random` does.
 */
export function delayAfter(
  failures: number,
  { firstMs, factor, highestMs, jitter }: Backoff,
  random: () => number = Math.random,
): number {
  // After a thousand failures, the power is infinite.
  const longest = firstMs === 0 ? 0 : Math.min(highestMs, LONGEST_MS, firstMs * factor ** (failures - 1));
  return longest * (1 - jitter * random());
}
