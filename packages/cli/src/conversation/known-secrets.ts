// Remembers secrets that were seen, so that they are found where nothing tells that they are secret.

import { pb } from "@pb/banana";

/** Shorter texts occur by chance in others. */
const SHORTEST = 6;

/** Longer ones are not echoed, and looking for them costs memory. */
const LONGEST = 4096;

/** Each is looked for in each message. Old ones are forgotten. */
const MOST = 64;

/** The words of the protocol that are longer than a secret must be. */
const WORDS = [
  ...[...pb.vocabulary!].map(([, word]) => word),
  ...["unicode", "boolean", "decimal", "datetime", "timedelta", "frozenset"],
].join(" ");

/** The last secrets of a conversation, or of several. */
export class KnownSecrets {
  readonly #texts = new Set<string>();
  #values: readonly Buffer[] = [];

  get isEmpty(): boolean {
    return this.#values.length === 0;
  }

  /** Remembers a secret, unless it is too short, too long, or part of a word of the protocol. */
  add(secret: Uint8Array): void {
    if (secret.length < SHORTEST || secret.length > LONGEST) return;
    const text = Buffer.from(secret).toString("latin1");
    if (WORDS.includes(text)) return;
    // The one that was used last is forgotten last: a password outlives tokens that change with each call.
    const isKnown = this.#texts.delete(text);
    this.#texts.add(text);
    if (isKnown) return;
    for (const old of this.#texts) {
      if (this.#texts.size <= MOST) break;
      this.#texts.delete(old);
    }
    this.#values = [...this.#texts].map((known) => Buffer.from(known, "latin1"));
  }

  /** Whether one of the secrets is part of these bytes. */
  occursIn(bytes: Uint8Array): boolean {
    if (this.isEmpty || bytes.length < SHORTEST) return false;
    const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
    return this.#values.some((value) => buffer.includes(value));
  }
}
