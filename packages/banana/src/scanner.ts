// Finds where a complete top-level expression ends, in bytes that arrive in any pieces.
/* eslint-disable @typescript-eslint/no-unsafe-enum-comparison -- type bytes come as numbers, and need not be ours */

import { BananaError } from "./errors.js";
import type { BananaErrorCode } from "./errors.js";
import { withLimits } from "./limits.js";
import type { BananaLimits } from "./limits.js";
import { BananaReader } from "./reader.js";
import { countDigits4, readDigits4, Token, typeAfter } from "./tokens.js";
import { plainBytes } from "./bytes.js";
import { dialectOf } from "./vocabulary.js";
import type { Dialect } from "./vocabulary.js";

/** The first buffer, once bytes must be kept. */
const SMALL_BUFFER = 4 * 1024;
/** An empty buffer larger than this is given back instead of being kept for the next chunk. */
const KEPT_BYTES = 256 * 1024;

/** Positions in larger buffers are no 32-bit integers. */
const MOST_HURRIED = 0x7fffffff;
/** A shorter chunk is copied faster than a view of it is made. */
const WORTH_LENDING = 1024;

const NOTHING = new Uint8Array(0);
const NOTHING_VIEW = new DataView(NOTHING.buffer);

/** The first four bytes of a list of two, when a string shorter than 128 bytes is its first element. */
const HIGH_BITS = 0x80808080 | 0;
const PAIR = 0x82008002 | 0;
const PAIR_MASK = 0xff80ffff | 0;

/** How a {@link Scanner} begins. */
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
  /** Heads of six digits, and short strings, break no limit: see {@link #hurry}. */
  readonly #mayHurry: boolean;
  /** What the bytes not yet scanned are read with; may be changed between two expressions. */
  dialect: Dialect;

  #buffer: Uint8Array = NOTHING;
  #view: DataView = NOTHING_VIEW;
  /** Whether the buffer is a chunk that still belongs to the caller. */
  #isLent = false;
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
  /** How many elements are missing: in the innermost open list, and in those around it. An expression is a list of one. */
  #missing = 1;
  #missingAround: Int32Array;
  #depth = 0;
  #failure: BananaError | undefined;

  constructor(options: ScannerOptions = {}) {
    this.#limits = withLimits(options.limits);
    this.#missingAround = new Int32Array(Math.min(8, this.#limits.depth));
    const { prefixBytes, integerDigits, stringBytes, listLength } = this.#limits;
    this.#mayHurry = prefixBytes >= 6 && integerDigits >= 6 && stringBytes >= 127 && listLength >= 2;
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
    if (this.#isLent || this.#end + chunk.length > this.#buffer.length) this.#makeRoom(chunk.length);
    this.#buffer.set(chunk, this.#end);
    this.#end += chunk.length;
  }

  /**
   * As {@link push}, without the copy where there need not be one: the caller must leave the bytes alone until {@link next} has returned
   * undefined or thrown. What was not handed out by then is copied.
   */
  lend(chunk: Uint8Array): void {
    const bytes = chunk.length > WORTH_LENDING ? plainBytes(chunk) : undefined;
    if (bytes === undefined || this.#start !== this.#end) {
      this.push(chunk);
      return;
    }
    this.#base += this.#start;
    this.#start = this.#position = 0;
    this.#end = bytes.length;
    this.#buffer = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#isLent = true;
  }

  /** Forgets everything received: what comes next is the first byte of another stream. */
  reset(): void {
    this.#start = this.#end;
    this.#settle();
    this.#base = 0;
    this.#digits = this.#number = 0;
    this.#scale = 1;
    this.#bodyEnd = -1;
    this.#missing = 1;
    this.#depth = 0;
    this.#failure = undefined;
  }

  /**
   * The next complete expression, or undefined for "not yet". The reader is valid until the next call of this method.
   * Throws {@link BananaError} when the stream is bad; from then on every call throws that same error.
   */
  next(): BananaReader | undefined {
    if (this.#failure !== undefined) throw this.#failure;
    if (!this.#scan()) {
      this.#settle();
      return undefined;
    }
    const start = this.#start;
    this.#start = this.#position;
    return this.#reader.reset(this.#buffer, start, this.#position, this.dialect, this.#base + start, this.#view);
  }

  /** Scans on from where it stopped; true when an expression is complete. */
  #scan(): boolean {
    if (this.#bodyEnd >= 0) {
      if (this.#bodyEnd > this.#end) return false;
      if (this.#passBody()) return true;
    }
    while (this.#position < this.#end) {
      if (this.#digits === 0 && this.#mayHurry) {
        if (this.#hurry()) return true;
        if (this.#position === this.#end) return false;
      }
      // What is long, cut or wrong, digit by digit.
      const byte = this.#buffer[this.#position]!;
      if (byte < 0x80) {
        if (this.#digits === this.#limits.prefixBytes) {
          throw this.#fail("BANANA_PREFIX_TOO_LONG", `More than ${this.#limits.prefixBytes} digits before a type byte`);
        }
        this.#digits++;
        if (byte > 0) this.#number += byte * this.#scale;
        this.#scale *= 128;
        this.#position++;
      } else if (this.#element(byte)) return true;
      else if (this.#bodyEnd >= 0) return false;
    }
    return false;
  }

  /**
   * Passes over elements that are complete, have at most three digits, and break no rule; true when they complete the expression. Stops
   * before the first that is not so, and leaves it to {@link #scan}.
   */
  #hurry(): boolean {
    if (this.#buffer.length > MOST_HURRIED) return false;
    const view = this.#view;
    const { listLength, stringBytes, expressionBytes } = this.#limits;
    // Four bytes are read at once, of which up to three may be beyond the end.
    const end = Math.min(this.#end, this.#start + expressionBytes) | 0;
    const lastFour = (this.#buffer.length - 4) | 0;
    let missing = this.#missing | 0;
    let position = this.#position | 0;
    while (position <= lastFour) {
      const four = view.getInt32(position, true);
      const digits = countDigits4(four);
      const type = typeAfter(four, digits);
      let after = (position + digits + 1) | 0;
      const pairEnd = (four & PAIR_MASK) === PAIR ? endOfPair(view, position, four, lastFour) : 0;
      if (pairEnd !== 0 && this.#depth < this.#limits.depth) {
        after = pairEnd;
      } else if (type === Token.STRING) {
        const length = readDigits4(four, digits);
        if (length > stringBytes) break;
        after = (after + length) | 0;
      } else if (type === Token.INT || type === Token.NEG) {
        // Integers come in rows. Four bytes with a type byte or more among them, and no other kinds, are that many elements.
        let window = after;
        let types = 0;
        while (missing > 5 && window <= end - 4) {
          const next = view.getInt32(window, true);
          const found = (next & HIGH_BITS) >>> 7;
          if (found === 0 || (next & (found * 0x7d)) !== found) break;
          types = found;
          missing = (missing - (Math.imul(found, 0x01010101) >>> 24)) | 0;
          window = (window + 4) | 0;
        }
        // What is behind the last type byte is looked at again.
        if (types !== 0) after = (window - (Math.clz32(types) >>> 3)) | 0;
      } else if (type === Token.LIST) {
        const length = readDigits4(four, digits);
        if (length > listLength || after > end) break;
        if (length > 0) {
          if (this.#depth === this.#missingAround.length && !this.#mayNest()) break;
          this.#missingAround[this.#depth++] = missing;
          missing = length;
          position = after;
          continue;
        }
        if (this.#depth === this.#limits.depth) break;
      } else if (type === Token.VOCAB) {
        if (this.dialect.vocabulary?.word(readDigits4(four, digits)) === undefined) break;
      } else if (type === Token.FLOAT) {
        after = (after + 8) | 0;
      } else if (type > Token.VOCAB || type < Token.LIST) {
        break;
      }
      if (after > end) break;
      position = after;
      missing = (missing - 1) | 0;
      while (missing === 0) {
        if (this.#depth === 0) {
          this.#missing = 1;
          this.#position = position;
          return true;
        }
        missing = (this.#missingAround[--this.#depth]! - 1) | 0;
      }
    }
    this.#missing = missing;
    this.#position = position;
    return false;
  }

  /** Makes room for one more open list, unless that would be too many. */
  #mayNest(): boolean {
    if (this.#depth === this.#limits.depth) return false;
    const grown = new Int32Array(Math.min(this.#limits.depth, 2 * this.#depth));
    grown.set(this.#missingAround);
    this.#missingAround = grown;
    return true;
  }

  /** Takes the type byte of an element; true when that completes the expression. */
  #element(type: number): boolean {
    const number = this.#number;
    switch (type) {
      case Token.LIST:
        if (number > this.#limits.listLength) throw this.#fail("BANANA_LIST_TOO_LONG", `A list of ${number} elements`);
        if (this.#depth === this.#limits.depth || (this.#depth === this.#missingAround.length && !this.#mayNest()))
          throw this.#fail("BANANA_TOO_DEEP", `Lists nested more than ${this.#limits.depth} deep`);
        this.#enter(0);
        if (number === 0) return this.#complete();
        this.#missingAround[this.#depth++] = this.#missing;
        this.#missing = number;
        return false;
      case Token.STRING:
        if (number > this.#limits.stringBytes)
          throw this.#fail("BANANA_STRING_TOO_LONG", `A string of ${number} bytes`);
        return this.#startBody(number);
      case Token.FLOAT:
        return this.#startBody(8);
      case Token.INT:
      case Token.NEG:
      case Token.LONGINT:
      case Token.LONGNEG:
        if (this.#digits > this.#limits.integerDigits)
          throw this.#fail("BANANA_INTEGER_TOO_LARGE", `An integer of ${this.#digits} digits`);
        this.#enter(0);
        return this.#complete();
      case Token.VOCAB: {
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
    while (--this.#missing === 0) {
      if (this.#depth === 0) {
        this.#missing = 1;
        return true;
      }
      this.#missing = this.#missingAround[--this.#depth]!;
    }
    return false;
  }

  #fail(code: BananaErrorCode, message: string): BananaError {
    this.#failure = new BananaError(code, message, { offset: this.#base + this.#position - this.#digits });
    return this.#failure;
  }

  /** Nothing more can be handed out: lets go of what was, and of a lent chunk. */
  #settle(): void {
    if (this.#start < this.#end) {
      if (this.#isLent) this.#makeRoom(0);
      return;
    }
    this.#reader.reset(NOTHING, 0, 0, this.dialect, 0, NOTHING_VIEW);
    this.#base += this.#start;
    this.#start = this.#position = this.#end = 0;
    if (this.#isLent || this.#buffer.length > KEPT_BYTES) {
      this.#buffer = NOTHING;
      this.#view = NOTHING_VIEW;
      this.#isLent = false;
    }
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
    this.#view = new DataView(buffer.buffer);
    this.#isLent = false;
    this.#base += this.#start;
    this.#position -= this.#start;
    if (this.#bodyEnd >= 0) this.#bodyEnd -= this.#start;
    this.#end = pending;
    this.#start = 0;
  }
}

/** Where such a list ends, when its second element is a string shorter than 128 bytes too, as in `(unicode text)`; else 0. */
function endOfPair(view: DataView, position: number, four: number, lastFour: number): number {
  const second = (position + 4 + ((four >>> 16) & 0x7f)) | 0;
  if (second > lastFour) return 0;
  const head = view.getInt32(second, true);
  return (head & 0xff80) === 0x8200 ? (second + 2 + (head & 0x7f)) | 0 : 0;
}
