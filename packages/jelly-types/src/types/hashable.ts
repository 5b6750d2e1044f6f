// What Python accepts as a dict key or a set member.

import { Float } from "@pb/banana";
import { describe, JellyError } from "../errors.js";
import type { Exactness } from "../handler.js";
import { Tuple } from "./tuple.js";

/**
 * Throws `JELLY_UNHASHABLE` for what Python would refuse as a key: lists, dicts, sets, and tuples of such. Refused here because a stock peer
 * that meets one in an answer drops the connection (wire specification 5.12). `known` are tuples that need no second look: they may be
 * shared a million times over, and a peer can send one that contains itself.
 */
export function requireHashable(value: unknown, known: Set<object>): void {
  if (typeof value !== "object" || value === null) return;
  if (!(value instanceof Tuple)) {
    requireHashableObject(value);
    return;
  }
  const ahead: Tuple[] = [value];
  for (let next = ahead.pop(); next !== undefined; next = ahead.pop()) {
    if (known.has(next)) continue;
    known.add(next);
    for (const item of next) {
      if (item instanceof Tuple) ahead.push(item);
      else if (typeof item === "object" && item !== null) requireHashableObject(item);
    }
  }
}

function requireHashableObject(value: object): void {
  if (isUnhashable(value))
    throw new JellyError("JELLY_UNHASHABLE", `${describe(value)} cannot be a dict key or a set member in Python`);
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

/** So many are compared in three milliseconds, and 8 MB of such groups in five seconds; 8 MB that are all alike would take a quarter of an hour. */
const MOST_ALIKE = 1024;

/**
 * Big integers that are keys. V8 files a bigint by its lowest 64 bits: those that agree in them it compares with each other, every new one with
 * all before. Numbers that Python programs have for keys do not; a peer can send a million that do.
 */
export class BigKeys {
  readonly #byLowBits = new Map<bigint, Set<bigint>>();

  /** Throws `JELLY_UNHASHABLE` for one too many. */
  add(key: bigint): void {
    const magnitude = key < 0n ? -key : key;
    const lowBits = BigInt.asUintN(64, magnitude);
    if (lowBits === magnitude) return;
    let alike = this.#byLowBits.get(lowBits);
    if (alike === undefined) this.#byLowBits.set(lowBits, (alike = new Set<bigint>()));
    alike.add(key);
    if (alike.size > MOST_ALIKE)
      throw new JellyError(
        "JELLY_UNHASHABLE",
        `More than ${MOST_ALIKE} integers that are keys end in the same 64 bits`,
      );
  }
}

/** A key or a member as a `Map` and a `Set` can keep it: they take -0 for 0. */
export function asKey(value: unknown, { floats }: Exactness): unknown {
  return value === 0 && floats === "exact" && Object.is(value, -0) ? new Float(-0) : value;
}
