// Objects that stay where they are and travel as an id, by two hooks of the program.

import { readExpression } from "@pb/banana";
import { JellyError } from "../../errors.js";
import type { TypeHandler } from "../../handler.js";
import { Unpersistable } from "./unpersistable.js";

/** Reading only: the jellier writes `(persistent id)` where the program's `persistentStore` gives an id. */
export const persistent: TypeHandler<never> = {
  atoms: ["persistent"],
  classes: [],
  jelly: () => undefined,
  unjelly(unjellier, items) {
    if (items < 1) throw new JellyError("JELLY_MALFORMED", "A persistent has an id");
    const id = readExpression(unjellier.reader);
    unjellier.skip(items - 1);
    const { persistentLoad } = unjellier;
    return persistentLoad === undefined ? new Unpersistable("Persistent callback not found") : persistentLoad(id);
  },
};
