// Finds where a complete top-level expression ends, in bytes that arrive in any pieces.

import { BananaError } from "./errors.js";
import type { BananaErrorCode } from "./errors.js";
import { withLimits } from "./limits.js";
import type { BananaLimits } from "./limits.js";
import { BananaReader } from "./reader.js";
import { FLOAT, INT, LIST, LONGINT, LONGNEG, NEG, STRING, VOCAB } from "./tokens.js";
import { dialectOf } from "./vocabulary.js";
import type { Dialect } from "./vocabulary.js";

const SMALL_BUFFER = 4 * 1024;
/** An empty buffer larger than this is given back instead of being kept for the next chunk. */
const KEPT_BYTES = 256 * 1024;

export interface ScannerOptions {
  /** Default `none`. */
  readonly dialect?: Dialect | "pb" | "none" | undefined;
  readonly limits?: Partial<BananaLimits> | undefined;
}

/**
 * Push bytes, pull expressions. The scanner only counts: a byte is looked at once and copied at most a constant number of times, whatever
 * the pieces, and no memory is taken because a header announced something.
 */
export class Scanner {
  readonly #limits: BananaLimits;
  readonly #reader = new BananaReader();
  /** What the bytes not yet scanned are read with; may be changed between two expressions. */
  dialect: Dialect;

  #buffer: Uint8Array = new Uint8Array(SMALL_BUFFER);
  /** The expression being scanned begins here; what is before it was handed out. */
  #start = 0;
  #position = 0;
  #end = 0;
  /** Bytes of the stream before the buffer's first. */
  #base = 0;

  /** Digits of the element being scanned: how many, and their value (exact as far as any limit cares). */
  #digits = 0;
  #number = 0;
  #scale = 1;
  /** Where the body of the element being scanned will end, or -1. */
  #bodyEnd = -1;
  /** How many elements each open list still misses; the innermost last. */
  #missing: number[] = [];
  #failure: BananaError | undefined;

  constructor(options: ScannerOptions = {}) {
    this.#limits = withLimits(options.limits);
    this.dialect = dialectOf(options.dialect ?? "none");
  }

  /** Bytes of the stream scanned so far. */
  get offset(): number {
    return this.#base + this.#position;
  }

  /** Bytes received and not yet handed out. */
  get pendingBytes(): number {
    return this.#end - this.#start;
  }

  /** A copy of up to `length` bytes that are not yet handed out: for telling a stranger's first words. */
  peek(length: number): Uint8Array {
    return this.#buffer.slice(this.#start, Math.min(this.#start + length, this.#end));
  }

  /** Adds received bytes. Nothing is scanned until {@link next} is called. The bytes are copied: the caller may reuse its buffer at once. */
  push(chunk: Uint8Array): void {
    if (this.#end + chunk.length > this.#buffer.length) this.#makeRoom(chunk.length);
    this.#buffer.set(chunk, this.#end);
    this.#end += chunk.length;
  }

  /**
   * The next complete expression, or undefined for "not yet". The reader is valid until the next call of this method.
   * Throws {@link BananaError} when the stream is bad; from then on every call throws that same error.
   */
  next(): BananaReader | undefined {
    if (this.#failure !== undefined) throw this.#failure;
    if (this.#start === this.#end) this.#rewind();
    if (!this.#scan()) return undefined;
    const start = this.#start;
    this.#start = this.#position;
    return this.#reader.reset(this.#buffer, start, this.#position, this.dialect, this.#base + start);
  }

  /** Scans on from where it stopped; true when an expression is complete. */
  #scan(): boolean {
    if (this.#bodyEnd >= 0) {
      if (this.#bodyEnd > this.#end) return false;
      if (this.#passBody()) return true;
    }
    const buffer = this.#buffer;
    const end = this.#end;
    while (this.#position < end) {
      const byte = buffer[this.#position]!;
      if (byte < 0x80) {
        if (this.#digits === this.#limits.prefixBytes) {
          throw this.#fail("BANANA_PREFIX_TOO_LONG", `More than ${this.#limits.prefixBytes} digits before a type byte`);
        }
        this.#digits++;
        this.#number += byte * this.#scale;
        this.#scale *= 128;
        this.#position++;
      } else if (this.#element(byte)) return true;
      else if (this.#bodyEnd >= 0) return false;
    }
    return false;
  }

  /** Takes the type byte of an element; true when that completes the expression. */
  #element(type: number): boolean {
    const number = this.#number;
    switch (type) {
      case LIST:
        if (number > this.#limits.listLength) throw this.#fail("BANANA_LIST_TOO_LONG", `A list of ${number} elements`);
        if (this.#missing.length === this.#limits.depth)
          throw this.#fail("BANANA_TOO_DEEP", `Lists nested more than ${this.#limits.depth} deep`);
        this.#enter(0);
        if (number === 0) return this.#complete();
        this.#missing.push(number);
        return false;
      case STRING:
        if (number > this.#limits.stringBytes)
          throw this.#fail("BANANA_STRING_TOO_LONG", `A string of ${number} bytes`);
        return this.#startBody(number);
      case FLOAT:
        return this.#startBody(8);
      case INT:
      case NEG:
      case LONGINT:
      case LONGNEG:
        if (this.#digits > this.#limits.integerDigits)
          throw this.#fail("BANANA_INTEGER_TOO_LARGE", `An integer of ${this.#digits} digits`);
        this.#enter(0);
        return this.#complete();
      case VOCAB: {
        const { name, vocabulary } = this.dialect;
        if (vocabulary === undefined)
          throw this.#fail("BANANA_NO_VOCABULARY", `Word number ${number} in dialect ${name}, which has no words`);
        if (vocabulary.word(number) === undefined)
          throw this.#fail("BANANA_UNKNOWN_WORD", `Dialect ${name} has no word number ${number}`);
        this.#enter(0);
        return this.#complete();
      }
      default:
        throw this.#fail("BANANA_UNKNOWN_TYPE", `No element has the type byte 0x${type.toString(16)}`);
    }
  }

  #startBody(length: number): boolean {
    this.#enter(length);
    this.#bodyEnd = this.#position + length;
    return this.#bodyEnd <= this.#end && this.#passBody();
  }

  #passBody(): boolean {
    this.#position = this.#bodyEnd;
    this.#bodyEnd = -1;
    return this.#complete();
  }

  /** Moves behind a type byte, when the expression may be as long as `body` more bytes make it. */
  #enter(body: number): void {
    const size = this.#position + 1 + body - this.#start;
    if (size > this.#limits.expressionBytes) {
      throw this.#fail(
        "BANANA_EXPRESSION_TOO_LARGE",
        `An expression of more than ${this.#limits.expressionBytes} bytes`,
      );
    }
    this.#position++;
    this.#digits = 0;
    this.#number = 0;
    this.#scale = 1;
  }

  /** Counts a complete element in the open lists; true when none is left open. */
  #complete(): boolean {
    const missing = this.#missing;
    for (let innermost = missing.length - 1; innermost >= 0; innermost--) {
      const left = missing[innermost]! - 1;
      if (left > 0) {
        missing[innermost] = left;
        return false;
      }
      missing.pop();
    }
    return true;
  }

  #fail(code: BananaErrorCode, message: string): BananaError {
    this.#failure = new BananaError(code, message, { offset: this.#base + this.#position - this.#digits });
    return this.#failure;
  }

  /** Everything was handed out: start at the front again. */
  #rewind(): void {
    this.#base += this.#start;
    this.#start = this.#position = this.#end = 0;
    if (this.#buffer.length > KEPT_BYTES) this.#buffer = new Uint8Array(SMALL_BUFFER);
  }

  /**
   * A larger buffer, or the same size when what was handed out frees enough. Always a new one: the last reader still looks at the old.
   * Doubling what is pending keeps the copying linear in the bytes received.
   */
  #makeRoom(length: number): void {
    const pending = this.#end - this.#start;
    let size = SMALL_BUFFER;
    while (size < 2 * pending + length) size *= 2;
    const buffer = new Uint8Array(size);
    buffer.set(this.#buffer.subarray(this.#start, this.#end));
    this.#buffer = buffer;
    this.#base += this.#start;
    this.#position -= this.#start;
    if (this.#bodyEnd >= 0) this.#bodyEnd -= this.#start;
    this.#end = pending;
    this.#start = 0;
  }
}
