// Writes expressions as bytes: text and words, too, and what must be put before something already written.

import { countDigits, writeDigits } from "../format/base128.js";
import { HEADER_BYTES, ElementWriter } from "./element-writer.js";
import { BananaError } from "../errors.js";
import type { ExpressionWriter } from "../expression/expression.js";
import { bytesOf } from "../expression/list-head.js";
import type { ListHead } from "../expression/list-head.js";
import { Token } from "../format/tokens.js";
import type { Dialect } from "../format/vocabulary.js";

/** Up to this many characters a loop beats `encodeInto` (bench `codec`). */
const SHORT_TEXT = 32;
/** Beyond this many characters, memory for the worst case is not taken at once. */
const LONG_TEXT = 1024;
/** So much is taken for views of many small messages: more makes allocations rarer, and keeps more alive (bench `one-way`). */
const CHUNK_BYTES = 16 * 1024;
/** What is left of a buffer is dropped when it is less. */
const WORTH_KEEPING = 512;
/** Words are kept encoded when they take up to this many bytes, in so many slots. */
const WORD_BYTES = 12;
const WORD_SLOTS = 64;

const utf8 = new TextEncoder();

/** Words as they were last written in one dialect, each in the slot it belongs to. */
class Words {
  readonly texts = new Array<string | undefined>(WORD_SLOTS).fill(undefined);
  /** Of each: four bytes three times, and the number of bytes. */
  readonly bytes = new Int32Array(4 * WORD_SLOTS);
}

/** Shared by all writers: it is no state that anybody can observe, and a connection of thousands need not have its own. */
const wordsOf = new WeakMap<Dialect, Words>();

function wordsIn(dialect: Dialect): Words {
  let words = wordsOf.get(dialect);
  if (words === undefined) wordsOf.set(dialect, (words = new Words()));
  return words;
}

/** What is left of a buffer, for whoever writes next: a connection of thousands that says nothing needs none. */
let rest: { readonly buffer: Uint8Array<ArrayBuffer>; readonly view: DataView; readonly start: number } | undefined;

interface Insertion {
  readonly position: number;
  readonly bytes: Uint8Array;
}

/**
 * An {@link ExpressionWriter} of bytes. Write any number of expressions, then {@link take} their bytes. What a stock Twisted peer would
 * refuse to read is refused here with a {@link BananaError}; after one, {@link truncate} to where the expression began.
 */
export class BananaWriter extends ElementWriter implements ExpressionWriter {
  #insertions: Insertion[] = [];
  #words: Words = this.#wordsIn(this.spoken);
  #head: ListHead | undefined;
  protected override size: number = CHUNK_BYTES;
  /** Where what was not taken yet begins: what is before it is somebody else's. */
  #start = 0;

  override get dialect(): Dialect {
    return this.spoken;
  }

  override set dialect(dialect: Dialect) {
    if (dialect === this.spoken) return;
    this.spoken = dialect;
    this.#words = this.#wordsIn(dialect);
    this.#head = undefined;
  }

  #wordsIn(dialect: Dialect): Words {
    return this.limits.stringBytes < WORD_BYTES ? new Words() : wordsIn(dialect);
  }

  get position(): number {
    return this.length - this.#start;
  }

  begin(head: ListHead): void {
    if (head !== this.#head && !this.#rememberHead(head)) {
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

  /** Whether this head can be written as it stands: the dialect does not have its word, and the word is four to eight bytes. */
  #rememberHead(head: ListHead): boolean {
    const { length } = head.word;
    if (length < 4 || length > 8 || this.spoken.vocabulary?.number(head.word) !== undefined) return false;
    if (length > this.limits.stringBytes || head.length > this.limits.listLength) return false;
    this.#head = head;
    return true;
  }

  word(value: string): void {
    // A word is most often one that was written before. Its bytes are then copied, four by four.
    const slot = value.length === 0 ? 0 : (value.charCodeAt(0) + 8 * value.length) & (WORD_SLOTS - 1);
    const { texts, bytes: words } = this.#words;
    if (texts[slot] !== value && !this.#rememberWord(slot, value)) return;
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

  /** Encodes a word for {@link word}; false when it is too long for that, or empty, and was written at once. */
  #rememberWord(slot: number, value: string): boolean {
    for (let index = 0; index < value.length; index++) {
      if (value.charCodeAt(index) > 0x7f) throw new TypeError(`A word is ASCII: ${JSON.stringify(value)}`);
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
    const number = this.spoken.vocabulary?.number(value);
    if (number !== undefined) {
      this.header(number, Token.VOCAB);
      return;
    }
    const { length } = value;
    if (length > SHORT_TEXT || length > this.limits.stringBytes || !this.#shortAscii(value)) this.#utf8(value);
  }

  /** Writes text of ASCII characters only; writes nothing and returns false when there is another one in it. */
  #shortAscii(value: string): boolean {
    const length = value.length;
    this.reserve(length + 2);
    const buffer = this.buffer;
    const view = this.view;
    let position = this.length;
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
    this.length = position;
    return true;
  }

  #utf8(value: string): void {
    this.checkString(value.length);
    if (!value.isWellFormed()) {
      throw new BananaError("BANANA_LONE_SURROGATE", "Text with a lone surrogate has no UTF-8 form and cannot be sent");
    }
    this.reserve(HEADER_BYTES);
    // The header's size follows from the number of bytes, which is known afterwards: leave room for the most likely one.
    const start = this.length;
    const guess = start + countDigits(value.length) + 1;
    const written = this.#encodeInto(value, guess);
    this.checkString(written);
    const body = start + countDigits(written) + 1;
    if (body !== guess) this.buffer.copyWithin(body, guess, guess + written);
    // Not by `header`, which may write four bytes where three are needed.
    this.buffer[writeDigits(this.buffer, start, written)] = Token.STRING;
    this.length = body + written;
  }

  /** Writes UTF-8 at `position` and what is behind it free, and returns how many bytes. May stop early once they are more than allowed. */
  #encodeInto(value: string, position: number): number {
    const { length } = value;
    // Three bytes a character are always enough. Long text is tried as ASCII first: mostly it is.
    const room = length > LONG_TEXT ? length : 3 * length;
    this.reserve(room + HEADER_BYTES);
    const { read, written } = utf8.encodeInto(value, this.buffer.subarray(position, position + room));
    if (read === length || written > this.limits.stringBytes) return written;
    const left = Math.min(3 * (length - read), this.limits.stringBytes + 4);
    const start = this.length;
    const behind = position + written;
    this.length = behind; // what is written so far moves along into a larger buffer
    this.reserve(left + HEADER_BYTES);
    this.length = start;
    return written + utf8.encodeInto(value.slice(read), this.buffer.subarray(behind, behind + left)).written;
  }

  /** Adds whole expressions that another writer of the same dialect has finished. */
  append(bytes: Uint8Array): void {
    this.reserve(bytes.length);
    this.buffer.set(bytes, this.length);
    this.length += bytes.length;
  }

  /** A copy of what was written since the writer stood at `position`, sealed: more of the same for {@link append}. */
  since(position: number): Uint8Array<ArrayBuffer> {
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

  /**
   * Finishes what was written since the last call: applies all insertions, in one pass. Positions taken before are no longer valid.
   */
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

  override take(): Uint8Array<ArrayBuffer> {
    return this.takeView().slice();
  }

  /**
   * As {@link take}, without a copy: a view of a buffer that views of other bytes look at, too (as Node's small Buffers do). Nobody writes over
   * it; but who transfers the buffer to another thread takes everybody's, and who keeps the view, keeps all.
   */
  takeView(): Uint8Array<ArrayBuffer> {
    this.seal();
    const { buffer, view, length } = this;
    const bytes = buffer.subarray(this.#start, length);
    if (buffer.length - length >= WORTH_KEEPING && buffer.length <= CHUNK_BYTES) rest = { buffer, view, start: length };
    // Large messages come in rows: the next one need not grow step by step.
    this.size = bytes.length > CHUNK_BYTES ? bytes.length + 2 * HEADER_BYTES : CHUNK_BYTES;
    this.startAnew();
    this.#start = 0;
    // A small message in a large buffer would keep all of it alive.
    return buffer.length > CHUNK_BYTES && 2 * bytes.length < buffer.length ? bytes.slice() : bytes;
  }

  /** The first bytes after those that were taken go behind what somebody else has written. Positions are good only after a {@link reserve}. */
  protected override grow(needed: number): void {
    if (this.buffer.length > 0 || rest === undefined || needed > rest.buffer.length - rest.start) {
      super.grow(needed);
      return;
    }
    this.buffer = rest.buffer;
    this.view = rest.view;
    this.length = this.#start = rest.start;
    rest = undefined;
  }
}
