// What we hold of the peer's, counted: references to its objects, and copies that it keeps up to date. What nobody uses is given back.

import type { Perspective } from "../calls/callable.js";
import { ProtocolError } from "../errors.js";
import type { ObjectId, Release } from "../wire/messages.js";
import { CachesHeld } from "./imported-caches.js";
import { Imports } from "./imported-objects.js";

/** What stands here for an object of the peer. */
interface Proxy extends Disposable {
  /** False once it was given back, or the connection is over. */
  readonly isAlive: boolean;
}

export class Held<Reference extends Proxy = Proxy> {
  readonly #makeReference: (id: ObjectId, perspective: Perspective) => Reference;
  readonly #giveBack: (command: Release, id: number, count: number) => void;
  readonly #imports: Imports<Reference>;
  /** Made with the first cache: most connections never have one, and there may be thousands of them (bench `connections`). */
  #caches: CachesHeld<object> | undefined;
  /** References to objects published by name: one per name until it is released, and the peer does not count them. */
  readonly #named = new Map<string, Reference>();

  /** `giveBack` tells the peer, as long as there is one; it must not throw. */
  constructor(
    makeReference: (id: ObjectId, perspective: Perspective) => Reference,
    giveBack: (command: Release, id: number, count: number) => void,
    isTraced: boolean,
  ) {
    this.#makeReference = makeReference;
    this.#giveBack = giveBack;
    this.#imports = new Imports(makeReference, (id, count) => giveBack("decref", id, count), isTraced);
  }

  /** References that arrived and were not given back. */
  get size(): number {
    return this.#imports.held;
  }

  get cacheCount(): number {
    return this.#caches?.size ?? 0;
  }

  get caches(): CachesHeld<object> {
    return (this.#caches ??= new CachesHeld((id, count) => this.#giveBack("decache", id, count)));
  }

  /** Where each reference came from: see `Broker.leakReport`. */
  report(): string {
    return this.#imports.report();
  }

  /** The peer's object of that name. */
  named(name: string): Reference {
    let reference = this.#named.get(name);
    if (reference?.isAlive !== true) this.#named.set(name, (reference = this.#makeReference(name, null)));
    return reference;
  }

  /** The proxy of the peer's object `id`, of which one more reference has arrived. */
  arrived(id: number, perspective: Perspective): Reference {
    return this.#imports.arrived(id, perspective);
  }

  /** Gives back all references that `reference` stands for. */
  release(reference: Reference): void {
    this.#imports.release(reference);
  }

  /** Gives back one of the references or caches that `proxy` stands for; if it was the only one, `proxy` is of no use any more. */
  returnOne(command: Release, proxy: Disposable): void {
    const hadMore = command === "decref" ? this.#imports.returnOne(proxy as Reference) : this.caches.returnOne(proxy);
    if (!hadMore) proxy[Symbol.dispose]();
  }

  /** Gives back what the peer counted as sent, and what did not arrive here. */
  decline(command: Release, id: number, count: number): void {
    this.#giveBack(command, id, count);
  }

  /** The peer forgot a cache of ours. Throws {@link ProtocolError} for one that we do not have. */
  uncached(id: ObjectId): void {
    if (this.#caches?.forget(Number(id)) === true) return;
    throw new ProtocolError("PROTOCOL_UNKNOWN_CACHE", `The peer forgot the cache ${id}, which we do not have`);
  }
}
