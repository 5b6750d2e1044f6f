// How much a connection holds, and how close that is to its limits.

import type { Exchange } from "./engine/connection-core.js";
import type { BrokerLimits } from "./limits.js";

/** How much a connection holds at the moment, and what went through it. */
export interface BrokerStats {
  /** Objects of ours that the peer holds references to, beside named ones. */
  readonly referencesGiven: number;
  /** How many it may: after that, sending one more is an error. */
  readonly referencesLimit: number;
  /** References to objects of the peer, each arrival counted. */
  readonly referencesHeld: number;
  /** Objects of ours that the peer keeps a copy of. */
  readonly cachesGiven: number;
  /** Copies that the peer keeps up to date for us. */
  readonly cachesHeld: number;
  /** Calls of ours without an answer so far. */
  readonly callsWaiting: number;
  /** Calls of the peer whose methods have not finished. */
  readonly callsRunning: number;
  /** Bytes since the beginning, and bytes that have not left the process. */
  readonly bytesReceived: number;
  readonly bytesSent: number;
  readonly bytesQueued: number;
}

interface Bytes {
  readonly received: number;
  readonly sent: number;
  readonly queued: number;
}

export function statsOf(
  exchange: Exchange,
  { references }: BrokerLimits,
  { received, sent, queued }: Bytes,
): BrokerStats {
  const { given, held, calls, services } = exchange;
  return {
    referencesGiven: given.size,
    referencesLimit: references,
    referencesHeld: held.size,
    cachesGiven: given.cacheCount,
    cachesHeld: held.cacheCount,
    callsWaiting: calls.size,
    callsRunning: services.running,
    bytesReceived: received,
    bytesSent: sent,
    bytesQueued: queued,
  };
}

/** A connection that is not ready holds nothing. */
export function noStats({ received, sent, queued }: Bytes): BrokerStats {
  return {
    referencesGiven: 0,
    referencesLimit: 0,
    referencesHeld: 0,
    cachesGiven: 0,
    cachesHeld: 0,
    callsWaiting: 0,
    callsRunning: 0,
    bytesReceived: received,
    bytesSent: sent,
    bytesQueued: queued,
  };
}
