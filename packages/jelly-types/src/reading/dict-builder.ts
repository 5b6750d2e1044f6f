// Creates the object of a dict, entry by entry, and charges its memory.

import type { JellyReader } from "../handler.js";
import { classBytes, fieldBytes, hashedBytes, ownClassBytes } from "./heap.js";
import { dictShapes, isKnownKey, LONGEST_KEY, MOST_FIELDS } from "./shapes.js";
import type { DictShapes, Shape } from "./shapes.js";
import { isIndex, makeSparse } from "./sparse.js";

/** The object of a dict whose keys are text. */
export type Dict = Record<string, unknown>;

/** The last state of a copy, when it is a hash table of up to {@link MOST_FIELDS} entries. */
let stateTable: Dict | undefined;

/** Whether an object is the last state that was read, and is charged as a hash table although it is small. */
export function takeStateTable(state: unknown): boolean {
  const isTable = state !== undefined && state === stateTable;
  stateTable = undefined;
  return isTable;
}

/** Creates one object: a hash table, or one whose first keys are known. */
export class DictBuilder {
  readonly #shapes: DictShapes;
  /** Undefined while no entry is set, because it may become a hash table. */
  #object: Dict | undefined;
  readonly #unjellier: JellyReader;
  readonly #entries: number;
  #charged: number;
  /** The keys so far. Undefined for a hash table, and after an array index. */
  #shape: Shape | undefined;
  /** Whether hidden classes of its own are charged. */
  #isNew = false;
  /** Whether it has become a hash table. */
  #isTable = false;
  #indices = 0;
  /** The bytes of texts of keys that were created once more. */
  #copies = 0;

  /** With a shape, continues an object for which {@link fieldBytes} are charged, and which has these keys. */
  constructor(unjellier: JellyReader, entries: number, shapes: DictShapes, shape?: Shape, object?: Dict) {
    this.#unjellier = unjellier;
    this.#entries = entries;
    const isHashed = entries > MOST_FIELDS;
    this.#charged = isHashed ? hashedBytes(entries) : fieldBytes(entries);
    if (shape === undefined) unjellier.charge(this.#charged);
    this.#shape = isHashed ? undefined : (shape ?? shapes.root);
    this.#shapes = shapes;
    this.#object = isHashed ? newHashTable() : object;
  }

  /** {@link add} and {@link addRare} may replace it. */
  get object(): Dict {
    return (this.#object ??= this.#shapes.newObject());
  }

  /** Call before an entry is set whose key is short, ASCII and no array index. */
  add(key: string): void {
    const shape = this.#shape;
    if (shape === undefined) return;
    const next = shape.find(key);
    if (next === undefined && !this.#isNew) {
      if (!dictShapes().isFrequent(shape, key)) return this.#toHashTable();
      this.#chargeClasses();
    }
    this.#shape = next ?? shape.add(key);
  }

  /** Call before an entry is set that has any other text as its key, for which `created` bytes were allocated. */
  addRare(key: string, created: number): void {
    if (isIndex(key)) {
      if (this.#indices++ === 0) makeSparse(this.object);
      if (this.#shape === undefined) return;
      if (!this.#isNew) this.#chargeClasses();
      this.#shape = undefined;
      this.#copies = 0;
      return;
    }
    if (key.length <= LONGEST_KEY) this.add(key);
    else if (this.#shape !== undefined) this.#toHashTable();
    if (created > 0 && (this.#shape !== undefined || isKnownKey(key))) this.#copies += created;
  }

  #chargeClasses(): void {
    this.#isNew = true;
    this.#recharge(this.#charged + ownClassBytes[this.#entries]!);
  }

  #recharge(bytes: number): void {
    this.#unjellier.charge(bytes - this.#charged);
    this.#charged = bytes;
  }

  #toHashTable(): void {
    this.#shape = undefined;
    this.#isTable = true;
    this.#recharge(hashedBytes(this.#entries));
    const object = this.#object;
    const table = (this.#object = newHashTable());
    if (object === undefined) return;
    for (const key of Object.keys(object)) {
      const value = (table[key] = object[key]);
      if (this.#unjellier.isPending(value)) patchObject(this.#unjellier, table, key, value);
    }
  }

  /** Call when the object is complete. The state of a copy is remembered for {@link takeStateTable}. */
  finish(isState: boolean): void {
    if (isState) stateTable = this.#isTable ? this.#object : undefined;
    const shape = this.#shape;
    const entries = this.#entries;
    const isKnown = shape === undefined || shape.isKnown;
    if (shape !== undefined) this.#recharge(fieldBytes(entries) + classBytes(shape.addObject(), entries));
    else if (this.#indices === entries) this.#recharge(hashedBytes(entries));
    if (isKnown) this.#unjellier.charge(-this.#copies);
  }

  /** Call when the object is not kept. */
  drop(): void {
    this.#recharge(0);
  }
}

function newHashTable(): Dict {
  return Object.create(null) as Dict;
}

/** Does nothing when a later entry has replaced the placeholder: the last entry of a key wins, as in Python. */
export function patchObject(unjellier: JellyReader, object: Dict, key: string, placeholder: unknown): void {
  unjellier.whenResolved(placeholder, (resolved) => {
    if (object[key] === placeholder) object[key] = resolved;
  });
}
