// The objects of this end that the peer keeps a copy of, and how many times each was sent.

import type { Perspective } from "../calls/callable.js";

/** An object whose copies are kept up to date: a `Cacheable`. */
export interface CacheSource {
  stoppedObserving(perspective: Perspective, observer: object): void;
}

/** One object that the peer has cached, as one perspective sees it. */
export interface ExportedCache {
  readonly id: number;
  readonly source: CacheSource;
  readonly perspective: Perspective;
  /** Sends the changes to the peer. */
  readonly observer: object;
  /** How many times it was sent and not yet released. */
  count: number;
}

/**
 * Cached objects by id and by object and perspective, so that the state for one avatar is not shown to another avatar
 * of the same connection. (Twisted uses the object alone, and sends the state of the first avatar to all: wire
 * specification trap 31.)
 */
export class ExportedCaches {
  readonly #byId = new Map<number, ExportedCache>();
  readonly #bySource = new Map<CacheSource, Map<Perspective, ExportedCache>>();

  get size(): number {
    return this.#byId.size;
  }

  find(source: CacheSource, perspective: Perspective): ExportedCache | undefined {
    return this.#bySource.get(source)?.get(perspective);
  }

  get(id: number): ExportedCache | undefined {
    return this.#byId.get(id);
  }

  add(cache: ExportedCache): void {
    this.#byId.set(cache.id, cache);
    let views = this.#bySource.get(cache.source);
    if (views === undefined) this.#bySource.set(cache.source, (views = new Map<Perspective, ExportedCache>()));
    views.set(cache.perspective, cache);
  }

  /**
   * Removes one count. Returns the entry when that was the last: if the object is sent again, it gets a new id, but
   * {@link get} finds the old one until {@link forget}. Throws `RangeError` for an unknown id.
   */
  release(id: number): ExportedCache | undefined {
    const cache = this.#byId.get(id);
    if (cache === undefined || cache.count === 0) throw new RangeError(`No cache has the id ${id}`);
    cache.count--;
    if (cache.count > 0) return undefined;
    const views = this.#bySource.get(cache.source);
    views?.delete(cache.perspective);
    if (views?.size === 0) this.#bySource.delete(cache.source);
    return cache;
  }

  forget(id: number): void {
    this.#byId.delete(id);
  }

  values(): IterableIterator<ExportedCache> {
    return this.#byId.values();
  }
}
