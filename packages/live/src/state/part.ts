// The part of a state to which a `viewPath` leads.

import { ABSENT } from "./absent.js";
import { isContainer } from "./plain.js";
import type { PlainObject } from "./plain.js";
import { stepTo } from "./pointer.js";
import { WideDict } from "./wide-dict.js";

/**
 * The part of a state to which keys lead. It may be, or contain, a `WideDict`. Throws `RangeError` if there is none,
 * and `TypeError` for a path that is not a list of texts and numbers.
 */
export function partAt(state: unknown, path: unknown): unknown {
  if (!isPath(path)) throw new TypeError("viewPath must return a list of texts and numbers, or undefined");
  let part = state;
  for (const key of path) {
    part = isContainer(part) ? entryOf(part, key) : ABSENT;
    if (part === ABSENT) throw new RangeError(`There is nothing at the viewPath $${path.map(stepTo).join("")}`);
  }
  return part;
}

function isPath(path: unknown): path is readonly (string | number)[] {
  return Array.isArray(path) && path.every((key) => typeof key === "string" || typeof key === "number");
}

function entryOf(container: object, key: string | number): unknown {
  if (container instanceof WideDict) return container.get(String(key));
  const isEntry = Object.hasOwn(container, key) && !(Array.isArray(container) && key === "length");
  return isEntry ? (container as PlainObject)[key] : ABSENT;
}
