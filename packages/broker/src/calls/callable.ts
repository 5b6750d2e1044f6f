// What the peer can call, and the connection as the called objects see it.

import type { CloseReason } from "../errors.js";
import type { Peer } from "../link/link.js";
import type { BrokerStats } from "../stats.js";
import type { Kwargs } from "../wire/kwargs.js";

/** A call of the peer. */
export interface IncomingCall {
  /** The name without its prefix. */
  readonly method: string;
  readonly args: unknown[];
  readonly kwargs: Kwargs | undefined;
  /** Whether the caller waits for the answer. */
  readonly wantsAnswer?: boolean | undefined;
  /** Whether only methods with a declaration in `static accepts` may be called: the option `validate`. */
  readonly validate?: "required" | undefined;
}

/**
 * The avatar that is calling, or null without a login. The objects that an avatar receives remember it; it is not sent.
 */
export type Perspective = object | null;

/** Takes calls of the peer (`remoteMessageReceived` of Twisted). */
export interface Callable {
  /** The perspective for which results are written and references in arguments are read. */
  readonly perspective: Perspective;
  /** The object that `(local id)` stands for when the peer sends it back: usually the callable itself. */
  readonly home: object;
  /** Runs the method. May throw, and may return a promise. */
  receiveCall(call: IncomingCall): unknown;
  /** Called once per connection, when the peer has released its last reference or the connection has ended. */
  unreferenced?(connection: Connection): void;
}

/** One connection. A `Broker` implements it; objects that the peer calls see this part of it. */
export interface Connection {
  /** Identifies the connection in logs: unique in this process, among processes and after restarts. */
  readonly id: string;
  /** The ids of the users who are logged in over it, in alphabetical order. */
  readonly users: readonly string[];
  readonly isOpen: boolean;
  /** When it was made. */
  readonly openedAt: Date;
  /** What the transport knows about the other end. */
  readonly peer: Peer;
  /**
   * Makes an object available to the peer under a name, in addition to the root. Dispose of the result to withdraw it.
   */
  publish(name: string, object: Callable): Disposable;
  /** Runs `callback` once, when the connection ends. Dispose of the result to unsubscribe. */
  notifyOnDisconnect(callback: (reason: Error) => void): Disposable;
  /** Resolves when the link can take more bytes. Rejects with `ConnectionLostError` when the connection has ended. */
  drained(): Promise<void>;
  /** What the connection holds at the moment, and the bytes it has transferred. */
  stats(): BrokerStats;
  /** Ends the connection at once. */
  terminate(reason: CloseReason, cause?: Error): void;
  /**
   * Called after successful authentication, with the id of the user. Rejects to refuse the login. The result is
   * disposed of at logout.
   */
  admitLogin(avatarId: unknown): Promise<Disposable>;
}
