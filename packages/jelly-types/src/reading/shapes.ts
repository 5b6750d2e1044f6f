// The sequences of keys that objects had before: V8 shares the keys and the hidden class of objects with the same
// sequence, so that such an object takes much less memory than the first one.

import { EntryHead } from "@pb/banana";
import { UNICODE } from "../types/text.js";

/** An object gets this many entries before it is a hash table. */
export const MOST_FIELDS = 16;

/**
 * A tree has at most this many sequences. V8 keeps up to 1536 hidden classes that begin with the same keys. Each object
 * beyond that has a hidden class of its own, and takes as much memory as the first one of its kind.
 */
const MOST_SHAPES = 1024;

/** Longer keys are not remembered, because they would take memory when their objects are free again. */
export const LONGEST_KEY = 128;

/** Matches nothing. */
const NO_ENTRY = new EntryHead(UNICODE, "");

/** One sequence of keys, and those that continue it. */
export class Shape {
  /** Whether a complete object had this sequence, or began with it. */
  isKnown = false;
  /** The sequence without its last key. */
  readonly before: Shape | undefined;
  /** The last key, when a second object has this sequence. */
  entry: EntryHead = NO_ENTRY;
  /** The continuation that was used last. */
  #key: string | undefined;
  #next: Shape | undefined;
  #others: Map<string, Shape> | undefined;
  readonly #tree: ShapeTree;

  constructor(tree: ShapeTree, before?: Shape) {
    this.#tree = tree;
    this.before = before;
  }

  /** The sequence with one more key. */
  after(key: string): Shape {
    return this.#key === key ? this.#next! : this.#find(key);
  }

  /** Call for a complete object. Returns how many of its last keys no object had there before. */
  addObject(): number {
    if (this.isKnown || this.before === undefined) return 0;
    this.isKnown = true;
    return 1 + this.before.addObject();
  }

  /** Call for an object whose next key is not remembered. */
  leave(): void {
    this.#tree.count++;
  }

  #find(key: string): Shape {
    let next = this.#others?.get(key);
    if (next === undefined) {
      this.#tree.count++;
      next = new Shape(this.#tree, this);
      if (this.#key !== undefined) (this.#others ??= new Map([[this.#key, this.#next!]])).set(key, next);
      // A property name is compared with itself by its address. The text of a new key is not one yet.
      this.#key = Object.keys({ [key]: 0 })[0];
    } else this.#key = key;
    this.#next = next;
    return next;
  }
}

/** Returns false for an object in which a key came twice. */
function prepareEntries(sequence: Shape, keys: readonly string[], entries: number): boolean {
  if (keys.length < entries) return false;
  let shape = sequence;
  for (let index = entries - 1; index >= 0 && shape.entry === NO_ENTRY; index--) {
    shape.entry = new EntryHead(UNICODE, keys[index]!);
    shape = shape.before!;
  }
  return true;
}

/** All sequences of the objects that have the same first hidden class. */
export class ShapeTree {
  /** The number of sequences, and of objects with keys that are not remembered. */
  count = 0;
  readonly root: Shape = new Shape(this);
  /**
   * For each number of entries, a sequence that two objects in a row had, up to each key. Most objects have the same
   * keys, and nothing has to be looked up for them, also when objects of several kinds take turns (bench `jelly`).
   */
  readonly last: readonly Shape[][] = Array.from({ length: MOST_FIELDS + 1 }, (_, entries) =>
    new Array<Shape>(entries).fill(this.root),
  );
  /** For each number of entries, the last object that had another sequence. */
  readonly #others: (Shape | undefined)[] = new Array<undefined>(MOST_FIELDS + 1).fill(undefined);
  readonly #prototype = {};

  get isFull(): boolean {
    return this.count >= MOST_SHAPES;
  }

  /**
   * Call for a complete object whose sequence is known, but not in {@link last}. Two of them in a row
   * replace it there: for objects whose keys are never the same, such as ids, that would only take time.
   */
  noteOther(entries: number, sequence: Shape, object: object): void {
    if (this.#others[entries] !== sequence) {
      this.#others[entries] = sequence;
      return;
    }
    if (sequence.entry === NO_ENTRY && !prepareEntries(sequence, Object.keys(object), entries)) return;
    const last = this.last[entries]!;
    let shape = sequence;
    for (let index = entries - 1; index >= 0 && last[index] !== shape; index--) {
      last[index] = shape;
      shape = shape.before!;
    }
  }

  /**
   * Creates an object without a prototype. Its first hidden class is that of this tree. The result of
   * `Object.create(null)` would be a hash table, which is slower when there are few entries (bench `jelly`).
   */
  newObject(): Record<string, unknown> {
    return Object.setPrototypeOf(Object.create(this.#prototype), null) as Record<string, unknown>;
  }
}

// Module state, but not observable, except in what a dict is charged.
let dicts = new ShapeTree();

/** The tree of the dicts that are read now. Another one follows a full one, so that V8 always shares what is known. */
export function dictShapes(): ShapeTree {
  if (dicts.isFull) dicts = new ShapeTree();
  return dicts;
}

/** Keys of objects that are hash tables. */
const keys = new Set<string>();

/** Whether an object that is a hash table had this key before. Then V8 uses the text of the earlier one. */
export function isKnownKey(key: string): boolean {
  if (keys.has(key)) return true;
  if (key.length > LONGEST_KEY) return false;
  if (keys.size >= MOST_SHAPES) keys.clear();
  keys.add(key);
  return false;
}

/** Instances with more properties are rare, and would fill the tree of their class. */
const MOST_PROPERTIES = 256;

/** For each class of copies, by its prototype. */
const classes = new WeakMap<object, ShapeTree>();

/**
 * Call for a complete instance of a class. Returns how many of its last keys no instance had there before. All of them
 * for a class of which too many different ones have arrived: V8 may no longer share their hidden classes.
 */
export function addInstance(prototype: object, names: readonly string[]): number {
  let tree = classes.get(prototype);
  if (tree === undefined) classes.set(prototype, (tree = new ShapeTree()));
  if (tree.isFull) return names.length;
  if (names.length > MOST_PROPERTIES || names.some((name) => name.length > LONGEST_KEY)) {
    tree.root.leave();
    return names.length;
  }
  let shape = tree.root;
  for (const name of names) shape = shape.after(name);
  return shape.addObject();
}
