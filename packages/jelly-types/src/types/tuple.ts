// Tuples: arrays that are written as Python tuples.

import { madeBy, SLOT_HEAP } from "@pb/banana";
import type { PackageCopy } from "@pb/banana";
import type { TypeHandler } from "../handler.js";
import { readItems, readItemsInSteps, writeItems } from "./list.js";
import { thisCopy } from "../this-copy.js";

/** A Python tuple. Create it with {@link tuple}. `map`, `filter` and the like return plain arrays. */
export class Tuple<T = unknown> extends Array<T> {
  /** For the compiler only: no other class, interface or literal has the type of this class. */
  declare private readonly brand: "Tuple";

  static override get [Symbol.species](): ArrayConstructor {
    return Array;
  }

  /** @internal */
  get [madeBy](): PackageCopy {
    return thisCopy;
  }
}

/** Creates a tuple: `tuple(1, "two")` is `(1, "two")` in Python. */
export function tuple<Items extends unknown[]>(...items: Items): Tuple<Items[number]> & Items {
  const made = new Tuple<Items[number]>();
  for (const item of items) made.push(item);
  return made as Tuple<Items[number]> & Items;
}

export const tupleType: TypeHandler<Tuple> = {
  atoms: ["tuple"],
  classes: [Tuple],
  jelly: (value, jellier) => writeItems("tuple", value, jellier),
  unjelly(unjellier, items) {
    unjellier.charge(SLOT_HEAP * items); // The unjellier has charged the tuple itself.
    return readItems(unjellier, items, new Tuple(items));
  },
  unjellyInSteps(unjellier, items) {
    unjellier.charge(SLOT_HEAP * items);
    return readItemsInSteps(unjellier, items, new Tuple(items));
  },
};
