// Objects of ours of which the peer keeps a copy that we keep up to date.

import type { Perspective } from "../calls/callable.js";

/** An object whose copies are kept up to date: a `Cacheable`. */
export interface CacheSource {
  stoppedObserving(perspective: Perspective, observer: object): void;
}

/** One object cached at the peer, as one perspective sees it. */
export interface CacheGiven {
  readonly id: number;
  readonly source: CacheSource;
  readonly perspective: Perspective;
  /** Who tells the peer of changes. */
  readonly observer: object;
  /** Times it was written and not yet given back. */
  count: number;
}

/**
 * Keyed by object and perspective: what one avatar may see is not shown to another of the same connection. (Twisted keys by object only, and
 * there the first state wins: wire specification trap 31.)
 */
export class CachesGiven {
  readonly #byId = new Map<number, CacheGiven>();
  readonly #bySource = new Map<CacheSource, Map<Perspective, CacheGiven>>();

  get size(): number {
    return this.#byId.size;
  }

  find(source: CacheSource, perspective: Perspective): CacheGiven | undefined {
    return this.#bySource.get(source)?.get(perspective);
  }

  get(id: number): CacheGiven | undefined {
    return this.#byId.get(id);
  }

  add(given: CacheGiven): void {
    this.#byId.set(given.id, given);
    let views = this.#bySource.get(given.source);
    if (views === undefined) this.#bySource.set(given.source, (views = new Map<Perspective, CacheGiven>()));
    views.set(given.perspective, given);
  }

  /**
   * One count less. Returns the entry when it was the last: sent again, the object now gets a new number, but {@link get} finds the old one until
   * {@link forget}. Throws `RangeError` for an unknown id.
   */
  release(id: number): CacheGiven | undefined {
    const given = this.#byId.get(id);
    if (given === undefined || given.count === 0) throw new RangeError(`No cache has the id ${id}`);
    given.count--;
    if (given.count > 0) return undefined;
    const views = this.#bySource.get(given.source);
    views?.delete(given.perspective);
    if (views?.size === 0) this.#bySource.delete(given.source);
    return given;
  }

  forget(id: number): void {
    this.#byId.delete(id);
  }

  *entries(): IterableIterator<CacheGiven> {
    yield* this.#byId.values();
  }
}
