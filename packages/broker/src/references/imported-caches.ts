// Copies of objects of the peer, which the peer keeps up to date.

import { keyOfId } from "@pb/jelly-types";
import { nodesInCycles } from "./cache-cycles.js";
import { makeHandle } from "./cache-handle.js";
import { whenCollected, WeakValues } from "./weak-values.js";

/** One cache, until the peer has forgotten it. */
interface Entry<Cache extends object> {
  readonly id: number;
  /** The cache, or a weak reference to it while it is part of a cycle. Undefined when the peer has forgotten it. */
  cache: Cache | undefined;
  weakCache: WeakRef<Cache> | undefined;
  isInCycle: boolean;
  /** The caches that were sent in its state or its updates, or that a property of its handle was set to. */
  mentions: Set<Entry<Cache>>;
  /** The size of {@link mentions} at which those that were collected are removed from it. */
  pruneAt: number;
}

/** The first size at which the mentions of a cache are pruned. */
const FIRST_PRUNE = 64;

/** How many arrivals a handle stands for. Kept apart from the handle, so that it outlives it. */
interface ArrivalCount<Cache extends object> {
  readonly entry: Entry<Cache>;
  count: number;
}

/** The mentions of all caches that mention none: most caches. Never changed. */
const NO_MENTIONS: Set<never> = new Set<never>();

/**
 * A search for cycles waits until at least one of so many mentions is new, so that a peer that sends many small
 * messages cannot make each of them search all of the caches.
 */
const MENTIONS_PER_SEARCH = 64;

/**
 * The caches of one connection. The program does not hold a cache itself but a handle on it, a proxy. When the handle
 * is collected, the cache is released; the cache itself stays until the peer sends `uncache`, because updates and new
 * arrivals may cross the release.
 *
 * Caches that refer to each other hold each other's handles. This table would keep them alive forever, so it holds
 * caches in cycles weakly: they are collected together, and released. What crosses their release finds nothing: an
 * update is ignored, and a message that brings such a cache again cannot be read. No order of releases avoids that. The
 * protocol releases one cache at a time, and a peer can send any cache of the cycle after it has released another one,
 * which the first one needs; the peer cannot be asked to send that one again.
 */
export class ImportedCaches<Cache extends object> {
  readonly #byId = new Map<number | string, Entry<Cache>>();
  readonly #handles: WeakValues<number | string, Cache, ArrivalCount<Cache>>;
  /** By handle. */
  readonly #counts = new WeakMap<Cache, ArrivalCount<Cache>>();
  /** By the caches themselves, which their own methods see as `this`. */
  readonly #entries = new WeakMap<Cache, Entry<Cache>>();
  /** The handles of caches that are held weakly, by cache: neither is collected before the other. */
  readonly #handleOf = new WeakMap<Cache, Cache>();
  readonly #sendRelease: (id: number, count: number) => void;
  /** Caches that mention others since the last search for cycles, and the number of these mentions. */
  #mentioning = new Set<Entry<Cache>>();
  #newMentions = 0;
  #mentions = 0;
  #isSearchScheduled = false;

  /** `sendRelease` releases `count` arrivals of a cache at the peer. It must not throw. */
  constructor(sendRelease: (id: number, count: number) => void) {
    this.#sendRelease = sendRelease;
    const collected = whenCollected<ArrivalCount<Cache>>((arrivals) => {
      this.#handles.deleteCollected(keyOfId(arrivals.entry.id));
      this.#release(arrivals);
      this.#weakenCycles();
    });
    this.#handles = new WeakValues(collected);
  }

  /** The number of caches that the peer updates. */
  get size(): number {
    return this.#byId.size;
  }

  /** Whether the peer has a cache of this id and has not forgotten it. */
  has(id: number): boolean {
    return this.#byId.has(keyOfId(id));
  }

  /** The cache with this id. Undefined when it was collected. */
  get(id: number): Cache | undefined {
    return cacheOf(this.#byId.get(keyOfId(id)));
  }

  /** Adds a cache that arrived with its state, and returns its handle. */
  add(id: number, cache: Cache): Cache {
    const entry = { id, cache, weakCache: undefined, isInCycle: false, mentions: NO_MENTIONS, pruneAt: FIRST_PRUNE };
    this.#byId.set(keyOfId(id), entry);
    this.#entries.set(cache, entry);
    return this.#addArrival(entry, cache);
  }

  /**
   * Adds an arrival of a known cache, and returns its handle: the same one as long as it is in use. Returns undefined
   * for an unknown id, and for a cache that was collected.
   */
  addAgain(id: number): Cache | undefined {
    const entry = this.#byId.get(keyOfId(id));
    const cache = cacheOf(entry);
    return entry === undefined || cache === undefined ? undefined : this.#addArrival(entry, cache);
  }

  /**
   * The id of a cache or of the cache behind a handle. Undefined when it is not of this connection, or was released.
   */
  idOf(cache: Cache): number | undefined {
    const handle = this.#entries.has(cache) ? this.handleOf(cache) : cache;
    return handle === undefined ? undefined : this.#counts.get(handle)?.entry.id;
  }

  /** The handle of a cache itself. Undefined when it is not of this connection, or was released. */
  handleOf(cache: Cache): Cache | undefined {
    const entry = this.#entries.get(cache);
    return entry === undefined ? undefined : this.#handles.get(keyOfId(entry.id));
  }

  /** The handle of a cache, if `value` is one; all other values are returned unchanged. */
  toHandle(value: unknown): unknown {
    return typeof value === "object" && value !== null ? (this.handleOf(value as Cache) ?? value) : value;
  }

  /** Notes that `cache` refers to `value`, if both are caches of this connection. */
  mention(cache: Cache, value: unknown): void {
    if (typeof value !== "object" || value === null) return;
    const to = this.#entryOf(value as Cache);
    const from = to === undefined ? undefined : this.#entryOf(cache);
    if (to === undefined || from === undefined || from.mentions.has(to)) return;
    if (from.mentions.size === 0) from.mentions = new Set();
    from.mentions.add(to);
    if (this.has(from.id)) this.#mentions++;
    if (from.mentions.size >= from.pruneAt) this.#prune(from);
    this.#newMentions++;
    this.#mentioning.add(from);
    if (this.#isSearchScheduled || this.#newMentions * MENTIONS_PER_SEARCH < this.#mentions) return;
    this.#isSearchScheduled = true;
    queueMicrotask(() => this.#weakenCycles());
  }

  /** Releases all arrivals of a handle. */
  release(handle: Cache): void {
    const arrivals = this.#counts.get(handle);
    if (arrivals === undefined) return;
    const { entry } = arrivals;
    this.#counts.delete(handle);
    this.#handles.delete(keyOfId(entry.id), handle);
    entry.cache = cacheOf(entry); // It may arrive again until the peer has forgotten it.
    this.#release(arrivals);
  }

  /** Releases one arrival of a handle, unless it is the only one: then it does nothing and returns false. */
  releaseOne(handle: Cache): boolean {
    const arrivals = this.#counts.get(handle);
    if (arrivals === undefined || arrivals.count === 1) return false;
    arrivals.count--;
    this.#sendRelease(arrivals.entry.id, 1);
    return true;
  }

  /** Removes a cache that the peer has forgotten. Returns false for an unknown id. */
  forget(id: number): boolean {
    const entry = this.#byId.get(keyOfId(id));
    if (entry === undefined) return false;
    this.#byId.delete(keyOfId(id));
    this.#mentions -= entry.mentions.size;
    const cache = cacheOf(entry);
    entry.cache = undefined;
    // The program may still use it: then it holds the caches that it refers to.
    if (cache !== undefined && entry.mentions.size > 0 && typeof WeakRef !== "undefined")
      entry.weakCache = new WeakRef(cache);
    return true;
  }

  /** Whether `handle` is a handle of this table that was not released. */
  isHandle(handle: object): boolean {
    return this.#counts.has(handle as Cache);
  }

  /** Removes the mentions of caches that do not exist anymore: a cache that is updated for days may mention many. */
  #prune(entry: Entry<Cache>): void {
    const before = entry.mentions.size;
    for (const mentioned of entry.mentions) if (cacheOf(mentioned) === undefined) entry.mentions.delete(mentioned);
    if (this.has(entry.id)) this.#mentions -= before - entry.mentions.size;
    entry.pruneAt = Math.max(FIRST_PRUNE, 2 * entry.mentions.size);
  }

  #entryOf(cache: Cache): Entry<Cache> | undefined {
    return this.#entries.get(cache) ?? this.#counts.get(cache)?.entry;
  }

  #addArrival(entry: Entry<Cache>, cache: Cache): Cache {
    let handle = this.#handles.get(keyOfId(entry.id));
    let arrivals = handle === undefined ? undefined : this.#counts.get(handle);
    if (handle === undefined || arrivals === undefined) {
      handle = makeHandle(cache, this);
      arrivals = { entry, count: 0 };
      this.#counts.set(handle, arrivals);
      this.#handles.set(keyOfId(entry.id), handle, arrivals);
      if (entry.isInCycle) this.#weaken(entry);
    }
    arrivals.count++;
    return handle;
  }

  #release(arrivals: ArrivalCount<Cache>): void {
    const { entry, count } = arrivals;
    arrivals.count = 0;
    this.#sendRelease(entry.id, count);
  }

  /** Finds the cycles that mentions since the last search may have closed. */
  #weakenCycles(): void {
    this.#isSearchScheduled = false;
    if (this.#newMentions === 0) return;
    this.#newMentions = 0;
    const starts = this.#mentioning;
    this.#mentioning = new Set();
    for (const entry of nodesInCycles(starts)) {
      if (entry.isInCycle) continue;
      entry.isInCycle = true;
      this.#weaken(entry);
    }
  }

  /** Holds a cache weakly. One that is not in use is held until the peer has forgotten it. */
  #weaken(entry: Entry<Cache>): void {
    const cache = cacheOf(entry);
    const handle = this.#handles.get(keyOfId(entry.id));
    if (cache === undefined || handle === undefined || typeof WeakRef === "undefined") return;
    this.#handleOf.set(cache, handle);
    entry.weakCache ??= new WeakRef(cache);
    entry.cache = undefined;
  }
}

function cacheOf<Cache extends object>(entry: Entry<Cache> | undefined): Cache | undefined {
  return entry?.cache ?? entry?.weakCache?.deref();
}
