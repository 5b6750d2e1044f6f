// Tuples.

import type { TypeHandler } from "../handler.js";
import { readItems, writeItems } from "./list.js";

/** A Python tuple: an array that travels as one. Make it with {@link tuple}; what `map` and its like return is a plain array. */
export class Tuple<T = unknown> extends Array<T> {
  static override get [Symbol.species](): ArrayConstructor {
    return Array;
  }
}

/** `tuple(1, "two")` is Python's `(1, "two")`. */
export function tuple<Items extends unknown[]>(...items: Items): Tuple<Items[number]> & Items {
  const made = new Tuple<Items[number]>();
  for (const item of items) made.push(item);
  return made as Tuple<Items[number]> & Items;
}

export const tupleType: TypeHandler<Tuple> = {
  atoms: ["tuple"],
  classes: [Tuple],
  jelly: (value, jellier) => writeItems("tuple", value, jellier),
  unjelly: (unjellier, items) => readItems(unjellier, items, new Tuple()),
};
