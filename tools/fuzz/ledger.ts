/** Counts references, caches and calls as an honest peer does, and reads the parts of messages that this needs. */

import type { Expression } from "@pb/banana";

/** The first words of a cache: the classes of the world, or "cached" when the peer already has it. */
const cacheWords: ReadonlySet<string> = new Set(["shop.Stock", "fuzz.Page", "cached"]);

export class Ledger {
  /** Ids that the broker exported to the peer, once for each time. */
  readonly references: number[] = [];
  readonly caches: number[] = [];
  /** How often each request id was sent, minus how often it was answered. */
  readonly missingAnswers = new Map<string, number>();
  /** How often the peer exported each of its own ids, minus how often the broker released it. */
  readonly #exported = new Map<string, number>();
  readonly #released = new Set<number>();
  #lastRequest = 100;

  /** A request id that was not used yet. */
  nextRequest(): number {
    return ++this.#lastRequest;
  }

  /** Records a message of the broker. Throws when it releases an id that it does not have. */
  received(message: Expression): void {
    const request = idOf(message, "answer", "error");
    if (request !== undefined) add(this.missingAnswers, request, -1);
    for (const [first, id] of headsIn(message)) {
      if (first === "remote") this.references.push(id);
      else if (cacheWords.has(first)) this.caches.push(id);
      else if (first === "decref" || first === "decache") {
        const left = add(this.#exported, `${first} ${id}`, -1);
        if (left < 0) throw new Error(`The broker sent ${first} ${id} once too often`);
        if (first === "decache" && left === 0) this.#released.add(id);
      }
    }
  }

  /** Records a message of the peer. */
  sent(message: Expression): void {
    const request = requestOf(message);
    if (request !== undefined) add(this.missingAnswers, request, 1);
    for (const [first, id] of headsIn(message)) {
      if (first === "remote") add(this.#exported, `decref ${id}`, 1);
      else if (cacheWords.has(first)) add(this.#exported, `decache ${id}`, 1);
    }
  }

  /** The "uncache" messages for the peer's caches that the broker has released. */
  takeUncaches(): Expression[] {
    const messages = [...this.#released].map((id): Expression => [word("uncache"), id]);
    this.#released.clear();
    return messages;
  }
}

function add(counts: Map<string, number>, key: string, change: number): number {
  const count = (counts.get(key) ?? 0) + change;
  counts.set(key, count);
  return count;
}

/** The inverse of {@link textOf}. */
export function word(text: string): Uint8Array {
  return Uint8Array.from(Buffer.from(text, "latin1"));
}

/** The text of a word; empty for other expressions. */
function textOf(expression: Expression | undefined): string {
  return expression instanceof Uint8Array ? Buffer.from(expression).toString("latin1") : "";
}

/** The request id of a message whose answer flag is true in Python. */
export function requestOf(message: Expression): string | undefined {
  if (!Array.isArray(message) || message.length !== 7) return undefined;
  const flag = message[4] as number | bigint | { readonly length: number };
  const isTrue = typeof flag === "object" ? flag.length > 0 : flag !== 0;
  return isTrue ? idOf(message, "message", "cachemessage") : undefined;
}

/** The id of a message with one of these commands. */
function idOf(message: Expression, ...commands: readonly string[]): string | undefined {
  if (!Array.isArray(message) || !commands.includes(textOf(message[0]))) return undefined;
  const id = message[1];
  return typeof id === "number" || typeof id === "bigint" ? String(id) : undefined;
}

/**
 * The word and the number that each list begins with, in this expression and in the values inside. The entries of a
 * dictionary are lists, but not values.
 */
function* headsIn(expression: Expression): Generator<[word: string, id: number]> {
  if (!Array.isArray(expression)) return;
  const [first, id] = expression as readonly Expression[];
  if (first instanceof Uint8Array && typeof id === "number") yield [textOf(first), id];
  const parts = textOf(first) === "dictionary" ? expression.slice(1).flat() : expression;
  for (const part of parts as readonly Expression[]) yield* headsIn(part);
}
