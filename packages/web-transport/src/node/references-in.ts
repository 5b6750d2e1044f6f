// Finds the references and caches in the arguments of a call that nobody will read, so that they can be released.

import type { Expression } from "@pb/banana";

/** The ids in the order of their arrival. Each occurrence counts at the peer, and has to be released. */
export interface FoundReferences {
  /** Objects of the peer. */
  readonly references: number[];
  /** Caches of the peer that it had sent before. */
  readonly cached: number[];
  /** Caches that arrive with their state. */
  readonly caches: number[];
}

/** Lists that begin with these words, or with the name of a class, contain values. */
const CONTAINERS: ReadonlySet<string> = new Set(["list", "tuple", "set", "frozenset"]);

const latin1 = new TextDecoder("latin1");

/** Searches only where a value can stand: an entry of a dictionary, `("remote" 5)`, is not a reference. */
export function referencesIn(values: readonly Expression[]): FoundReferences {
  const found: FoundReferences = { references: [], cached: [], caches: [] };
  for (const value of values) search(value, found);
  return found;
}

/** The depth of a received expression is limited, so that this can call itself. */
function search(value: Expression, found: FoundReferences): void {
  if (!Array.isArray(value) || !(value[0] instanceof Uint8Array)) return;
  const [first, second, third] = value as [Uint8Array, ...Expression[]];
  const atom = latin1.decode(first);
  const items = value.slice(1);
  if (atom === "dictionary") {
    for (const entry of items)
      if (Array.isArray(entry) && entry.length === 2) entry.forEach((part) => search(part, found));
  } else if (atom === "reference") {
    if (items.length === 2) search(third!, found);
  } else if (atom === "remote" || atom === "cached") {
    if (items.length === 1 && typeof second === "number")
      found[atom === "remote" ? "references" : "cached"].push(second);
  } else if (CONTAINERS.has(atom) || atom.includes(".")) {
    if (atom.includes(".") && items.length === 2 && typeof second === "number") found.caches.push(second);
    for (const item of items) search(item, found);
  }
}
