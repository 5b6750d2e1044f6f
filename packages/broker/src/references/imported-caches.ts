// Copies of objects of the peer, which the peer keeps up to date.

import { keyOfId } from "@pb/jelly-types";
import { whenCollected, WeakValues } from "./weak-values.js";

/** How many arrivals a handle stands for. Kept apart from the handle, so that it outlives it. */
interface ArrivalCount {
  readonly id: number;
  count: number;
}

/**
 * The caches of one connection. The program does not hold a cache itself but a handle on it, a proxy. When the handle
 * is collected, the cache is released; the cache itself stays until the peer sends `uncache`, because updates and new
 * arrivals may cross the release.
 */
export class ImportedCaches<Cache extends object> {
  readonly #byId = new Map<number | string, Cache>();
  readonly #handles: WeakValues<number | string, Cache, ArrivalCount>;
  readonly #counts = new WeakMap<Cache, ArrivalCount>();
  /** The ids of the caches themselves, which their own methods see as `this`. */
  readonly #ids = new WeakMap<Cache, number>();
  readonly #sendRelease: (id: number, count: number) => void;

  /** `sendRelease` releases `count` arrivals of a cache at the peer. It must not throw. */
  constructor(sendRelease: (id: number, count: number) => void) {
    this.#sendRelease = sendRelease;
    const collected = whenCollected<ArrivalCount>((arrivals) => {
      this.#handles.deleteCollected(keyOfId(arrivals.id));
      this.#release(arrivals);
    });
    this.#handles = new WeakValues(collected);
  }

  /** The number of caches that the peer updates. */
  get size(): number {
    return this.#byId.size;
  }

  has(id: number): boolean {
    return this.#byId.has(keyOfId(id));
  }

  get(id: number): Cache | undefined {
    return this.#byId.get(keyOfId(id));
  }

  /** Adds a cache that arrived with its state, and returns its handle. */
  add(id: number, cache: Cache): Cache {
    this.#byId.set(keyOfId(id), cache);
    this.#ids.set(cache, id);
    return this.#addArrival(id, cache);
  }

  /**
   * Adds an arrival of a known cache, and returns its handle: the same one as long as it is in use. Returns undefined
   * for an unknown id.
   */
  addAgain(id: number): Cache | undefined {
    const cache = this.#byId.get(keyOfId(id));
    return cache === undefined ? undefined : this.#addArrival(id, cache);
  }

  /**
   * The id of a cache or of the cache behind a handle. Undefined when it is not of this connection, or was released.
   */
  idOf(cache: Cache): number | undefined {
    const id = this.#ids.get(cache);
    const handle = id === undefined ? cache : this.#handles.get(keyOfId(id));
    return handle === undefined ? undefined : this.#counts.get(handle)?.id;
  }

  /** Releases all arrivals of a handle. */
  release(handle: Cache): void {
    const arrivals = this.#counts.get(handle);
    if (arrivals === undefined) return;
    this.#counts.delete(handle);
    this.#handles.delete(keyOfId(arrivals.id), handle);
    this.#release(arrivals);
  }

  /** Releases one arrival of a handle, unless it is the only one: then it does nothing and returns false. */
  releaseOne(handle: Cache): boolean {
    const arrivals = this.#counts.get(handle);
    if (arrivals === undefined || arrivals.count === 1) return false;
    arrivals.count--;
    this.#sendRelease(arrivals.id, 1);
    return true;
  }

  /** Removes a cache that the peer has forgotten. Returns false for an unknown id. */
  forget(id: number): boolean {
    return this.#byId.delete(keyOfId(id));
  }

  #addArrival(id: number, cache: Cache): Cache {
    let handle = this.#handles.get(keyOfId(id));
    let arrivals = handle === undefined ? undefined : this.#counts.get(handle);
    if (handle === undefined || arrivals === undefined) {
      handle = makeHandle(cache, (released) => this.release(released));
      arrivals = { id, count: 0 };
      this.#counts.set(handle, arrivals);
      this.#handles.set(keyOfId(id), handle, arrivals);
    }
    arrivals.count++;
    return handle;
  }

  #release(arrivals: ArrivalCount): void {
    const { id, count } = arrivals;
    arrivals.count = 0;
    this.#sendRelease(id, count);
  }
}

/**
 * A proxy of a cache. It behaves like the cache, except that `Symbol.dispose` releases it. Its methods run with the
 * cache as `this`, so that private fields work; a method that returns the cache returns the handle instead.
 */
function makeHandle<Cache extends object>(cache: Cache, release: (handle: Cache) => void): Cache {
  const methods = new WeakMap<object, unknown>();
  return new Proxy(cache, {
    get(target, key, handle): unknown {
      if (key === Symbol.dispose) return () => release(handle as Cache);
      const value: unknown = Reflect.get(target, key, target);
      if (typeof value !== "function" || key === "constructor") return value;
      let method = methods.get(value);
      if (method === undefined) {
        method = function (this: unknown, ...args: unknown[]): unknown {
          const self = this === handle ? target : this;
          const result = Reflect.apply(value as (...args: unknown[]) => unknown, self, args);
          return result === target ? (handle as unknown) : result;
        };
        methods.set(value, method);
      }
      return method;
    },
    set: (target, key, value) => Reflect.set(target, key, value, target),
  });
}
