// What a connection holds, how close that is to its limits, and how it ended.

import type { ConnectionLostError, LimitName } from "./errors.js";

/** What a connection holds at the moment, and the bytes it has transferred. */
export interface BrokerStats {
  /** Objects of this end that the peer holds references to, published objects aside. */
  readonly referencesGiven: number;
  /** The limit of `referencesGiven`. Sending one more object fails. */
  readonly referencesLimit: number;
  /** References to objects of the peer. Each arrival counts. */
  readonly referencesHeld: number;
  /** Objects of this end that the peer has cached. */
  readonly cachesGiven: number;
  /** Caches that the peer keeps up to date. */
  readonly cachesHeld: number;
  /** Calls of this end that wait for an answer. */
  readonly callsWaiting: number;
  /** Calls of the peer that have not finished. */
  readonly callsRunning: number;
  /** Calls of the peer that were read and wait for others to finish. */
  readonly callsHeld: number;
  /** The method of the peer's call that was answered last with a result. Printable; undefined before the first one. */
  readonly lastAnswered: string | undefined;
  /** The limit because of which the broker does not read the peer at the moment. */
  readonly pausedBy: LimitName | undefined;
  /** Bytes since the connection was made. */
  readonly bytesReceived: number;
  readonly bytesSent: number;
  /**
   * Messages of the peer to `pbx` (`docs/extension.md`) that made no sense: malformed, about unknown calls, or too
   * many.
   */
  readonly extensionsIgnored: number;
  /** Bytes that are written and have not left the process. */
  readonly bytesQueued: number;
}

/** A summary of a connection, for logs, taken when it ended. */
export interface ConnectionEnd {
  readonly reason: ConnectionLostError;
  /** The users who were logged in. */
  readonly users: readonly string[];
  readonly stats: BrokerStats;
}

/** Bytes that the broker counts. */
export type ByteStats = Pick<BrokerStats, "bytesReceived" | "bytesSent" | "bytesQueued">;
