// How much one connection may hold, wait for and send.

import type { BananaLimits } from "@pb/banana";

export interface BrokerLimits {
  /** Objects of ours that the peer may hold references to, beside named ones. Default 1,024, as Twisted's `MAX_BROKER_REFS`. */
  readonly references: number;
  /** Bytes of one message, in both directions; a larger one is not sent. Default 64 MiB: a hundred times the largest string, yet a stranger cannot fill the memory with one list. */
  readonly messageBytes: number;
  /** Milliseconds from the connection to an agreed dialect. Default 30,000. */
  readonly negotiationMs: number;
  /**
   * Bytes that may wait to be sent before no more calls are read: whoever does not take answers gets no more work done. Default 16 MiB: far
   * above what a healthy network leaves standing, and a hundred such peers still fit into a server.
   */
  readonly queuedBytes: number;
  /**
   * Bytes that may wait to be sent at all. Beyond it the connection ends with the reason `limit`. Default 128 MiB: twice the largest message, so
   * that only a peer which has stopped reading meets it.
   */
  readonly unsentBytes: number;
  /**
   * Calls of ours that may wait for an answer; one more rejects with `LimitError`. Default 100,000: far more than any peer answers in time, so
   * that a peer which has stopped answering is noticed before the memory is full.
   */
  readonly callsWaiting: number;
  /** Calls of the peer whose methods may be unfinished at a time. Default 10,000. What happens to more is for `overload` to say. */
  readonly callsRunning: number;
  /**
   * What happens to calls beyond `callsRunning`. `wait`: nothing more is read until some have finished; while calls of ours wait for answers,
   * which must be read, such calls are refused. `refuse`: they fail with a `LimitError` at the caller. `close`: the connection ends with the
   * reason `limit`. Default `wait`.
   */
  readonly overload: "wait" | "refuse" | "close";
  /** Messages read in a row before other connections, timers and sockets get their turn. Default 1,024: a few milliseconds. */
  readonly messagesPerTurn: number;
  /** The codec's own limits, where they shall differ from its defaults. */
  readonly banana: Partial<BananaLimits>;
}

export const defaultBrokerLimits: BrokerLimits = Object.freeze({
  references: 1024,
  messageBytes: 64 * 1024 * 1024,
  negotiationMs: 30_000,
  queuedBytes: 16 * 1024 * 1024,
  unsentBytes: 128 * 1024 * 1024,
  callsWaiting: 100_000,
  callsRunning: 10_000,
  overload: "wait",
  messagesPerTurn: 1024,
  banana: {},
});
