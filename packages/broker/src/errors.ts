// What goes wrong on a connection. The class says what to do: hang up, give up this call, stop using it, fix your program.

/** Codes of a {@link ProtocolError}. Codes are promises, message texts are not. */
export type ProtocolErrorCode =
  | "PROTOCOL_BAD_EXPRESSION"
  | "PROTOCOL_UNKNOWN_COMMAND"
  | "PROTOCOL_VERSION"
  | "PROTOCOL_UNKNOWN_REQUEST"
  | "PROTOCOL_UNKNOWN_REFERENCE"
  | "PROTOCOL_UNKNOWN_CACHE"
  | "PROTOCOL_LIMIT"
  | "PROTOCOL_NEGOTIATION_TIMEOUT";

/** The peer broke the protocol: the connection is closed (wire specification 5.12; `twisted.spread.pb.ProtocolError`). */
export class ProtocolError extends Error {
  override readonly name = "ProtocolError";
  readonly code: ProtocolErrorCode;

  constructor(code: ProtocolErrorCode, message: string, options?: { readonly cause?: unknown }) {
    super(message, options);
    this.code = code;
  }
}

/**
 * An error a method raises on purpose: it reaches the caller with its message, and is not reported as a fault (`twisted.spread.pb.Error`).
 *
 * Any error class may say how it travels. `static remoteType` is its name for the peer (default: the class name); `static remoteBases` names
 * what Python's class has among its bases and ours does not; `static isExpected` keeps it from being reported as a fault.
 */
export class PBError extends Error {
  static readonly remoteType: string = "twisted.spread.pb.Error";
  static readonly isExpected: boolean = true;
  override name = "PBError";
}

/** The object has no method that a peer may call under that name (`twisted.spread.flavors.NoSuchMethod`). */
export class NoSuchMethod extends Error {
  static readonly remoteType: string = "twisted.spread.flavors.NoSuchMethod";
  static readonly remoteBases: readonly string[] = ["builtins.AttributeError"];
  static readonly isExpected: boolean = true; // a peer's mistake, not a fault of ours: a stranger must not fill the log
  override readonly name: string = "NoSuchMethod";
}

/** The same for a view, an avatar or a cache, of which Twisted says it in Python's words (`AttributeError`). */
export class NoSuchAttribute extends Error {
  static readonly remoteType: string = "builtins.AttributeError";
  static readonly isExpected: boolean = true;
  override readonly name: string = "NoSuchAttribute";
}

/** The arguments of a call do not fit the method (Python's `TypeError`). */
export class ArgumentsError extends TypeError {
  static readonly remoteType: string = "builtins.TypeError";
  static readonly isExpected: boolean = true;
  override readonly name = "ArgumentsError";
}

/**
 * Why a connection is over: `closed` (we closed it), `lost` (the peer closed it, or the network broke), `negotiation` (no dialect was agreed
 * on), `protocol` (the peer broke the protocol), `unresponsive` (the peer does not answer any more), `limit` (the peer passed a limit),
 * `replaced` (the same client logged in anew over another connection).
 */
export type CloseReason = "closed" | "lost" | "negotiation" | "protocol" | "unresponsive" | "limit" | "replaced";

/**
 * The connection is over. A call that rejects with it was sent, or was about to be; whether the method ran is not known
 * (`twisted.spread.pb.PBConnectionLost`). `cause` is the error behind it, where there is one.
 */
export class ConnectionLostError extends Error {
  override readonly name = "ConnectionLostError";
  readonly code = "CONNECTION_LOST";
  readonly reason: CloseReason;

  constructor(reason: CloseReason, message: string, options?: { readonly cause?: unknown }) {
    super(message, options);
    this.reason = reason;
  }
}

/** The reference can no longer be called: its connection is over, or it was released (`twisted.spread.pb.DeadReferenceError`). */
export class DeadReferenceError extends Error {
  override readonly name = "DeadReferenceError";
  readonly code = "DEAD_REFERENCE";
}

/** The limits that refuse what is asked for. */
export type LimitName = "callsWaiting" | "callsRunning" | "messageBytes" | "unsentBytes";

/** A limit of ours would be passed; what asked for more is refused, and nothing was sent. `limit` is its name in `BrokerLimits`. */
export class LimitError extends Error {
  static readonly remoteType: string = "twisted.spread.pb.Error";
  static readonly isExpected: boolean = true;
  override readonly name = "LimitError";
  readonly code = "LIMIT";
  readonly limit: LimitName;

  constructor(limit: LimitName, message: string) {
    super(message);
    this.limit = limit;
  }
}

/** The answer did not come in the time the caller gave. The method may have run. */
export class CallTimeoutError extends Error {
  override readonly name = "CallTimeoutError";
  readonly code = "CALL_TIMEOUT";
}

/** What was read mentions a cache that this end does not have, or has no more (Python's `KeyError`). Its message is the cache's number. */
export class UnknownCacheError extends Error {
  static readonly remoteType: string = "builtins.KeyError";
  static readonly remoteBases: readonly string[] = ["builtins.LookupError"];
  static readonly isExpected: boolean = true;
  override readonly name = "UnknownCacheError";

  constructor(id: number | string) {
    super(String(id));
  }
}

/** Whether an error was raised on purpose, by a class that says so; anything else is a fault of the program. */
export function isExpected(error: unknown): boolean {
  try {
    return error instanceof Error && (error.constructor as { isExpected?: unknown }).isExpected === true;
  } catch {
    return false; // a trap of its own
  }
}
