// Objects that are sent as an id, by two hooks of the application.

import { readExpression } from "@pb/banana";
import { JellyError } from "../../errors.js";
import type { ReadingHandler } from "../../handler.js";
import { Unpersistable } from "./unpersistable.js";

/** Only reads: the jellier writes `(persistent id)` itself when `persistentStore` returns an id. */
export const persistent: ReadingHandler = {
  atoms: ["persistent"],
  classes: [],
  unjelly(unjellier, items) {
    if (items < 1) throw new JellyError("JELLY_MALFORMED", "A persistent needs an id");
    const id = readExpression(unjellier.reader, unjellier.heap);
    unjellier.skip(items - 1);
    const { persistentLoad } = unjellier;
    return persistentLoad === undefined ? new Unpersistable("Persistent callback not found") : persistentLoad(id);
  },
};
