// Writes expressions as bytes, straight into one growing buffer.

import { countDigits, writeBigDigits, writeDigits } from "./base128.js";
import { BananaError } from "./errors.js";
import type { Float } from "./expression.js";
import type { ExpressionWriter, ListHead } from "./expression.js";
import { withLimits } from "./limits.js";
import type { BananaLimits } from "./limits.js";
import { MAX_INT, MAX_NEG, Token } from "./tokens.js";
import { dialectOf } from "./vocabulary.js";
import type { Dialect } from "./vocabulary.js";

/** Room for any header: the digits of a safe integer, 7 bits each, and a type byte. */
const HEADER_BYTES = 10;
/** Up to this many characters a loop beats `encodeInto` (bench `codec`). */
const SHORT_TEXT = 32;
/** The same for bytes and `set`. */
const SHORT_BYTES = 32;
/** Beyond this many characters, memory for the worst case is not taken at once. */
const LONG_TEXT = 1024;
const SMALL_BUFFER = 256;
/** A buffer that grew beyond this is given away with its bytes, or dropped, instead of being kept. */
const KEPT_BYTES = 64 * 1024;
/** Words are kept encoded when they take up to this many bytes, in so many slots. */
const WORD_BYTES = 12;
const WORD_SLOTS = 64;
const CANONICAL_NAN = 0x7ff80000;

const utf8 = new TextEncoder();
const NOTHING = new Uint8Array(0);
const NOTHING_VIEW = new DataView(NOTHING.buffer);

interface Insertion {
  readonly position: number;
  readonly bytes: Uint8Array;
}

/** How a {@link BananaWriter} begins. */
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
  readonly #integerDigits: number;
  /** An INT breaks no limit. */
  readonly #mayHurry: boolean;
  #dialect: Dialect;
  #buffer: Uint8Array<ArrayBuffer> = new Uint8Array(SMALL_BUFFER);
  #view: DataView = new DataView(this.#buffer.buffer);
  #length = 0;
  /** How large the next buffer will be. */
  #size = SMALL_BUFFER;
  #insertions: Insertion[] = [];
  /** Words as they were last written, each in the slot it belongs to: text, four bytes three times, number of bytes. */
  #words: (string | undefined)[] = new Array<string | undefined>(WORD_SLOTS).fill(undefined);
  #head: ListHead | undefined;
  readonly #wordBytes = new Int32Array(4 * WORD_SLOTS);

  constructor(options: BananaWriterOptions = {}) {
    this.#limits = withLimits(options.limits);
    this.#integerDigits = Math.min(this.#limits.integerDigits, this.#limits.prefixBytes);
    this.#mayHurry = this.#integerDigits >= 5;
    this.#dialect = dialectOf(options.dialect ?? "none");
  }

  get dialect(): Dialect {
    return this.#dialect;
  }

  /** What is written from now on uses this dialect. */
  set dialect(dialect: Dialect) {
    if (dialect === this.#dialect) return;
    this.#dialect = dialect;
    this.#words.fill(undefined);
    this.#head = undefined;
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
    if (!(length >= 0) || !Number.isInteger(length)) throw new TypeError(`Not a number of elements: ${length}`);
    this.#header(length, Token.LIST);
  }

  begin(head: ListHead): void {
    if (head !== this.#head && !this.#rememberHead(head)) {
      this.list(head.length);
      this.word(head.word);
      return;
    }
    this.#reserve(WORD_BYTES);
    const view = this.#view;
    const position = this.#length;
    const end = position + 4 + head.word.length;
    view.setInt32(position, head.four, true);
    view.setInt32(position + 4, head.first, true);
    view.setInt32(end - 4, head.last, true);
    this.#length = end;
  }

  /** Whether this head can be written as it stands: the dialect does not have its word, and the word is four to eight bytes. */
  #rememberHead(head: ListHead): boolean {
    const { length } = head.word;
    if (length < 4 || length > 8 || this.#dialect.vocabulary?.number(head.word) !== undefined) return false;
    if (length > this.#limits.stringBytes || head.length > this.#limits.listLength) return false;
    this.#head = head;
    return true;
  }

  integer(value: number | bigint): void {
    if (typeof value === "bigint") this.#bigInteger(value);
    else if (value >= 0 && value <= MAX_INT && this.#mayHurry && Number.isInteger(value))
      this.#header(value, Token.INT);
    else this.#longInteger(value);
  }

  #longInteger(value: number): void {
    if (!Number.isSafeInteger(value)) throw new TypeError(`Not a safe integer: ${value}`);
    if (countDigits(Math.abs(value)) > this.#integerDigits) this.#bigInteger(BigInt(value));
    else if (value >= 0) this.#header(value, value <= MAX_INT ? Token.INT : Token.LONGINT);
    else this.#header(-value, -value <= MAX_NEG ? Token.NEG : Token.LONGNEG);
  }

  #bigInteger(value: bigint): void {
    const digits = this.#integerDigits;
    const magnitude = value < 0n ? -value : value;
    if (magnitude >> BigInt(7 * digits) !== 0n) {
      throw new BananaError("BANANA_INTEGER_TOO_LARGE", `An integer of more than ${7 * digits} bits cannot be sent`);
    }
    if (magnitude <= Number.MAX_SAFE_INTEGER) {
      this.#longInteger(Number(value));
      return;
    }
    this.#reserve(digits + 1);
    const end = writeBigDigits(this.#buffer, this.#length, magnitude);
    this.#buffer[end] = value < 0n ? Token.LONGNEG : Token.LONGINT;
    this.#length = end + 1;
  }

  float(value: number | Float): void {
    this.#reserve(9);
    const position = this.#length;
    const number = typeof value === "number" ? value : value.value;
    this.#buffer[position] = Token.FLOAT;
    if (number === number) this.#view.setFloat64(position + 1, number);
    else this.#notANumber(position + 1, typeof value === "number" ? undefined : value.nanBits);
    this.#length = position + 9;
  }

  /** The bits of a NaN are the engine's business; these are what Python and everybody else writes. */
  #notANumber(position: number, bits: bigint | undefined): void {
    if (bits !== undefined) {
      this.#view.setBigUint64(position, bits);
    } else {
      this.#view.setInt32(position, CANONICAL_NAN);
      this.#view.setInt32(position + 4, 0);
    }
  }

  bytes(value: Uint8Array): void {
    const number = this.#dialect.vocabulary?.numberOfBytes(value);
    if (number !== undefined) {
      this.#header(number, Token.VOCAB);
      return;
    }
    const { length } = value;
    this.#checkString(length);
    this.#reserve(length + HEADER_BYTES);
    this.#header(length, Token.STRING);
    const buffer = this.#buffer;
    const position = this.#length;
    if (length > SHORT_BYTES) buffer.set(value, position);
    else for (let index = 0; index < length; index++) buffer[position + index] = value[index]!;
    this.#length = position + length;
  }

  word(value: string): void {
    // A word is most often one that was written before. Its bytes are then copied, four by four.
    const slot = value.length === 0 ? 0 : (value.charCodeAt(0) + 8 * value.length) & (WORD_SLOTS - 1);
    if (this.#words[slot] !== value && !this.#rememberWord(slot, value)) return;
    this.#reserve(WORD_BYTES);
    const view = this.#view;
    const position = this.#length;
    const words = this.#wordBytes;
    const length = words[4 * slot + 3]!;
    view.setInt32(position, words[4 * slot]!, true);
    if (length > 4) {
      view.setInt32(position + 4, words[4 * slot + 1]!, true);
      view.setInt32(position + 8, words[4 * slot + 2]!, true);
    }
    this.#length = position + length;
  }

  /** Encodes a word for {@link word}; false when it is too long for that, or empty, and was written at once. */
  #rememberWord(slot: number, value: string): boolean {
    for (let index = 0; index < value.length; index++) {
      if (value.charCodeAt(index) > 0x7f) throw new TypeError(`A word is ASCII: ${JSON.stringify(value)}`);
    }
    const start = this.#length;
    this.#reserve(WORD_BYTES);
    this.text(value);
    const length = this.#length - start;
    if (length > WORD_BYTES || value === "") return false;
    this.#length = start;
    for (let part = 0; part < 3; part++) this.#wordBytes[4 * slot + part] = this.#view.getInt32(start + 4 * part, true);
    this.#wordBytes[4 * slot + 3] = length;
    this.#words[slot] = value;
    return true;
  }

  text(value: string): void {
    const number = this.#dialect.vocabulary?.number(value);
    if (number !== undefined) {
      this.#header(number, Token.VOCAB);
      return;
    }
    const { length } = value;
    if (length > SHORT_TEXT || length > this.#limits.stringBytes || !this.#shortAscii(value)) this.#utf8(value);
  }

  /** Writes text of ASCII characters only; writes nothing and returns false when there is another one in it. */
  #shortAscii(value: string): boolean {
    const length = value.length;
    this.#reserve(length + 2);
    const buffer = this.#buffer;
    const view = this.#view;
    let position = this.#length;
    buffer[position++] = length; // SHORT_TEXT is below 128: one digit
    buffer[position++] = Token.STRING;
    let all = 0;
    let index = 0;
    for (; index + 4 <= length; index += 4) {
      const a = value.charCodeAt(index);
      const b = value.charCodeAt(index + 1);
      const c = value.charCodeAt(index + 2);
      const d = value.charCodeAt(index + 3);
      all |= a | b | c | d;
      view.setInt32(position, a | (b << 8) | (c << 16) | (d << 24), true);
      position += 4;
    }
    for (; index < length; index++) {
      const code = value.charCodeAt(index);
      all |= code;
      buffer[position++] = code;
    }
    if (all > 0x7f) return false;
    this.#length = position;
    return true;
  }

  #utf8(value: string): void {
    this.#checkString(value.length);
    if (!value.isWellFormed()) {
      throw new BananaError("BANANA_LONE_SURROGATE", "Text with a lone surrogate has no UTF-8 form and cannot be sent");
    }
    // The header's size follows from the number of bytes, which is known afterwards: leave room for the most likely one.
    const start = this.#length;
    const guess = start + countDigits(value.length) + 1;
    const written = this.#encodeInto(value, guess);
    this.#checkString(written);
    const body = start + countDigits(written) + 1;
    if (body !== guess) this.#buffer.copyWithin(body, guess, guess + written);
    // Not by #header, which may write four bytes where three are needed.
    this.#buffer[writeDigits(this.#buffer, start, written)] = Token.STRING;
    this.#length = body + written;
  }

  /** Writes UTF-8 at `position` and what is behind it free, and returns how many bytes. May stop early once they are more than allowed. */
  #encodeInto(value: string, position: number): number {
    const { length } = value;
    // Three bytes a character are always enough. Long text is tried as ASCII first: mostly it is.
    const room = length > LONG_TEXT ? length : 3 * length;
    this.#reserve(room + HEADER_BYTES);
    const { read, written } = utf8.encodeInto(value, this.#buffer.subarray(position, position + room));
    if (read === length || written > this.#limits.stringBytes) return written;
    const rest = Math.min(3 * (length - read), this.#limits.stringBytes + 4);
    const start = this.#length;
    const behind = position + written;
    this.#length = behind; // what is written so far moves along into a larger buffer
    this.#reserve(rest + HEADER_BYTES);
    this.#length = start;
    return written + utf8.encodeInto(value.slice(read), this.#buffer.subarray(behind, behind + rest)).written;
  }

  /** Adds whole expressions that another writer of the same dialect has finished. */
  append(bytes: Uint8Array): void {
    this.#reserve(bytes.length);
    this.#buffer.set(bytes, this.#length);
    this.#length += bytes.length;
  }

  /** A copy of what was written since the writer stood at `position`, sealed: more of the same for {@link append}. */
  since(position: number): Uint8Array<ArrayBuffer> {
    this.seal();
    return this.#buffer.slice(position, this.#length);
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
  take(): Uint8Array<ArrayBuffer> {
    this.seal();
    const buffer = this.#buffer;
    const length = this.#length;
    this.#length = 0;
    if (buffer.length <= KEPT_BYTES) return buffer.slice(0, length);
    this.#buffer = NOTHING;
    this.#view = NOTHING_VIEW;
    // Large messages come in rows: the next one need not grow step by step.
    this.#size = length > KEPT_BYTES ? length + 2 * HEADER_BYTES : SMALL_BUFFER;
    return 2 * length > buffer.length ? buffer.subarray(0, length) : buffer.slice(0, length);
  }

  /** Digits and a type byte. */
  #header(value: number, type: number): void {
    this.#reserve(HEADER_BYTES);
    const position = this.#length;
    if (value < 0x80) {
      this.#view.setUint16(position, value | (type << 8), true);
      this.#length = position + 2;
    } else if (value < 0x200000) {
      // Three digits and the type byte at once; of two digits the last byte will be written over.
      const low = (value & 0x7f) | ((value & 0x3f80) << 1);
      if (value < 0x4000) {
        this.#view.setInt32(position, low | (type << 16), true);
        this.#length = position + 3;
      } else {
        this.#view.setInt32(position, low | ((value & 0x1fc000) << 2) | (type << 24), true);
        this.#length = position + 4;
      }
    } else {
      const end = writeDigits(this.#buffer, position, value);
      this.#buffer[end] = type;
      this.#length = end + 1;
    }
  }

  #checkString(length: number): void {
    const { stringBytes } = this.#limits;
    if (length > stringBytes)
      throw new BananaError(
        "BANANA_STRING_TOO_LONG",
        `A string of ${length} bytes is over the limit of ${stringBytes}`,
      );
  }

  #reserve(bytes: number): void {
    if (this.#length + bytes > this.#buffer.length) this.#grow(this.#length + bytes);
  }

  #grow(needed: number): void {
    const grown = new Uint8Array(Math.max(needed, this.#size, 2 * this.#buffer.length));
    grown.set(this.#buffer.subarray(0, this.#length));
    this.#buffer = grown;
    this.#view = new DataView(grown.buffer);
  }
}
