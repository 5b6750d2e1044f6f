// `BananaWriter`: an `ExpressionWriter` that writes bytes, with text, words and insertions.

import type { Bytes } from "../format/bytes.js";
import { countDigits, writeDigits } from "../format/base128.js";
import { HEADER_BYTES, ElementWriter } from "./element-writer.js";
import { BananaError } from "../errors.js";
import type { ExpressionWriter } from "../expression/expression.js";
import { bytesOf } from "../expression/list-head.js";
import type { ListHead } from "../expression/list-head.js";
import { keepBuffer, LARGE_BYTES, OWN_BYTES, takeLarge, takeSmall } from "./kept-buffers.js";
import { isWellFormed } from "../format/text.js";
import { Token } from "../format/tokens.js";
import type { Dialect } from "../format/vocabulary.js";

/** For up to this many characters, a loop is faster than `encodeInto` (bench `codec`). */
const MAX_LOOP_TEXT = 32;
/** For more characters than this, memory for the worst case, three bytes each, is not allocated in advance. */
const LONG_TEXT = 1024;
/**
 * The size of a buffer that many small messages share. A larger one makes allocations rarer, but keeps more memory
 * alive (bench `one-way`).
 */
const CHUNK_BYTES = 16 * 1024;
/** The unused rest of a buffer is discarded when it is smaller than this. */
const MIN_REUSED_BYTES = 512;
/** Words of up to this many encoded bytes are cached, in so many slots. */
const WORD_BYTES = 12;
const WORD_SLOTS = 64;

const utf8 = new TextEncoder();

/** A cache of encoded words of one dialect. Each word has exactly one possible slot. */
class WordCache {
  readonly texts = new Array<string | undefined>(WORD_SLOTS).fill(undefined);
  /** For each slot: the twelve bytes as three numbers, and the number of bytes. */
  readonly bytes = new Int32Array(4 * WORD_SLOTS);
}

/**
 * Shared by all writers, to save memory per connection. It is not observable: the bytes are the same, cached or not.
 */
const wordCaches = new WeakMap<Dialect, WordCache>();

function wordCacheOf(dialect: Dialect): WordCache {
  let cache = wordCaches.get(dialect);
  if (cache === undefined) wordCaches.set(dialect, (cache = new WordCache()));
  return cache;
}

/** The unused rest of a buffer, for the next writer. Shared, so that an idle connection holds no buffer. */
let rest: { readonly buffer: Bytes; readonly view: DataView; start: number } | undefined;
/** Whether a writer has a shared buffer, and none has taken its bytes since. */
let isShared = false;

interface Insertion {
  readonly position: number;
  readonly bytes: Uint8Array;
}

/**
 * Writes any number of expressions, whose bytes {@link take} returns. Throws {@link BananaError} for an element that a
 * stock Twisted peer would refuse to read; call {@link truncate} with the start of the expression then.
 */
export class BananaWriter extends ElementWriter implements ExpressionWriter {
  #insertions: Insertion[] = [];
  #words: WordCache = this.#chooseCache(this.currentDialect);
  #head: ListHead | undefined;
  protected override size: number = CHUNK_BYTES;
  /** The start of the bytes that were not taken yet. The bytes before it belong to other writers. */
  #start = 0;

  override get dialect(): Dialect {
    return this.currentDialect;
  }

  override set dialect(dialect: Dialect) {
    if (dialect === this.currentDialect) return;
    this.currentDialect = dialect;
    this.#words = this.#chooseCache(dialect);
    this.#head = undefined;
  }

  #chooseCache(dialect: Dialect): WordCache {
    return this.limits.stringBytes < WORD_BYTES ? new WordCache() : wordCacheOf(dialect);
  }

  get position(): number {
    return this.length - this.#start;
  }

  begin(head: ListHead): void {
    if (head !== this.#head && !this.#prepareHead(head)) {
      this.list(head.length);
      this.word(head.word);
      return;
    }
    this.reserve(WORD_BYTES);
    const view = this.view;
    const position = this.length;
    const { tokens, first, last, size } = bytesOf(head);
    const end = position + size;
    view.setInt32(position, tokens, true);
    view.setInt32(position + 4, first, true);
    view.setInt32(end - 4, last, true);
    this.length = end;
  }

  /**
   * Sets {@link #head} and returns true when {@link begin} can write the prepared bytes: for a word of four to eight
   * bytes that is not in the vocabulary.
   */
  #prepareHead(head: ListHead): boolean {
    const { length } = head.word;
    if (length < 4 || length > 8 || this.currentDialect.vocabulary?.number(head.word) !== undefined) return false;
    if (length > this.limits.stringBytes || head.length > this.limits.listLength) return false;
    this.#head = head;
    return true;
  }

  word(value: string): void {
    // Most words were written before. Their cached bytes are copied, four at a time.
    const slot = value.length === 0 ? 0 : (value.charCodeAt(0) + 8 * value.length) & (WORD_SLOTS - 1);
    const { texts, bytes: words } = this.#words;
    if (texts[slot] !== value && !this.#cacheWord(slot, value)) return;
    this.reserve(WORD_BYTES);
    const view = this.view;
    const position = this.length;
    const length = words[4 * slot + 3]!;
    view.setInt32(position, words[4 * slot]!, true);
    if (length > 4) {
      view.setInt32(position + 4, words[4 * slot + 1]!, true);
      view.setInt32(position + 8, words[4 * slot + 2]!, true);
    }
    this.length = position + length;
  }

  /**
   * Adds a word to the cache and returns true. Returns false for a word that is too long or empty, and then has written
   * it.
   */
  #cacheWord(slot: number, value: string): boolean {
    for (let index = 0; index < value.length; index++) {
      if (value.charCodeAt(index) > 0x7f) throw new TypeError(`A word must be ASCII, not ${JSON.stringify(value)}`);
    }
    this.reserve(WORD_BYTES);
    const start = this.length;
    this.text(value);
    const length = this.length - start;
    if (length > WORD_BYTES || value === "") return false;
    this.length = start;
    const { texts, bytes } = this.#words;
    for (let part = 0; part < 3; part++) bytes[4 * slot + part] = this.view.getInt32(start + 4 * part, true);
    bytes[4 * slot + 3] = length;
    texts[slot] = value;
    return true;
  }

  text(value: string): void {
    const number = this.currentDialect.vocabulary?.number(value);
    if (number !== undefined) {
      this.header(number, Token.VOCAB);
      return;
    }
    const { length } = value;
    if (length > MAX_LOOP_TEXT || length > this.limits.stringBytes || !this.#shortAscii(value)) this.#utf8(value);
  }

  /** Writes ASCII text and returns true. Writes nothing and returns false when a character is not ASCII. */
  #shortAscii(value: string): boolean {
    const length = value.length;
    this.reserve(length + 2);
    const buffer = this.buffer;
    const view = this.view;
    let position = this.length;
    buffer[position++] = length; // One digit: MAX_LOOP_TEXT is below 128.
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
    this.length = position;
    return true;
  }

  #utf8(value: string): void {
    this.checkString(value.length);
    if (!isWellFormed(value)) {
      throw new BananaError("BANANA_LONE_SURROGATE", "Text with a lone surrogate has no UTF-8 form and cannot be sent");
    }
    this.reserve(HEADER_BYTES);
    // // The size of the head depends on the number of bytes, which is known only after encoding: reserve the most
    // likely size.
    const start = this.length;
    const guess = start + countDigits(value.length) + 1;
    const written = this.#encodeInto(value, guess);
    this.checkString(written);
    const body = start + countDigits(written) + 1;
    if (body !== guess) this.buffer.copyWithin(body, guess, guess + written);
    // `header` would not do: it may write four bytes where three are needed.
    this.buffer[writeDigits(this.buffer, start, written)] = Token.STRING;
    this.length = body + written;
  }

  /** Writes UTF-8 at `position` and returns the number of bytes. May stop when they are over the limit. */
  #encodeInto(value: string, position: number): number {
    const { length } = value;
    // Three bytes for each character are always enough. For long text, which is usually ASCII, one byte is tried first.
    const room = length > LONG_TEXT ? length : 3 * length;
    this.reserve(room + HEADER_BYTES);
    const { read, written } = utf8.encodeInto(value, this.buffer.subarray(position, position + room));
    if (read === length || written > this.limits.stringBytes) return written;
    const left = Math.min(3 * (length - read), this.limits.stringBytes + 4);
    const start = this.length;
    const behind = position + written;
    this.length = behind; // `reserve` keeps the bytes before `length` when it moves to a larger buffer.
    this.reserve(left + HEADER_BYTES);
    this.length = start;
    return written + utf8.encodeInto(value.slice(read), this.buffer.subarray(behind, behind + left)).written;
  }

  /** Adds complete expressions that were written by another writer with the same dialect. */
  append(bytes: Uint8Array): void {
    this.reserve(bytes.length);
    this.buffer.set(bytes, this.length);
    this.length += bytes.length;
  }

  /** Applies all insertions and returns a copy of the bytes that were written since `position`, for {@link append}. */
  since(position: number): Bytes {
    this.seal();
    return this.buffer.slice(this.#start + position, this.length);
  }

  insert(position: number, write: (writer: ExpressionWriter) => void): void {
    this.reserve(1);
    const start = this.length;
    write(this);
    this.#insertions.push({ position: this.#start + position, bytes: this.buffer.slice(start, this.length) });
    this.length = start;
  }

  truncate(position: number): void {
    this.length = this.#start + position;
    this.#insertions = this.#insertions.filter((insertion) => insertion.position < this.length);
  }

  /** Applies all insertions, in one pass. Positions from before this call are not valid afterwards. */
  seal(): void {
    if (this.#insertions.length === 0) return;
    const insertions = this.#insertions.sort((a, b) => a.position - b.position);
    this.#insertions = [];
    let shift = 0;
    for (const { bytes } of insertions) shift += bytes.length;
    this.reserve(shift);
    const buffer = this.buffer;
    let end = this.length;
    this.length += shift;
    for (let index = insertions.length - 1; index >= 0; index--) {
      const { position, bytes } = insertions[index]!;
      buffer.copyWithin(position + shift, position, end);
      shift -= bytes.length;
      buffer.set(bytes, position + shift);
      end = position;
    }
  }

  override take(): Bytes {
    return this.takeView().slice();
  }

  /**
   * As {@link take}, without a copy: returns a view of a buffer that other views may share, as Node's small Buffers do.
   * The bytes are not overwritten before {@link BananaWriter.reuse}. Do not transfer the buffer to another thread,
   * which would detach the other views; keeping the view keeps the whole buffer alive.
   */
  takeView(): Bytes {
    this.seal();
    const { buffer, view, length } = this;
    const bytes = buffer.subarray(this.#start, length);
    if (buffer.length - length >= MIN_REUSED_BYTES && buffer.length === CHUNK_BYTES)
      rest = { buffer, view, start: length };
    isShared = false;
    // After a large message, the next one is often as large: its first buffer has that size.
    this.size = bytes.length > CHUNK_BYTES ? bytes.length + 2 * HEADER_BYTES : CHUNK_BYTES;
    this.releaseBuffer();
    this.#start = 0;
    // A view of a small message would keep all of a large buffer alive.
    if (buffer.length <= CHUNK_BYTES || 2 * bytes.length >= buffer.length) return bytes;
    const copy = bytes.slice();
    keepBuffer(buffer.buffer);
    return copy;
  }

  /**
   * Nothing uses the bytes of a {@link takeView} anymore, so that they may be overwritten. Without it, a connection
   * that sends small messages needs a new buffer every hundred messages (bench `hundred`).
   */
  static reuse(view: Uint8Array): void {
    const isLast = rest?.buffer.buffer === view.buffer && rest.start === view.byteOffset + view.length;
    if (isLast) rest!.start = view.byteOffset; // No other view begins behind it.
    keepBuffer(view.buffer as ArrayBuffer);
  }

  /**
   * Uses the rest of the shared buffer for the first bytes after {@link take}, and the buffer of an earlier message for
   * a large one. A position is valid only after {@link reserve} was called.
   */
  protected override grow(needed: number): void {
    const isFirst = this.buffer.length === 0;
    const size = Math.max(needed, this.size);
    const large = size > LARGE_BYTES ? takeLarge(size) : undefined;
    if (large !== undefined) this.#growInto(large);
    else if (isFirst && rest !== undefined && needed <= rest.buffer.length - rest.start) {
      this.buffer = rest.buffer;
      this.view = rest.view;
      this.length = this.#start = rest.start;
      rest = undefined;
      isShared = true;
    } else if (isFirst && this.size === CHUNK_BYTES && isShared) {
      this.size = OWN_BYTES;
      const small = takeSmall(needed);
      if (small === undefined) super.grow(needed);
      else this.#growInto(small);
    } else {
      if (isFirst && this.size === CHUNK_BYTES) isShared = true;
      // Rounded up, so that the buffer can be used again for messages that are a little larger.
      super.grow(needed > LARGE_BYTES ? Math.ceil(needed / LARGE_BYTES) * LARGE_BYTES : needed);
    }
  }

  #growInto(kept: ArrayBuffer): void {
    const buffer = new Uint8Array(kept);
    buffer.set(this.buffer.subarray(0, this.length));
    this.buffer = buffer;
    this.view = new DataView(kept);
  }
}
