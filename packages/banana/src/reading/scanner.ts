// `Scanner` finds the complete top-level expressions in a stream of bytes that arrives in chunks.
/* eslint-disable @typescript-eslint/no-unsafe-enum-comparison -- type bytes are numbers, and may be unknown */

import { readDigits } from "../format/base128.js";
import { plainBytes, requireBytes } from "../format/bytes.js";
import { freeMemory } from "./free-memory.js";
import { BananaError } from "../errors.js";
import type { Expression } from "../expression/expression.js";
import { checkLimit } from "../limits.js";
import type { BananaLimits } from "../limits.js";
import { completeOptions } from "../options.js";
import type { BananaReader } from "./reader.js";
import { countDigits4, readDigits4, Token, typeAfter } from "../format/tokens.js";
import { STEP_BYTES } from "./steps.js";
import { readTree } from "./read-tree.js";
import type { Dialect } from "../format/vocabulary.js";

/** The size of the first buffer. */
const SMALL_BUFFER = 4 * 1024;
/**
 * A buffer of this size is followed by one of 72 MiB, which has room for a message of 64 MiB and the start of the next
 * one: it is not copied while the others arrive, when that would need twice the memory and take a turn of 60 ms.
 * Systems give an allocation of more than 32 MiB memory when it is written to, and smaller ones often at once.
 */
const LARGE_BUFFER = 8 * 1024 * 1024;
/**
 * The largest buffer that is kept as {@link spare}. It has room for a part of a page of 130,000 bytes and a chunk of
 * 256 KiB, the most that a socket of `@pb/node-transport` delivers at once (bench `bytes`).
 */
const KEPT_BYTES = 512 * 1024;
/** The memory of larger buffers is freed at once. The collector would leave a hundred MiB of them for a while. */
const LEFT_BYTES = 1024 * 1024;

/** The fast path is for buffers of up to this size, whose positions are 32-bit integers. */
const MAX_FAST_BUFFER = 0x7fffffff;
/** Lists inside more lists than this are not recorded, which bounds the memory. Values are not nested so deep. */
const MARKED_DEPTH = 512;

/** Copying a shorter chunk is faster than creating a view of it. */
const MIN_LENT_BYTES = 1024;

/** Bytes and a view of them. */
interface Chunk {
  readonly buffer: Uint8Array;
  readonly view: DataView;
}

function chunkOf(buffer: Uint8Array): Chunk {
  return { buffer, view: new DataView(buffer.buffer, buffer.byteOffset, buffer.byteLength) };
}

const NO_CHUNK = chunkOf(new Uint8Array(0));
/**
 * An unused buffer, shared by all scanners: of a thousand connections, few hold a part of a message at the same time.
 */
let spare = NO_CHUNK;

const NO_LISTS: number[] = [];

/**
 * The open lists of the expression that is being scanned, of all scanners that hold no part of an expression: scanning
 * calls nothing that could scan another stream.
 */
const sharedLists: number[] = [];
/** A shared list that has grown longer than this is emptied. */
const KEPT_LISTS = 2 * 1024;

/** The first four bytes of a list of two whose first element is a string shorter than 128 bytes. */
const HIGH_BITS = 0x80808080 | 0;
const PAIR = 0x82008002 | 0;
const PAIR_MASK = 0xff80ffff | 0;
/** The first four bytes of a list of two whose first element is a list of two: an entry of a dict. */
const ENTRY = 0x80028002 | 0;

/** Options of {@link Scanner}. */
export interface ScannerOptions {
  /** Default `none`. */
  readonly dialect?: Dialect | "pb" | "none" | undefined;
  readonly limits?: Partial<BananaLimits> | undefined;
}

/**
 * Takes chunks of bytes with {@link push} and returns complete expressions with {@link next} or {@link advance}.
 * However the bytes are divided into chunks, each byte is scanned once and copied at most a constant number of times.
 * The memory in use depends on the bytes that were received, not on the lengths that they announce.
 */
export class Scanner {
  readonly #limits: BananaLimits;
  /** Whether the limits allow everything that {@link #scanFast} does not check. */
  readonly #allowsFastPath: boolean;
  /** The dialect of the bytes that are not scanned yet. May be changed between two expressions. */
  dialect: Dialect;
  /** The largest number of bytes of an expression: that of the limits, unless it is changed. */
  expressionBytes: number;

  #chunk = NO_CHUNK;
  #buffer = NO_CHUNK.buffer;
  #view = NO_CHUNK.view;
  /** Whether the buffer is a chunk of the caller, passed to {@link lend}. */
  #isLent = false;
  /** Whether a reader may still use bytes of the buffer before the start. */
  #isRead = false;
  /**
   * The start of the expression that is being scanned. All bytes before it belong to expressions that were returned.
   */
  #start = 0;
  /** The next byte to scan. It is after the end while the body of a string or double is incomplete. */
  #position = 0;
  #end = 0;
  /** The offset in the stream of the first byte of the buffer. */
  #base = 0;

  /** The number of digits of the current element before the position. */
  #digits = 0;
  /** The number of missing elements of the innermost open list, or 1 for a missing expression. */
  #missing = 1;
  /**
   * For each open list two numbers: how many elements are missing around it, and where it starts, from the start of the
   * expression.
   */
  #outer = sharedLists;
  /** How many lists are open, twice. */
  #depth = 0;
  /** The starts of the long lists of the expression, in ascending order, and where they were last looked for. */
  #longLists = NO_LISTS;
  #lastMark = 0;
  #nextMark = STEP_BYTES;
  #isInterrupted = false;
  /** The error that every call throws once the stream is invalid. */
  #failure: Error | undefined;

  constructor(options: ScannerOptions = {}) {
    const { dialect, limits } = completeOptions(options);
    this.#limits = limits;
    const { prefixBytes, integerDigits, stringBytes, listLength, expressionBytes } = limits;
    this.expressionBytes = expressionBytes;
    this.#allowsFastPath = prefixBytes >= 6 && integerDigits >= 6 && stringBytes >= 127 && listLength >= 2;
    this.dialect = dialect;
  }

  /** The number of bytes of the stream that were scanned. */
  get offset(): number {
    return this.#base + Math.min(this.#position, this.#end);
  }

  /** The number of bytes that were received and do not belong to a returned expression. */
  get pendingBytes(): number {
    return this.#end - this.#start;
  }

  /** Whether the last {@link advance} stopped because of its limit: call it again, without further bytes. */
  get isInterrupted(): boolean {
    return this.#isInterrupted;
  }

  /**
   * Returns a copy of the first `length` pending bytes, or of all when there are fewer. Used to recognize other
   * protocols.
   */
  peek(length: number): Uint8Array {
    return this.#buffer.slice(this.#start, Math.min(this.#start + length, this.#end));
  }

  /**
   * Adds received bytes. They are copied, so the caller may reuse its buffer at once, and not scanned before the next
   * call of {@link next}.
   */
  push(chunk: Uint8Array): void {
    requireBytes(chunk);
    this.#add(chunk);
  }

  #add(chunk: Uint8Array): void {
    if (this.#isLent || this.#end + chunk.length > this.#buffer.length) this.#makeRoom(chunk.length);
    this.#buffer.set(chunk, this.#end);
    this.#end += chunk.length;
  }

  /**
   * As {@link push}, but avoids the copy where possible. The caller must not modify the bytes until {@link next} has
   * returned undefined, {@link advance} has returned false, or one of them has thrown. The bytes of incomplete
   * expressions are copied then.
   */
  lend(chunk: Uint8Array): void {
    requireBytes(chunk);
    const bytes = chunk.length > MIN_LENT_BYTES ? plainBytes(chunk) : undefined;
    if (bytes === undefined || this.#start !== this.#end) {
      this.#add(chunk);
      return;
    }
    this.#moveTo(chunkOf(bytes));
    this.#end = bytes.length;
    this.#isLent = true;
  }

  /**
   * Discards all pending bytes, also those of a reader that is in use. The next byte is the first one of a new stream.
   */
  reset(): void {
    this.#start = this.#position = this.#end;
    this.#isRead = false;
    this.#failure = undefined;
    this.#releaseBuffer();
    this.#base = this.#digits = 0;
    this.#missing = 1;
    this.#depth = 0;
    this.#forgetMarks();
  }

  /**
   * Returns the next complete expression as a tree; undefined when more bytes are needed. Throws {@link BananaError}
   * for invalid bytes, and again in every later call.
   */
  next(): Expression | undefined {
    this.#isRead = false;
    if (!this.#scan(undefined)) return undefined;
    const start = this.#start;
    this.#start = this.#position;
    this.#forgetMarks();
    return readTree(this.#buffer, this.#view, start, this.dialect, this.#limits.heapBytes);
  }

  /**
   * As {@link next}, without a tree: sets `reader` to the start of the next complete expression and returns true;
   * returns false when more bytes are needed. The reader may be used until the next call of {@link next} or `advance`.
   *
   * Also returns false, and sets {@link isInterrupted}, when about `most` bytes were scanned and others can still be.
   * The bytes of a {@link lend} are still in use then.
   */
  advance(reader: BananaReader, most?: number): boolean {
    this.#isRead = false;
    const isComplete = this.#scan(most);
    this.#isRead = isComplete;
    const start = this.#start;
    if (isComplete) this.#start = this.#position;
    reader.reset(this.#buffer, start, this.#start, this.dialect, this.#base + start, this.#view, this.#longLists);
    if (isComplete && this.#nextMark > STEP_BYTES) this.#forgetMarks();
    return isComplete;
  }

  /** Continues to scan. Returns true when an expression is complete, and false when more bytes are needed. */
  #scan(most: number | undefined): boolean {
    if (this.#failure !== undefined) throw this.#failure;
    this.#isInterrupted = false;
    const first = this.#position;
    try {
      while (this.#missing > 0 && this.#position < this.#end) {
        if (this.#position + 1 < this.#end && this.#digits === 0 && this.#allowsFastPath) this.#scanFast();
        if (this.#missing > 0 && this.#position < this.#end) this.#scanByte();
        if (this.#position - this.#start < this.#nextMark || this.#digits > 0) continue;
        this.#mark();
        if (most !== undefined && this.#position - first >= most && this.#missing > 0 && this.#position < this.#end) {
          this.#isInterrupted = true;
          if (this.#outer === sharedLists && this.#depth > 0) this.#keepLists();
          return false;
        }
      }
    } catch (error) {
      this.#failure = error as Error;
      this.#releaseBuffer();
      throw error;
    }
    if (this.#missing === 0 && this.#position <= this.#end) {
      this.#missing = 1;
      this.#outer = sharedLists;
      if (sharedLists.length > KEPT_LISTS) sharedLists.length = 0;
      return true;
    }
    if (this.#outer === sharedLists && this.#depth > 0) this.#keepLists();
    this.#releaseBuffer();
    return false;
  }

  /** Takes the lists that are open away from other scanners. */
  #keepLists(): void {
    this.#outer = sharedLists.slice(0, this.#depth);
    if (sharedLists.length > KEPT_LISTS) sharedLists.length = 0;
  }

  /**
   * Records the lists that have been opened since the last mark and are still open. Every list that is longer than the
   * distance of two marks is open at one.
   */
  #mark(): void {
    const outer = this.#outer;
    const depth = Math.min(this.#depth, 2 * MARKED_DEPTH);
    let first = depth;
    while (first > 0 && outer[first - 1]! >= this.#lastMark) first -= 2;
    if (first < depth && this.#longLists === NO_LISTS) this.#longLists = [];
    for (let level = first; level < depth; level += 2) this.#longLists.push(outer[level + 1]!);
    this.#lastMark = this.#position - this.#start;
    this.#nextMark = this.#lastMark + STEP_BYTES;
  }

  #forgetMarks(): void {
    this.#longLists = NO_LISTS;
    this.#lastMark = 0;
    this.#nextMark = STEP_BYTES;
  }

  /**
   * Fast path: scans elements that are complete and valid: integers, and others with at most three digits. Stops at the
   * end of the expression, and before the first other element, which {@link #scanByte} scans or reports.
   */
  #scanFast(): void {
    if (this.#buffer.length > MAX_FAST_BUFFER) return;
    const view = this.#view;
    const { listLength, stringBytes } = this.#limits;
    const mostDepth = 2 * this.#limits.depth;
    // Four bytes are loaded at once. Up to three of them may be after the end of the received bytes, but not after the
    // buffer.
    const start = this.#start | 0;
    const end = Math.min(this.#end, start + this.expressionBytes, start + this.#nextMark) | 0;
    const lastFour = (this.#buffer.length - 4) | 0;
    const outer = this.#outer;
    const { vocabulary } = this.dialect;
    let depth = this.#depth;
    let missing = this.#missing | 0;
    let position = this.#position | 0;
    while (missing > 0 && position <= lastFour) {
      const four = view.getInt32(position, true);
      if (four === ENTRY && depth < mostDepth - 2) {
        const pairEnd = endOfPair(view, position + 2, lastFour);
        if (pairEnd !== 0 && pairEnd <= end) {
          outer[depth++] = missing;
          outer[depth++] = position - start;
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
        // Consecutive integers: four bytes contain one element for each type byte among them, when all of these are INT
        // or NEG.
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
        // The bytes after the last type byte belong to the next element.
        if (types !== 0) after = (window - (Math.clz32(types) >>> 3)) | 0;
      } else if (type === Token.LIST) {
        const length = readDigits4(four, digits);
        if (length > listLength || depth === mostDepth || after > end) break;
        if (length > 0) {
          outer[depth++] = missing;
          outer[depth++] = position - start;
          missing = length;
          position = after;
          continue;
        }
      } else if (type === Token.VOCAB) {
        if (vocabulary?.word(readDigits4(four, digits)) === undefined) break;
      } else if (type === Token.FLOAT) {
        after = (after + 8) | 0;
      } else {
        after = this.#endOfInteger(position, end);
        if (after === 0) break;
      }
      if (after > end) break;
      position = after;
      missing = (missing - 1) | 0;
      while (missing === 0 && depth > 0) missing = (outer[(depth -= 2)]! - 1) | 0;
    }
    this.#depth = depth;
    this.#missing = missing;
    this.#position = position;
  }

  /** The end of an integer of any type whose type byte is before `end`; 0 when there is none at `position`. */
  #endOfInteger(position: number, end: number): number {
    const { prefixBytes, integerDigits } = this.#limits;
    const stop = Math.min(end, position + prefixBytes + 1, position + integerDigits + 1);
    for (let next = position; next < stop; next++) {
      const byte = this.#buffer[next]!;
      if (byte < 0x80) continue;
      return isIntegerType(byte) ? next + 1 : 0;
    }
    return 0;
  }

  /**
   * Scans one byte: a digit, or a type byte, after which the position moves behind the body. Throws {@link BananaError}
   * for invalid bytes.
   */
  #scanByte(): void {
    const { prefixBytes, integerDigits, stringBytes, listLength, depth } = this.#limits;
    const offset = this.#base + this.#position - this.#digits;
    const byte = this.#buffer[this.#position]!;
    if (byte < 0x80) {
      checkLimit("PREFIX_TOO_LONG", this.#digits + 1, prefixBytes, offset);
      this.#digits++;
      this.#position++;
      return;
    }
    // That of an integer does not matter here, and takes time when it has many digits.
    const number = isIntegerType(byte)
      ? 0
      : Number(readDigits(this.#buffer, this.#position - this.#digits, this.#position));
    let end = this.#position + 1;
    if (byte === Token.LIST) {
      checkLimit("LIST_TOO_LONG", number, listLength, offset);
      checkLimit("TOO_DEEP", this.#depth / 2 + 1, depth, offset);
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
      throw new BananaError("BANANA_UNKNOWN_TYPE", `Unknown type byte 0x${byte.toString(16)}`, { offset });
    } else {
      checkLimit("INTEGER_TOO_LARGE", 7 * this.#digits, 7 * integerDigits, offset);
    }
    checkLimit("EXPRESSION_TOO_LARGE", end - this.#start, this.expressionBytes, offset);
    const elementStart = this.#position - this.#digits - this.#start;
    this.#position = end;
    this.#digits = 0;
    if (byte === Token.LIST && number > 0) {
      this.#outer[this.#depth++] = this.#missing;
      this.#outer[this.#depth++] = elementStart;
      this.#missing = number;
      return;
    }
    this.#missing--;
    while (this.#missing === 0 && this.#depth > 0) this.#missing = this.#outer[(this.#depth -= 2)]! - 1;
  }

  /**
   * Releases the buffer when no bytes are pending. Copies those of a lent chunk, and the start of an expression behind
   * large ones.
   */
  #releaseBuffer(): void {
    if (this.#start === this.#end) this.#replace(NO_CHUNK);
    else if (this.#isLent || this.#start > LARGE_BUFFER) this.#makeRoom(0);
  }

  /**
   * Makes room for `length` bytes behind the pending bytes, which move to the start of the buffer, or of a new one,
   * always with a `length` of 0. That has at least twice the size of the pending bytes, so that the cost of copying is
   * linear in the received bytes.
   */
  #makeRoom(length: number): void {
    const needed = this.pendingBytes + Math.max(this.pendingBytes, length);
    if (length > 0 && needed <= this.#buffer.length && !this.#isLent && !this.#isRead) {
      this.#copyPending(this.#buffer); // They may overlap.
      this.#moveTo(this.#chunk);
      return;
    }
    let size = SMALL_BUFFER;
    while (size < needed) size *= size < LARGE_BUFFER ? 2 : 9;
    let next = spare;
    if (next.buffer.length < size) next = chunkOf(new Uint8Array(size));
    else spare = NO_CHUNK;
    this.#copyPending(next.buffer);
    this.#replace(next);
  }

  /** Most often no bytes are pending, and a view of none takes as long as a short message (bench `codec`). */
  #copyPending(buffer: Uint8Array): void {
    if (this.#start < this.#end) buffer.set(this.#buffer.subarray(this.#start, this.#end));
  }

  /** Continues in another buffer. The old one is not reused while the last reader may still use it. */
  #replace(next: Chunk): void {
    const old = this.#isLent || this.#isRead ? NO_CHUNK : this.#chunk;
    this.#moveTo(next);
    const { length } = old.buffer;
    if (length > spare.buffer.length && length <= KEPT_BYTES) spare = old;
    if (length > LEFT_BYTES) freeMemory(old.buffer);
  }

  /** Continues in a buffer that starts with the pending bytes. */
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

function isIntegerType(byte: number): boolean {
  return byte === Token.INT || byte === Token.NEG || byte === Token.LONGINT || byte === Token.LONGNEG;
}

/**
 * The end of a list of two strings shorter than 128 bytes, such as `(unicode text)`, at `position`; 0 when there is no
 * such list.
 */
function endOfPair(view: DataView, position: number, lastFour: number): number {
  if (position > lastFour) return 0;
  const four = view.getInt32(position, true);
  if ((four & PAIR_MASK) !== PAIR) return 0;
  const second = (position + 4 + ((four >>> 16) & 0x7f)) | 0;
  if (second > lastFour) return 0;
  const head = view.getInt32(second, true);
  return (head & 0xff80) === 0x8200 ? (second + 2 + (head & 0x7f)) | 0 : 0;
}
