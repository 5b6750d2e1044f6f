// Checks which values Python accepts as dict keys and set members.

import { Float, otherCopy } from "@pb/banana";
import { describe, JellyError } from "../errors.js";
import type { Exactness } from "../handler.js";
import { Tuple } from "./tuple.js";

/**
 * Throws `JELLY_UNHASHABLE` for a value that Python would refuse as a key: lists, dicts, sets, and tuples that contain
 * one. A stock peer that reads such a key in an answer drops the connection (wire specification 5.12). Tuples in
 * `checked` are skipped, and tuples found here are added to it: one tuple may be shared a million times, and a peer can
 * send a tuple that contains itself.
 */
export function requireHashable(value: unknown, checked: Set<object>): void {
  if (typeof value !== "object" || value === null) return;
  if (!(value instanceof Tuple)) {
    requireHashableObject(value);
    return;
  }
  const ahead: Tuple[] = [value];
  for (let next = ahead.pop(); next !== undefined; next = ahead.pop()) {
    if (checked.has(next)) continue;
    checked.add(next);
    for (const item of next) {
      if (item instanceof Tuple) ahead.push(item);
      else if (typeof item === "object" && item !== null) requireHashableObject(item);
    }
  }
}

function requireHashableObject(value: object): void {
  if (!isUnhashable(value)) return;
  const other = otherCopy(value, Tuple);
  const why = other === undefined ? "" : `: it was ${other}`;
  throw new JellyError("JELLY_UNHASHABLE", `${describe(value)} cannot be a dict key or a set member in Python${why}`);
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

/** The form in which a `Map` or a `Set` can keep a key: both convert -0 to 0, so an exact -0 becomes a `Float`. */
export function asKey(value: unknown, { floats }: Exactness): unknown {
  return value === 0 && floats === "exact" && Object.is(value, -0) ? new Float(-0) : value;
}
