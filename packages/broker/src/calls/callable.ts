// What the peer can call: something that takes a call (flavours say how); and the connection it calls over, as such objects see it.

import type { CloseReason } from "../errors.js";
import type { Kwargs } from "../wire/kwargs.js";
import type { Peer } from "../link/link.js";

/** A call that came in. */
export interface IncomingCall {
  /** The name without prefix. */
  readonly method: string;
  readonly args: unknown[];
  readonly kwargs: Kwargs | undefined;
}

/** Who is calling: the avatar of a login, or null on a plain root. Never travels; bound to the objects it was handed. */
export type Perspective = object | null;

/** Takes calls from the peer (`remoteMessageReceived` of Twisted). */
export interface Callable {
  /** For whom results are written and references in arguments are read. */
  readonly perspective: Perspective;
  /** What `(local id)` brings home: usually the callable itself. */
  readonly home: object;
  /** Runs the method. May throw, and may return a promise. */
  receiveCall(call: IncomingCall): unknown;
  /** Told once for each connection, when its peer has given back the last reference or the connection is over. */
  unreferenced?(connection: Connection): void;
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
