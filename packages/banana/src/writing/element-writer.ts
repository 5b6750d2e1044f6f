// `ElementWriter` writes integers, doubles, byte strings and lists into one growing buffer: what `encode` needs.

import type { Bytes } from "../format/bytes.js";
import { writeBigDigits, writeDigits } from "../format/base128.js";
import type { Float } from "../expression/expression.js";
import { checkLimit } from "../limits.js";
import type { BananaLimits } from "../limits.js";
import { completeOptions } from "../options.js";
import { MAX_INT, MAX_NEG, Token } from "../format/tokens.js";
import type { Dialect } from "../format/vocabulary.js";

/** The longest head of an element: the digits of a safe integer, 7 bits each, and a type byte. */
export const HEADER_BYTES = 10;
/** For up to this many bytes, a loop is faster than `set` (bench `codec`). */
const MAX_LOOP_BYTES = 32;
const SMALL_BUFFER = 256;
/** A larger buffer is returned with its bytes, or discarded, instead of being reused. */
const MAX_REUSED_BYTES = 64 * 1024;
const CANONICAL_NAN = 0x7ff8000000000000n;

const EMPTY = new Uint8Array(0);
const EMPTY_VIEW = new DataView(EMPTY.buffer);

/** Options of `BananaWriter`. */
export interface BananaWriterOptions {
  /** Default `none`. */
  readonly dialect?: Dialect | "pb" | "none" | undefined;
  readonly limits?: Partial<BananaLimits> | undefined;
}

/** The writer of `encode`, and the base class of `BananaWriter`, which also writes text. */
export class ElementWriter {
  protected readonly limits: BananaLimits;
  readonly #integerDigits: number;
  protected currentDialect: Dialect;
  protected buffer: Bytes = EMPTY;
  protected view: DataView = EMPTY_VIEW;
  protected length = 0;
  /** The smallest size of the next buffer. */
  protected size: number = SMALL_BUFFER;

  constructor(options: BananaWriterOptions = {}) {
    const { dialect, limits } = completeOptions(options);
    this.limits = limits;
    this.#integerDigits = Math.min(limits.integerDigits, limits.prefixBytes);
    this.currentDialect = dialect;
  }

  get dialect(): Dialect {
    return this.currentDialect;
  }

  /** Applies to all elements that are written from now on. */
  set dialect(dialect: Dialect) {
    this.currentDialect = dialect;
  }

  list(length: number): void {
    checkLimit("LIST_TOO_LONG", length, this.limits.listLength);
    if (!Number.isInteger(length) || length < 0) throw new TypeError(`Invalid list length: ${length}`);
    this.header(length, Token.LIST);
  }

  integer(value: number | bigint): void {
    // An INT has at most five digits, so that it is over the limit only when that is set to less.
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
    // A safe integer has at most eight digits.
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
    // An engine may give a NaN any bits. These are the bits that Python writes.
    else view.setBigUint64(length + 1, (value as Float).nanBits ?? CANONICAL_NAN);
    this.length = length + 9;
  }

  bytes(value: Uint8Array): void {
    const number = this.currentDialect.vocabulary?.numberOfBytes(value);
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
    if (length > MAX_LOOP_BYTES) buffer.set(value, position);
    else for (let index = 0; index < length; index++) buffer[position + index] = value[index]!;
    this.length = position + length;
  }

  /** Returns all bytes that were written, which the caller then owns. The writer starts again with no bytes. */
  take(): Bytes {
    const { buffer, length } = this;
    this.length = 0;
    if (buffer.length <= MAX_REUSED_BYTES) return buffer.slice(0, length);
    // After a large message, the next one is often as large: its first buffer has that size.
    this.size = length > MAX_REUSED_BYTES ? length + 2 * HEADER_BYTES : SMALL_BUFFER;
    this.releaseBuffer();
    return 2 * length > buffer.length ? buffer.subarray(0, length) : buffer.slice(0, length);
  }

  /** Writes digits and a type byte. */
  protected header(value: number, type: number): void {
    this.reserve(HEADER_BYTES);
    const position = this.length;
    if (value < 0x80) {
      this.view.setUint16(position, value | (type << 8), true);
      this.length = position + 2;
    } else if (value < 0x200000) {
      // One store for up to three digits and the type byte. With two digits, its last byte is overwritten later.
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

  /** Moves the bytes that were written to a buffer of at least `needed` bytes. */
  protected grow(needed: number): void {
    const grown = new Uint8Array(Math.max(needed, this.size, 2 * this.buffer.length));
    grown.set(this.buffer.subarray(0, this.length));
    this.buffer = grown;
    this.view = new DataView(grown.buffer);
  }

  /** Starts with an empty buffer. The old one is not used again. */
  protected releaseBuffer(): void {
    this.buffer = EMPTY;
    this.view = EMPTY_VIEW; // The view holds the buffer too.
    this.length = 0;
  }
}
