// Copies of the peer's objects that the peer keeps up to date.

import { whenCollected, WeakValues } from "./weak-values.js";

/** One cache: kept until the peer says `uncache`, since updates and new handles may cross our giving it back. */
interface CacheHeld<Cache extends object> {
  readonly id: number;
  readonly cache: Cache;
}

/** How many arrivals a handle stands for, apart from it so that it outlives it. */
interface Holding {
  readonly id: number;
  count: number;
}

export class CachesHeld<Cache extends object> {
  readonly #byId = new Map<number, CacheHeld<Cache>>();
  readonly #handles: WeakValues<number, Cache, Holding>;
  readonly #holdings = new WeakMap<Cache, Holding>();
  /** The caches themselves, which their own methods see as `this`. */
  readonly #ids = new WeakMap<Cache, number>();
  readonly #release: (id: number, count: number) => void;

  /** `release` is told how many arrivals of a cache are given back; it must not throw. */
  constructor(release: (id: number, count: number) => void) {
    this.#release = release;
    const collected = whenCollected<Holding>((holding) => {
      this.#handles.deleteCollected(holding.id);
      this.#giveBack(holding);
    });
    this.#handles = new WeakValues(collected);
  }

  /** Caches the peer updates. */
  get size(): number {
    return this.#byId.size;
  }

  has(id: number): boolean {
    return this.#byId.has(id);
  }

  get(id: number): Cache | undefined {
    return this.#byId.get(id)?.cache;
  }

  /** A cache arrived in full. Returns what the program holds of it. */
  add(id: number, cache: Cache): Cache {
    this.#byId.set(id, { id, cache });
    this.#ids.set(cache, id);
    return this.#arrived(id, cache);
  }

  /** A cache that is here was sent again. Returns its handle, the same one as long as somebody has it; undefined for an unknown id. */
  again(id: number): Cache | undefined {
    const held = this.#byId.get(id);
    return held === undefined ? undefined : this.#arrived(id, held.cache);
  }

  /** The id of a cache, or of the cache behind a handle; undefined when it is none of this connection or was given back. */
  idOf(cache: Cache): number | undefined {
    const id = this.#ids.get(cache);
    const handle = id === undefined ? cache : this.#handles.get(id);
    return handle === undefined ? undefined : this.#holdings.get(handle)?.id;
  }

  /** Gives a handle back. */
  release(handle: Cache): void {
    const holding = this.#holdings.get(handle);
    if (holding === undefined) return;
    this.#holdings.delete(handle);
    this.#handles.delete(holding.id, handle);
    this.#giveBack(holding);
  }

  /** Gives back one of the arrivals that a handle stands for. Returns false, and does nothing, unless there are more of them. */
  returnOne(handle: Cache): boolean {
    const holding = this.#holdings.get(handle);
    if (holding === undefined || holding.count === 1) return false;
    holding.count--;
    this.#release(holding.id, 1);
    return true;
  }

  /** The peer forgot it. Returns false for an unknown id. */
  forget(id: number): boolean {
    return this.#byId.delete(id);
  }

  #arrived(id: number, cache: Cache): Cache {
    let handle = this.#handles.get(id);
    let holding = handle === undefined ? undefined : this.#holdings.get(handle);
    if (handle === undefined || holding === undefined) {
      handle = handleOn(cache, (given) => this.release(given));
      holding = { id, count: 0 };
      this.#holdings.set(handle, holding);
      this.#handles.set(id, handle, holding);
    }
    holding.count++;
    return handle;
  }

  #giveBack(holding: Holding): void {
    const { id, count } = holding;
    holding.count = 0;
    this.#release(id, count);
  }
}

/**
 * What the program holds instead of the cache itself: whether it still does must be seen while the cache has to stay. Behaves as the cache in
 * every way; methods run on the cache, so that private fields work.
 */
function handleOn<Cache extends object>(cache: Cache, release: (handle: Cache) => void): Cache {
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
          const result = Reflect.apply(value as (...given: unknown[]) => unknown, self, args);
          return result === target ? (handle as unknown) : result;
        };
        methods.set(value, method);
      }
      return method;
    },
    set: (target, key, value) => Reflect.set(target, key, value, target),
  });
}
