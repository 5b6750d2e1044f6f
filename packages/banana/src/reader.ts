// Reads one expression from bytes that a scanner has found complete: a cursor, no tree.

import { readDigits } from "./base128.js";
import { BananaError } from "./errors.js";
import { Float } from "./expression.js";
import type { ExpressionReader, Kind } from "./expression.js";
import { recall } from "./strings.js";
import { FLOAT, INT, LIST, LONGINT, LONGNEG, NEG, STRING, VOCAB } from "./tokens.js";
import type { Dialect } from "./vocabulary.js";
import { none } from "./vocabulary.js";

/** A word longer than this is no atom and no name. */
const LONGEST_WORD = 64 * 1024;
const CANONICAL_NAN = 0x7ff8000000000000n;

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const ascii = new TextEncoder();

/**
 * A cursor on the bytes of one expression. Made by a `Scanner`, which has checked the structure and the limits; a reader of
 * unchecked bytes throws `BANANA_TRUNCATED` where they end too early. Valid until the scanner's next `next()`.
 */
export class BananaReader implements ExpressionReader {
  #bytes: Uint8Array = new Uint8Array(0);
  #view: DataView | undefined;
  #position = 0;
  #end = 0;
  #base = 0;
  #dialect: Dialect = none;
  /** The head of the next element, when it has been looked at: its type byte, number, and where its body starts. */
  #type = 0;
  #number = 0;
  #digits = 0;
  #body = 0;

  /** Points the reader at the bytes from `start` to `end`, the first of which is byte `base` of the stream. */
  reset(bytes: Uint8Array, start: number, end: number, dialect: Dialect, base: number): this {
    if (bytes !== this.#bytes) {
      this.#bytes = bytes;
      this.#view = undefined;
    }
    this.#position = start;
    this.#end = end;
    this.#dialect = dialect;
    this.#base = base - start;
    this.#type = 0;
    return this;
  }

  get offset(): number {
    return this.#base + this.#position;
  }

  kind(): Kind {
    switch (this.#type || this.#head()) {
      case LIST:
        return "list";
      case STRING:
      case VOCAB:
        return "bytes";
      case FLOAT:
        return "float";
      default:
        return "integer";
    }
  }

  list(): number {
    if ((this.#type || this.#head()) !== LIST) throw this.#unexpected("a list");
    this.#next(this.#body);
    return this.#number;
  }

  integer(): number | bigint {
    switch (this.#type || this.#head()) {
      case INT:
      case LONGINT: {
        const value = this.#digits <= 7 ? this.#number : readDigits(this.#bytes, this.#position, this.#body - 1);
        this.#next(this.#body);
        return value;
      }
      case NEG:
      case LONGNEG: {
        const value = this.#digits <= 7 ? this.#number : readDigits(this.#bytes, this.#position, this.#body - 1);
        this.#next(this.#body);
        return value === 0 ? 0 : -value;
      }
      default:
        throw this.#unexpected("an integer");
    }
  }

  float(): number {
    if ((this.#type || this.#head()) !== FLOAT) throw this.#unexpected("a float");
    const value = this.#doubles().getFloat64(this.#body);
    this.#next(this.#body + 8);
    return value;
  }

  exactFloat(): number | Float {
    if ((this.#type || this.#head()) !== FLOAT) throw this.#unexpected("a float");
    const body = this.#body;
    const value = this.float();
    if (Number.isNaN(value)) {
      const bits = this.#doubles().getBigUint64(body);
      return bits === CANONICAL_NAN ? value : new Float(value, bits);
    }
    return Number.isSafeInteger(value) && !Object.is(value, -0) ? new Float(value) : value;
  }

  bytes(): Uint8Array {
    if ((this.#type || this.#head()) === VOCAB) return ascii.encode(this.#vocabularyWord());
    if (this.#type !== STRING) throw this.#unexpected("a byte string");
    const end = this.#body + this.#number;
    const value = this.#bytes.slice(this.#body, end);
    this.#next(end);
    return value;
  }

  word(): string {
    if ((this.#type || this.#head()) === VOCAB) return this.#vocabularyWord();
    if (this.#type !== STRING) throw this.#unexpected("a word");
    if (this.#number > LONGEST_WORD)
      throw new BananaError("BANANA_BAD_WORD", `A word of ${this.#number} bytes`, { offset: this.offset });
    const end = this.#body + this.#number;
    const value = recall(this.#bytes, this.#body, end) ?? latin1(this.#bytes, this.#body, end);
    this.#next(end);
    return value;
  }

  text(): string {
    if ((this.#type || this.#head()) === VOCAB) return this.#vocabularyWord();
    if (this.#type !== STRING) throw this.#unexpected("UTF-8 text");
    const end = this.#body + this.#number;
    const value = recall(this.#bytes, this.#body, end) ?? this.#decode(end);
    this.#next(end);
    return value;
  }

  #decode(end: number): string {
    try {
      return utf8.decode(this.#bytes.subarray(this.#body, end));
    } catch (cause) {
      throw new BananaError("BANANA_BAD_UTF8", "These bytes are not UTF-8", { offset: this.offset, cause });
    }
  }

  skip(): void {
    let left = 1;
    while (left > 0) {
      left--;
      switch (this.#type || this.#head()) {
        case LIST:
          left += this.#number;
          this.#next(this.#body);
          break;
        case STRING:
          this.#next(this.#body + this.#number);
          break;
        case FLOAT:
          this.#next(this.#body + 8);
          break;
        default:
          this.#next(this.#body);
      }
    }
  }

  /** Reads digits and type byte of the next element, without moving on. */
  #head(): number {
    const bytes = this.#bytes;
    const end = this.#end;
    let position = this.#position;
    let number = 0;
    let scale = 1;
    while (position < end) {
      const byte = bytes[position++]!;
      if (byte >= 0x80) {
        this.#number = number;
        this.#digits = position - 1 - this.#position;
        this.#body = position;
        const needed = byte === STRING ? number : byte === FLOAT ? 8 : 0;
        if (needed > end - position) break;
        return (this.#type = byte);
      }
      number += byte * scale;
      scale *= 128;
    }
    throw new BananaError("BANANA_TRUNCATED", "The expression ends in the middle of an element", {
      offset: this.offset,
    });
  }

  #next(position: number): void {
    this.#position = position;
    this.#type = 0;
  }

  #vocabularyWord(): string {
    const word = this.#dialect.vocabulary?.word(this.#number);
    if (word === undefined)
      throw new BananaError("BANANA_UNKNOWN_WORD", `No word has the number ${this.#number}`, { offset: this.offset });
    this.#next(this.#body);
    return word;
  }

  #doubles(): DataView {
    return (this.#view ??= new DataView(this.#bytes.buffer, this.#bytes.byteOffset, this.#bytes.byteLength));
  }

  #unexpected(wanted: string): BananaError {
    return new BananaError("BANANA_UNEXPECTED_KIND", `Expected ${wanted}, found ${nameOf(this.kind())}`, {
      offset: this.offset,
    });
  }
}

function nameOf(kind: Kind): string {
  return kind === "integer" ? "an integer" : kind === "bytes" ? "a byte string" : `a ${kind}`;
}

function latin1(bytes: Uint8Array, start: number, end: number): string {
  let text = "";
  for (let position = start; position < end; position++) text += String.fromCharCode(bytes[position]!);
  return text;
}
