// What both sides were given, as an honest peer remembers it.

import type { Expression } from "@pb/banana";
import { headOf, partsOf, word } from "./expressions.js";

/** What a cache begins with: its class, and a word when it is sent again. */
const CACHES: ReadonlySet<string> = new Set(["fuzz.Stock", "fuzz.Page", "cached"]);

export class Ledger {
  /** Of the broker's, as often as it gave them. */
  readonly references: number[] = [];
  readonly caches: number[] = [];
  /** Of the peer's: how often it gave them, less how often they came back. */
  readonly #lent = new Map<string, number>();
  readonly #unused = new Set<number>();
  #requests = 100;

  /** A request id that was not used yet. */
  nextRequest(): number {
    return ++this.#requests;
  }

  /** The broker said this. Throws when something comes back that it does not have. */
  heard(expression: Expression): void {
    const { word: head, id } = headOf(expression);
    if (head === "remote") this.references.push(id);
    else if (CACHES.has(head)) this.caches.push(id);
    else if (head === "decref" || head === "decache") {
      const left = this.#lend(`${head} ${id}`, -1);
      if (left < 0) throw new Error(`${head} ${id} came once too often`);
      if (head === "decache" && left === 0) this.#unused.add(id);
    }
    for (const part of partsOf(expression)) this.heard(part);
  }

  /** The peer says this. */
  said(expression: Expression): void {
    const { word: head, id } = headOf(expression);
    if (head === "remote") this.#lend(`decref ${id}`, 1);
    else if (CACHES.has(head)) this.#lend(`decache ${id}`, 1);
    for (const part of partsOf(expression)) this.said(part);
  }

  /** Says that the caches are gone which the broker has given back. */
  farewells(): Expression[] {
    const farewells = [...this.#unused].map((id): Expression => [word("uncache"), id]);
    this.#unused.clear();
    return farewells;
  }

  #lend(what: string, by: number): number {
    const lent = (this.#lent.get(what) ?? 0) + by;
    this.#lent.set(what, lent);
    return lent;
  }
}
