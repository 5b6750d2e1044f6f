// Writes expressions as bytes, straight into one growing buffer.

import { countDigits, writeBigDigits, writeDigits } from "./base128.js";
import { BananaError } from "./errors.js";
import { Float } from "./expression.js";
import type { ExpressionWriter } from "./expression.js";
import { withLimits } from "./limits.js";
import type { BananaLimits } from "./limits.js";
import { FLOAT, INT, LIST, LONGINT, LONGNEG, MAX_INT, MAX_NEG, NEG, STRING, VOCAB } from "./tokens.js";
import { dialectOf } from "./vocabulary.js";
import type { Dialect } from "./vocabulary.js";

/** Room for any header: the digits of a safe integer, 7 bits each, and a type byte. */
const HEADER_BYTES = 10;
/** Up to this many characters a loop beats `encodeInto` (bench `codec`, payload "small call"). */
const SHORT_TEXT = 48;
/** A buffer that grew beyond this is given away with its bytes instead of being kept. */
const KEPT_BYTES = 64 * 1024;
/** Atoms are few; a word beyond this many is written without being remembered. */
const REMEMBERED_WORDS = 512;

const utf8 = new TextEncoder();
const float64 = new DataView(new ArrayBuffer(8));

interface Insertion {
  readonly position: number;
  readonly bytes: Uint8Array;
}

export interface BananaWriterOptions {
  /** Default `none`. */
  readonly dialect?: Dialect | "pb" | "none" | undefined;
  readonly limits?: Partial<BananaLimits> | undefined;
}

/**
 * An {@link ExpressionWriter} of bytes. Write any number of expressions, then {@link take} their bytes. What a stock Twisted peer would
 * refuse to read is refused here with a {@link BananaError}; after one, {@link truncate} to where the expression began.
 */
export class BananaWriter implements ExpressionWriter {
  readonly #limits: BananaLimits;
  #dialect: Dialect;
  #buffer: Uint8Array = new Uint8Array(256);
  #length = 0;
  #insertions: Insertion[] = [];
  #words = new Map<string, Uint8Array>();

  constructor(options: BananaWriterOptions = {}) {
    this.#limits = withLimits(options.limits);
    this.#dialect = dialectOf(options.dialect ?? "none");
  }

  get dialect(): Dialect {
    return this.#dialect;
  }

  /** What is written from now on uses this dialect. */
  set dialect(dialect: Dialect) {
    this.#dialect = dialect;
    this.#words = new Map();
  }

  get position(): number {
    return this.#length;
  }

  list(length: number): void {
    if (length > this.#limits.listLength) {
      throw new BananaError(
        "BANANA_LIST_TOO_LONG",
        `A list of ${length} elements is over the limit of ${this.#limits.listLength}`,
      );
    }
    this.#header(length, LIST);
  }

  integer(value: number | bigint): void {
    if (typeof value === "bigint") {
      this.#bigInteger(value);
      return;
    }
    if (!Number.isSafeInteger(value)) throw new TypeError(`Not a safe integer: ${value}`);
    if (value >= 0) this.#header(value, value <= MAX_INT ? INT : LONGINT);
    else this.#header(-value, -value <= MAX_NEG ? NEG : LONGNEG);
  }

  #bigInteger(value: bigint): void {
    if (value >= Number.MIN_SAFE_INTEGER && value <= Number.MAX_SAFE_INTEGER) {
      this.integer(Number(value));
      return;
    }
    const magnitude = value < 0n ? -value : value;
    const digits = Math.min(this.#limits.integerDigits, this.#limits.prefixBytes);
    if (magnitude >> BigInt(7 * digits) !== 0n) {
      throw new BananaError("BANANA_INTEGER_TOO_LARGE", `An integer of more than ${7 * digits} bits cannot be sent`);
    }
    this.#reserve(digits + 1);
    const end = writeBigDigits(this.#buffer, this.#length, magnitude);
    this.#buffer[end] = value < 0n ? LONGNEG : LONGINT;
    this.#length = end + 1;
  }

  float(value: number | Float): void {
    this.#reserve(9);
    if (value instanceof Float && value.nanBits !== undefined) float64.setBigUint64(0, value.nanBits);
    else float64.setFloat64(0, Number(value));
    const buffer = this.#buffer;
    let position = this.#length;
    buffer[position++] = FLOAT;
    for (let index = 0; index < 8; index++) buffer[position++] = float64.getUint8(index);
    this.#length = position;
  }

  bytes(value: Uint8Array): void {
    const length = value.length;
    const vocabulary = this.#dialect.vocabulary;
    if (vocabulary !== undefined && length > 0 && vocabulary.mayHave(value[0] ?? 0, length)) {
      const number = vocabulary.number(String.fromCharCode(...value));
      if (number !== undefined) {
        this.#header(number, VOCAB);
        return;
      }
    }
    this.#checkString(length);
    this.#reserve(length + HEADER_BYTES);
    this.#header(length, STRING);
    this.#buffer.set(value, this.#length);
    this.#length += length;
  }

  word(value: string): void {
    let encoded = this.#words.get(value);
    if (encoded === undefined) {
      encoded = this.#encodeWord(value);
      if (this.#words.size < REMEMBERED_WORDS) this.#words.set(value, encoded);
    }
    const length = encoded.length;
    this.#reserve(length);
    const buffer = this.#buffer;
    let position = this.#length;
    for (let index = 0; index < length; index++) buffer[position++] = encoded[index]!;
    this.#length = position;
  }

  #encodeWord(value: string): Uint8Array {
    const bytes = new Uint8Array(value.length);
    for (let index = 0; index < value.length; index++) {
      const code = value.charCodeAt(index);
      if (code > 0x7f) throw new TypeError(`A word is ASCII: ${JSON.stringify(value)}`);
      bytes[index] = code;
    }
    const start = this.#length;
    this.bytes(bytes);
    const encoded = this.#buffer.slice(start, this.#length);
    this.#length = start;
    return encoded;
  }

  text(value: string): void {
    const length = value.length;
    const vocabulary = this.#dialect.vocabulary;
    if (vocabulary !== undefined && length > 0 && vocabulary.mayHave(value.charCodeAt(0), length)) {
      const number = vocabulary.number(value);
      if (number !== undefined) {
        this.#header(number, VOCAB);
        return;
      }
    }
    if (length > SHORT_TEXT || !this.#shortAscii(value)) this.#utf8(value);
  }

  /** Writes text of ASCII characters only; writes nothing and returns false when there is another one in it. */
  #shortAscii(value: string): boolean {
    const length = value.length;
    this.#reserve(length + 2);
    const buffer = this.#buffer;
    let position = this.#length;
    buffer[position++] = length; // SHORT_TEXT is below 128: one digit
    buffer[position++] = STRING;
    for (let index = 0; index < length; index++) {
      const code = value.charCodeAt(index);
      if (code > 0x7f) return false;
      buffer[position++] = code;
    }
    this.#length = position;
    return true;
  }

  #utf8(value: string): void {
    this.#checkString(value.length);
    if (!value.isWellFormed()) {
      throw new BananaError("BANANA_LONE_SURROGATE", "Text with a lone surrogate has no UTF-8 form and cannot be sent");
    }
    this.#reserve(3 * value.length + HEADER_BYTES);
    // The header's size follows from the number of bytes, which is known afterwards: leave room for the most likely one.
    const start = this.#length;
    const guess = start + countDigits(value.length) + 1;
    const { written } = utf8.encodeInto(value, this.#buffer.subarray(guess));
    this.#checkString(written);
    const body = start + countDigits(written) + 1;
    if (body !== guess) this.#buffer.copyWithin(body, guess, guess + written);
    this.#header(written, STRING);
    this.#length += written;
  }

  /** Adds whole expressions that another writer of the same dialect has finished. */
  append(bytes: Uint8Array): void {
    this.#reserve(bytes.length);
    this.#buffer.set(bytes, this.#length);
    this.#length += bytes.length;
  }

  insert(position: number, write: (writer: ExpressionWriter) => void): void {
    const start = this.#length;
    write(this);
    this.#insertions.push({ position, bytes: this.#buffer.slice(start, this.#length) });
    this.#length = start;
  }

  truncate(position: number): void {
    this.#length = position;
    this.#insertions = this.#insertions.filter((insertion) => insertion.position < position);
  }

  /**
   * Finishes what was written since the last call: applies all insertions, in one pass. Positions taken before are no longer valid.
   */
  seal(): void {
    if (this.#insertions.length === 0) return;
    const insertions = this.#insertions.sort((a, b) => a.position - b.position);
    this.#insertions = [];
    let shift = 0;
    for (const { bytes } of insertions) shift += bytes.length;
    this.#reserve(shift);
    const buffer = this.#buffer;
    let end = this.#length;
    this.#length += shift;
    for (let index = insertions.length - 1; index >= 0; index--) {
      const { position, bytes } = insertions[index]!;
      buffer.copyWithin(position + shift, position, end);
      shift -= bytes.length;
      buffer.set(bytes, position + shift);
      end = position;
    }
  }

  /** All bytes written, sealed; they belong to the caller. The writer starts again from nothing. */
  take(): Uint8Array {
    this.seal();
    const length = this.#length;
    this.#length = 0;
    if (this.#buffer.length <= KEPT_BYTES) return this.#buffer.slice(0, length);
    const bytes = this.#buffer.subarray(0, length);
    this.#buffer = new Uint8Array(256);
    return bytes;
  }

  /** Digits and a type byte. */
  #header(value: number, type: number): void {
    this.#reserve(HEADER_BYTES);
    const end = value < 0x80 ? this.#digit(value) : writeDigits(this.#buffer, this.#length, value);
    this.#buffer[end] = type;
    this.#length = end + 1;
  }

  #digit(value: number): number {
    this.#buffer[this.#length] = value;
    return this.#length + 1;
  }

  #checkString(length: number): void {
    if (length > this.#limits.stringBytes) {
      throw new BananaError(
        "BANANA_STRING_TOO_LONG",
        `A string of ${length} bytes is over the limit of ${this.#limits.stringBytes}`,
      );
    }
  }

  #reserve(bytes: number): void {
    const needed = this.#length + bytes;
    if (needed <= this.#buffer.length) return;
    const grown = new Uint8Array(Math.max(needed, 2 * this.#buffer.length));
    grown.set(this.#buffer.subarray(0, this.#length));
    this.#buffer = grown;
  }
}
