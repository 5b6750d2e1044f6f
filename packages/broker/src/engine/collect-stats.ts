// Counts what a connection holds, for `Broker.stats()`.

import type { LimitName } from "../errors.js";
import type { BrokerStats, ByteStats } from "../stats.js";
import type { ConnectionCore } from "./connection-core.js";

/** The statistics of a connection. `core` is undefined while it is not ready: then it holds nothing. */
export function collectStats(
  core: ConnectionCore | undefined,
  pausedBy: LimitName | undefined,
  bytes: ByteStats,
): BrokerStats {
  return {
    referencesGiven: core?.exports.size ?? 0,
    referencesLimit: core?.config.limits.references ?? 0,
    referencesHeld: core?.imports.size ?? 0,
    cachesGiven: core?.exports.cacheCount ?? 0,
    cachesHeld: core?.imports.cacheCount ?? 0,
    callsWaiting: core?.caller.pending ?? 0,
    callsRunning: core?.responder.running ?? 0,
    callsHeld: core?.responder.held ?? 0,
    lastAnswered: core?.responder.lastAnswered,
    pausedBy,
    extensionsIgnored: core?.responder.ignored ?? 0,
    ...bytes,
  };
}
