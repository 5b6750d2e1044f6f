// How much one connection may hold, wait for and send.

import type { BananaLimits } from "@pb/banana";

export interface BrokerLimits {
  /** Objects of ours that the peer may hold references to, beside named ones. Default 1,024, as Twisted's `MAX_BROKER_REFS`. */
  readonly references: number;
  /** Bytes of one message. Default 64 MiB: a hundred times the largest string, yet a stranger cannot fill the memory with one list. */
  readonly messageBytes: number;
  /** Milliseconds from the connection to an agreed dialect. Default 30,000. */
  readonly negotiationMs: number;
  /** The codec's own limits, where they shall differ from its defaults. */
  readonly banana: Partial<BananaLimits>;
}

export const defaultBrokerLimits: BrokerLimits = Object.freeze({
  references: 1024,
  messageBytes: 64 * 1024 * 1024,
  negotiationMs: 30_000,
  banana: {},
});
