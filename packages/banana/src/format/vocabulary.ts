// Words that travel as a number, and the dialects that name a set of them (wire specification 2.4, 3).

import { fromAscii, toLatin1 } from "./bytes.js";
import { MAX_INT } from "./tokens.js";

/** A table of words and their numbers. Immutable; may be shared by any number of connections. */
export class Vocabulary {
  /** Words by number. */
  readonly #words: string[] = [];
  readonly #numbers = new Map<string, number>();
  /** For each first byte, a bit per length that some word has (31 and more are one): tells almost every string apart without a look-up. */
  readonly #shapes = new Uint32Array(128);

  /** Words by number. Numbers are 0 to 2^31-1; words are ASCII and not empty. Throws `TypeError` for anything else. */
  constructor(words: Iterable<readonly [number, string]>) {
    for (const [number, word] of words) {
      const isNumber = Number.isInteger(number) && number >= 0 && number <= MAX_INT;
      if (!isNumber || word === "" || number in this.#words || this.#numbers.has(word))
        throw new TypeError(`Not a word and its number, or twice: ${number} ${word}`);
      const [first] = fromAscii(word);
      this.#words[number] = word;
      this.#numbers.set(word, number);
      this.#shapes[first!]! |= 1 << Math.min(word.length, 31);
    }
  }

  get size(): number {
    return this.#numbers.size;
  }

  /** The word with that number, or undefined. */
  word(number: number): string | undefined {
    return this.#words[number];
  }

  /** The number of a word, or undefined. */
  number(word: string): number | undefined {
    return this.#mayHave(word.charCodeAt(0), word.length) ? this.#numbers.get(word) : undefined;
  }

  /** The number of the word that these bytes spell, or undefined. */
  numberOfBytes(bytes: Uint8Array): number | undefined {
    return this.#mayHave(bytes[0]!, bytes.length) ? this.#numbers.get(toLatin1(bytes)) : undefined;
  }

  /** Whether some word has this first byte and about this length. */
  #mayHave(first: number, length: number): boolean {
    return first < 128 && (this.#shapes[first]! & (1 << (length < 31 ? length : 31))) !== 0;
  }

  *[Symbol.iterator](): IterableIterator<[number, string]> {
    for (const [word, number] of this.#numbers) yield [number, word];
  }
}

/** A name both ends agree on, and the words it shortens. */
export interface Dialect {
  readonly name: string;
  readonly vocabulary?: Vocabulary;
}

/** Plain Banana without VOCAB. */
export const none: Dialect = Object.freeze({ name: "none" });

/** What two Twisted peers speak: 31 words of Perspective Broker (`Banana.outgoingVocabulary`). */
export const pb: Dialect = Object.freeze({
  name: "pb",
  vocabulary: new Vocabulary(
    (
      "None class dereference reference dictionary function instance list module persistent tuple unpersistable copy cache cached " +
      "remote local lcache version login password challenge logged_in not_logged_in cachemessage message answer error decref decache uncache"
    )
      .split(" ")
      .map((word, index) => [index + 1, word] as const),
  ),
});

/** The dialects every Twisted peer knows, in Twisted's order of preference. */
export const standardDialects: readonly Dialect[] = Object.freeze([pb, none]);

/** A dialect by value or by the name of a standard one. Throws `TypeError` for an unknown name. */
export function dialectOf(dialect: Dialect | "pb" | "none"): Dialect {
  if (typeof dialect !== "string") return dialect;
  const known = standardDialects.find((standard) => standard.name === dialect);
  if (known === undefined) throw new TypeError(`Not a standard dialect: ${dialect}`);
  return known;
}
