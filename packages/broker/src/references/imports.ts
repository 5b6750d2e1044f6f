// The import table: what this end holds of the peer. References to its objects and caches, which are released when they
// are no longer in use.

import { dispose } from "@pb/banana";
import { keyOfId, printable } from "@pb/jelly-types";
import type { Connection, Perspective } from "../calls/callable.js";
import { ProtocolError } from "../errors.js";
import type { BrokerEvent } from "../events.js";
import type { ObjectId, OutboundMessage, ReleaseCommand } from "../wire/messages.js";
import { ImportedCaches } from "./imported-caches.js";
import { NearLimit } from "./near-limit.js";
import { framesHere } from "./reference-report.js";
import { requestCollection, whenCollected, WeakValues } from "./weak-values.js";
import type { Collected } from "./weak-values.js";

/** The part of a connection that the table uses. */
export interface ImportHost<Proxy = object> {
  readonly connection: Connection;
  readonly config: {
    readonly traceReferences: boolean;
    readonly limits: { readonly references: number };
    readonly onEvent: (event: BrokerEvent, connection: Connection) => void;
  };
  readonly outbox: { write(message: OutboundMessage): unknown };
  /** Makes the object that represents an object of the peer. */
  makeProxy(id: ObjectId, perspective: Perspective): Proxy;
}

/** The object that represents an object of the peer: a `RemoteReference`. */
interface ReferenceLike extends Disposable {
  /** False after it was released or the connection has ended. */
  readonly isAlive: boolean;
}

/** How many references a proxy stands for. Kept apart from the proxy, so that it outlives it. */
interface ImportedObject<Proxy extends object> {
  readonly id: number;
  /** The proxies among which this one is found. */
  readonly siblings: Proxies<Proxy>;
  /** References received and not yet released. */
  count: number;
  /** The stack at each arrival, if that is traced. */
  readonly arrivals: string[];
}

type Proxies<Proxy extends object> = WeakValues<number | string, Proxy, ImportedObject<Proxy>>;

/** The references that a connection has received. */
class ImportedReferences<Proxy extends object> {
  readonly #collected: Collected<ImportedObject<Proxy>>;
  readonly #proxies: Proxies<Proxy>;
  /**
   * A reference belongs to the perspective that received it: each perspective has its own proxies, which are forgotten
   * with it.
   */
  #proxiesOf: WeakMap<object, Proxies<Proxy>> | undefined;
  readonly objects = new WeakMap<Proxy, ImportedObject<Proxy>>();
  /** Warns when they come near the limit that the peer has by default. */
  readonly nearLimit: NearLimit;

  /** `releaseAll` is called with objects whose proxy was collected. */
  constructor(limit: number, releaseAll: (object: ImportedObject<Proxy>) => void) {
    this.#collected = whenCollected((object) => {
      object.siblings.deleteCollected(keyOfId(object.id));
      releaseAll(object);
    });
    this.#proxies = new WeakValues(this.#collected);
    this.nearLimit = new NearLimit(limit);
  }

  /** The proxies of one perspective. */
  siblingsFor(perspective: Perspective): Proxies<Proxy> {
    if (perspective === null) return this.#proxies;
    const proxiesOf = (this.#proxiesOf ??= new WeakMap());
    let proxies = proxiesOf.get(perspective);
    if (proxies === undefined) proxiesOf.set(perspective, (proxies = new WeakValues(this.#collected)));
    return proxies;
  }
}

export class ImportTable<Proxy extends ReferenceLike = ReferenceLike> {
  readonly #host: ImportHost<Proxy>;
  /**
   * All tables are created with their first entry: most connections never have one, and there may be thousands of
   * connections (bench `connections`).
   */
  #references: ImportedReferences<Proxy> | undefined;
  #traced: Set<ImportedObject<Proxy>> | undefined;
  /** References to published objects: one per name until it is released. The peer does not count them. */
  #named: Map<string, Proxy> | undefined;
  #caches: ImportedCaches<object> | undefined;
  #size = 0;
  /** The objects of the peer that are held. */
  #objectCount = 0;

  constructor(host: ImportHost<Proxy>) {
    this.#host = host;
  }

  // References

  /** The number of references received and not yet released. */
  get size(): number {
    return this.#size;
  }

  /** The number of objects of the peer that are held, each of which may have several references. */
  get objectCount(): number {
    return this.#objectCount;
  }

  /** The reference to the object that the peer published under a name. */
  named(name: string): Proxy {
    const named = (this.#named ??= new Map<string, Proxy>());
    let proxy = named.get(name);
    if (proxy?.isAlive !== true) named.set(name, (proxy = this.#host.makeProxy(name, null)));
    return proxy;
  }

  /** Adds one received reference to the object `id`, and returns its proxy. */
  add(id: number, perspective: Perspective, origin?: string): Proxy {
    const references = (this.#references ??= new ImportedReferences(this.#host.config.limits.references, (collected) =>
      this.#releaseAll(collected),
    ));
    const siblings = references.siblingsFor(perspective);
    const key = keyOfId(id);
    let proxy = siblings.get(key);
    let object = proxy === undefined ? undefined : references.objects.get(proxy);
    if (proxy === undefined || object === undefined) {
      proxy = this.#host.makeProxy(id, perspective);
      object = { id, siblings, count: 0, arrivals: [] };
      references.objects.set(proxy, object);
      siblings.set(key, proxy, object);
      if (++this.#objectCount >= references.nearLimit.next) this.#approachLimit(references.nearLimit);
    }
    object.count++;
    this.#size++;
    if (this.#host.config.traceReferences) this.#trace(object, origin);
    return proxy;
  }

  /** Releases all references that `proxy` stands for. A later arrival gets a new proxy. */
  release(proxy: Proxy): void {
    const object = this.#references?.objects.get(proxy);
    if (object === undefined) return;
    this.#references?.objects.delete(proxy);
    object.siblings.delete(keyOfId(object.id), proxy);
    this.#releaseAll(object);
  }

  /**
   * Each reference held and the stacks of its arrivals, the most numerous first. Empty when references are not traced.
   */
  report(): string {
    const held = [...(this.#traced ?? [])].sort((a, b) => b.count - a.count);
    return held
      .map(({ id, count, arrivals }) => `object ${id}: ${count} references\n${arrivals.join("\n")}`)
      .join("\n");
  }

  /** The peer may refuse to send further objects soon. Most references of a program are usually not in use anymore. */
  #approachLimit(nearLimit: NearLimit): void {
    requestCollection();
    const count = this.#objectCount;
    const { config, connection } = this.#host;
    nearLimit.limit = config.limits.references;
    if (!nearLimit.reach(count)) return;
    config.onEvent({ kind: "references-near-limit", held: true, count, limit: nearLimit.limit }, connection);
  }

  #releaseAll(object: ImportedObject<Proxy>): void {
    const { id, count } = object;
    this.#references?.nearLimit.leave(--this.#objectCount);
    object.count = 0;
    this.#traced?.delete(object);
    this.#size -= count;
    this.#sendReleases("decref", id, count);
  }

  #releaseOneReference(proxy: Proxy): boolean {
    const object = this.#references?.objects.get(proxy);
    if (object === undefined || object.count === 1) return false;
    object.count--;
    object.arrivals.pop();
    this.#size--;
    this.#sendReleases("decref", object.id, 1);
    return true;
  }

  #trace(object: ImportedObject<Proxy>, origin = framesHere()): void {
    (this.#traced ??= new Set()).add(object);
    object.arrivals.push(origin);
  }

  // Caches

  get cacheCount(): number {
    return this.#caches?.size ?? 0;
  }

  get caches(): ImportedCaches<object> {
    return (this.#caches ??= new ImportedCaches((id, count) => this.#sendReleases("decache", id, count)));
  }

  /** Removes a cache that the peer has forgotten. Throws {@link ProtocolError} for one that this end does not have. */
  uncache(id: ObjectId): void {
    if (this.#caches?.forget(Number(id)) === true) return;
    throw new ProtocolError(
      "PROTOCOL_UNKNOWN_CACHE",
      `The peer forgot the cache ${printable(String(id))}, which this end does not have`,
    );
  }

  // Messages that could not be read

  /** Releases one arrival of a reference or of a cache. If it was the only one, `proxy` is disposed of. */
  releaseOne(command: ReleaseCommand, proxy: Disposable): void {
    const hasMore = command === "decref" ? this.#releaseOneReference(proxy as Proxy) : this.caches.releaseOne(proxy);
    if (!hasMore) proxy[dispose]();
  }

  /** Releases arrivals that the peer has counted, but that this end has not read. */
  releaseUnread(command: ReleaseCommand, id: number, count: number): void {
    this.#sendReleases(command, id, count);
  }

  /** Each count is released by a message of its own: together they could exceed the size of a message. */
  #sendReleases(command: ReleaseCommand, id: number, count: number): void {
    if (!this.#host.connection.isOpen) return;
    for (let left = count; left > 0; left--) this.#host.outbox.write({ command, id });
  }
}
