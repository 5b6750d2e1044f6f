// Objects that are copied once and then kept up to date (wire specification 5.8; `twisted.spread.flavors.Cacheable`,
// `RemoteCache`).

import { addDisposal, madeBy, runSteps } from "@pb/banana";
import type { PackageCopy, Steps } from "@pb/banana";
import {
  hasPrivateMembers,
  JellyError,
  plainState,
  requireState,
  requireTypeName,
  sentTypeName,
  setOwnProperties,
} from "@pb/jelly-types";
import type { Class, JellyReader, TypeHandler } from "@pb/jelly-types";
import { checkCallOptions } from "../calls/call-options.js";
import type { CallOptions } from "../calls/call-options.js";
import type { Callable, IncomingCall, Perspective } from "../calls/callable.js";
import { dispatch, hasMethod } from "../calls/dispatch.js";
import { remoteCalls } from "../calls/remote-calls.js";
import { DeadReferenceError, NoSuchAttribute, UnknownCacheError } from "../errors.js";
import { withoutWrappers } from "../references/cache-handle.js";
import { incomingGraph, outgoingGraph } from "../references/graph-context.js";
import type { IncomingGraph } from "../references/graph-context.js";
import { mentionArrivals, mentionContents } from "../references/mentioned-caches.js";
import type { CallDetails, ConnectionContext } from "../references/graph-context.js";
import { sourceChanges } from "../references/message-source.js";
import type { MessageSource } from "../references/message-source.js";
import type { SharedArguments } from "../references/shared-arguments.js";
import { requireCallback } from "../subscriptions.js";
import { readNumericId } from "../wire/messages.js";
import { remoteTypeOf } from "./copyable.js";
import { RemoteCaller } from "./remote-reference.js";
import type { RemoteArguments, RemoteCalls, RemoteMethods, RemoteName, RemoteResult } from "./call-types.js";
import { thisCopy } from "../this-copy.js";

/**
 * An object that the peer keeps a copy of. When it is sent for the first time, it returns its state and gets an
 * observer for the copy. It then tells all of its observers about each change, and each copy applies it. It is sent
 * under the name in the `static remoteType` of its class.
 */
export abstract class Cacheable {
  /** The name under which it is sent: ASCII. Default: `static remoteType`. */
  getTypeToCopy(): string {
    return remoteTypeOf(this);
  }

  /**
   * The current state for `perspective`. Keep `observer`, and tell it about each later change: the peer receives the
   * state and then the changes, in order, each exactly once.
   */
  abstract getStateToCacheAndObserveFor(perspective: Perspective, observer: CacheObserver): unknown;

  /**
   * Called exactly once per observer, when its copy does not exist anymore: forget the observer. It is still alive here
   * if the peer released the copy, and dead if the connection has ended or the state could not be sent.
   */
  stoppedObserving(_perspective: Perspective, _observer: CacheObserver): void {}

  /** @internal */
  get [madeBy](): PackageCopy {
    return thisCopy;
  }
}

/** The memory of a cache without its state, and of the entries by which it is found and released (test `heap`). */
const CACHE_BYTES = 800;

/**
 * Sends changes to the copy of a {@link Cacheable} at one peer (`twisted.spread.flavors.RemoteCacheObserver`). `T` is
 * the class of the copy: `CacheObserver<StockCopy>` has the method `setApples` if `StockCopy` has `observe_setApples`.
 */
export class CacheObserver<out T = RemoteMethods> {
  readonly #context: ConnectionContext;
  readonly #id: number;
  readonly #perspective: Perspective;
  #calls: RemoteCalls<T> | undefined;

  /** Only the broker constructs observers. */
  constructor(context: ConnectionContext, id: number, perspective: Perspective) {
    this.#context = context;
    this.#id = id;
    this.#perspective = perspective;
  }

  /** Whether the copy still exists. */
  get isAlive(): boolean {
    return this.#context.connection.isOpen && this.#context.exports.findCache(this.#id)?.observer === this;
  }

  /** The `observe_` methods of the copy as functions: `observer.call.set(1)` is `observer.callRemote("set", 1)`. */
  get call(): RemoteCalls<T> {
    return (this.#calls ??= remoteCalls((name, args) => this.#call(name, args, {})) as RemoteCalls<T>);
  }

  /**
   * Calls an `observe_` method of the copy and resolves with its result. Rejects as the `callRemote` of a reference
   * does.
   */
  callRemote<Name extends RemoteName<T>>(
    name: RemoteName<T, Name>,
    ...args: RemoteArguments<T, Name>
  ): Promise<RemoteResult<T, Name>> {
    return this.#call(name, args, {}) as Promise<RemoteResult<T, Name>>;
  }

  /** The same ways to call, with options: `observer.with({ timeoutMs: 500 }).callRemote("set", 1)`. */
  with(options: CallOptions): RemoteCaller<T> {
    checkCallOptions(options);
    return new RemoteCaller((name, args) => this.#call(name, args, options), options);
  }

  /**
   * Calls an `observe_` method of the copy without an answer, as most updates do. Throws `JellyError` or
   * `DeadReferenceError`.
   */
  sendRemote<Name extends RemoteName<T>>(name: Name, ...args: RemoteArguments<T, Name>): void {
    this.#requireAlive();
    this.#context.caller.send(this.#id, name, args, { perspective: this.#perspective, keepAlive: this, isCache: true });
  }

  /**
   * Runs `callback` once, before the next message to the peer is written: a call, an answer, or an update. Updates that
   * a program collects, such as those of one turn, thus arrive before the answer of the call that caused them. It never
   * runs if no further message is written; what it throws is reported as `callback-failed`.
   */
  beforeNextMessage(callback: () => void): void {
    if (!this.#context.connection.isOpen) return;
    const once: MessageSource = {
      isBehind: true,
      flush: () => {
        this.removeSource(once);
        callback();
      },
    };
    this.addSource(once);
  }

  /** Bytes to the peer that have not left the process, those of other messages included. */
  get queuedBytes(): number {
    return this.#context.outbox.queuedBytes;
  }

  /**
   * Resolves when everything that is queued has been sent. Rejects with `ConnectionLostError` when the connection has
   * ended.
   */
  drained(): Promise<void> {
    return this.#context.connection.drained();
  }

  /**
   * Resolves with whether the peer is a program with this library or `txpb`. A stock Twisted peer logs an error for
   * each update that its class has no `observe_` method for, so send it only those that the class has always had.
   * Rejects with `ConnectionLostError` when the connection has ended.
   */
  isExtended(): Promise<boolean> {
    return this.#context.caller.isExtended();
  }

  /** Internal: whether the peer has said that it reads a form of data (docs/extension.md). */
  peerReads(form: string): boolean {
    return this.#context.caller.peerReads(form);
  }

  /** Internal: asks a source before messages to the peer whether it is behind, until {@link removeSource}. */
  addSource(source: MessageSource): void {
    (this.#context.outbox.sources ??= new Set()).add(source);
    sourceChanges.count++;
  }

  /** Internal: does not ask a source anymore. */
  removeSource(source: MessageSource): void {
    this.#context.outbox.sources?.delete(source);
  }

  /** Internal: {@link sendRemote} for `broadcast`. */
  sendShared(shared: SharedArguments, name: string, args: readonly unknown[]): void {
    const details = { perspective: this.#perspective, keepAlive: this, isCache: true, shared };
    this.#context.caller.send(this.#id, name, args, details);
  }

  /**
   * Internal: calls an `observe_` method whose answer tells what the copy can do. It is a ping: backpressure, hooks and
   * `idle()` of the connection ignore it, because the peer may never answer.
   */
  probe(name: string, args: readonly unknown[]): Promise<unknown> {
    return this.#call(name, args, { isPing: true });
  }

  async #call(
    name: string,
    args: readonly unknown[],
    options: CallOptions & Pick<CallDetails, "isPing">,
  ): Promise<unknown> {
    this.#requireAlive();
    const details = { ...options, perspective: this.#perspective, keepAlive: this, isCache: true };
    return this.#context.caller.call(this.#id, name, args, details);
  }

  #requireAlive(): void {
    if (!this.isAlive) throw new DeadReferenceError("The peer has no copy of this object anymore");
  }

  /** As that of a `RemoteReference`. */
  get [Symbol.toStringTag](): string {
    return CacheObserver.name;
  }

  /** @internal */
  get [madeBy](): PackageCopy {
    return thisCopy;
  }
}

/** The connections of received caches. */
const contexts = new WeakMap<object, ConnectionContext>();

/**
 * A copy that the peer keeps up to date by calling its `observe_` methods, until the copy is collected or disposed of,
 * or the connection ends. Its constructor runs without arguments before the state is set, so that fields and private
 * members work. A constructor that declares parameters does not run.
 */
export abstract class RemoteCache {
  static {
    addDisposal(this);
  }

  /**
   * Sets the state that arrived first. Default: its entries become own properties, except those with the name of a
   * method or an accessor of the class. No setter runs.
   */
  setCopyableState(state: unknown): void {
    setOwnProperties(this, state);
  }

  /**
   * Called for an update for which the class has no `observe_` method, before its call fails: from now on, the copy may
   * differ from the object of the peer. Default: does nothing. The call is reported to `onEvent` in any case.
   */
  unknownUpdate(_name: string): void {
    // For subclasses.
  }

  /** Whether the peer updates the copy: it was not released and the connection is open. */
  get isAlive(): boolean {
    const context = contexts.get(this);
    return context !== undefined && context.connection.isOpen && context.imports.caches.idOf(this) !== undefined;
  }

  /**
   * Runs `callback` once, when the connection of the copy ends. Dispose of the result to unsubscribe. Throws
   * {@link DeadReferenceError} for an object that did not come from a peer, and `TypeError` for what is not a function.
   */
  notifyOnDisconnect(callback: (cache: this) => void): Disposable {
    requireCallback(callback);
    const context = contexts.get(this);
    if (context === undefined) throw new DeadReferenceError("This cache did not come from a peer");
    const handle = context.imports.caches.toHandle(this) as this;
    return context.connection.notifyOnDisconnect(() => callback(handle));
  }

  /**
   * Releases the copy at the peer now, so that it is not updated anymore. The handle that the program holds implements
   * this.
   */
  [Symbol.dispose](): void {}

  /** @internal */
  get [madeBy](): PackageCopy {
    return thisCopy;
  }
}

/**
 * Receives what a peer sends under `name` as an instance of `type`: `types.register(remoteCache("shop.Stock", Stock))`.
 * `setState` sets the state of the new cache; before it creates more than the state, it calls `charge` with the bytes
 * of memory that this takes, which throws if they are too many. Default: its `setCopyableState`. Throws `TypeError` for
 * a name that a class cannot have on the wire, and for a class with private members whose constructor has parameters.
 */
export function remoteCache<T extends RemoteCache>(
  name: string,
  type: Class<T>,
  setState: StateSetter<T> = (cache, state) => cache.setCopyableState(state),
): TypeHandler<T> {
  requireTypeName(name);
  if (type.length > 0 && hasPrivateMembers(type))
    throw new TypeError(
      `${type.name} has private members (#), but its constructor does not run, because it has parameters: ` +
        "let it take none, and set the object up in setCopyableState",
    );
  return {
    atoms: [name],
    classes: [],
    unjelly(unjellier, items, atom) {
      const arrival = new CacheArrival(unjellier, type, items, atom);
      try {
        arrival.requireConstructed();
        unjellier.readState((state) => {
          runSteps(arrival.mention(state, () => false));
          arrival.setState(name, state, setState);
        }, true);
      } catch (error) {
        arrival.undo();
        throw error;
      }
      return arrival.complete();
    },
    *unjellyInSteps(unjellier, items, atom) {
      const arrival = new CacheArrival(unjellier, type, items, atom);
      try {
        arrival.requireConstructed();
        yield* unjellier.readStateInSteps(function* (state) {
          yield* arrival.mention(state, () => unjellier.endsStep());
          arrival.setState(name, state, setState);
        }, true);
      } catch (error) {
        arrival.undo();
        throw error;
      }
      return arrival.complete();
    },
  };
}

/** See {@link remoteCache}. */
type StateSetter<T> = (cache: T, state: unknown, context: ConnectionContext, charge: (bytes: number) => void) => void;

/** A cache that is being read with its state. */
class CacheArrival<T extends RemoteCache> {
  readonly #unjellier: JellyReader;
  readonly #graph: IncomingGraph;
  readonly #id: number;
  readonly #cache: T;
  readonly #handle: T;
  /** What the constructor threw. */
  readonly #fault: { cause: unknown } | undefined;
  /** The number of references and caches that arrived before it. */
  readonly #first: number;

  constructor(unjellier: JellyReader, type: Class<T>, items: number, atom: string) {
    this.#unjellier = unjellier;
    this.#graph = incomingGraph(unjellier, atom);
    const { context } = this.#graph;
    const { caches } = context.imports;
    this.#id = readCacheId(unjellier, items - 1);
    if (caches.has(this.#id)) throw new JellyError("JELLY_MALFORMED", `Two caches have the id ${this.#id}`);
    unjellier.charge(CACHE_BYTES);
    const { cache, error } = construct(type);
    this.#cache = cache;
    this.#fault = error;
    // Registered before its state is read, because the state may refer to it.
    this.#handle = caches.add(this.#id, cache) as T;
    unjellier.registerBlank(this.#handle);
    contexts.set(cache, context);
    this.#first = this.#graph.arrivals.length;
  }

  requireConstructed(): void {
    if (this.#fault !== undefined) throw this.#fault.cause;
  }

  mention(state: unknown, endsStep: () => boolean): Steps<void> {
    return mentionContents(this.#cache, state, this.#graph, endsStep);
  }

  setState(name: string, state: unknown, set: StateSetter<T>): void {
    set(this.#cache, plainState(state), this.#graph.context, (bytes) => this.#unjellier.charge(bytes));
    this.#unjellier.reportDropped(name, this.#cache);
  }

  /**
   * The peer counts the cache as received, so release it. (Twisted does not, and the two ends disagree: wire
   * specification trap 10.)
   */
  undo(): void {
    this.#graph.context.imports.caches.release(this.#handle);
  }

  complete(): T {
    mentionArrivals(this.#cache, this.#graph, this.#first);
    this.#graph.noteCache(this.#id, this.#handle, true);
    return this.#handle;
  }
}

/**
 * A new instance of the class, made by its constructor if that takes no parameters (as Twisted calls `__init__`). If it
 * throws, the instance is an empty one: the peer has counted the cache, and it has to be released.
 */
function construct<T extends RemoteCache>(type: Class<T>): { cache: T; error?: { cause: unknown } } {
  const empty = (): T => Object.create(type.prototype as object) as T;
  if (type.length > 0) return { cache: empty() };
  try {
    return { cache: new (type as new () => T)() };
  } catch (cause) {
    return { cache: empty(), error: { cause } };
  }
}

/**
 * The target of updates: they call `observe_` methods of the cache. Updates of a cache that was collected, and whose
 * release they have crossed, do nothing. Undefined for an unknown id.
 */
export function cacheTarget({ imports }: ConnectionContext, id: number): Callable | undefined {
  const cache = imports.caches.get(id);
  if (cache !== undefined) return new CacheTarget(cache);
  return imports.caches.has(id) ? collectedCache : undefined;
}

/** A class, because an object with a function of its own takes longer to create (bench `updates-1`). */
class CacheTarget implements Callable {
  readonly perspective = null;
  readonly home: object;

  constructor(cache: object) {
    this.home = cache;
  }

  receiveCall(call: IncomingCall): unknown {
    try {
      return dispatch(this.home, "observe_", call);
    } catch (error) {
      if (error instanceof NoSuchAttribute && !hasMethod(this.home, "observe_", call.method))
        (this.home as RemoteCache).unknownUpdate(call.method);
      throw error;
    }
  }
}

const collectedCache: Callable = { perspective: null, home: {}, receiveCall: () => undefined };

export const cacheableHandler: TypeHandler<Cacheable> = {
  atoms: ["lcache"],
  classes: [Cacheable],
  subclasses: true,
  identity: false,
  jelly(object, jellier) {
    if (jellier.repeat(object)) return;
    const graph = outgoingGraph(jellier, object);
    const { writer } = jellier;
    const cache = graph.exportCache(object, (id) => new CacheObserver(graph.context, id, graph.perspective));
    if (cache.count > 1) {
      writer.list(2);
      writer.word("cached");
      writer.integer(cache.id);
      return;
    }
    jellier.begin(object);
    writer.list(3);
    const type = sentTypeName(object.getTypeToCopy());
    graph.sentType = type;
    writer.word(type);
    writer.integer(cache.id);
    const state = object.getStateToCacheAndObserveFor(graph.perspective, cache.observer as CacheObserver);
    jellier.write(requireState("getStateToCacheAndObserveFor", object, state));
  },
  /** `(lcache id)`: an object of this end, of which the peer has a copy. */
  unjelly(unjellier, items, atom) {
    const { context } = incomingGraph(unjellier, atom);
    const id = readCacheId(unjellier, items);
    const source = context.exports.sourceOf(id);
    if (source === undefined) throw new UnknownCacheError(id);
    return source;
  },
};

export const cacheHandler: TypeHandler<RemoteCache> = {
  atoms: ["cached"],
  classes: [RemoteCache],
  subclasses: true,
  identity: false,
  jelly(cache, jellier) {
    const graph = outgoingGraph(jellier, cache);
    const own = withoutWrappers(cache) as RemoteCache;
    const id = graph.context.imports.caches.idOf(own) ?? graph.pinnedId(own);
    if (typeof id !== "number")
      throw new JellyError(
        "JELLY_NOT_JELLYABLE",
        "A cache can be sent only to the peer it came from, and not after it was released",
      );
    jellier.writer.list(2);
    jellier.writer.word("lcache");
    jellier.writer.integer(id);
  },
  /** `(cached id)`: a copy that this end already has. */
  unjelly(unjellier, items, atom) {
    const graph = incomingGraph(unjellier, atom);
    const id = readCacheId(unjellier, items);
    const { caches } = graph.context.imports;
    const handle = caches.addAgain(id) as RemoteCache | undefined;
    if (handle === undefined)
      throw new UnknownCacheError(caches.has(id) ? `${id}: its release crossed this message, repeat the call` : id);
    graph.noteCache(id, handle, false);
    return handle;
  },
};

/** The id of a cache: the next element, which must be the last of `items`. */
function readCacheId({ reader }: JellyReader, items: number): number {
  const id = readNumericId(reader, items);
  if (id === undefined) throw new JellyError("JELLY_MALFORMED", "The id of a cache is a number");
  return id;
}
