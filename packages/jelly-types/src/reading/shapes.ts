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

/** How many keys that no sequence has are remembered. */
const SEEN_KEYS = 512;

/**
 * How often such a key comes before there are hidden classes for it. To create them takes up to six times as long as to
 * read the dict as a hash table: with 3, a peer that never sends the keys again causes less than three times the work.
 */
const FREQUENT = 3;

/**
 * A full tree is replaced when so many keys came that often and had no place in it: the keys of this program have
 * changed. To fill another one takes as long as to read a thousand dicts more than once.
 */
const MOST_REFUSED = 65_536;

/** Matches nothing. */
const NO_ENTRY = new EntryHead(UNICODE, "");

/** One sequence of keys, and those that continue it. */
export class Shape {
  /** Whether a complete object had this sequence, or began with it. */
  isKnown = false;
  /** The sequence without its last key, which is {@link key}. */
  readonly before: Shape | undefined;
  readonly key: string;
  /** How many sequences its tree had before. */
  readonly serial: number;
  /** The continuation that was used last. */
  next: Shape | undefined;
  /** The last key, when a later object has this sequence. */
  entry: EntryHead = NO_ENTRY;
  #others: Map<string, Shape> | undefined;
  readonly #tree: ShapeTree;

  constructor(tree: ShapeTree, key = "", before?: Shape) {
    this.#tree = tree;
    this.serial = tree.count;
    this.key = key;
    this.before = before;
  }

  /** The sequence with one more key, if an object has or had it. It is then the likely one for the next object. */
  find(key: string): Shape | undefined {
    const { next } = this;
    const found = next?.key === key ? next : this.#others?.get(key);
    if (found === undefined) return undefined;
    if (found.entry === NO_ENTRY && found.isKnown) found.entry = new EntryHead(UNICODE, found.key);
    return (this.next = found);
  }

  /** The sequence with one more key, which {@link find} has not found. */
  add(key: string): Shape {
    this.#tree.count++;
    // A property name is compared with itself by its address. The text of a new key is not one yet.
    const added = new Shape(this.#tree, Object.keys({ [key]: 0 })[0], this);
    if (this.next !== undefined) (this.#others ??= new Map([[this.next.key, this.next]])).set(added.key, added);
    return (this.next = added);
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
}

const EMPTY = {};

/** All sequences of the objects that have the same first hidden class. */
export class ShapeTree {
  /** The number of sequences, and of objects with keys that are not remembered. */
  count = 0;
  readonly root: Shape = new Shape(this);
  /** Undefined for the first tree: its objects take less time to create. */
  readonly #prototype: object | undefined;

  constructor(prototype?: object) {
    this.#prototype = prototype;
  }

  get isFull(): boolean {
    return this.count >= MOST_SHAPES;
  }

  /**
   * Creates an object without a prototype. Its first hidden class is that of this tree. `Object.create(null)` and
   * `{ __proto__: null }` would be hash tables, which are slower to use when there are few entries (bench `jelly`). A
   * literal that copies an object first is none, and takes a quarter of the time of `Object.setPrototypeOf`.
   */
  newObject(): Record<string, unknown> {
    if (this.#prototype === undefined) return { ...EMPTY, __proto__: null };
    return Object.setPrototypeOf(Object.create(this.#prototype), null) as Record<string, unknown>;
  }
}

/**
 * The tree of the dicts that are read, and what is likely next. A dict gets hidden classes when its first key that no
 * sequence has comes there for the third time. Until then it is a hash table: dicts whose keys are never the same, such
 * as ids, would need hidden classes of their own, and to create them takes several times as long (bench `jelly`).
 */
export class DictShapes extends ShapeTree {
  /** By the hash of its bytes, a first key that is likely: without it, its text and its sequence are looked up. */
  readonly first: (Shape | undefined)[] = new Array<undefined>(1024).fill(undefined);
  /**
   * Keys that no sequence has, the sequences before them, and how often they came there. In sets of two, so that two
   * kinds of dicts can take turns.
   */
  readonly #seenKeys: string[] = new Array<string>(SEEN_KEYS).fill("");
  readonly #seenAfter: (Shape | undefined)[] = new Array<undefined>(SEEN_KEYS).fill(undefined);
  readonly #seenTimes = new Uint8Array(SEEN_KEYS);
  #refused = 0;

  /** Whether another tree should take the place of this one. */
  get isOutdated(): boolean {
    return this.#refused >= MOST_REFUSED;
  }

  /** Whether a key that no sequence has came so often after these keys that hidden classes are worth their time. */
  isFrequent(shape: Shape, key: string): boolean {
    if (!this.#isSeen(shape, key)) return false;
    if (!this.isFull) return true;
    this.#refused++;
    return false;
  }

  #isSeen(shape: Shape, key: string): boolean {
    let hash = shape.serial;
    for (let index = 0; index < key.length; index++) hash = (Math.imul(hash, 31) + key.charCodeAt(index)) | 0;
    const slot = 2 * ((Math.imul(hash, 0x9e3779b1) >>> 16) % (SEEN_KEYS / 2));
    const keys = this.#seenKeys;
    const after = this.#seenAfter;
    const times = this.#seenTimes;
    for (let place = slot; place < slot + 2; place++)
      if (keys[place] === key && after[place] === shape)
        return (times[place] = Math.min(times[place]! + 1, FREQUENT)) === FREQUENT;
    keys[slot + 1] = keys[slot]!;
    after[slot + 1] = after[slot];
    times[slot + 1] = times[slot]!;
    keys[slot] = key;
    after[slot] = shape;
    times[slot] = 1;
    return false;
  }
}

// Module state, but not observable, except in what a dict is charged.
let dicts = new DictShapes();

/** The tree of the dicts that are read now. */
export function dictShapes(): DictShapes {
  if (dicts.isOutdated) dicts = new DictShapes({});
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
 * Call for a complete instance of a class. Returns how many of its last keys no instance had there before, as far as
 * the tree of the class has place for them: V8 may no longer share the hidden classes of others.
 */
export function addInstance(prototype: object, names: readonly string[]): number {
  let tree = classes.get(prototype);
  if (tree === undefined) classes.set(prototype, (tree = new ShapeTree()));
  if (names.length > MOST_PROPERTIES || names.some((name) => name.length > LONGEST_KEY)) {
    tree.root.leave();
    return names.length;
  }
  let shape = tree.root;
  for (const [index, name] of names.entries()) {
    const next = shape.find(name) ?? (tree.isFull ? undefined : shape.add(name));
    if (next === undefined) return names.length - index;
    shape = next;
  }
  return shape.addObject();
}
