// The export table: what the peer holds of this end. Objects that it may call, and objects that it keeps a copy of,
// each with its count.

import { printable } from "@pb/jelly-types";
import type { Callable, Connection, Perspective } from "../calls/callable.js";
import { PBError, ProtocolError } from "../errors.js";
import type { CloseReason } from "../errors.js";
import type { BrokerEvent } from "../events.js";
import type { ObjectId, OutboundMessage } from "../wire/messages.js";
import { ExportedCaches } from "./exported-caches.js";
import type { CacheSource, ExportedCache } from "./exported-caches.js";
import { NearLimit } from "./near-limit.js";
import { classNameOf } from "./reference-report.js";

/**
 * How many times an object over the limit is refused before the connection ends, as in Twisted (wire specification
 * 5.11).
 */
const REFUSALS = 3;

/** The part of a connection that the table uses. */
export interface ExportHost {
  readonly connection: Connection;
  /** The objects that are published under a name. */
  readonly published: { get(name: string): Callable | undefined };
  readonly config: {
    readonly limits: { readonly references: number };
    readonly onEvent: (event: BrokerEvent, connection: Connection) => void;
    /** Runs a callback of the program and reports what it throws. */
    runCallback(callback: () => unknown, connection: Connection): void;
  };
  readonly owner: {
    /** Throws `ConnectionLostError` when the connection has ended. */
    requireOpen(): void;
    end(reason: CloseReason, cause: Error): void;
  };
  readonly outbox: { write(message: OutboundMessage): unknown };
}

/** One object that the peer holds references to. */
interface ExportedObject {
  readonly id: number;
  /** The object by which the entry is found when it is sent again. */
  readonly key: object;
  readonly target: Callable;
  /** References sent and not yet released. */
  count: number;
  /** How often each call has sent it, if that is traced. */
  origins?: Map<string, number>;
}

/** An object that calls in flight have sent as an argument. */
interface KeptObject {
  readonly home: object;
  /** How many times they have sent it. */
  count: number;
}

/** The objects that the peer holds references to. */
class ExportedObjects {
  readonly byId = new Map<number, ExportedObject>();
  readonly byKey = new Map<object, ExportedObject>();
  /** Warns when they come near the limit. */
  readonly nearLimit: NearLimit;

  constructor(limit: number) {
    this.nearLimit = new NearLimit(limit);
  }
}

export class ExportTable {
  readonly #host: ExportHost;
  /**
   * All tables are created with their first entry: most connections never have one, and there may be thousands of
   * connections (bench `connections`).
   */
  #objects: ExportedObjects | undefined;
  #caches: ExportedCaches | undefined;
  /** Created with the first call that sends an object. */
  #kept: Map<number, KeptObject> | undefined;
  /** References and caches share one sequence of ids, and no id is used twice. */
  #lastId = 0;
  #refusals = 0;

  constructor(host: ExportHost) {
    this.#host = host;
  }

  // Objects

  /** The number of objects that the peer holds references to. */
  get size(): number {
    return this.#objects === undefined ? 0 : this.#objects.byId.size;
  }

  /** References to the object known by `key` that were sent and not yet released. */
  countOf(key: object): number {
    return this.#objects?.byKey.get(key)?.count ?? 0;
  }

  /** The object that the peer calls by this id: a published name, or a number that was sent to it. */
  find(id: ObjectId): Callable | undefined {
    return typeof id === "string" ? this.#host.published.get(id) : this.#objects?.byId.get(id)?.target;
  }

  /** The object that `value` was sent as, alone and under this id. Undefined when it was sent as a part of `value`. */
  targetOf(value: unknown, id: number): Callable | undefined {
    const entry = this.#objects?.byId.get(id);
    return entry?.key === value || entry?.target.home === value ? entry?.target : undefined;
  }

  /**
   * Adds one reference to an object and returns its id. Throws {@link PBError} when the peer holds too many objects,
   * and `ConnectionLostError` when the connection has ended (a state hook may have closed it): then nothing would ever
   * release the object.
   */
  add(key: object, target: Callable, origin?: string): number {
    this.#host.owner.requireOpen();
    const objects = (this.#objects ??= new ExportedObjects(this.#host.config.limits.references));
    const { byId, byKey } = objects;
    let entry = byKey.get(key);
    if (entry === undefined) {
      if (byId.size >= this.#host.config.limits.references) this.#refuse("reference");
      entry = { id: ++this.#lastId, key, target, count: 0 };
      byId.set(entry.id, entry);
      byKey.set(key, entry);
      if (byId.size >= objects.nearLimit.next) this.#approachLimit(objects);
    }
    entry.count++;
    if (origin !== undefined) {
      const origins = (entry.origins ??= new Map<string, number>());
      origins.set(origin, (origins.get(origin) ?? 0) + 1);
    }
    return entry.id;
  }

  /** Removes one reference that {@link add} added for a message that is not sent. */
  rollback(id: number): void {
    // The peer may have guessed the id, and released an object that it was not sent.
    const entry = this.#objects?.byId.get(id);
    if (entry !== undefined && this.#host.connection.isOpen) this.#removeOne(entry);
  }

  /** The peer releases one reference. Throws {@link ProtocolError} for an id that it does not hold. */
  release(id: ObjectId): void {
    const entry = typeof id === "number" ? this.#objects?.byId.get(id) : undefined;
    if (entry !== undefined) this.#removeOne(entry);
    else
      throw new ProtocolError(
        "PROTOCOL_UNKNOWN_REFERENCE",
        `The peer released the object ${printable(String(id))}, which it does not hold`,
      );
  }

  #removeOne(entry: ExportedObject): void {
    entry.count--;
    if (entry.count > 0) return;
    const { byId, byKey, nearLimit } = this.#objects!;
    byId.delete(entry.id);
    byKey.delete(entry.key);
    nearLimit.leave(byId.size);
    this.#unreferenced(entry.target);
  }

  /** The objects that the peer holds, by class, and by the calls that have sent them while that was traced. */
  report(): string {
    const counts = new Map<string, number>();
    const add = (line: string, count: number): unknown => counts.set(line, (counts.get(line) ?? 0) + count);
    for (const { target, count, origins } of this.#objects?.byId.values() ?? []) {
      const type = `given ${classNameOf(target)}`;
      add(type, count);
      for (const [origin, times] of origins ?? []) add(`${type}${origin.slice(3)}`, times);
    }
    return [...counts].map(([line, count]) => `${line}: ${count} references`).join("\n");
  }

  // What calls in flight have sent

  /**
   * Keeps an object findable by its id until {@link unkeep}, although the peer may release it. A stock peer that sends
   * back an argument of a call may send its release first: Python drops the reference when the method returns, and the
   * answer is written after that.
   */
  keep(id: number, home: object): void {
    const kept = (this.#kept ??= new Map<number, KeptObject>()).get(id);
    if (kept === undefined) this.#kept.set(id, { home, count: 1 });
    else kept.count++;
  }

  unkeep(id: number): void {
    const kept = this.#kept?.get(id);
    if (kept !== undefined && --kept.count === 0) this.#kept?.delete(id);
  }

  /** The object of this end that the peer sends back by this id, if the peer holds it, or was sent it by a call. */
  homeOf(id: ObjectId): object | undefined {
    return this.find(id)?.home ?? (typeof id === "number" ? this.#kept?.get(id)?.home : undefined);
  }

  /** The same for an object of which the peer has a copy. */
  sourceOf(id: number): object | undefined {
    return this.findCache(id)?.source ?? this.#kept?.get(id)?.home;
  }

  // Caches

  /** The number of objects that the peer keeps a copy of. */
  get cacheCount(): number {
    return this.#caches?.size ?? 0;
  }

  /** How many times the object was sent to be cached and not yet released, as `perspective` sees it. */
  countOfCache(source: CacheSource, perspective: Perspective): number {
    return this.#caches?.find(source, perspective)?.count ?? 0;
  }

  findCache(id: number): ExportedCache | undefined {
    return this.#caches?.get(id);
  }

  /** Adds one count of a cached object. The first one assigns its id and its observer. Throws as {@link add} does. */
  addCache(source: CacheSource, perspective: Perspective, observerFor: (id: number) => object): ExportedCache {
    this.#host.owner.requireOpen();
    const caches = (this.#caches ??= new ExportedCaches());
    let cache = caches.find(source, perspective);
    if (cache === undefined) {
      if (caches.size >= this.#host.config.limits.references) this.#refuse("cache");
      const id = ++this.#lastId;
      cache = { id, source, perspective, observer: observerFor(id), count: 0 };
      caches.add(cache);
    }
    cache.count++;
    return cache;
  }

  /** Removes one count that {@link addCache} added for a message that is not sent. */
  rollbackCache(id: number): void {
    if (!this.#host.connection.isOpen) return;
    const last = this.#caches?.release(id);
    if (last === undefined) return;
    this.#caches?.forget(id);
    this.#stoppedObserving(last);
  }

  /** The peer releases one count. Throws {@link ProtocolError} for an id that it does not hold. */
  releaseCache(id: ObjectId): void {
    const caches = (this.#caches ??= new ExportedCaches());
    let last;
    try {
      last = caches.release(Number(id));
    } catch (cause) {
      const text = `The peer released the cache ${printable(String(id))}, which it does not hold`;
      throw new ProtocolError("PROTOCOL_UNKNOWN_CACHE", text, { cause });
    }
    if (last === undefined) return;
    // An update that `stoppedObserving` sends still has to find the copy: it is forgotten only then.
    this.#stoppedObserving(last);
    caches.forget(last.id);
    if (this.#host.connection.isOpen) this.#host.outbox.write({ command: "uncache", id: last.id });
  }

  // The end of the connection

  /** Tells the cached objects that the peer does not observe them anymore. */
  endCaches(): void {
    for (const cache of this.#caches?.values() ?? []) if (cache.count > 0) this.#stoppedObserving(cache);
  }

  /** Tells the referenced objects that the peer does not hold them anymore. */
  endReferences(): void {
    for (const { target } of this.#objects?.byId.values() ?? []) this.#unreferenced(target);
  }

  #approachLimit({ byId, nearLimit }: ExportedObjects): void {
    const count = byId.size;
    const { config, connection } = this.#host;
    nearLimit.limit = config.limits.references;
    // The first time, a peer of this library begins to look for references that it can release.
    if (!nearLimit.reach(count)) return;
    config.onEvent({ kind: "references-near-limit", held: false, count, limit: nearLimit.limit }, connection);
  }

  #refuse(what: "reference" | "cache"): never {
    const { references } = this.#host.config.limits;
    const text = `Maximum PB ${what} count exceeded.`;
    const advice = `The receiver holds ${references} objects: let it release those it does not use, or raise the limit`;
    if (++this.#refusals <= REFUSALS) throw new PBError(`${text} ${advice}`);
    queueMicrotask(() => this.#host.owner.end("limit", new PBError(text)));
    throw new PBError(`${text}  Goodbye. ${advice}`);
  }

  #stoppedObserving({ source, perspective, observer }: ExportedCache): void {
    const { config, connection } = this.#host;
    config.runCallback(() => source.stoppedObserving(perspective, observer), connection);
  }

  #unreferenced(target: Callable): void {
    const { config, connection } = this.#host;
    config.runCallback(() => target.unreferenced?.(connection), connection);
  }
}
