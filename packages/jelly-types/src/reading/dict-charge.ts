// The memory that one dict is charged while it is read as an object.

import type { JellyReader } from "../handler.js";
import { classBytes, fieldBytes, hashedBytes, ownClassBytes } from "./heap.js";
import { dictShapes, isKnownKey, LONGEST_KEY, MOST_FIELDS } from "./shapes.js";
import type { Shape } from "./shapes.js";
import { isIndex, makeSparse } from "./sparse.js";

/**
 * For each number of entries, the bytes of an object without a prototype, apart from the text of its keys, when no
 * earlier object had any of its keys.
 */
export const newDictBytes: readonly number[] = ownClassBytes.map((bytes, entries) => fieldBytes(entries) + bytes);

/** What a complete object takes, less {@link newDictBytes}. Only its last `added` keys are new. */
export function refundOfNew(added: number, entries: number): number {
  return classBytes(added, entries) - ownClassBytes[entries]!;
}

/** Charges the memory of a dict with new keys. At the end, refunds the memory that it shares with earlier dicts. */
export class DictCharge {
  readonly object: Record<string, unknown>;
  readonly #unjellier: JellyReader;
  readonly #entries: number;
  readonly #charged: number;
  /** The keys so far. Undefined for a hash table, and for keys that are not remembered. */
  #shape: Shape | undefined;
  #indices = 0;
  /** The bytes of texts of keys that were created once more. */
  #copies = 0;

  /** With an object and its shape, continues an object for which {@link newDictBytes} are charged. */
  constructor(unjellier: JellyReader, entries: number, object?: Record<string, unknown>, shape?: Shape) {
    this.#unjellier = unjellier;
    this.#entries = entries;
    const isHashed = entries > MOST_FIELDS;
    this.#charged = isHashed ? hashedBytes(entries) : newDictBytes[entries]!;
    if (object === undefined) unjellier.charge(this.#charged);
    this.object = object ?? (isHashed ? (Object.create(null) as Record<string, unknown>) : dictShapes().newObject());
    this.#shape = shape ?? (isHashed ? undefined : dictShapes().root);
  }

  /** Call before an entry is set whose key is short, ASCII and no array index. */
  add(key: string): void {
    if (this.#shape !== undefined) this.#shape = this.#shape.after(key);
  }

  /** Call before an entry is set that has any other text as its key, for which `created` bytes were allocated. */
  addRare(key: string, created: number): void {
    if (isIndex(key)) {
      if (this.#indices++ === 0) makeSparse(this.object);
      this.#forgetKeys();
    } else if (key.length > LONGEST_KEY) {
      this.#shape?.leave();
      this.#forgetKeys();
    } else {
      if (created > 0 && (this.#shape !== undefined || isKnownKey(key))) this.#copies += created;
      this.add(key);
    }
  }

  #forgetKeys(): void {
    this.#shape = undefined;
    this.#copies = 0;
  }

  /** Call when the object is complete. */
  finish(): void {
    this.#unjellier.charge(this.#difference());
  }

  /** What the object takes, less what was charged. */
  #difference(): number {
    const shape = this.#shape;
    const entries = this.#entries;
    if (shape?.isKnown === true) return -ownClassBytes[entries]! - this.#copies;
    if (shape !== undefined) return refundOfNew(shape.addObject(), entries);
    return this.#indices === entries ? hashedBytes(entries) - this.#charged : -this.#copies;
  }

  /** Call when the object is not kept. */
  drop(): void {
    this.#unjellier.charge(-this.#charged);
  }
}
