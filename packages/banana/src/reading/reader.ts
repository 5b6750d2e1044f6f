// `BananaReader`: an `ExpressionReader` for bytes.
/* eslint-disable @typescript-eslint/no-unsafe-enum-comparison -- type bytes are numbers, and may be unknown */

import { readDigits } from "../format/base128.js";
import { fromAscii, plainBytes, toLatin1 } from "../format/bytes.js";
import { BananaError } from "../errors.js";
import { toExactFloat } from "../expression/expression.js";
import type { ExpressionReader, Float, Kind } from "../expression/expression.js";
import { bytesOf, entryBytesOf, scalarBytesOf } from "../expression/list-head.js";
import type { EntryHead, ListHead, ScalarPatterns } from "../expression/list-head.js";
import { STEP_BYTES } from "./steps.js";
import type { Steps } from "./steps.js";
import { cachedText, MAX_CACHED_TEXT, MAX_CACHED_WORD, meterText } from "./string-cache.js";
import type { TextMeter } from "./string-cache.js";
import { countDigits4, MAX_INT, readDigits4, Token, typeAfter } from "../format/tokens.js";
import type { Dialect } from "../format/vocabulary.js";
import { none } from "../format/vocabulary.js";

/** The longest byte string that {@link BananaReader.word} reads. */
const MAX_WORD_BYTES = 64 * 1024;

/** The tokens of a list and of a vocabulary word, little-endian. Each has one digit, which is zero here. */
const SHORT_HEAD = 0x87008000 | 0;

/** The bytes of the head of a list of two, little-endian. */
const PAIR = 0x8002;
const LIST_OF_ONE = 0x8001;

/**
 * {@link BananaReader.scalar} returns undefined when fewer bytes are left, so that its loads need no further checks. 17
 * is the size of `[boolean, true]`, and more than the other scalars need.
 */
const SCALAR_BYTES = 17;

/** The words `true` and `false`: the token of each, then its first and its last four letters, little-endian. */
const TRUE_TOKEN = 0x8204;
const TRUE = 0x65757274;
const FALSE_TOKEN = 0x8205;
const FALSE_FIRST = 0x736c6166;
const FALSE_LAST = 0x65736c61;

/** The character `9`. All characters before it but the digits are rare at the start of a key. */
const NINE = 0x39;

const NO_LISTS: readonly number[] = [];
/** For words, which are compared and not kept. */
const notMetered: TextMeter = { heap: 0 };
const NOTHING = new Uint8Array(0);
const NOTHING_VIEW = new DataView(NOTHING.buffer);

/** A text with such a character takes two bytes for each of its characters. */
const TWO_BYTES = /[^\0-\xff]/;

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const lenientUtf8 = new TextDecoder("utf-8", { ignoreBOM: true });

/**
 * Reads the bytes of one expression element by element. Create one reader and pass it to `Scanner.advance` for each
 * expression: the scanner has then checked the structure and the limits. A reader of other bytes throws
 * `BANANA_TRUNCATED` when they end inside an element. A reader may be used until the next call of `next` or `advance`
 * of its scanner.
 */
export class BananaReader implements ExpressionReader {
  #bytes: Uint8Array = NOTHING;
  #view: DataView = NOTHING_VIEW;
  #position = 0;
  #end = 0;
  #base = 0;
  #dialect: Dialect = none;
  /** The number and the position of the body that {@link #longHead} has read. */
  #number = 0;
  #body = 0;
  #empty: Uint8Array | undefined;
  /** The position of the first byte, the starts of the long lists from there, and the first that is not read yet. */
  #start = 0;
  #longLists: readonly number[] = NO_LISTS;
  #nextLong = 0;
  readonly #texts: TextMeter = { heap: 0 };

  /**
   * Sets the bytes to read: those from `start` to `end`. The first one has the offset `base` in the stream. `longLists`
   * are the lists for {@link isLong}: their distances from the start, in ascending order. Default: none.
   */
  reset(
    bytes: Uint8Array,
    start: number,
    end: number,
    dialect: Dialect,
    base: number,
    view?: DataView,
    longLists: readonly number[] = NO_LISTS,
  ): this {
    if (view === undefined) {
      this.#bytes = plainBytes(bytes) ?? Uint8Array.from(bytes);
      this.#view = new DataView(this.#bytes.buffer, this.#bytes.byteOffset, this.#bytes.byteLength);
    } else {
      this.#bytes = bytes;
      this.#view = view;
    }
    this.#position = start;
    this.#end = end;
    this.#dialect = dialect;
    this.#base = base - start;
    this.#empty = undefined;
    this.#start = start;
    this.#longLists = longLists;
    this.#nextLong = 0;
    return this;
  }

  get offset(): number {
    return this.#base + this.#position;
  }

  /** The number of bytes from {@link offset} to the end of the expression. */
  get bytesLeft(): number {
    return this.#end - this.#position;
  }

  get textHeap(): number {
    return this.#texts.heap;
  }

  /** Moves back to the element at this {@link offset}, to read it again. */
  rewind(offset: number): void {
    this.#position = offset - this.#base;
    this.#nextLong = 0;
  }

  isLong(): boolean {
    const starts = this.#longLists;
    if (starts.length === 0) return false;
    const distance = this.#position - this.#start;
    while (this.#nextLong < starts.length && starts[this.#nextLong]! < distance) this.#nextLong++;
    return starts[this.#nextLong] === distance;
  }

  // Each method decodes the head of the element again, which costs less than keeping it in fields (bench `codec`).
  // Heads of up to three digits, which almost all elements have, are decoded from one load; the other heads by
  // #longHead.

  kind(): Kind {
    const position = this.#position;
    if (position + 4 <= this.#end) {
      const four = this.#view.getInt32(position, true);
      const type = typeAfter(four, countDigits4(four));
      if (type === Token.LIST) return "list";
      if (type === Token.INT) return "integer";
      if (type === Token.STRING) return "bytes";
    }
    return this.#longKind();
  }

  #longKind(): Kind {
    switch (this.#longHead()) {
      case Token.LIST:
        return "list";
      case Token.STRING:
      case Token.VOCAB:
        return "bytes";
      case Token.FLOAT:
        return "float";
      default:
        return "integer";
    }
  }

  list(): number {
    const position = this.#position;
    if (position + 4 <= this.#end) {
      const four = this.#view.getInt32(position, true);
      const digits = countDigits4(four);
      const length = readDigits4(four, digits);
      if (typeAfter(four, digits) === Token.LIST && length < this.#end - position) {
        this.#position = position + digits + 1;
        return length;
      }
    }
    if (this.#longHead() !== Token.LIST) throw this.#unexpected("a list");
    this.#position = this.#body;
    return this.#number;
  }

  begins(head: ListHead): boolean {
    const position = this.#position;
    const start = position + 4;
    if (start > this.#end) return false;
    const view = this.#view;
    const tokens = view.getInt32(position, true);
    const expected = bytesOf(head);
    if (tokens !== expected.tokens) return this.#beginsWithNumber(head, tokens);
    const end = position + expected.size;
    if (end > this.#end) return false;
    const { size } = expected;
    if (size >= 8 && size <= 12) {
      if (view.getInt32(start, true) !== expected.first || view.getInt32(end - 4, true) !== expected.last) return false;
    } else if (toLatin1(this.#bytes, start, end) !== head.word) {
      return false;
    }
    this.#position = end;
    return true;
  }

  /** As {@link begins}, for a word that is written as its number. */
  #beginsWithNumber(head: ListHead, four: number): boolean {
    if ((four & 0xff) !== head.length || (four & (0xff00ff00 | 0)) !== SHORT_HEAD) return false;
    if (this.#dialect.vocabulary?.word((four >>> 16) & 0xff) !== head.word) return false;
    this.#position += 4;
    return true;
  }

  keyAfter(head: ListHead): string | undefined {
    const view = this.#view;
    const position = this.#position + 2;
    const expected = bytesOf(head);
    const { size } = expected;
    const end = position + size;
    if (end + 3 > this.#end || view.getUint16(position - 2, true) !== PAIR) return undefined;
    if (view.getInt32(position, true) !== expected.tokens || size < 8 || size > 12) return undefined;
    if (view.getInt32(position + 4, true) !== expected.first || view.getInt32(end - 4, true) !== expected.last)
      return undefined;
    return view.getUint8(end + 2) <= NINE ? undefined : this.#shortText(end);
  }

  keyHash(head: ListHead): number {
    const position = this.#position + 2 + bytesOf(head).size;
    if (position + 4 > this.#end) return 0;
    const four = this.#view.getInt32(position, true);
    const length = four & 0x7f;
    if (position + 2 + length > this.#end) return 0;
    // The head and the first two letters, without a byte of the value, and the last four bytes.
    const first = length < 2 ? four & 0xffffff : four;
    const last = this.#view.getInt32(position + length - 2, true);
    return Math.imul(first ^ Math.imul(last, 0x85ebca6b), 0x9e3779b1) >>> 22;
  }

  skipKey(entry: EntryHead): boolean {
    const position = this.#position;
    const { size, first, second, last, beforeLast } = entryBytesOf(entry);
    const end = position + size;
    if (end > this.#end) return false;
    const view = this.#view;
    if (view.getFloat64(end - 8, true) !== last || view.getFloat64(position, true) !== first) return false;
    if (view.getFloat64(position + 8, true) !== second || view.getFloat64(end - 16, true) !== beforeLast) return false;
    this.#position = end;
    return true;
  }

  /** Reads the text at `position` when it is short and ASCII. Otherwise returns undefined, and does not move. */
  #shortText(position: number): string | undefined {
    const start = position + 2;
    if (start + 4 > this.#end) return undefined;
    const head = this.#view.getUint16(position, true);
    const length = head & 0x7f;
    if ((head & 0xff80) !== Token.STRING << 8 || length > MAX_CACHED_TEXT || start + length > this.#end)
      return undefined;
    const text = cachedText(this.#view, start, length, this.#texts);
    if (text !== undefined) this.#position = start + length;
    return text;
  }

  scalar(patterns: ScalarPatterns): string | number | boolean | null | undefined {
    const position = this.#position;
    if (position + SCALAR_BYTES > this.#end) return undefined;
    const view = this.#view;
    const four = view.getInt32(position, true);
    const expected = scalarBytesOf(patterns);
    if (four === expected.tokens) {
      const body = position + expected.size;
      const first = view.getInt32(position + 4, true);
      const last = view.getInt32(body - 4, true);
      if (first === expected.textFirst && last === expected.textLast)
        return this.#shortText(body) ?? this.#longText(body);
      return first === expected.booleanFirst && last === expected.booleanLast ? this.#boolean(body) : undefined;
    }
    if ((four & 0xff80) === Token.INT << 8) {
      this.#position = position + 2;
      return four & 0x7f;
    }
    if ((four & 0xff) === Token.FLOAT) {
      this.#position = position + 9;
      return view.getFloat64(position + 1);
    }
    if ((four & 0xff8080) === Token.INT << 16) {
      this.#position = position + 3;
      return (four & 0x7f) | ((four >>> 1) & 0x3f80);
    }
    return (four & 0xffff) === LIST_OF_ONE && this.begins(expected.nothing) ? null : undefined;
  }

  /** Reads the word `true` or `false` at `position`. Returns undefined for any other element, and does not move. */
  #boolean(position: number): boolean | undefined {
    const left = this.#end - position;
    if (left < 6) return undefined;
    const view = this.#view;
    const token = view.getUint16(position, true);
    const first = view.getInt32(position + 2, true);
    if (token === TRUE_TOKEN && first === TRUE) {
      this.#position = position + 6;
      return true;
    }
    if (token === FALSE_TOKEN && first === FALSE_FIRST && left > 6) {
      if (view.getInt32(position + 3, true) !== FALSE_LAST) return undefined;
      this.#position = position + 7;
      return false;
    }
    return undefined;
  }

  integers(into: unknown[], index: number): number {
    const view = this.#view;
    const lastFour = this.#end - 4;
    const { length } = into;
    let position = this.#position;
    while (index < length && position <= lastFour) {
      const four = view.getInt32(position, true);
      if ((four & 0xff80) === Token.INT << 8) {
        into[index++] = four & 0x7f;
        position += 2;
      } else if ((four & 0xff8080) === Token.INT << 16) {
        into[index++] = (four & 0x7f) | ((four >>> 1) & 0x3f80);
        position += 3;
      } else if ((four & (0xff808080 | 0)) === Token.INT << 24) {
        into[index++] = (four & 0x7f) | ((four >>> 1) & 0x3f80) | ((four >>> 2) & 0x1fc000);
        position += 4;
      } else {
        break;
      }
    }
    this.#position = position;
    return index;
  }

  integer(): number | bigint {
    const position = this.#position;
    if (position + 4 <= this.#end) {
      const four = this.#view.getInt32(position, true);
      const digits = countDigits4(four);
      const type = typeAfter(four, digits);
      if (type === Token.INT) {
        this.#position = position + digits + 1;
        return readDigits4(four, digits);
      }
      if (type === Token.NEG) {
        this.#position = position + digits + 1;
        return 0 - readDigits4(four, digits);
      }
    }
    return this.#longInteger();
  }

  /**
   * Reads the next element if it is an integer from 0 to 2,097,151 in its most common form. Returns undefined for every
   * other element, and does not move: read it with {@link kind} and the other methods.
   */
  shortInteger(): number | undefined {
    const position = this.#position;
    if (position + 4 > this.#end) return undefined;
    const four = this.#view.getInt32(position, true);
    const digits = countDigits4(four);
    if (typeAfter(four, digits) !== Token.INT) return undefined;
    this.#position = position + digits + 1;
    return readDigits4(four, digits);
  }

  #longInteger(): number | bigint {
    const type = this.#longHead();
    if (type !== Token.INT && type !== Token.NEG && type !== Token.LONGINT && type !== Token.LONGNEG)
      throw this.#unexpected("an integer");
    const value = readDigits(this.#bytes, this.#position, this.#body - 1);
    this.#position = this.#body;
    if (type === Token.INT || type === Token.LONGINT) return value;
    return value === 0 ? 0 : -value;
  }

  float(): number {
    const body = this.#floatBody();
    this.#position = body + 8;
    return this.#view.getFloat64(body);
  }

  exactFloat(): number | Float {
    const body = this.#floatBody();
    this.#position = body + 8;
    return toExactFloat(this.#view, body);
  }

  #floatBody(): number {
    if (this.#bytes[this.#position] === Token.FLOAT && this.#position + 9 <= this.#end) return this.#position + 1;
    if (this.#longHead() !== Token.FLOAT) throw this.#unexpected("a float");
    return this.#body;
  }

  bytes(): Uint8Array {
    const position = this.#position;
    if (position + 4 <= this.#end) {
      const four = this.#view.getInt32(position, true);
      const digits = countDigits4(four);
      const start = position + digits + 1;
      const end = start + readDigits4(four, digits);
      if (typeAfter(four, digits) === Token.STRING && end <= this.#end) {
        this.#position = end;
        return end === start ? this.#emptyBytes() : this.#bytes.slice(start, end);
      }
    }
    return this.#longBytes();
  }

  #longBytes(): Uint8Array {
    const type = this.#longHead();
    if (type === Token.VOCAB) return fromAscii(this.#vocabularyWord());
    if (type !== Token.STRING) throw this.#unexpected("a byte string");
    const start = this.#body;
    const end = this.#skipString();
    return end === start ? this.#emptyBytes() : this.#bytes.slice(start, end);
  }

  /**
   * All empty byte strings of an expression are one object: an element of two bytes would take 184 bytes of memory
   * otherwise. Not shared between expressions, because a program may transfer its buffer to another thread.
   */
  #emptyBytes(): Uint8Array {
    return (this.#empty ??= new Uint8Array(0));
  }

  word(): string {
    const position = this.#position;
    if (position + 4 <= this.#end) {
      const four = this.#view.getInt32(position, true);
      const digits = countDigits4(four);
      const type = typeAfter(four, digits);
      const length = readDigits4(four, digits);
      const start = position + digits + 1;
      if (type === Token.VOCAB) {
        const word = this.#dialect.vocabulary?.word(length);
        if (word !== undefined) {
          this.#position = start;
          return word;
        }
      } else if (
        type === Token.STRING &&
        length <= MAX_CACHED_WORD &&
        start + length <= this.#end &&
        start + 4 <= this.#end
      ) {
        const word = cachedText(this.#view, start, length, notMetered);
        if (word !== undefined) {
          this.#position = start + length;
          return word;
        }
      }
    }
    return this.#longWord();
  }

  #longWord(): string {
    const type = this.#longHead();
    if (type === Token.VOCAB) return this.#vocabularyWord();
    if (type !== Token.STRING) throw this.#unexpected("a word");
    if (this.#number > MAX_WORD_BYTES)
      throw new BananaError(
        "BANANA_BAD_WORD",
        `A word of ${this.#number} bytes is over the limit of ${MAX_WORD_BYTES}`,
        { offset: this.offset },
      );
    return toLatin1(this.#bytes, this.#body, this.#skipString());
  }

  text(): string {
    return this.#shortText(this.#position) ?? this.#longText(this.#position);
  }

  #longText(position: number): string {
    this.#position = position;
    const type = this.#longHead();
    if (type === Token.VOCAB) return this.#vocabularyWord();
    if (type !== Token.STRING) throw this.#unexpected("UTF-8 text");
    const { offset } = this;
    const start = this.#body;
    const end = this.#skipString();
    const bytes = this.#bytes.subarray(start, end);
    // Searching the result of the lenient decoder for replacement characters is faster than the strict decoder (bench
    // `codec`).
    const text = lenientUtf8.decode(bytes);
    meterText(this.#texts, text.length === bytes.length || !TWO_BYTES.test(text) ? text.length : 2 * text.length);
    if (!text.includes("\ufffd")) return text;
    try {
      return utf8.decode(bytes);
    } catch (cause) {
      throw new BananaError("BANANA_BAD_UTF8", "The byte string is not UTF-8", { offset, cause });
    }
  }

  #skipString(): number {
    return (this.#position = this.#body + this.#number);
  }

  skip(): void {
    this.#skip(1, Infinity);
  }

  *skipInSteps(): Steps<void> {
    for (let left = 1; (left = this.#skip(left, this.#position + STEP_BYTES)) > 0;) yield;
  }

  /** Skips elements until one begins after the position `last`. Returns how many are left. */
  #skip(elements: number, last: number): number {
    let left = elements;
    while (left > 0 && this.#position <= last) {
      left--;
      switch (this.#longHead()) {
        case Token.LIST:
          left += this.#number;
          this.#position = this.#body;
          break;
        case Token.STRING:
          this.#skipString();
          break;
        case Token.FLOAT:
          this.#position = this.#body + 8;
          break;
        default:
          this.#position = this.#body;
      }
    }
    return left;
  }

  /** Decodes the digits and the type byte of the next element, and does not move. A number over 2^31-1 becomes -1. */
  #longHead(): number {
    const bytes = this.#bytes;
    const end = this.#end;
    let position = this.#position;
    let number = 0;
    let scale = 1;
    while (position < end) {
      const byte = bytes[position++]!;
      if (byte >= 0x80) {
        this.#number = number <= MAX_INT ? number | 0 : -1;
        this.#body = position;
        if (byte > Token.VOCAB) throw this.#unknown(byte);
        // Each element of a list needs at least one byte.
        const needed = byte === Token.STRING || byte === Token.LIST ? number : byte === Token.FLOAT ? 8 : 0;
        if (needed > end - position) break;
        return byte;
      }
      if (byte > 0) number += byte * scale;
      scale *= 128;
    }
    throw this.#truncated();
  }

  #vocabularyWord(): string {
    const word = this.#dialect.vocabulary?.word(this.#number);
    if (word === undefined)
      throw new BananaError("BANANA_UNKNOWN_WORD", `The dialect has no word with the number ${this.#number}`, {
        offset: this.offset,
      });
    this.#position = this.#body;
    return word;
  }

  #unexpected(wanted: string): BananaError {
    return new BananaError("BANANA_UNEXPECTED_KIND", `Expected ${wanted}, found ${nameOf(this.kind())}`, {
      offset: this.offset,
    });
  }

  #unknown(type: number): BananaError {
    return new BananaError("BANANA_UNKNOWN_TYPE", `Unknown type byte 0x${type.toString(16)}`, {
      offset: this.offset,
    });
  }

  #truncated(): BananaError {
    return new BananaError("BANANA_TRUNCATED", "The bytes end inside an element", {
      offset: this.offset,
    });
  }
}

function nameOf(kind: Kind): string {
  return kind === "integer" ? "an integer" : kind === "bytes" ? "a byte string" : `a ${kind}`;
}
