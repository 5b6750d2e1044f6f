// The connection as flavours see it: the few things they may do with it, and what goes along with each graph.

import type { JellyReader, JellyWriter } from "@pb/jelly-types";
import { JellyError } from "@pb/jelly-types";
import type { CallOptions } from "../calls/call-options.js";
import type { Callable, Connection, Perspective } from "../calls/callable.js";
import type { Given } from "./exports.js";
import type { Held } from "./imports.js";
import type { ObjectId, Release } from "../wire/messages.js";
import type { Dependence, SharedArguments } from "./shared-arguments.js";
import { UnsettledError } from "../wire/promised-results.js";
import type { CacheGiven, CacheSource } from "./exported-caches.js";

/** What references call through, and flavours count with. */
export interface Channel {
  /** The connection this is part of. */
  readonly connection: Connection;
  /** False once the connection is over: references of it are dead. */
  readonly isOpen: boolean;
  /** Sends a call and resolves with its answer. Rejects, never throws. `how.pins` stays alive until the answer is there. */
  call(target: ObjectId, method: string, args: readonly unknown[], how: CallDetails): Promise<unknown>;
  /** Sends a call that wants no answer. Throws `JellyError` for arguments that cannot travel. */
  send(target: ObjectId, method: string, args: readonly unknown[], how: CallDetails): void;
  /** The object of ours that the peer calls `id`, or undefined. */
  home(id: ObjectId): object | undefined;
  /** Tells `onEvent` of a fault of the program that is no call's: `callback-failed`. */
  report(error: unknown): void;
  /** Not for flavours of your own, for which {@link Outgoing} and {@link Incoming} count: what the peer holds of ours, and we of the peer's. */
  readonly given: Given;
  readonly held: Held;
}

export interface CallDetails extends CallOptions {
  /** For whom arguments are written and the answer is read. */
  readonly perspective: Perspective;
  /** Stays alive until the answer is there. */
  readonly pins: unknown;
  /** The target is a cache at the peer, not an object of it. */
  readonly isCache?: boolean;
  /** Remembers the bytes of the arguments, for others who get the same. */
  readonly shared?: SharedArguments;
  /** A sign of life is all that is wanted: it counts as nobody's work. */
  readonly isPing?: boolean;
}

/** What goes along with one graph being written. */
export class Outgoing {
  readonly #channel: Channel;
  readonly #perspective: Perspective;
  #dependsOn: Dependence = "nothing";
  /** Told that the graph cannot be sent when that shows only after whoever sent it has gone on. */
  failedLater: ((error: unknown) => void) | undefined;
  /** A result that may contain promises: it is written again when they are settled. */
  readonly #isFirstTry: boolean;
  /** Ids counted so far, to be given back when writing fails. */
  #given: number[] | undefined;
  #cachesGiven: number[] | undefined;

  constructor(channel: Channel, perspective: Perspective, isFirstTry = false) {
    this.#channel = channel;
    this.#perspective = perspective;
    this.#isFirstTry = isFirstTry;
  }

  get channel(): Channel {
    this.#dependsOn = "connection";
    return this.#channel;
  }

  /** For whom it is written: decides what copies and caches show. */
  get perspective(): Perspective {
    if (this.#dependsOn === "nothing") this.#dependsOn = "perspective";
    return this.#perspective;
  }

  /** What was looked at while the graph was written: where that is the same, the bytes would be the same. */
  get dependsOn(): Dependence {
    return this.#dependsOn;
  }

  /** Counts a reference as part of this graph. */
  give(key: object, target: Callable): number {
    const id = this.channel.given.give(key, target);
    (this.#given ??= []).push(id);
    return id;
  }

  /** Counts the sending of a cached object as part of this graph. The count is 1 when it has to be sent in full. */
  giveCache(source: CacheSource, observerFor: (id: number) => object): CacheGiven {
    const given = this.channel.given.giveCache(source, this.#perspective, observerFor);
    (this.#cachesGiven ??= []).push(given.id);
    return given;
  }

  /**
   * Takes back what was counted: the graph is not sent, because of `why`. When that is a promise, which will settle, objects stay counted until
   * {@link undo} is called again: nobody tells them that they are not referred to while they are on their way. Caches have to begin anew.
   */
  undo(why?: unknown): void {
    const waits = this.#isFirstTry && why instanceof UnsettledError;
    if (!waits) for (const id of this.#given?.splice(0) ?? []) this.#channel.given.takeBack(id);
    for (const id of this.#cachesGiven?.splice(0) ?? []) this.#channel.given.takeBackCache(id);
  }
}

/** What goes along with one graph being read. */
export class Incoming {
  readonly channel: Channel;
  /** Whose message it is. */
  readonly perspective: Perspective;
  /** What was counted as arrived so far. */
  #arrived: Arrived[] | undefined;

  constructor(channel: Channel, perspective: Perspective) {
    this.channel = channel;
    this.perspective = perspective;
  }

  /** Counts a reference as part of this graph. */
  arrived(id: number): object {
    const proxy = this.channel.held.arrived(id, this.perspective);
    (this.#arrived ??= []).push({ command: "decref", id, proxy, isFull: false });
    return proxy;
  }

  /** Notes that a cache came with this graph, which was counted: in full, with its state, or as `(cached id)`. */
  cacheArrived(id: number, proxy: Disposable, isFull: boolean): void {
    (this.#arrived ??= []).push({ command: "decache", id, proxy, isFull });
  }

  /** Gives back what was counted: the graph cannot be read. Returns what it was. */
  giveBack(): readonly Arrived[] {
    const arrived = this.#arrived ?? [];
    for (const { command, proxy } of arrived) this.channel.held.returnOne(command, proxy);
    return arrived;
  }
}

interface Arrived {
  readonly command: Release;
  readonly id: number;
  readonly proxy: Disposable;
  /** With its state, not by its number alone. */
  readonly isFull: boolean;
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
