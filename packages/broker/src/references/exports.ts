// What the peer holds of ours, counted: objects it may call, and objects it keeps a copy of. Their owners hear when it holds them no more.

import type { Callable, Connection, Perspective } from "../calls/callable.js";
import { PBError, ProtocolError } from "../errors.js";
import type { BrokerLimits } from "../limits.js";
import type { ObjectId } from "../wire/messages.js";
import { CachesGiven } from "./exported-caches.js";
import type { CacheGiven, CacheSource } from "./exported-caches.js";
import { Exports } from "./exported-objects.js";

/** How often a peer is refused what is over the limit before the connection ends: Twisted's way, which its users know (wire specification 5.11). */
const REFUSALS = 3;

/** What of the options matters here. */
interface Settings {
  readonly limits: Pick<BrokerLimits, "references">;
  /** Runs what is the program's, whose errors are for its watcher. */
  run(callback: () => void): void;
}

/** The connection the peer holds it over. */
export interface GivenOver {
  readonly connection: Connection;
  readonly isOpen: boolean;
  /** Throws `ConnectionLostError` when it is over. */
  requireOpen(): void;
  /** Tells the peer that a cache is forgotten. */
  forgotten(id: number): void;
  /** The peer held too much too often. */
  overLimit(error: PBError): void;
}

export class Given {
  readonly #over: GivenOver;
  readonly #settings: Settings;
  readonly #exports: Exports;
  /** Made with the first cache: most connections never have one, and there may be thousands of them (bench `connections`). */
  #caches: CachesGiven | undefined;
  /** Numbers for references and caches: one row for both, none used twice. */
  #lastId = 0;
  #refusals = 0;

  constructor(over: GivenOver, settings: Settings) {
    this.#over = over;
    this.#settings = settings;
    this.#exports = new Exports(() => ++this.#lastId);
  }

  // References

  /** Objects that the peer holds references to. */
  get size(): number {
    return this.#exports.size;
  }

  /** References to the object known by `key`, written and not given back. */
  countOf(key: object): number {
    return this.#exports.countOf(key);
  }

  find(id: number): Callable | undefined {
    return this.#exports.find(id);
  }

  /**
   * Counts one more reference to an object, and returns its id. Throws {@link PBError} when the peer holds too many, and when the connection is
   * over, as it may be since a state hook closed it: nobody would hear that the object is not held any more.
   */
  give(key: object, target: Callable): number {
    this.#over.requireOpen();
    if (!this.#exports.has(key) && this.#exports.size >= this.#settings.limits.references) this.#refuse("reference");
    return this.#exports.give(key, target).id;
  }

  /** Takes back one reference counted by {@link give}, which will not be sent after all. */
  takeBack(id: number): void {
    // A peer may have guessed the number of what it was not sent, and have released it.
    if (!this.#over.isOpen || this.#exports.find(id) === undefined) return;
    const last = this.#exports.release(id);
    if (last !== undefined) this.#unreferenced(last.target);
  }

  /** The peer gives one back. Throws {@link ProtocolError} for an id that it does not hold. */
  released(id: ObjectId): void {
    let last;
    try {
      last = this.#exports.release(id);
    } catch (cause) {
      const text = `The peer released the object ${id}, which it does not hold`;
      throw new ProtocolError("PROTOCOL_UNKNOWN_REFERENCE", text, { cause });
    }
    if (last !== undefined) this.#unreferenced(last.target);
  }

  // Caches

  /** Objects that the peer keeps a copy of. */
  get cacheCount(): number {
    return this.#caches?.size ?? 0;
  }

  /** Times the object was sent to be cached and not given back, as `perspective` sees it. */
  countOfCache(source: CacheSource, perspective: Perspective): number {
    return this.#caches?.find(source, perspective)?.count ?? 0;
  }

  findCache(id: number): CacheGiven | undefined {
    return this.#caches?.get(id);
  }

  /** Counts one more sending of an object; the first gives it a number and an observer. Throws as {@link give} does. */
  giveCache(source: CacheSource, perspective: Perspective, observerFor: (id: number) => object): CacheGiven {
    this.#over.requireOpen();
    const caches = (this.#caches ??= new CachesGiven());
    let given = caches.find(source, perspective);
    if (given === undefined) {
      if (caches.size >= this.#settings.limits.references) this.#refuse("cache");
      const id = ++this.#lastId;
      given = { id, source, perspective, observer: observerFor(id), count: 0 };
      caches.add(given);
    }
    given.count++;
    return given;
  }

  /** Takes back one count of {@link giveCache}, which will not be sent after all. */
  takeBackCache(id: number): void {
    if (!this.#over.isOpen) return;
    const last = this.#caches?.release(id);
    if (last === undefined) return;
    this.#caches?.forget(id);
    this.#stoppedObserving(last);
  }

  /** The peer gives one count back. Throws {@link ProtocolError} for an id that it does not hold. */
  cacheReleased(id: ObjectId): void {
    const caches = (this.#caches ??= new CachesGiven());
    let last;
    try {
      last = caches.release(Number(id));
    } catch (cause) {
      const text = `The peer released the cache ${id}, which it does not hold`;
      throw new ProtocolError("PROTOCOL_UNKNOWN_CACHE", text, { cause });
    }
    if (last === undefined) return;
    // What is told to the observer now must still find the copy.
    this.#stoppedObserving(last);
    caches.forget(last.id);
    if (this.#over.isOpen) this.#over.forgotten(last.id);
  }

  // The end

  /** The connection is over: nobody observes any more. */
  endCaches(): void {
    for (const given of this.#caches?.entries() ?? []) if (given.count > 0) this.#stoppedObserving(given);
  }

  /** The connection is over: the peer holds no references any more. */
  endReferences(): void {
    for (const { target } of this.#exports.entries()) this.#unreferenced(target);
  }

  #refuse(what: "reference" | "cache"): never {
    const text = `Maximum PB ${what} count exceeded.`;
    if (++this.#refusals <= REFUSALS) throw new PBError(text);
    queueMicrotask(() => this.#over.overLimit(new PBError(text)));
    throw new PBError(`${text}  Goodbye.`);
  }

  #stoppedObserving({ source, perspective, observer }: CacheGiven): void {
    this.#settings.run(() => source.stoppedObserving(perspective, observer));
  }

  #unreferenced(target: Callable): void {
    this.#settings.run(() => target.unreferenced?.(this.#over.connection));
  }
}
