// What the peer can call, as the broker sees it: something that takes a call. Flavours say how.

import type { Kwargs } from "./kwargs.js";

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
  /** Told once for each connection, when its peer has given back the last reference or the connection is over. Must not throw. */
  unreferenced?(connection: object): void;
}
