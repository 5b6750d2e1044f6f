// What Banana carries, and the two small interfaces through which everything above reads and writes it.

import type { ListHead, ScalarPatterns } from "./list-head.js";

/** The bits of the largest positive double that is not a NaN. */
const INFINITY = 0x7ff0000000000000n;
const CANONICAL_NAN = 0x7ff8000000000000n;

/** A double that must stay one: 2.0 is not 2 on the wire. Also keeps the payload of a NaN, which a JavaScript number cannot promise. */
export class Float {
  readonly value: number;
  /** The 64 bits of an unusual NaN; undefined for every other double. */
  readonly nanBits: bigint | undefined;

  /** Throws `TypeError` for bits that are not those of a NaN. */
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

/** Writes a double so that it cannot be taken for an integer: `2.0`, `-0.0`, `nan`, `-inf`. */
export function formatFloat(value: number): string {
  const text = Object.is(value, -0) ? "-0" : String(value);
  return /^-?\d+$/.test(text) ? `${text}.0` : text.replace("NaN", "nan").replace("Infinity", "inf");
}

/** The double at `position`, so that it is written as the same bytes again. */
export function toExactFloat(view: DataView, position: number): number | Float {
  const value = view.getFloat64(position);
  if (Number.isNaN(value)) {
    const bits = view.getBigUint64(position);
    return bits === CANONICAL_NAN ? value : new Float(value, bits);
  }
  return isInteger(value) ? new Float(value) : value;
}

/** Whether a number is written as an integer. */
export function isInteger(value: unknown): value is number {
  return Number.isSafeInteger(value) && !Object.is(value, -0);
}

/**
 * One Banana expression as a tree. Integers are numbers when safe, else bigints; doubles are numbers, or {@link Float} where a number
 * would read as an integer; byte strings are `Uint8Array`; lists are arrays.
 */
export type Expression = number | bigint | Float | Uint8Array | Expression[];

/** What can be written as one: lists that nobody may change (`as const`) will do. */
export type ReadonlyExpression = number | bigint | Float | Uint8Array | readonly ReadonlyExpression[];

/** What comes next in an {@link ExpressionReader}. */
export type Kind = "list" | "integer" | "float" | "bytes";

/** Where expressions go: bytes ({@link BananaWriter}) or a tree ({@link TreeWriter}). */
export interface ExpressionWriter {
  /** How far the writer has come; a place for {@link insert} and {@link truncate}. */
  readonly position: number;
  /** Starts a list: the next `length` writes are its elements. */
  list(length: number): void;
  /** As {@link list} and {@link word}, in one go. */
  begin(head: ListHead): void;
  /** A safe integer or any bigint within the limits. */
  integer(value: number | bigint): void;
  float(value: number | Float): void;
  bytes(value: Uint8Array): void;
  /** An ASCII atom. One VOCAB token where the dialect has the word. */
  word(value: string): void;
  /** A string as UTF-8. Throws `BANANA_LONE_SURROGATE` for text that has no UTF-8 form. */
  text(value: string): void;
  /**
   * Puts what `write` writes before the element at `position`, when the expression is finished. Costs nothing until then, and lets a
   * writer wrap what it has already written: `[reference, 1, …]` is three elements, of which the last already stands there.
   */
  insert(position: number, write: (writer: ExpressionWriter) => void): void;
  /** Takes back everything written since `position`, insertions included. */
  truncate(position: number): void;
}

/** Where expressions come from: bytes ({@link BananaReader}) or a tree ({@link TreeReader}). Each call reads one element and moves on. */
export interface ExpressionReader {
  /** Bytes from the start of the stream to the next element; in a tree, elements. */
  readonly offset: number;
  /** Looks at the next element without reading it. */
  kind(): Kind;
  /** Reads the head of a list and returns its length; its elements follow. */
  list(): number;
  /**
   * Whether the next element is a list that begins so. If it is, passes over its head and its first word; if not, nothing is read. May be
   * false for a list that is written in an unusual way: what comes then must be found out with {@link kind}, as ever.
   */
  begins(head: ListHead): boolean;
  /**
   * Reads the head of a list of two, and its first element as {@link begins} and {@link text} do. Undefined, and nothing is read, if that is
   * not what comes next, or if it is written in an unusual way, or the text is long.
   */
  keyAfter(head: ListHead): string | undefined;
  integer(): number | bigint;
  /**
   * Reads integers in a row into `into`, from `index` up to its length, and returns the index behind the last: where `into` ends, or where
   * something else than a small integer comes next. Never needed, but a list of many integers is read faster so.
   */
  integers(into: unknown[], index: number): number;
  float(): number;
  /** As {@link float}, but a {@link Float} where a number would lose something: an integral value, an unusual NaN. */
  exactFloat(): number | Float;
  /**
   * Optional fast path: reads the next element when it is a scalar in its most common form, which is one of
   *  - an integer from 0 to 16,383, or a float, as a number;
   *  - the text of `patterns`, when it is short and ASCII, as a string;
   *  - a boolean or null of `patterns`.
   *
   * Returns undefined for every other element, and does not move. The element may still be a scalar: read it with {@link kind} and the
   * other methods. A reader without a fast path does not have this method.
   */
  scalar?(patterns: ScalarPatterns): string | number | boolean | null | undefined;
  /** A byte string of its own: it never shares memory with what it was read from. */
  bytes(): Uint8Array;
  /** A byte string of up to 64 KiB as text, one character a byte. For atoms and names. */
  word(): string;
  /** A byte string as UTF-8. Throws `BANANA_BAD_UTF8`. */
  text(): string;
  /** Passes over the next element, whatever it is. */
  skip(): void;
}
