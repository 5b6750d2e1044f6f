// The references to local objects that belong together: what the tables of a connection are for remote ones.

import type { Connection, Perspective } from "../calls/callable.js";
import type { BrokerConfig } from "../engine/config.js";
import type { StreamHost } from "../flavors/stream-source.js";
import { Referenceable } from "../flavors/referenceable.js";
import { weakly, whenCollected } from "../references/weak-values.js";
import type { Weakly } from "../references/weak-values.js";

/** An object that may want to know when nothing refers to it anymore. */
interface Target {
  readonly unreferenced?: (connection: Connection) => void;
}

type References<Reference extends object> = WeakMap<object, Weakly<Reference>>;

/**
 * Gives out one reference per object and perspective, and calls `unreferenced` of an object when all of its references
 * were disposed of or collected.
 *
 * An object with a method `unreferenced` is kept in memory as long as there is a reference to it, as over a connection.
 * If two such objects hold references to each other, dispose of one of them.
 */
export class LocalSpace<Reference extends object> {
  readonly config: BrokerConfig;
  /** What the sources of streams use of their connection. */
  readonly streams: StreamHost;
  readonly #connection: Connection;
  readonly #make: (object: object, perspective: Perspective) => Reference;
  readonly #references: References<Reference> = new WeakMap();
  readonly #referencesOf = new WeakMap<object, References<Reference>>();
  /** The number of references to each object with a method `unreferenced`. */
  readonly #counts = new WeakMap<object, number>();
  readonly #collected = whenCollected<Target>((object) => this.#forget(object));

  constructor(
    config: BrokerConfig,
    connection: Connection,
    make: (object: object, perspective: Perspective) => Reference,
  ) {
    this.config = config;
    this.streams = { openStreams: 0, connection, config };
    this.#connection = connection;
    this.#make = make;
  }

  /** The reference to `object` that `perspective` has. */
  get(object: object, perspective: Perspective): Reference {
    const references = this.#of(perspective);
    let reference = references.get(object)?.deref();
    if (reference === undefined) {
      references.set(object, weakly((reference = this.#make(object, perspective))));
      this.#watch(object, reference);
    }
    return reference;
  }

  /** A reference was disposed of: it is not given out again. */
  release(object: object, perspective: Perspective, reference: Reference): void {
    this.#of(perspective).delete(object);
    if (!wantsToKnow(object)) return;
    this.#collected?.unregister(reference);
    this.#forget(object);
  }

  #of(perspective: Perspective): References<Reference> {
    if (perspective === null) return this.#references;
    let references = this.#referencesOf.get(perspective);
    if (references === undefined) this.#referencesOf.set(perspective, (references = new WeakMap()));
    return references;
  }

  #watch(object: object, reference: Reference): void {
    if (!wantsToKnow(object)) return;
    this.#counts.set(object, (this.#counts.get(object) ?? 0) + 1);
    this.#collected?.register(reference, object, reference);
  }

  #forget(object: Target): void {
    this.#counts.set(object, this.#counts.get(object)! - 1);
    void this.#tell(object);
  }

  /** Tells the object after the calls that were made before, unless there is a new reference to it. */
  async #tell(object: Target): Promise<void> {
    await Promise.resolve();
    if (this.#counts.get(object) !== 0) return;
    this.#counts.delete(object);
    this.config.runCallback(() => object.unreferenced?.(this.#connection));
  }
}

/** Whether the class of an object does something when it is not referenced anymore. */
function wantsToKnow(object: Target): boolean {
  return object.unreferenced !== undefined && object.unreferenced !== Referenceable.prototype.unreferenced;
}
