// The memory that values take, for the limit on what a peer can make this end allocate.

import { MOST_FIELDS } from "./shapes.js";

/**
 * What values take. Bytes of V8's heap, measured on Node 20, 22 and 24 (test `heap`). The memory of text is counted by
 * the reader. The constants of `@pb/banana`, such as `LIST_HEAP`, are those of the values that Banana has too. A const
 * enum, because the compiler inlines its members.
 */
/* eslint-disable @typescript-eslint/no-duplicate-enum-values -- different values can have the same size */
export const enum Heap {
  /** A text in a tree, without its characters. */
  TEXT = 24,
  /** A date, a decimal or another value that contains no others. */
  SCALAR = 48,
  /** An object of up to four entries, and each further entry. */
  OBJECT = 64,
  FIELD = 8,
  /** A new sequence of keys: its hidden classes, a description of each of its keys, and more for each new key. */
  CLASS = 44,
  CLASS_ENTRY = 20,
  CLASS_NEW_ENTRY = 70,
  /** A new property of an instance whose state, a dict, was charged with {@link CLASS}, and is free again. */
  INSTANCE_ENTRY = 45,
  /** An entry of an object that is a hash table, and the object itself. */
  HASHED = 88,
  HASHED_ENTRY = 24,
  /** A Map and a Set, apart from {@link tableBytes}. */
  TABLE = 72,
  MAP_ENTRY = 28,
  SET_ENTRY = 20,
  /** A `FrozenSet` around its Set. */
  FROZEN_SET = 56,
  /** An instance of a small class, such as a date or a copy, without its state. */
  INSTANCE = 56,
  /** A reference and its id, while a graph is read. */
  REFERENCE = 200,
  /** What is done when a placeholder is resolved, or when the graph is complete. */
  LATER = 160,
}
/* eslint-enable @typescript-eslint/no-duplicate-enum-values */

/** The bytes of an object whose keys an earlier object had, or of an instance of a class. */
export function fieldBytes(entries: number): number {
  return entries <= 4 ? Heap.OBJECT : Heap.OBJECT + 2 * Heap.FIELD + Heap.FIELD * (entries - 3);
}

/** The bytes of the hidden classes of an object of which the last `added` keys are new. */
export function classBytes(added: number, entries: number): number {
  return added === 0 ? 0 : Heap.CLASS + Heap.CLASS_NEW_ENTRY * added + Heap.CLASS_ENTRY * entries;
}

/** For each number of entries, {@link fieldBytes}. */
export const knownDictBytes: readonly number[] = Array.from({ length: MOST_FIELDS + 1 }, (_, entries) =>
  fieldBytes(entries),
);

/** For each number of entries, the bytes of the hidden classes of an object whose keys are all new. */
export const ownClassBytes: readonly number[] = Array.from({ length: MOST_FIELDS + 1 }, (_, entries) =>
  classBytes(entries, entries),
);

/** The bytes of an object that is a hash table: V8 doubles its size when two thirds are used. */
export function hashedBytes(entries: number): number {
  return Heap.HASHED + Heap.HASHED_ENTRY * powerOf2(Math.max(Math.floor(1.5 * entries), 4));
}

/** The bytes of the table of a `Map` or a `Set`: V8 doubles its size from four entries on. */
export function tableBytes(entries: number, entryBytes: number): number {
  return Heap.TABLE + entryBytes * powerOf2(Math.max(entries, 4));
}

/** The smallest power of two that is at least `least`. */
function powerOf2(least: number): number {
  return 2 ** (32 - Math.clz32(least - 1));
}
