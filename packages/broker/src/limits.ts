// Limits on the memory, time and work that one connection can cost.

import { withLimits } from "@pb/banana";
import type { BananaLimits } from "@pb/banana";
import { withDefaults } from "@pb/jelly-types";
import { LimitError } from "./errors.js";

export interface BrokerLimits {
  /**
   * Objects of this end that the peer may hold references to, published objects aside. Default 1,024, as Twisted's
   * `MAX_BROKER_REFS`.
   */
  readonly references: number;
  /**
   * Streams of this end that the peer may have open: more are not sent. Default 100, as in HTTP/2.
   * Each takes up to 128 KiB for items that the peer has asked for, and as much in answers.
   */
  readonly streams: number;
  /**
   * Bytes of one message, in both directions. A larger message is not sent. Default 64 MiB: a hundred times the largest
   * string, and small enough that one list from an unknown peer cannot fill the memory.
   */
  readonly messageBytes: number;
  /**
   * Bytes of one message of a peer that has to log in and has not (`RootSource.requiresLogin`). Default 64 KiB: a login
   * takes a few hundred.
   */
  readonly strangerMessageBytes: number;
  /**
   * Bytes of memory that the values of one received message may take, by an estimate. More ends the connection with the
   * reason `limit`. Default 192 MiB, three times the largest message: byte strings, text and numbers of that size fit,
   * and a process with a heap of 512 MiB survives it. Small dicts with the same keys take about their size on the wire,
   * and those with different keys up to ten times as much.
   */
  readonly messageHeapBytes: number;
  /**
   * Bytes of memory that one connection may take: what is not read, the values of the message that is being read, and
   * the arguments of calls that have not been answered. Default 256 MiB.
   */
  readonly connectionHeapBytes: number;
  /**
   * Bytes of memory that all peers together may take that have to log in to one server and have not, or have logged in
   * without a name (`RootSource.trustsAnonymous`). More ends the connection that takes most, with the reason `limit`.
   * Default 64 MiB: a thousand unfinished messages of `strangerMessageBytes`.
   */
  readonly strangersHeapBytes: number;
  /**
   * Bytes of memory that all connections of the process may take together. More ends the connections that take most,
   * with the reason `limit`. Default 1 GiB; with `@pb/node-transport`, three eighths of the heap that V8 may use,
   * because the estimate can be too low by a third, and the collector and the program need memory too. Calls count
   * until they are answered, also when their connection has ended. When these take all, each connection has a share of
   * a quarter of the limit in addition, and 64 KiB at least.
   */
  readonly processHeapBytes: number;
  /** Milliseconds to agree on a dialect after the connection is made. Default 30,000. */
  readonly negotiationMs: number;
  /**
   * Bytes waiting to be sent at which calls of the peer are held, as long as answers are among them: a peer that does
   * not read its answers gets no more work done. Default 16 MiB: far above what a healthy network leaves waiting, and
   * small enough for a hundred such peers.
   */
  readonly queuedBytes: number;
  /**
   * Bytes waiting to be sent at which the connection ends with the reason `limit`. Default 128 MiB, twice the largest
   * message: only a peer that has stopped reading reaches it. Also the bytes of held calls at which further calls fail
   * with a `LimitError`; one without an answer ends the connection.
   */
  readonly unsentBytes: number;
  /**
   * Calls of this end that may wait for an answer, or for the end of a login. One more fails with `LimitError`.
   * Default 100,000: more than any peer answers in time, so that a peer that has stopped answering is noticed before
   * the memory is full.
   */
  readonly callsWaiting: number;
  /**
   * Calls of the peer that may run at the same time. Default 10,000. `overload` decides what happens to more of them.
   */
  readonly callsRunning: number;
  /**
   * What happens to calls beyond `callsRunning`. Default `wait`.
   *
   * - `wait`: they are held, in their order, until others have finished. The broker stops reading when 64 KiB are held,
   *   unless it waits for the peer itself. Each call of this end that waits for an answer allows one more call to run.
   * - `refuse`: the calls fail with a `LimitError`.
   * - `close`: the connection ends with the reason `limit`.
   */
  readonly overload: "wait" | "refuse" | "close";
  /**
   * Calls with `once` whose answers are kept for one user, until the caller has confirmed that it has them. One more
   * fails with `pbx.OnceRefused`, and does not run. All peers that have not logged in with a name count as one user.
   * Servers of the same root object keep them together, with the limits of the first server. Default 1,024: far more
   * than one client has in flight when its connection is lost. 0: no answers are kept, and such calls are ordinary
   * calls.
   */
  readonly keptAnswers: number;
  /**
   * Bytes of memory that kept answers may take for all users together; one user may take a quarter. When the limit is
   * reached, further calls with `once` fail with `pbx.OnceRefused`, and do not run. An answer for which there is no
   * room, or of more than 64 KiB, is sent, but not kept. Default 16 MiB. Counts as part of `processHeapBytes`.
   */
  readonly keptAnswerBytes: number;
  /**
   * Milliseconds for which the answer of a call with `once` is kept at least. Then it is forgotten at the next
   * connection or call with `once`. Default 120,000: a client tries to reconnect twice in a minute at least.
   */
  readonly keptAnswerMs: number;
  /**
   * Messages read in a row before other connections, timers and sockets get their turn. Default 1,024: a few
   * milliseconds.
   */
  readonly messagesPerTurn: number;
  /**
   * Milliseconds of reading and of methods in a row before other connections, timers and sockets get their turn.
   * Default 10: people do not notice it. A long message is read in steps, of about a millisecond. A method is not
   * interrupted, nor is the `unjelly` of a type of your own without `unjellyInSteps`.
   */
  readonly turnMs: number;
  /** Limits of the codec that differ from its defaults. */
  readonly banana: Partial<BananaLimits>;
}

export const defaultBrokerLimits: BrokerLimits = Object.freeze({
  references: 1024,
  streams: 100,
  messageBytes: 64 * 1024 * 1024,
  strangerMessageBytes: 64 * 1024,
  messageHeapBytes: 192 * 1024 * 1024,
  connectionHeapBytes: 256 * 1024 * 1024,
  strangersHeapBytes: 64 * 1024 * 1024,
  processHeapBytes: 1024 * 1024 * 1024,
  negotiationMs: 30_000,
  queuedBytes: 16 * 1024 * 1024,
  unsentBytes: 128 * 1024 * 1024,
  callsWaiting: 100_000,
  callsRunning: 10_000,
  overload: "wait",
  keptAnswers: 1024,
  keptAnswerBytes: 16 * 1024 * 1024,
  keptAnswerMs: 120_000,
  messagesPerTurn: 1024,
  turnMs: 10,
  banana: {},
});

/** The most bytes of an expression that `BananaLimits` allow. */
const MOST_BYTES = 2 ** 31 - 1;

/**
 * The default limits, with those of `given` in place of their own. Throws `TypeError` for an unknown name and for a
 * value out of its range. The ranges of `messageBytes` and `banana` are those of `BananaLimits`.
 */
export function brokerLimits(given?: Partial<BrokerLimits>): BrokerLimits {
  const limits = withDefaults("limit", defaultBrokerLimits, given, {
    overload: ["wait", "refuse", "close"],
    messageBytes: { least: 1, most: MOST_BYTES, isWhole: true },
  });
  const banana = Object.fromEntries(
    Object.entries(limits.banana).filter(([, value]) => (value as unknown) !== undefined),
  );
  withLimits({ expressionBytes: limits.messageBytes, ...banana });
  return { ...limits, banana: Object.freeze(banana) };
}

/** Limits that are read at each use. The others are part of what a connection makes at its start. */
const CHANGEABLE: readonly string[] = [
  ...["references", "streams", "queuedBytes", "unsentBytes", "callsWaiting", "callsRunning", "overload"],
  ...["processHeapBytes", "strangersHeapBytes"],
];

/**
 * Changes limits of all connections that share them. Throws `TypeError` for an unknown name, a value out of its range,
 * and a limit that cannot be changed, and then changes nothing.
 */
export function changeLimits(limits: BrokerLimits, given: Partial<BrokerLimits>): void {
  const changed = withDefaults("limit", limits, given, { overload: ["wait", "refuse", "close"] });
  for (const [name, value] of Object.entries(given) as [keyof BrokerLimits, unknown][])
    if (value !== undefined && !CHANGEABLE.includes(name))
      throw new TypeError(`The limit ${name} cannot be changed while the server runs, only ${CHANGEABLE.join(", ")}`);
  Object.assign(limits, changed);
}

/**
 * Throws `LimitError` for a message that is larger than this end would accept: a peer with the same limit would close
 * the connection.
 */
export function requireMessageSize(bytes: number, messageBytes: number): void {
  if (bytes <= messageBytes) return;
  const text = `A message of ${bytes} bytes exceeds the limit of ${messageBytes}: send it in parts, as a stream or in pages`;
  throw new LimitError("messageBytes", text);
}
