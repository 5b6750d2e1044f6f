// Vocabularies, whose words are sent as a number, and the dialects that use them (wire specification 2.4, 3).

import { fromAscii, toLatin1 } from "./bytes.js";
import { MAX_INT } from "./tokens.js";

/** A table of words and their numbers. It is immutable, and any number of connections may share it. */
export class Vocabulary {
  /** Words by number. */
  readonly #words: string[] = [];
  readonly #numbers = new Map<string, number>();
  /**
   * For each first byte, one bit for each length of a word (31 for longer ones). Excludes almost every other string
   * without a lookup.
   */
  readonly #shapes = new Uint32Array(128);

  /**
   * Takes pairs of a number, 0 to 2^31-1, and a word, ASCII and not empty. Throws `TypeError` for any other pair, and
   * for a repeated number or word.
   */
  constructor(words: Iterable<readonly [number, string]>) {
    for (const [number, word] of words) {
      const isNumber = Number.isInteger(number) && number >= 0 && number <= MAX_INT;
      if (!isNumber || word === "" || number in this.#words || this.#numbers.has(word))
        throw new TypeError(`Invalid or repeated word: ${number} ${word}`);
      const [first] = fromAscii(word);
      this.#words[number] = word;
      this.#numbers.set(word, number);
      this.#shapes[first!]! |= 1 << Math.min(word.length, 31);
    }
  }

  get size(): number {
    return this.#numbers.size;
  }

  /** The word with that number; undefined when there is none. */
  word(number: number): string | undefined {
    return this.#words[number];
  }

  /** The number of a word; undefined when the vocabulary does not have it. */
  number(word: string): number | undefined {
    return this.#mayHave(word.charCodeAt(0), word.length) ? this.#numbers.get(word) : undefined;
  }

  /** The number of the word with these bytes; undefined when the vocabulary does not have it. */
  numberOfBytes(bytes: Uint8Array): number | undefined {
    return this.#mayHave(bytes[0]!, bytes.length) ? this.#numbers.get(toLatin1(bytes)) : undefined;
  }

  /** Whether a word with this first byte and this length is possible. */
  #mayHave(first: number, length: number): boolean {
    return first < 128 && (this.#shapes[first]! & (1 << (length < 31 ? length : 31))) !== 0;
  }

  *[Symbol.iterator](): IterableIterator<[number, string]> {
    for (const [word, number] of this.#numbers) yield [number, word];
  }
}

/** A name that both peers agree on, and the vocabulary that they then use. */
export interface Dialect {
  readonly name: string;
  readonly vocabulary?: Vocabulary;
}

/** Banana without a vocabulary. */
export const none: Dialect = Object.freeze({ name: "none" });

/** The dialect that two Twisted peers agree on: 31 words of Perspective Broker (`Banana.outgoingVocabulary`). */
export const pb: Dialect = Object.freeze({
  name: "pb",
  vocabulary: new Vocabulary(
    (
      "None class dereference reference dictionary function instance list module persistent tuple unpersistable " +
      "copy cache cached remote local lcache version login password challenge logged_in not_logged_in cachemessage " +
      "message answer error decref decache uncache"
    )
      .split(" ")
      .map((word, index) => [index + 1, word] as const),
  ),
});

/** The dialects that every Twisted peer supports, in Twisted's order of preference. */
export const standardDialects: readonly Dialect[] = Object.freeze([pb, none]);

/**
 * Returns a dialect, given itself or the name of a standard dialect. Throws `TypeError` for an unknown name, and for
 * what is no dialect.
 */
export function dialectOf(dialect: Dialect | "pb" | "none"): Dialect {
  if (isDialect(dialect)) return dialect;
  if (typeof dialect !== "string") throw new TypeError('The option dialect must be a dialect, "pb" or "none"');
  const known = standardDialects.find((standard) => standard.name === dialect);
  if (known === undefined) throw new TypeError(`Unknown dialect: ${dialect}`);
  return known;
}

/** Throws `TypeError` unless `dialects` is a list of dialects. Returns it. */
export function checkDialects(dialects: readonly Dialect[]): readonly Dialect[] {
  if (Array.isArray(dialects) && dialects.every(isDialect)) return dialects;
  throw new TypeError("The option dialects must be a list of dialects, such as [pb, none]");
}

function isDialect(value: unknown): value is Dialect {
  if (typeof value !== "object" || value === null) return false;
  const { name, vocabulary } = value as { readonly [Key in keyof Dialect]: unknown };
  return (
    typeof name === "string" && (vocabulary === undefined || (typeof vocabulary === "object" && vocabulary !== null))
  );
}
