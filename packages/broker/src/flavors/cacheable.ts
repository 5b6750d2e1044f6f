// Objects that are copied once and then kept up to date (wire specification 5.8; `twisted.spread.flavors.Cacheable`,
// `RemoteCache`).

import { madeBy } from "@pb/banana";
import type { PackageCopy } from "@pb/banana";
import { JellyError, setOwnProperties } from "@pb/jelly-types";
import type { Class, JellyReader, TypeHandler } from "@pb/jelly-types";
import type { CallOptions } from "../calls/call-options.js";
import type { Callable, Perspective } from "../calls/callable.js";
import { dispatch } from "../calls/dispatch.js";
import { checkDeadline } from "../deadline.js";
import { DeadReferenceError, UnknownCacheError } from "../errors.js";
import { incomingGraph, outgoingGraph } from "../references/graph-context.js";
import type { ConnectionContext } from "../references/graph-context.js";
import type { SharedArguments } from "../references/shared-arguments.js";
import { readNumericId } from "../wire/messages.js";
import { remoteTypeOf } from "./copyable.js";
import { callsThrough, RemoteCaller } from "./remote-reference.js";
import type { RemoteCalls, RemoteMethods } from "./remote-reference.js";
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

/** The memory of a cache without its state, and of the entries by which it is found and released (test `memory`). */
const CACHE_BYTES = 800;

/** Sends changes to the copy of a {@link Cacheable} at one peer (`twisted.spread.flavors.RemoteCacheObserver`). */
export class CacheObserver {
  readonly #context: ConnectionContext;
  readonly #id: number;
  readonly #perspective: Perspective;
  #calls: RemoteCalls<RemoteMethods> | undefined;

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
  get call(): RemoteCalls<RemoteMethods> {
    return (this.#calls ??= callsThrough((name, args) => this.#call(name, args, {})));
  }

  /**
   * Calls an `observe_` method of the copy and resolves with its result. Rejects as the `callRemote` of a reference
   * does.
   */
  callRemote(name: string, ...args: unknown[]): Promise<unknown> {
    return this.#call(name, args, {});
  }

  /** The same ways to call, with options: `observer.with({ timeoutMs: 500 }).callRemote("set", 1)`. */
  with(options: CallOptions): RemoteCaller {
    checkDeadline(options);
    return new RemoteCaller((name, args) => this.#call(name, args, options));
  }

  /**
   * Calls an `observe_` method of the copy without an answer, as most updates do. Throws `JellyError` or
   * `DeadReferenceError`.
   */
  sendRemote(name: string, ...args: unknown[]): void {
    this.#requireAlive();
    this.#context.caller.send(this.#id, name, args, { perspective: this.#perspective, keepAlive: this, isCache: true });
  }

  /** Internal: {@link sendRemote} for `broadcast`. */
  sendShared(shared: SharedArguments, name: string, args: readonly unknown[]): void {
    const details = { perspective: this.#perspective, keepAlive: this, isCache: true, shared };
    this.#context.caller.send(this.#id, name, args, details);
  }

  async #call(name: string, args: readonly unknown[], options: CallOptions): Promise<unknown> {
    this.#requireAlive();
    const details = { ...options, perspective: this.#perspective, keepAlive: this, isCache: true };
    return this.#context.caller.call(this.#id, name, args, details);
  }

  #requireAlive(): void {
    if (!this.isAlive) throw new DeadReferenceError("The peer has no copy of this object anymore");
  }

  /** @internal */
  get [madeBy](): PackageCopy {
    return thisCopy;
  }
}

/**
 * A copy that the peer keeps up to date by calling its `observe_` methods, until the copy is collected or disposed of,
 * or the connection ends. Its constructor does not run.
 */
export abstract class RemoteCache {
  /**
   * Sets the state that arrived first. Default: its entries become own properties, except those with the name of a
   * method or an accessor of the class. No setter runs.
   */
  setCopyableState(state: unknown): void {
    setOwnProperties(this, state);
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
 * `setState` sets the state of the new cache. Default: its `setCopyableState`.
 */
export function remoteCache<T extends RemoteCache>(
  name: string,
  type: Class<T>,
  setState: (cache: T, state: unknown, context: ConnectionContext) => void = (cache, state) =>
    cache.setCopyableState(state),
): TypeHandler<T> {
  return {
    atoms: [name],
    classes: [],
    unjelly(unjellier, items, atom) {
      const graph = incomingGraph(unjellier, atom);
      const { context } = graph;
      const { caches } = context.imports;
      const id = readCacheId(unjellier, items - 1);
      if (caches.has(id)) throw new JellyError("JELLY_MALFORMED", `Two caches have the id ${id}`);
      unjellier.charge(CACHE_BYTES);
      const cache = Object.create(type.prototype as object) as T;
      // Registered before its state is read, because the state may refer to it.
      const handle = caches.add(id, cache) as T;
      unjellier.registerBlank(handle);
      try {
        unjellier.readState((state) => {
          setState(cache, state, context);
          unjellier.reportDropped(name, cache);
        });
      } catch (error) {
        // The peer counts the cache as received, so release it. (Twisted does not, and the two ends disagree: wire
        // specification trap 10.)
        caches.release(handle);
        throw error;
      }
      graph.noteCache(id, handle, true);
      return handle;
    },
  };
}

/** The target of updates: they call `observe_` methods of the cache. */
export function cacheTarget(cache: object): Callable {
  return { perspective: null, home: cache, receiveCall: (call) => dispatch(cache, "observe_", call) };
}

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
    writer.word(object.getTypeToCopy());
    writer.integer(cache.id);
    jellier.write(object.getStateToCacheAndObserveFor(graph.perspective, cache.observer as CacheObserver));
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
    const id = outgoingGraph(jellier, cache).context.imports.caches.idOf(cache);
    if (id === undefined)
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
    const handle = graph.context.imports.caches.addAgain(id) as RemoteCache | undefined;
    if (handle === undefined) throw new UnknownCacheError(id);
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
