// Errors of connections and calls. The class tells the program what to do: close the connection, fail one call, or stop
// using a reference.

import { PerspectiveBrokerError } from "@pb/banana";
import { classOf, printable } from "@pb/jelly-types";

/** Codes of a {@link ProtocolError}. */
export type ProtocolErrorCode =
  | "PROTOCOL_BAD_EXPRESSION"
  | "PROTOCOL_UNKNOWN_COMMAND"
  | "PROTOCOL_VERSION"
  | "PROTOCOL_UNKNOWN_REQUEST"
  | "PROTOCOL_UNKNOWN_REFERENCE"
  | "PROTOCOL_UNKNOWN_CACHE"
  | "PROTOCOL_NEGOTIATION_TIMEOUT";

/**
 * The peer violated the protocol, and the connection is closed (wire specification 5.12;
 * `twisted.spread.pb.ProtocolError`).
 */
export class ProtocolError extends PerspectiveBrokerError {
  override readonly name = "ProtocolError";
  readonly code: ProtocolErrorCode;

  constructor(code: ProtocolErrorCode, message: string, options?: { readonly cause?: unknown }) {
    super(message, options);
    this.code = code;
  }
}

/**
 * An error that a method throws on purpose. The caller receives its message, and it is not reported to `onEvent`
 * (`twisted.spread.pb.Error`).
 *
 * Any error class can declare how it is sent to the peer: `static remoteType` is its name there (default: the class
 * name), `static remoteBases` lists base classes of the Python class that the TypeScript class does not have, and
 * `static isExpected` set to true keeps it from being reported.
 */
export class PBError extends PerspectiveBrokerError {
  static readonly remoteType: string = "twisted.spread.pb.Error";
  static readonly isExpected: boolean = true;
  override name = "PBError";
  readonly code: string = "APPLICATION_ERROR";
}

/** The object has no method with this name that a peer can call (`twisted.spread.flavors.NoSuchMethod`). */
export class NoSuchMethod extends PerspectiveBrokerError {
  static readonly remoteType: string = "twisted.spread.flavors.NoSuchMethod";
  static readonly remoteBases: readonly string[] = ["builtins.AttributeError"];
  /** The peer caused it, so it is not reported: otherwise any peer could fill the log. */
  static readonly isExpected: boolean = true;
  override readonly name = "NoSuchMethod";
  readonly code = "CALL_NO_SUCH_METHOD";
}

/** The same for a view, an avatar or a cache, for which Twisted raises Python's `AttributeError`. */
export class NoSuchAttribute extends PerspectiveBrokerError {
  static readonly remoteType: string = "builtins.AttributeError";
  static readonly isExpected: boolean = true;
  override readonly name = "NoSuchAttribute";
  readonly code = "CALL_NO_SUCH_ATTRIBUTE";
}

/** The arguments of a call do not match the parameters of the method (Python's `TypeError`). */
export class ArgumentsError extends PerspectiveBrokerError {
  static readonly remoteType: string = "builtins.TypeError";
  static readonly isExpected: boolean = true;
  override readonly name = "ArgumentsError";
  readonly code = "CALL_BAD_ARGUMENTS";
}

/**
 * A result that is not what its schema describes: of a method with `static accepts`, or of a call through a contract.
 * The caller of a method learns only that; the details are in `cause`, and reported with the event `method-failed`.
 */
export class ResultError extends PerspectiveBrokerError {
  override readonly name = "ResultError";
  readonly code = "CALL_BAD_RESULT";
}

/**
 * The server has no place for the connection. No call has run, and it is safe to try again after `retryAfterMs`. A
 * Twisted client receives it as a remote error with the name `pb.ServerBusy`, derived from `twisted.spread.pb.Error`.
 */
export class ServerBusyError extends PerspectiveBrokerError {
  static readonly remoteType: string = "pb.ServerBusy";
  static readonly remoteBases: readonly string[] = ["twisted.spread.pb.Error"];
  static readonly isExpected: boolean = true;
  override readonly name = "ServerBusyError";
  readonly code = "SERVER_BUSY";
  /** The name of the limit of the server that is reached, such as `connections`. */
  readonly limit: string;
  /** Milliseconds after which the server may have a place: at most an hour. */
  readonly retryAfterMs: number;

  constructor(limit: string, retryAfterMs: number) {
    const seconds = Math.ceil(retryAfterMs / 1000);
    super(`The server is busy: its limit ${limit} is reached. Try again after ${seconds} s`);
    this.limit = limit;
    this.retryAfterMs = retryAfterMs;
  }

  /** The name of the dialect with which a server tells it to clients of this library (`wire/busy-offer.ts`). */
  get notice(): string {
    return `pbx-busy ${this.limit} ${Math.ceil(this.retryAfterMs)}`;
  }
}

/**
 * Why a connection ended:
 *
 * - `closed`: this end closed it.
 * - `lost`: the peer closed it, or the network failed.
 * - `busy`: the server had no place for the connection. The cause is a {@link ServerBusyError}.
 * - `negotiation`: the two ends did not agree on a dialect, or the server closed the connection before.
 * - `protocol`: the peer violated the protocol.
 * - `unresponsive`: the peer stopped answering.
 * - `limit`: the peer exceeded a limit.
 * - `replaced`: the same client logged in again over another connection.
 * - `denied`: the server has ended the sessions of this user. If the cause has `retryAfterMs`, only for that time.
 */
export type CloseReason =
  "closed" | "lost" | "busy" | "negotiation" | "protocol" | "unresponsive" | "limit" | "replaced" | "denied";

/**
 * The connection ended. A call that rejects with this error may or may not have run
 * (`twisted.spread.pb.PBConnectionLost`). `cause` is the underlying error, if there is one.
 */
export class ConnectionLostError extends PerspectiveBrokerError {
  override readonly name = "ConnectionLostError";
  readonly code = "CONNECTION_LOST";
  readonly reason: CloseReason;

  constructor(reason: CloseReason, message: string, options?: { readonly cause?: unknown }) {
    super(message, options);
    this.reason = reason;
  }
}

/**
 * The reference can no longer be used: its connection ended, or it was released
 * (`twisted.spread.pb.DeadReferenceError`).
 */
export class DeadReferenceError extends PerspectiveBrokerError {
  override readonly name = "DeadReferenceError";
  readonly code = "REFERENCE_DEAD";
}

/** The error of a call through a reference that this end has released: only this end can. */
export function releasedError(): DeadReferenceError {
  const how = "with using, Symbol.dispose, or by the end of its iteration";
  return new DeadReferenceError(`The reference was released by this end, ${how}`);
}

/** The limits that reject an operation. */
export type LimitName =
  | "callsWaiting"
  | "callsRunning"
  | "messageBytes"
  | "queuedBytes"
  | "unsentBytes"
  | "pages"
  | "streams"
  | "messageHeapBytes"
  | "connectionHeapBytes"
  | "strangersHeapBytes"
  | "processHeapBytes";

/**
 * The operation would exceed a limit of this end. Nothing was sent. `limit` is the name of the limit in `BrokerLimits`.
 */
export class LimitError extends PerspectiveBrokerError {
  static readonly remoteType: string = "twisted.spread.pb.Error";
  static readonly isExpected: boolean = true;
  override readonly name = "LimitError";
  readonly code = "LIMIT_EXCEEDED";
  readonly limit: LimitName;

  constructor(limit: LimitName, message: string) {
    super(message);
    this.limit = limit;
  }
}

/** The call was not answered within its timeout. The method may have run. */
export class CallTimeoutError extends PerspectiveBrokerError {
  override readonly name = "CallTimeoutError";
  readonly code = "CALL_TIMEOUT";
}

/** The error of a call of `method` that was not answered within `timeoutMs` milliseconds. */
export function callTimeout(method: string, timeoutMs: number): CallTimeoutError {
  return new CallTimeoutError(`${method} was not answered within ${timeoutMs} ms`);
}

/**
 * A received value refers to a cache that this end does not have, or no longer has (Python's `KeyError`). The message
 * is the id of the cache.
 */
export class UnknownCacheError extends PerspectiveBrokerError {
  static readonly remoteType: string = "builtins.KeyError";
  static readonly remoteBases: readonly string[] = ["builtins.LookupError"];
  static readonly isExpected: boolean = true;
  override readonly name = "UnknownCacheError";
  readonly code = "CALL_UNKNOWN_CACHE";

  constructor(id: number | string) {
    super(printable(String(id)));
  }
}

/** Whether the class of an error declares that it is thrown on purpose. Any other error is a bug in the program. */
export function isExpected(error: unknown): boolean {
  try {
    return error instanceof Error && (classOf(error) as { isExpected?: unknown }).isExpected === true;
  } catch {
    return false; // The getter of `constructor` or `isExpected` threw.
  }
}
