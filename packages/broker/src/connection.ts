// The connection as root sources and objects of the application see it.

import type { Callable } from "./callable.js";
import type { CloseReason } from "./errors.js";
import type { Peer } from "./link.js";

/** How a call is to be made. */
export interface CallOptions {
  /** Gives up waiting: the call rejects with the signal's reason. The method runs all the same. */
  readonly signal?: AbortSignal | undefined;
  /** Milliseconds to wait for the answer; then the call rejects with `CallTimeoutError`. Default: for ever. */
  readonly timeoutMs?: number | undefined;
}

/** One connection: a `Broker`, as far as those need it who only know that there is one. */
export interface Connection {
  readonly isOpen: boolean;
  /** Who is at the other end, as far as the transport knows. */
  readonly peer: Peer;
  /** Lets the peer get an object of ours by name, beside the root. */
  publish(name: string, object: Callable): Disposable;
  /** Runs `callback` once, when the connection is over. */
  notifyOnDisconnect(callback: (reason: Error) => void): Disposable;
  /** Resolves when the link has room for more. Rejects when the connection is over. */
  drained(): Promise<void>;
  /** Ends the connection at once. */
  terminate(reason: CloseReason, cause?: Error): void;
  /** Whoever checks credentials asks this when they were good, and disposes of the result at logout. Rejects when the login is refused. */
  admit(who: unknown): Promise<Disposable>;
}
