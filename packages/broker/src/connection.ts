// The connection as flavours see it: the few things they may do with it.

import type { JellyReader, JellyWriter } from "@pb/jelly-types";
import { JellyError } from "@pb/jelly-types";
import type { Callable, Perspective } from "./callable.js";
import type { ObjectId } from "./messages.js";

/** How a call is to be made. */
export interface CallOptions {
  /** Gives up waiting: the call rejects with the signal's reason. The method runs all the same. */
  readonly signal?: AbortSignal | undefined;
  /** Milliseconds to wait for the answer; then the call rejects with `CallTimeoutError`. Default: for ever. */
  readonly timeoutMs?: number | undefined;
}

/** What a reference calls through. */
export interface Connection {
  /** False once the connection is over: references of it are dead. */
  readonly isOpen: boolean;
  /** Sends a call and resolves with its answer. Rejects, never throws. `pins` stays alive until the answer is there. */
  call(target: ObjectId, method: string, args: readonly unknown[], how: CallDetails): Promise<unknown>;
  /** Sends a call that wants no answer. Throws `JellyError` for arguments that cannot travel. */
  send(target: ObjectId, method: string, args: readonly unknown[], how: CallDetails): void;
  /** Runs `callback` when the connection is over. */
  notifyOnDisconnect(callback: (reason: Error) => void): Disposable;
  /** The object of ours that the peer calls `id`, or undefined. */
  home(id: ObjectId): object | undefined;
  /** The proxy of the peer's object `id`, of which one more reference has arrived. */
  arrived(id: number, perspective: Perspective): object;
  /** Counts one more reference to an object of ours, and returns its id. Throws `PBError` when the peer holds too many. */
  give(key: object, target: Callable): number;
  /** Takes back one reference counted by {@link give}, which will not be sent after all. */
  takeBack(id: number): void;
  /** Gives back all references to the peer's object that `proxy` stands for. */
  release(proxy: object): void;
}

export interface CallDetails extends CallOptions {
  readonly perspective: Perspective;
  readonly pins: unknown;
}

/** What goes along with one graph being written. */
export class Outgoing {
  readonly connection: Connection;
  /** For whom it is written: decides what copies and caches show. */
  readonly perspective: Perspective;
  /** Ids counted so far, to be given back when writing fails. */
  readonly given: number[] = [];

  constructor(connection: Connection, perspective: Perspective) {
    this.connection = connection;
    this.perspective = perspective;
  }

  /** Counts a reference as part of this graph. */
  give(key: object, target: Callable): number {
    const id = this.connection.give(key, target);
    this.given.push(id);
    return id;
  }

  /** Takes back what was counted: the graph is not sent. */
  undo(): void {
    for (const id of this.given.splice(0)) this.connection.takeBack(id);
  }
}

/** What goes along with one graph being read. */
export class Incoming {
  readonly connection: Connection;
  /** Whose message it is. */
  readonly perspective: Perspective;

  constructor(connection: Connection, perspective: Perspective) {
    this.connection = connection;
    this.perspective = perspective;
  }
}

/** The connection a graph is written for. Throws `JELLY_NOT_JELLYABLE` in a plain `jelly()`, where there is none. */
export function outgoing({ context }: JellyWriter, value: object): Outgoing {
  if (context instanceof Outgoing) return context;
  throw new JellyError("JELLY_NOT_JELLYABLE", `${value.constructor.name} travels over a connection only`);
}

/** The connection a graph arrives on. Throws `JELLY_MALFORMED` in a plain `unjelly()`, where there is none. */
export function incoming({ context }: JellyReader, atom: string): Incoming {
  if (context instanceof Incoming) return context;
  throw new JellyError("JELLY_MALFORMED", `The type ${atom} has a meaning on a connection only`);
}
