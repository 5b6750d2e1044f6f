// Banana expressions, and the interfaces `ExpressionWriter` and `ExpressionReader` that the formats above Banana use.

import type { Steps } from "../reading/steps.js";
import type { EntryHead, ListHead, ScalarPatterns } from "./list-head.js";

/** The bits of positive infinity. The bits of every NaN are larger, without the sign. */
const INFINITY = 0x7ff0000000000000n;
const CANONICAL_NAN = 0x7ff8000000000000n;

/**
 * A double that a JavaScript number cannot represent on the wire: 2.0, which is not 2, and a NaN with an unusual
 * payload.
 */
export class Float {
  /** For the compiler only: no other class, interface or literal has the type of this class. */
  declare private readonly brand: "Float";

  readonly value: number;
  /** The 64 bits of a NaN with an unusual payload; undefined for every other double. */
  readonly nanBits: bigint | undefined;

  /** Throws `TypeError` when `nanBits` are not the bits of a NaN. */
  constructor(value: number, nanBits?: bigint) {
    const isNaNWithBits = (bits: bigint) => bits >> 64n === 0n && BigInt.asUintN(63, bits) > INFINITY;
    if (nanBits !== undefined && !(Number.isNaN(value) && isNaNWithBits(nanBits)))
      throw new TypeError(`Not the bits of a NaN: ${nanBits}`);
    this.value = value;
    this.nanBits = nanBits;
  }

  valueOf(): number {
    return this.value;
  }

  toString(): string {
    return formatFloat(this.value);
  }
}

/** Formats a double so that it differs from an integer: `2.0`, `-0.0`, `nan`, `-inf`. */
export function formatFloat(value: number): string {
  const text = Object.is(value, -0) ? "-0" : String(value);
  return /^-?\d+$/.test(text) ? `${text}.0` : text.replace("NaN", "nan").replace("Infinity", "inf");
}

/** Reads the double at `position`, as a {@link Float} where a number would be written as other bytes. */
export function toExactFloat(view: DataView, position: number): number | Float {
  const value = view.getFloat64(position);
  if (Number.isNaN(value)) {
    const bits = view.getBigUint64(position);
    return bits === CANONICAL_NAN ? value : new Float(value, bits);
  }
  return isInteger(value) ? new Float(value) : value;
}

/** The error for what is no expression, such as text. */
export function notAnExpression(value: unknown): TypeError {
  const what = value === null ? "null" : typeof value;
  return new TypeError(`Banana has no ${what}, only integers, floats, byte strings and lists`);
}

/** Whether a value is a number that is written as an integer. */
export function isInteger(value: unknown): value is number {
  return Number.isSafeInteger(value) && !Object.is(value, -0);
}

/**
 * One Banana expression as a tree. An integer is a number when it is safe, else a bigint. A double is a number, or a
 * {@link Float} where a number would be written as an integer. A byte string is a `Uint8Array`, a list is an array.
 */
export type Expression = number | bigint | Float | Uint8Array | Expression[];

/** An {@link Expression} whose lists may be read-only arrays, for writing. */
export type ReadonlyExpression = number | bigint | Float | Uint8Array | readonly ReadonlyExpression[];

/** The kind of an element. */
export type Kind = "list" | "integer" | "float" | "bytes";

/** Writes expressions element by element, to bytes (`BananaWriter`) or to a tree (`TreeWriter`). */
export interface ExpressionWriter {
  /** The current position, for {@link insert} and {@link truncate}. */
  readonly position: number;
  /** Starts a list: the next `length` writes are its elements. */
  list(length: number): void;
  /** Writes the head of a list and its first word, as {@link list} and {@link word} do. */
  begin(head: ListHead): void;
  /** Writes a safe integer, or a bigint within the limits. */
  integer(value: number | bigint): void;
  float(value: number | Float): void;
  bytes(value: Uint8Array): void;
  /** Writes an ASCII word, as its number when the vocabulary of the dialect has it. */
  word(value: string): void;
  /** Writes a string as UTF-8. Throws `BANANA_LONE_SURROGATE` for a string that has no UTF-8 form. */
  text(value: string): void;
  /**
   * Inserts the elements that `write` writes in front of the element at `position`. All insertions are applied in one
   * pass when the expression is finished. This can wrap an element that is already written: inserting the head of a
   * list of three and two elements makes it the third element of `[reference, 1, …]`.
   */
  insert(position: number, write: (writer: ExpressionWriter) => void): void;
  /** Removes everything that was written since `position`, insertions included. */
  truncate(position: number): void;
}

/**
 * Reads expressions element by element, from bytes (`BananaReader`) or from a tree (`TreeReader`). Each method reads
 * the next element and moves behind it, and throws `BANANA_UNEXPECTED_KIND` when the element is of another kind.
 */
export interface ExpressionReader {
  /**
   * The number of bytes from the start of the stream to the next element; in a tree, the number of elements that were
   * read.
   */
  readonly offset: number;
  /** The kind of the next element. Does not read it. */
  kind(): Kind;
  /** Reads the head of a list and returns its length. The elements are read next. */
  list(): number;
  /**
   * Reads the head and the first word of the next element and returns true, when the element is a list with this length
   * and word. Returns false otherwise, and does not move. May also return false for such a list when its bytes are not
   * canonical: use {@link kind} then.
   */
  begins(head: ListHead): boolean;
  /**
   * Optimized reading of a dict entry: reads the head of a list of two, and its first element, a text in a list that
   * starts with `head`. Returns the text. Returns undefined, and does not move, when the next element is different,
   * when its bytes are not canonical, when the text is long, and when it begins with a digit: such a key may be an
   * array index, which needs care.
   */
  keyAfter(head: ListHead): string | undefined;
  /**
   * A number from 0 to 1023 that entries with the same key in a list with `head` have in common, to look for the
   * argument of {@link skipKey}. Any number when the next element is different. A reader without a fast path does not
   * have this method.
   */
  keyHash?(head: ListHead): number;
  /**
   * Optimized reading of a dict entry whose key is probably the same as before: moves to the value and returns true,
   * when the next element begins with `entry`. Returns false otherwise, and does not move: use {@link keyAfter} then. A
   * reader without a fast path does not have this method.
   */
  skipKey?(entry: EntryHead): boolean;
  integer(): number | bigint;
  /**
   * Reads consecutive small integers into `into`, from `index` up to its length. Stops before any other element.
   * Returns the index after the last integer. Optional for callers, but faster than {@link integer} for long lists of
   * integers.
   */
  integers(into: unknown[], index: number): number;
  float(): number;
  /** As {@link float}, but returns a {@link Float} for a double that a number cannot represent on the wire. */
  exactFloat(): number | Float;
  /**
   * Optional fast path: reads the next element when it is a scalar in its most common form, which is one of
   *  - an integer from 0 to 16,383, or a float, as a number;
   *  - the text of `patterns`, as a string: throws as {@link text} does when it is invalid;
   *  - a boolean or null of `patterns`.
   *
   * Returns undefined for every other element, and does not move. The element may still be a scalar: read it with
   * {@link kind} and the other methods. A reader without a fast path does not have this method.
   */
  scalar?(patterns: ScalarPatterns): string | number | boolean | null | undefined;
  /** Reads a byte string. The result is a copy that shares no memory with the source. */
  bytes(): Uint8Array;
  /** Reads a byte string of up to 64 KiB as text, one character for each byte. For atoms and names. */
  word(): string;
  /** Reads a byte string as UTF-8. Throws `BANANA_BAD_UTF8` for invalid UTF-8. */
  text(): string;
  /** Skips the next element, of any kind. */
  skip(): void;
  /** The number of bytes from {@link offset} to the end of the message. A reader of a tree does not have it. */
  readonly bytesLeft?: number;
  /**
   * The memory of all texts that {@link text} and the other methods have created so far, in bytes of V8's heap. A text
   * that the reader has kept since an earlier one is the same string, and takes no more memory. A reader of a tree does
   * not have it.
   */
  readonly textHeap?: number;
  /**
   * Whether the next element is a list that is too long to be read without a pause. A reader without this method has no
   * such list.
   */
  isLong?(): boolean;
  /** As {@link skip}, with pauses. For a reader that has {@link isLong}. */
  skipInSteps?(): Steps<void>;
}
