// Objects of ours that the peer may call, by the number we gave out, counted.

import type { ObjectId } from "../wire/messages.js";
import type { Callable } from "../calls/callable.js";

/** One object the peer holds references to. */
export interface Export {
  readonly id: number;
  /** What it is found by when it is sent again. */
  readonly key: object;
  readonly target: Callable;
  /** References written and not yet released. */
  count: number;
}

export class Exports {
  readonly #byId = new Map<number, Export>();
  readonly #byKey = new Map<object, Export>();
  readonly #nextId: () => number;

  constructor(nextId: () => number) {
    this.#nextId = nextId;
  }

  /** Objects given out by number. */
  get size(): number {
    return this.#byId.size;
  }

  has(key: object): boolean {
    return this.#byKey.has(key);
  }

  /** Counts one more reference to the object known by `key`; the first gives it a number. Undo with {@link release}. */
  give(key: object, target: Callable): Export {
    let entry = this.#byKey.get(key);
    if (entry === undefined) {
      entry = { id: this.#nextId(), key, target, count: 0 };
      this.#byId.set(entry.id, entry);
      this.#byKey.set(key, entry);
    }
    entry.count++;
    return entry;
  }

  /** One reference less. Returns the entry when it was the last, after removing it; undefined otherwise. Throws `RangeError` for an unknown id. */
  release(id: ObjectId): Export | undefined {
    const entry = typeof id === "number" ? this.#byId.get(id) : undefined;
    if (entry === undefined) throw new RangeError(`No object has the id ${id}`);
    entry.count--;
    if (entry.count > 0) return undefined;
    this.#byId.delete(entry.id);
    this.#byKey.delete(entry.key);
    return entry;
  }

  find(id: number): Callable | undefined {
    return this.#byId.get(id)?.target;
  }

  /** References to the object known by `key` that were written and not yet released. */
  countOf(key: object): number {
    return this.#byKey.get(key)?.count ?? 0;
  }

  *entries(): IterableIterator<Export> {
    yield* this.#byId.values();
  }
}
