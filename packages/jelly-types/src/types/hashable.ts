// What Python accepts as a dict key or a set member.

import { describe, JellyError } from "../errors.js";
import { Tuple } from "./tuple.js";

/**
 * Throws `JELLY_UNHASHABLE` for what Python would refuse as a key: lists, dicts, sets, and tuples of such. Refused here because a stock peer
 * that meets one in an answer drops the connection (wire specification 5.12).
 */
export function requireHashable(value: unknown): void {
  if (typeof value !== "object" || value === null) return;
  if (value instanceof Tuple) {
    for (const item of value) requireHashable(item);
    return;
  }
  const prototype = Object.getPrototypeOf(value) as object | null;
  if (
    prototype === Array.prototype ||
    prototype === Object.prototype ||
    prototype === null ||
    prototype === Map.prototype ||
    prototype === Set.prototype
  ) {
    throw new JellyError("JELLY_UNHASHABLE", `${describe(value)} cannot be a dict key or a set member in Python`);
  }
}
