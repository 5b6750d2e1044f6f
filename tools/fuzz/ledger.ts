/** Counts references and caches as an honest peer does, and reads the parts of messages that this needs. */

import type { Expression } from "@pb/banana";

/** The first words of a cache: the classes of the world, or "cached" when the peer already has it. */
const cacheWords: ReadonlySet<string> = new Set(["fuzz.Stock", "fuzz.Page", "cached"]);

export class Ledger {
  /** Ids that the broker exported to the peer, once for each time. */
  readonly references: number[] = [];
  readonly caches: number[] = [];
  /** How often the peer exported each of its own ids, minus how often the broker released it. */
  readonly #exported = new Map<string, number>();
  readonly #released = new Set<number>();
  #lastRequest = 100;

  /** A request id that was not used yet. */
  nextRequest(): number {
    return ++this.#lastRequest;
  }

  /** Records a message of the broker. Throws when it releases an id that it does not have. */
  received(expression: Expression): void {
    const { first, id } = headOf(expression);
    if (first === "remote") this.references.push(id);
    else if (cacheWords.has(first)) this.caches.push(id);
    else if (first === "decref" || first === "decache") {
      const left = this.#add(`${first} ${id}`, -1);
      if (left < 0) throw new Error(`The broker sent ${first} ${id} once too often`);
      if (first === "decache" && left === 0) this.#released.add(id);
    }
    for (const part of valuesIn(expression)) this.received(part);
  }

  /** Records a message of the peer. */
  sent(expression: Expression): void {
    const { first, id } = headOf(expression);
    if (first === "remote") this.#add(`decref ${id}`, 1);
    else if (cacheWords.has(first)) this.#add(`decache ${id}`, 1);
    for (const part of valuesIn(expression)) this.sent(part);
  }

  /** The "uncache" messages for the peer's caches that the broker has released. */
  takeUncaches(): Expression[] {
    const messages = [...this.#released].map((id): Expression => [word("uncache"), id]);
    this.#released.clear();
    return messages;
  }

  #add(key: string, change: number): number {
    const count = (this.#exported.get(key) ?? 0) + change;
    this.#exported.set(key, count);
    return count;
  }
}

export function word(text: string): Uint8Array {
  return Uint8Array.from(Buffer.from(text, "latin1"));
}

/** The request id of a message whose answer flag is true in Python. */
export function requestOf(expression: Expression): string | undefined {
  if (!Array.isArray(expression) || expression.length !== 7) return undefined;
  const flag = expression[4] as number | bigint | { readonly length: number };
  const isTrue = typeof flag === "object" ? flag.length > 0 : flag !== 0;
  return isTrue ? idOf(expression, ["message", "cachemessage"]) : undefined;
}

/** The id of a message with one of these commands. */
export function idOf(expression: Expression, commands: readonly string[]): string | undefined {
  if (!Array.isArray(expression) || !commands.some((command) => isWord(expression[0], command))) return undefined;
  const id = expression[1];
  return typeof id === "number" || typeof id === "bigint" ? String(id) : undefined;
}

function isWord(expression: Expression | undefined, text: string): boolean {
  return expression instanceof Uint8Array && Buffer.from(expression).toString("latin1") === text;
}

/** The word and the number that a list begins with; an empty word for other expressions. */
function headOf(expression: Expression): { first: string; id: number } {
  const [first, id] = Array.isArray(expression) ? (expression as readonly Expression[]) : [];
  const isHead = first instanceof Uint8Array && typeof id === "number";
  return isHead ? { first: Buffer.from(first).toString("latin1"), id } : { first: "", id: 0 };
}

/** The elements of a list that may be values. The entries of a dictionary are lists, but not values. */
function valuesIn(expression: Expression): readonly Expression[] {
  if (!Array.isArray(expression)) return [];
  const parts = expression as readonly Expression[];
  return isWord(parts[0], "dictionary") ? parts.slice(1).flat() : parts;
}
