// What Python accepts as a dict key or a set member.

import { Float } from "@pb/banana";
import { describe, JellyError } from "../errors.js";
import type { Exactness } from "../handler.js";
import { Tuple } from "./tuple.js";

/**
 * Throws `JELLY_UNHASHABLE` for what Python would refuse as a key: lists, dicts, sets, and tuples of such. Refused here because a stock peer
 * that meets one in an answer drops the connection (wire specification 5.12).
 */
export function requireHashable(value: unknown): void {
  if (typeof value !== "object" || value === null) return;
  if (value instanceof Tuple) requireHashableItems(value);
  else if (isUnhashable(value))
    throw new JellyError("JELLY_UNHASHABLE", `${describe(value)} cannot be a dict key or a set member in Python`);
}

/** Each tuple once: they may be shared a million times over, and a peer can send one that contains itself. */
function requireHashableItems(tuple: Tuple): void {
  const seen = new Set<Tuple>([tuple]);
  for (const next of seen) {
    for (const item of next) {
      if (item instanceof Tuple) seen.add(item);
      else requireHashable(item);
    }
  }
}

function isUnhashable(value: object): boolean {
  const prototype = Object.getPrototypeOf(value) as object | null;
  return (
    prototype === null ||
    prototype === Object.prototype ||
    Array.isArray(value) ||
    value instanceof Map ||
    value instanceof Set
  );
}

/** A key or a member as a `Map` and a `Set` can keep it: they take -0 for 0. */
export function asKey(value: unknown, { floats }: Exactness): unknown {
  return value === 0 && floats === "exact" && Object.is(value, -0) ? new Float(-0) : value;
}
