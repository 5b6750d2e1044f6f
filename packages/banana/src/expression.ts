// What Banana carries, and the two small interfaces through which everything above reads and writes it.

/** A double that must stay one: 2.0 is not 2 on the wire. Also keeps the payload of a NaN, which a JavaScript number cannot promise. */
export class Float {
  readonly value: number;
  /** The 64 bits of an unusual NaN; undefined for every other double. */
  readonly nanBits: bigint | undefined;

  constructor(value: number, nanBits?: bigint) {
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
  if (Object.is(value, -0)) return "-0.0";
  if (Number.isNaN(value)) return "nan";
  if (!Number.isFinite(value)) return value > 0 ? "inf" : "-inf";
  const text = String(value);
  return /^-?\d+$/.test(text) ? `${text}.0` : text;
}

/**
 * One Banana expression as a tree. Integers are numbers when safe, else bigints; doubles are numbers, or {@link Float} where a number
 * would read as an integer; byte strings are `Uint8Array`; lists are arrays.
 */
export type Expression = number | bigint | Float | Uint8Array | Expression[];

/** What comes next in an {@link ExpressionReader}. */
export type Kind = "list" | "integer" | "float" | "bytes";

/** Where expressions go: bytes ({@link BananaWriter}) or a tree ({@link TreeWriter}). */
export interface ExpressionWriter {
  /** How far the writer has come; a place for {@link insert} and {@link truncate}. */
  readonly position: number;
  /** Starts a list: the next `length` writes are its elements. */
  list(length: number): void;
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
  integer(): number | bigint;
  float(): number;
  /** As {@link float}, but a {@link Float} where a number would lose something: an integral value, an unusual NaN. */
  exactFloat(): number | Float;
  /** A byte string of its own: it never shares memory with what it was read from. */
  bytes(): Uint8Array;
  /** A byte string of up to 64 KiB as text, one character a byte. For atoms and names. */
  word(): string;
  /** A byte string as UTF-8. Throws `BANANA_BAD_UTF8`. */
  text(): string;
  /** Passes over the next element, whatever it is. */
  skip(): void;
}
