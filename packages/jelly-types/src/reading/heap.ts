// The memory that values take, for the limit on what a peer can make this end allocate.

/**
 * What values take in addition to their bytes on the wire, which are charged for each graph: the characters of text and
 * the digits of numbers take about as much memory. Bytes of V8's heap, measured on Node 20, 22 and 24 (test `heap`).
 * The constants of `@pb/banana`, such as `LIST_HEAP`, are those of the values that Banana has too. A const enum,
 * because the compiler inlines its members.
 */
export const enum Heap {
  /** A text in a tree, without its characters. */
  TEXT = 24,
  /** The text of a key of a dict that is an array index, on the wire. */
  INDEX = 14,
  /** A date, a decimal or another value that contains no others. */
  SCALAR = 40,
  /** A float, apart from its nine bytes on the wire. */
  FLOAT = 7,
  /** An object without a prototype, and one of its entries, apart from the text of the key. */
  OBJECT = 144,
  ENTRY = 44,
  SHAPE_ENTRY = 60,
  /** A Map and a Set, apart from {@link tableBytes}. */
  TABLE = 72,
  MAP_ENTRY = 28,
  SET_ENTRY = 20,
  /** A `FrozenSet` around its Set. */
  FROZEN_SET = 56,
  /** An instance of a small class, such as a date or a copy, without its state. */
  INSTANCE = 64,
  /** A reference and its id, while a graph is read. */
  REFERENCE = 200,
  /** What is done when a placeholder is resolved, or when the graph is complete. */
  LATER = 160,
}

/** The bytes of an object without a prototype that has so many entries, apart from the text of its keys. */
export function objectBytes(entries: number): number {
  if (entries === 0) return Heap.INSTANCE;
  // The shapes of objects with almost too many entries for one are the largest.
  return Heap.OBJECT + (entries > 8 && entries <= 16 ? Heap.SHAPE_ENTRY : Heap.ENTRY) * entries;
}

/** The bytes of the table of a `Map` or a `Set`: V8 doubles its size from four entries on. */
export function tableBytes(entries: number, entryBytes: number): number {
  return Heap.TABLE + entryBytes * 2 ** (32 - Math.clz32(Math.max(entries, 4) - 1));
}
