// Prepared bytes of lists that begin with a known word, for the fast paths of `BananaReader` and `BananaWriter`.

import { Token } from "../format/tokens.js";

/** The prepared bytes of a head. The package does not export this function: nothing else can read them. */
export let bytesOf: (head: ListHead) => HeadBytes;

/** The first bytes of a list in a dialect that does not have its word, as little-endian 32-bit numbers. */
export interface HeadBytes {
  /** The tokens of the list and of its word, without the word: `02 80 07 82` for `[unicode, …]`. */
  readonly tokens: number;
  /** The first four bytes of the word. */
  readonly first: number;
  /** The last four bytes of the word. They overlap the first four when the word is shorter than eight bytes. */
  readonly last: number;
  /** Number of bytes of the tokens and the word. */
  readonly size: number;
}

/** The prepared bytes of an entry, as {@link bytesOf} for a head. */
export let entryBytesOf: (entry: EntryHead) => EntryBytes;

/** The first bytes of an entry of 16 to 32 bytes, as 64-bit floats. They overlap when there are fewer. */
export interface EntryBytes {
  readonly size: number;
  readonly first: number;
  readonly second: number;
  /** The last eight bytes, and the eight bytes before them. */
  readonly last: number;
  readonly beforeLast: number;
}

/** The prepared bytes of patterns, as {@link bytesOf} for a head. */
export let scalarBytesOf: (patterns: ScalarPatterns) => ScalarBytes;

/** The heads of {@link ScalarPatterns}: those of text and booleans have the same tokens and the same size. */
export interface ScalarBytes {
  readonly tokens: number;
  readonly size: number;
  readonly textFirst: number;
  readonly textLast: number;
  readonly booleanFirst: number;
  readonly booleanLast: number;
  readonly nothing: ListHead;
}

/**
 * The length of a list and the word that is its first element. Create one for each kind of list and reuse it:
 * `ExpressionWriter.begin` and `ExpressionReader.begins` write and compare its prepared bytes.
 */
export class ListHead {
  /** Number of elements, the word included. */
  readonly length: number;
  readonly word: string;
  readonly #bytes: HeadBytes;

  static {
    bytesOf = (head) => head.#bytes;
  }

  /**
   * Throws `TypeError` for a length that is not an integer from 1 to 127, and for a word that is not 1 to 127 ASCII
   * characters.
   */
  constructor(length: number, word: string) {
    if (!Number.isInteger(length) || length < 1 || length > 127)
      throw new TypeError(`The length of a ListHead must be an integer from 1 to 127, not ${length}`);
    const codes = codesOf(word);
    if (codes.length < 1 || codes.length > 127 || codes.some((code) => code > 127))
      throw new TypeError(`The word of a ListHead must be 1 to 127 ASCII characters, not ${JSON.stringify(word)}`);
    this.length = length;
    this.word = word;
    this.#bytes = {
      tokens: littleEndian([length, Token.LIST, word.length, Token.STRING]),
      first: littleEndian(codes.slice(0, 4)),
      last: littleEndian(codes.slice(-4)),
      size: 4 + word.length,
    };
  }
}

/**
 * The lists with which a format above Banana writes its scalars, for `ExpressionReader.scalar`. Create one and reuse
 * it.
 *
 * `text` and `boolean` are the heads of lists of two, `null` that of a list of one.
 */
export class ScalarPatterns {
  readonly #bytes: ScalarBytes;

  static {
    scalarBytesOf = (patterns) => patterns.#bytes;
  }

  /**
   * `[word, text]` is read as its UTF-8 text, `[word, "true"]` and `[word, "false"]` as booleans, `[word]` as null.
   *
   * Throws `TypeError` when a head has another length, or when the words of `text` and `boolean` do not have the same
   * length, from 4 to 8: only such words can be told apart by two comparisons.
   */
  constructor(text: ListHead, boolean: ListHead, nothing: ListHead) {
    const { length } = text.word;
    if (text.length !== 2 || boolean.length !== 2 || nothing.length !== 1)
      throw new TypeError("ScalarPatterns need lists of two for text and booleans, and a list of one for null");
    if (length < 4 || length > 8 || boolean.word.length !== length)
      throw new TypeError("ScalarPatterns need words of the same length, from 4 to 8, for text and booleans");
    const { tokens, size, first, last } = bytesOf(text);
    const { first: booleanFirst, last: booleanLast } = bytesOf(boolean);
    this.#bytes = { tokens, size, textFirst: first, textLast: last, booleanFirst, booleanLast, nothing };
  }
}

/** An entry has at least and at most so many bytes before its value. */
const LEAST_ENTRY = 16;
const MOST_ENTRY = 32;

/**
 * The first bytes of an entry `[[word, key], value]` with a known key, for `ExpressionReader.skipKey`. Create one for
 * each key that repeats, and reuse it.
 */
export class EntryHead {
  readonly key: string;
  readonly #bytes: EntryBytes;

  static {
    entryBytesOf = (entry) => entry.#bytes;
  }

  /** Matches nothing when its bytes cannot be prepared: for a long key, and for one that is not printable ASCII. */
  constructor(head: ListHead, key: string) {
    this.key = key;
    const { length, word } = head;
    const tokens = [2, Token.LIST, length, Token.LIST, word.length, Token.STRING];
    const bytes = [...tokens, ...codesOf(word), key.length, Token.STRING, ...codesOf(key)];
    const isPrepared = bytes.length >= LEAST_ENTRY && bytes.length <= MOST_ENTRY && /^[ -~]+$/.test(key);
    this.#bytes = isPrepared ? entryBytes(bytes) : NO_ENTRY;
  }
}

function entryBytes(bytes: readonly number[]): EntryBytes {
  const size = bytes.length;
  const view = new DataView(Uint8Array.from(bytes).buffer);
  const at = (position: number): number => view.getFloat64(position, true);
  return { size, first: at(0), second: at(8), last: at(size - 8), beforeLast: at(size - 16) };
}

/** Nothing is equal to NaN. */
const NO_ENTRY: EntryBytes = { size: LEAST_ENTRY, first: NaN, second: 0.5, last: 0.5, beforeLast: 0.5 };

function codesOf(text: string): number[] {
  return Array.from(text, (_, index) => text.charCodeAt(index));
}

function littleEndian(bytes: readonly number[]): number {
  return bytes.reduce((number, byte, index) => number | (byte << (8 * index)), 0);
}
