// Objects that are copied once and then kept up to date (wire specification 5.8; `twisted.spread.flavors.Cacheable`, `RemoteCache`).

import { JellyError, setOwnProperties } from "@pb/jelly-types";
import type { Class, TypeHandler } from "@pb/jelly-types";
import type { Callable, IncomingCall, Perspective } from "../calls/callable.js";
import { incoming, outgoing } from "../references/graph-context.js";
import type { Channel } from "../references/graph-context.js";
import type { CallOptions } from "../calls/call-options.js";
import { DeadReferenceError, UnknownCacheError } from "../errors.js";
import { bindArguments, findMethod } from "../calls/dispatch.js";
import type { SharedArguments } from "../references/shared-arguments.js";
import { remoteTypeOf } from "./copyable.js";

/**
 * An object of which the peer keeps a copy. The first time it is sent, it hands out its state and gets an observer; from then on it tells every
 * observer of every change, and each of them applies it. The name it travels under is its class's `static remoteType`.
 */
export abstract class Cacheable {
  /** The name it travels under: ASCII. */
  getTypeToCopy(): string {
    return remoteTypeOf(this);
  }

  /**
   * The state as it is now, for `perspective`. Keep `observer`, and tell it of every change from now on: the peer gets the state and then the
   * changes, in order, with none missing and none twice.
   */
  abstract getStateToCacheAndObserveFor(perspective: Perspective, observer: CacheObserver): unknown;

  /**
   * The peer keeps no copy any more, or the connection is over: forget `observer`. Called exactly once for each. Where the peer gave its copy
   * back, `observer` is alive for a last word from in here; where the connection is over, or the sending failed, it is dead.
   */
  stoppedObserving(_perspective: Perspective, _observer: CacheObserver): void {}
}

/** One peer's copy of a {@link Cacheable}, to tell of changes (`twisted.spread.flavors.RemoteCacheObserver`). */
export class CacheObserver {
  readonly #channel: Channel;
  readonly #id: number;
  readonly #perspective: Perspective;

  /** For the broker, which makes all observers. */
  constructor(channel: Channel, id: number, perspective: Perspective) {
    this.#channel = channel;
    this.#id = id;
    this.#perspective = perspective;
  }

  /** Whether there still is a copy to tell. */
  get isAlive(): boolean {
    return this.#channel.isOpen && this.#channel.given.findCache(this.#id)?.observer === this;
  }

  /** Runs an `observe_` method of the copy and resolves with what it returns. Rejects as a reference's `callRemote` does. */
  async callRemote(name: string, ...args: unknown[]): Promise<unknown> {
    return this.callRemoteWith({}, name, ...args);
  }

  async callRemoteWith(options: CallOptions, name: string, ...args: unknown[]): Promise<unknown> {
    this.#requireAlive();
    const how = { ...options, perspective: this.#perspective, pins: this, isCache: true };
    return this.#channel.call(this.#id, name, args, how);
  }

  /** Runs an `observe_` method of the copy, without an answer. What most updates want. */
  sendRemote(name: string, ...args: unknown[]): void {
    this.#requireAlive();
    this.#channel.send(this.#id, name, args, { perspective: this.#perspective, pins: this, isCache: true });
  }

  /** Not part of the interface: {@link sendRemote} for `broadcast`. */
  sendShared(shared: SharedArguments, name: string, args: readonly unknown[]): void {
    this.#channel.send(this.#id, name, args, { perspective: this.#perspective, pins: this, isCache: true, shared });
  }

  #requireAlive(): void {
    if (!this.isAlive) throw new DeadReferenceError("The peer keeps no copy of this object any more");
  }
}

/**
 * A copy that the peer keeps up to date, by calling its `observe_` methods. It stays up to date until it is collected, or disposed of, or the
 * connection ends. The constructor does not run.
 */
export abstract class RemoteCache {
  /** Takes the state that arrived first. Default: its entries become own properties; no setter runs. */
  setCopyableState(state: unknown): void {
    setOwnProperties(this, state);
  }

  /** Gives the copy back to the peer now: it is told of no more changes. The broker's handles bring what this does. */
  [Symbol.dispose](): void {}
}

/**
 * Makes what a peer sends under `name` arrive as `type`: `types.register(remoteCache("shop.Stock", Stock))`. `setState` puts the state into the
 * blank cache; default: its `setCopyableState`.
 */
export function remoteCache<T extends RemoteCache>(
  name: string,
  type: Class<T>,
  setState: (cache: T, state: unknown, channel: Channel) => void = (cache, state) => cache.setCopyableState(state),
): TypeHandler<T> {
  return {
    atoms: [name],
    classes: [],
    jelly: () => undefined,
    unjelly(unjellier, items, atom) {
      const arriving = incoming(unjellier, atom);
      const { channel } = arriving;
      const id =
        items === 2
          ? readCacheId(unjellier.reader.kind() === "integer" ? unjellier.reader.integer() : undefined)
          : readCacheId();
      if (channel.held.caches.has(id)) throw new JellyError("JELLY_MALFORMED", `Two caches have the id ${id}`);
      const cache = Object.create(type.prototype as object) as T;
      // Known before its state is read: the state may mention it.
      const handle = channel.held.caches.add(id, cache) as T;
      unjellier.registerBlank(handle);
      try {
        unjellier.readState((state) => setState(cache, state, channel));
      } catch (error) {
        // The peer counts it as held: tell it that it is not. (Twisted leaves the two sides apart: wire specification trap 10.)
        channel.held.caches.release(handle);
        throw error;
      }
      arriving.cacheArrived(id, handle, true);
      return handle;
    },
  };
}

/** An update calls `observe_` methods. */
export class CacheTarget implements Callable {
  readonly perspective: Perspective = null;
  readonly home: RemoteCache;

  constructor(cache: RemoteCache) {
    this.home = cache;
  }

  receiveCall({ method, args, kwargs }: IncomingCall): unknown {
    const found = findMethod(this.home, "observe_", method);
    return Reflect.apply(found, this.home, bindArguments(this.home, method, args, kwargs));
  }
}

export const cacheable: TypeHandler<Cacheable> = {
  atoms: ["lcache"],
  classes: [Cacheable],
  subclasses: true,
  identity: false,
  jelly(value, jellier) {
    if (jellier.repeat(value)) return;
    const out = outgoing(jellier, value);
    const { writer } = jellier;
    const { id, count, observer } = out.giveCache(
      value,
      (given) => new CacheObserver(out.channel, given, out.perspective),
    );
    if (count > 1) {
      writer.list(2);
      writer.word("cached");
      writer.integer(id);
      return;
    }
    jellier.begin(value);
    writer.list(3);
    writer.word(value.getTypeToCopy());
    writer.integer(id);
    jellier.write(value.getStateToCacheAndObserveFor(out.perspective, observer as CacheObserver));
  },
  /** `(lcache id)`: an object of ours, of which the peer has a copy, coming home. */
  unjelly(unjellier, items, atom) {
    const { channel } = incoming(unjellier, atom);
    const id = readCacheId(
      items === 1 && unjellier.reader.kind() === "integer" ? unjellier.reader.integer() : undefined,
    );
    const given = channel.given.findCache(id);
    if (given === undefined) throw new UnknownCacheError(id);
    return given.source;
  },
};

export const cache: TypeHandler<RemoteCache> = {
  atoms: ["cached"],
  classes: [RemoteCache],
  subclasses: true,
  identity: false,
  jelly(value, jellier) {
    const id = outgoing(jellier, value).channel.held.caches.idOf(value);
    if (id === undefined)
      throw new JellyError(
        "JELLY_NOT_JELLYABLE",
        "A cache can be sent only to the peer it came from, until it is given back",
      );
    jellier.writer.list(2);
    jellier.writer.word("lcache");
    jellier.writer.integer(id);
  },
  /** `(cached id)`: a copy that is here already. */
  unjelly(unjellier, items, atom) {
    const arriving = incoming(unjellier, atom);
    const id = readCacheId(
      items === 1 && unjellier.reader.kind() === "integer" ? unjellier.reader.integer() : undefined,
    );
    const handle = arriving.channel.held.caches.again(id) as RemoteCache | undefined;
    if (handle === undefined) throw new UnknownCacheError(id);
    arriving.cacheArrived(id, handle, false);
    return handle;
  },
};

function readCacheId(id?: number | bigint): number {
  if (typeof id === "number") return id;
  throw new JellyError("JELLY_MALFORMED", "A cache has a number");
}
