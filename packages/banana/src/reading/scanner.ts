// Finds where a complete top-level expression ends, in bytes that arrive in any pieces.
/* eslint-disable @typescript-eslint/no-unsafe-enum-comparison -- type bytes come as numbers, and need not be ours */

import { readDigits } from "../format/base128.js";
import { plainBytes } from "../format/bytes.js";
import { BananaError } from "../errors.js";
import type { Expression } from "../expression/expression.js";
import { checkLimit, withLimits } from "../limits.js";
import type { BananaLimits } from "../limits.js";
import type { BananaReader } from "./reader.js";
import { countDigits4, readDigits4, Token, typeAfter } from "../format/tokens.js";
import { readTree } from "./read-tree.js";
import { dialectOf } from "../format/vocabulary.js";
import type { Dialect } from "../format/vocabulary.js";

/** The first buffer, once bytes must be kept. */
const SMALL_BUFFER = 4 * 1024;
/** An empty buffer larger than this is dropped. */
const KEPT_BYTES = 256 * 1024;

/** Positions in larger buffers are no 32-bit integers. */
const MOST_HURRIED = 0x7fffffff;
/** A shorter chunk is copied faster than a view of it is made. */
const WORTH_LENDING = 1024;

/** Bytes, and the view they are read with. */
interface Chunk {
  readonly buffer: Uint8Array;
  readonly view: DataView;
}

function chunkOf(buffer: Uint8Array): Chunk {
  return { buffer, view: new DataView(buffer.buffer, buffer.byteOffset, buffer.byteLength) };
}

const NOTHING = chunkOf(new Uint8Array(0));
/** An empty buffer that the next scanner with something to keep may have: of a thousand connections, few hold part of a message. */
let spare = NOTHING;

/** The first four bytes of a list of two, when a string shorter than 128 bytes is its first element. */
const HIGH_BITS = 0x80808080 | 0;
const PAIR = 0x82008002 | 0;
const PAIR_MASK = 0xff80ffff | 0;
/** The first four bytes of a list of two, when another one is its first element: an entry of a dict. */
const ENTRY = 0x80028002 | 0;

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
  /** Heads of six digits, and short strings, break no limit: see {@link #hurry}. */
  readonly #mayHurry: boolean;
  /** What the bytes not yet scanned are read with; may be changed between two expressions. */
  dialect: Dialect;

  #chunk = NOTHING;
  #buffer = NOTHING.buffer;
  #view = NOTHING.view;
  /** Whether the buffer is a chunk that still belongs to the caller. */
  #isLent = false;
  /** The expression being scanned begins here; what is before it was handed out. */
  #start = 0;
  /** What is scanned next: beyond the end while the body of a string or double is still to come. */
  #position = 0;
  #end = 0;
  /** Bytes of the stream before the buffer's first. */
  #base = 0;

  /** How many digits of the element being scanned are before the position. */
  #digits = 0;
  /** How many elements are missing: in the innermost open list, and in those around it. An expression is a list of one. */
  #missing = 1;
  readonly #missingAround: number[] = [];
  #depth = 0;
  /** What is wrong with the stream, once something is. */
  #failure: Error | undefined;

  constructor(options: ScannerOptions = {}) {
    this.#limits = withLimits(options.limits);
    const { prefixBytes, integerDigits, stringBytes, listLength } = this.#limits;
    this.#mayHurry = prefixBytes >= 6 && integerDigits >= 6 && stringBytes >= 127 && listLength >= 2;
    this.dialect = dialectOf(options.dialect ?? "none");
  }

  /** Bytes of the stream scanned so far. */
  get offset(): number {
    return this.#base + Math.min(this.#position, this.#end);
  }

  /** Bytes received and not yet handed out. */
  get pendingBytes(): number {
    return this.#end - this.#start;
  }

  /** A copy of up to `length` bytes that are not yet handed out: for telling a stranger's first words. */
  peek(length: number): Uint8Array {
    return this.#buffer.slice(this.#start, Math.min(this.#start + length, this.#end));
  }

  /** Adds received bytes. Nothing is scanned until they are asked for. The bytes are copied: the caller may reuse its buffer at once. */
  push(chunk: Uint8Array): void {
    if (this.#isLent || this.#end + chunk.length > this.#buffer.length) this.#makeRoom(chunk.length);
    this.#buffer.set(chunk, this.#end);
    this.#end += chunk.length;
  }

  /**
   * As {@link push}, without the copy where there need not be one: the caller must leave the bytes alone until {@link next} has returned
   * undefined, {@link advance} false, or either has thrown. What was not handed out by then is copied.
   */
  lend(chunk: Uint8Array): void {
    const bytes = chunk.length > WORTH_LENDING ? plainBytes(chunk) : undefined;
    if (bytes === undefined || this.#start !== this.#end) {
      this.push(chunk);
      return;
    }
    this.#moveTo(chunkOf(bytes));
    this.#end = bytes.length;
    this.#isLent = true;
  }

  /** Forgets everything received: what comes next is the first byte of another stream. */
  reset(): void {
    this.#start = this.#position = this.#end;
    this.#failure = undefined;
    this.#settle();
    this.#base = this.#digits = 0;
    this.#missing = 1;
    this.#depth = 0;
  }

  /**
   * The next complete expression as a tree, or undefined for "not yet".
   * Throws {@link BananaError} when the stream is bad; from then on every call does.
   */
  next(): Expression | undefined {
    if (!this.#scan()) return undefined;
    const start = this.#start;
    this.#start = this.#position;
    return readTree(this.#buffer, this.#view, start, this.dialect);
  }

  /**
   * As {@link next}, for reading value by value: points `reader` at the next complete expression, or returns false for "not yet". What it
   * points at is valid until the next call of either.
   */
  advance(reader: BananaReader): boolean {
    const isThere = this.#scan();
    const start = this.#start;
    if (isThere) this.#start = this.#position;
    reader.reset(this.#buffer, start, this.#start, this.dialect, this.#base + start, this.#view);
    return isThere;
  }

  /** Scans on from where it stopped; true when an expression is complete. */
  #scan(): boolean {
    if (this.#failure !== undefined) throw this.#failure;
    try {
      while (this.#missing > 0 && this.#position < this.#end) {
        if (this.#digits === 0 && this.#mayHurry && this.#position + 1 < this.#end) this.#hurry();
        if (this.#missing > 0 && this.#position < this.#end) this.#step();
      }
    } catch (error) {
      this.#failure = error as Error;
      if (this.#isLent) this.#makeRoom(0);
      throw error;
    }
    if (this.#missing === 0 && this.#position <= this.#end) {
      this.#missing = 1;
      return true;
    }
    this.#settle();
    return false;
  }

  /**
   * Passes over elements that are complete, have at most three digits, and break no rule. Stops where the expression is complete, and before
   * the first element that is not so: what is long, cut or wrong is left to {@link #step}.
   */
  #hurry(): void {
    if (this.#buffer.length > MOST_HURRIED) return;
    const view = this.#view;
    const { listLength, stringBytes, expressionBytes, depth: mostDepth } = this.#limits;
    // Four bytes are read at once, of which up to three may be beyond the end.
    const end = Math.min(this.#end, this.#start + expressionBytes) | 0;
    const lastFour = (this.#buffer.length - 4) | 0;
    const missingAround = this.#missingAround;
    let depth = this.#depth;
    let missing = this.#missing | 0;
    let position = this.#position | 0;
    while (missing > 0 && position <= lastFour) {
      const four = view.getInt32(position, true);
      if (four === ENTRY && depth < mostDepth - 1) {
        const pairEnd = endOfPair(view, position + 2, lastFour);
        if (pairEnd !== 0 && pairEnd <= end) {
          missingAround[depth++] = missing;
          missing = 1;
          position = pairEnd;
          continue;
        }
      }
      const digits = countDigits4(four);
      const type = typeAfter(four, digits);
      let after = (position + digits + 1) | 0;
      const pairEnd = endOfPair(view, position, lastFour);
      if (pairEnd !== 0 && depth < mostDepth) {
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
        if (length > listLength || depth === mostDepth || after > end) break;
        if (length > 0) {
          missingAround[depth++] = missing;
          missing = length;
          position = after;
          continue;
        }
      } else if (type === Token.VOCAB) {
        if (this.dialect.vocabulary?.word(readDigits4(four, digits)) === undefined) break;
      } else if (type === Token.FLOAT) {
        after = (after + 8) | 0;
      } else {
        break;
      }
      if (after > end) break;
      position = after;
      missing = (missing - 1) | 0;
      while (missing === 0 && depth > 0) missing = (missingAround[--depth]! - 1) | 0;
    }
    this.#depth = depth;
    this.#missing = missing;
    this.#position = position;
  }

  /** Takes one byte: a digit, or the type byte of an element, whose body is then left out. */
  #step(): void {
    const { prefixBytes, integerDigits, stringBytes, listLength, depth, expressionBytes } = this.#limits;
    const offset = this.#base + this.#position - this.#digits;
    const byte = this.#buffer[this.#position]!;
    if (byte < 0x80) {
      checkLimit("PREFIX_TOO_LONG", this.#digits + 1, prefixBytes, offset);
      this.#digits++;
      this.#position++;
      return;
    }
    const number = Number(readDigits(this.#buffer, this.#position - this.#digits, this.#position));
    let end = this.#position + 1;
    if (byte === Token.LIST) {
      checkLimit("LIST_TOO_LONG", number, listLength, offset);
      checkLimit("TOO_DEEP", this.#depth + 1, depth, offset);
    } else if (byte === Token.STRING) {
      checkLimit("STRING_TOO_LONG", number, stringBytes, offset);
      end += number;
    } else if (byte === Token.VOCAB) {
      const { name, vocabulary } = this.dialect;
      if (vocabulary?.word(number) === undefined)
        throw new BananaError(
          vocabulary === undefined ? "BANANA_NO_VOCABULARY" : "BANANA_UNKNOWN_WORD",
          `Dialect ${name} has no word number ${number}`,
          { offset },
        );
    } else if (byte === Token.FLOAT) {
      end += 8;
    } else if (byte > Token.VOCAB) {
      throw new BananaError("BANANA_UNKNOWN_TYPE", `No element has the type byte 0x${byte.toString(16)}`, { offset });
    } else {
      checkLimit("INTEGER_TOO_LARGE", 7 * this.#digits, 7 * integerDigits, offset);
    }
    checkLimit("EXPRESSION_TOO_LARGE", end - this.#start, expressionBytes, offset);
    this.#position = end;
    this.#digits = 0;
    if (byte === Token.LIST && number > 0) {
      this.#missingAround[this.#depth++] = this.#missing;
      this.#missing = number;
      return;
    }
    this.#missing--;
    while (this.#missing === 0 && this.#depth > 0) this.#missing = this.#missingAround[--this.#depth]! - 1;
  }

  /** Nothing more can be handed out: lets go of what was, and of a lent chunk. */
  #settle(): void {
    if (this.#start !== this.#end) {
      if (this.#isLent) this.#makeRoom(0);
      return;
    }
    const { length } = this.#buffer;
    if (!this.#isLent && length > spare.buffer.length && length <= KEPT_BYTES) spare = this.#chunk;
    this.#moveTo(NOTHING);
  }

  /**
   * A larger buffer, or the same size when what was handed out frees enough. Always a new one: the last reader still looks at the old.
   * Doubling what is pending keeps the copying linear in the bytes received.
   */
  #makeRoom(length: number): void {
    const pending = this.#start === this.#end ? undefined : this.#buffer.subarray(this.#start, this.#end);
    let size = SMALL_BUFFER;
    while (size < 2 * this.pendingBytes + length) size *= 2;
    if (spare.buffer.length < size) {
      this.#moveTo(chunkOf(new Uint8Array(size)));
    } else {
      this.#moveTo(spare);
      spare = NOTHING;
    }
    if (pending !== undefined) this.#buffer.set(pending);
  }

  /** Goes on in a buffer whose first bytes are those not yet handed out. */
  #moveTo(chunk: Chunk): void {
    this.#chunk = chunk;
    this.#buffer = chunk.buffer;
    this.#view = chunk.view;
    this.#isLent = false;
    this.#base += this.#start;
    this.#position -= this.#start;
    this.#end -= this.#start;
    this.#start = 0;
  }
}

/** Where a list of two strings shorter than 128 bytes ends, such as `(unicode text)`; 0 if none begins at `position`. */
function endOfPair(view: DataView, position: number, lastFour: number): number {
  if (position > lastFour) return 0;
  const four = view.getInt32(position, true);
  if ((four & PAIR_MASK) !== PAIR) return 0;
  const second = (position + 4 + ((four >>> 16) & 0x7f)) | 0;
  if (second > lastFour) return 0;
  const head = view.getInt32(second, true);
  return (head & 0xff80) === 0x8200 ? (second + 2 + (head & 0x7f)) | 0 : 0;
}
