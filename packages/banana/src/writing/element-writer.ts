// Writes integers, doubles, byte strings and lists as bytes, into one growing buffer: all that a tree needs.

import { writeBigDigits, writeDigits } from "../format/base128.js";
import type { Float } from "../expression/expression.js";
import { checkLimit, withLimits } from "../limits.js";
import type { BananaLimits } from "../limits.js";
import { MAX_INT, MAX_NEG, Token } from "../format/tokens.js";
import { dialectOf } from "../format/vocabulary.js";
import type { Dialect } from "../format/vocabulary.js";

/** Room for any header: the digits of a safe integer, 7 bits each, and a type byte. */
export const HEADER_BYTES = 10;
/** Up to this many bytes a loop beats `set` (bench `codec`). */
const SHORT_BYTES = 32;
const SMALL_BUFFER = 256;
/** A buffer that grew beyond this is given away with its bytes, or dropped, instead of being kept. */
const KEPT_BYTES = 64 * 1024;
const CANONICAL_NAN = 0x7ff8000000000000n;

const NOTHING = new Uint8Array(0);
const NOTHING_VIEW = new DataView(NOTHING.buffer);

/** How a writer begins. */
export interface BananaWriterOptions {
  /** Default `none`. */
  readonly dialect?: Dialect | "pb" | "none" | undefined;
  readonly limits?: Partial<BananaLimits> | undefined;
}

/** What `encode` writes with. A {@link BananaWriter} is one of these, and writes text, too. */
export class ElementWriter {
  protected readonly limits: BananaLimits;
  readonly #integerDigits: number;
  protected spoken: Dialect;
  protected buffer: Uint8Array<ArrayBuffer> = NOTHING;
  protected view: DataView = NOTHING_VIEW;
  protected length = 0;
  /** How large the next buffer will be. */
  protected size: number = SMALL_BUFFER;

  constructor(options: BananaWriterOptions = {}) {
    this.limits = withLimits(options.limits);
    this.#integerDigits = Math.min(this.limits.integerDigits, this.limits.prefixBytes);
    this.spoken = dialectOf(options.dialect ?? "none");
  }

  get dialect(): Dialect {
    return this.spoken;
  }

  /** What is written from now on uses this dialect. */
  set dialect(dialect: Dialect) {
    this.spoken = dialect;
  }

  list(length: number): void {
    checkLimit("LIST_TOO_LONG", length, this.limits.listLength);
    if (!Number.isInteger(length) || length < 0) throw new TypeError(`Not a number of elements: ${length}`);
    this.header(length, Token.LIST);
  }

  integer(value: number | bigint): void {
    // An INT of five digits or fewer breaks no limit, except one that is hardly ever set.
    if (
      typeof value === "number" &&
      value >= 0 &&
      value <= MAX_INT &&
      this.#integerDigits >= 5 &&
      Number.isInteger(value)
    )
      this.header(value, Token.INT);
    else this.#longInteger(value);
  }

  #longInteger(value: number | bigint): void {
    if (typeof value === "number" && !Number.isSafeInteger(value)) throw new TypeError(`Not a safe integer: ${value}`);
    const isNegative = value < 0;
    const magnitude = isNegative ? -value : value;
    const isShort = magnitude <= (isNegative ? MAX_NEG : MAX_INT);
    const type = isNegative ? (isShort ? Token.NEG : Token.LONGNEG) : isShort ? Token.INT : Token.LONGINT;
    // A safe integer has eight digits at most.
    if (typeof value === "bigint" || this.#integerDigits < 8) {
      const bits = magnitude.toString(2).length;
      checkLimit("INTEGER_TOO_LARGE", bits, 7 * this.#integerDigits);
      this.reserve(bits / 7 + HEADER_BYTES);
    }
    if (magnitude <= Number.MAX_SAFE_INTEGER) {
      this.header(Number(magnitude), type);
    } else {
      this.length = writeBigDigits(this.buffer, this.length, magnitude as bigint);
      this.buffer[this.length++] = type;
    }
  }

  float(value: number | Float): void {
    this.reserve(9);
    const { view, length } = this;
    const number = Number(value);
    view.setUint8(length, Token.FLOAT);
    if (number === number) view.setFloat64(length + 1, number);
    // The bits of a NaN are the engine's business; these are what Python and everybody else writes.
    else view.setBigUint64(length + 1, (value as Float).nanBits ?? CANONICAL_NAN);
    this.length = length + 9;
  }

  bytes(value: Uint8Array): void {
    const number = this.spoken.vocabulary?.numberOfBytes(value);
    if (number !== undefined) {
      this.header(number, Token.VOCAB);
      return;
    }
    const { length } = value;
    this.checkString(length);
    this.reserve(length + HEADER_BYTES);
    this.header(length, Token.STRING);
    const buffer = this.buffer;
    const position = this.length;
    if (length > SHORT_BYTES) buffer.set(value, position);
    else for (let index = 0; index < length; index++) buffer[position + index] = value[index]!;
    this.length = position + length;
  }

  /** All bytes written; they belong to the caller. The writer starts again from nothing. */
  take(): Uint8Array<ArrayBuffer> {
    const { buffer, length } = this;
    this.length = 0;
    if (buffer.length <= KEPT_BYTES) return buffer.slice(0, length);
    // Large messages come in rows: the next one need not grow step by step.
    this.size = length > KEPT_BYTES ? length + 2 * HEADER_BYTES : SMALL_BUFFER;
    this.startAnew();
    return 2 * length > buffer.length ? buffer.subarray(0, length) : buffer.slice(0, length);
  }

  /** Digits and a type byte. */
  protected header(value: number, type: number): void {
    this.reserve(HEADER_BYTES);
    const position = this.length;
    if (value < 0x80) {
      this.view.setUint16(position, value | (type << 8), true);
      this.length = position + 2;
    } else if (value < 0x200000) {
      // Three digits and the type byte at once; of two digits the last byte will be written over.
      const low = (value & 0x7f) | ((value & 0x3f80) << 1);
      if (value < 0x4000) {
        this.view.setInt32(position, low | (type << 16), true);
        this.length = position + 3;
      } else {
        this.view.setInt32(position, low | ((value & 0x1fc000) << 2) | (type << 24), true);
        this.length = position + 4;
      }
    } else {
      const end = writeDigits(this.buffer, position, value);
      this.buffer[end] = type;
      this.length = end + 1;
    }
  }

  protected checkString(length: number): void {
    checkLimit("STRING_TOO_LONG", length, this.limits.stringBytes);
  }

  protected reserve(bytes: number): void {
    if (this.length + bytes > this.buffer.length) this.grow(this.length + bytes);
  }

  /** Goes on in a buffer of `needed` bytes or more, with what is written. */
  protected grow(needed: number): void {
    const grown = new Uint8Array(Math.max(needed, this.size, 2 * this.buffer.length));
    grown.set(this.buffer.subarray(0, this.length));
    this.buffer = grown;
    this.view = new DataView(grown.buffer);
  }

  /** Gives the buffer up. */
  protected startAnew(): void {
    this.buffer = NOTHING;
    this.view = NOTHING_VIEW; // it holds the buffer, too
    this.length = 0;
  }
}
