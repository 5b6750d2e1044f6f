// Objects that are sent as an id, by two hooks of the application.

import { readExpression, readExpressionInSteps } from "@pb/banana";
import type { Expression } from "@pb/banana";
import { JellyError } from "../../errors.js";
import type { JellyReader, ReadingHandler } from "../../handler.js";
import { Unpersistable } from "./unpersistable.js";

/** Only reads: the jellier writes `(persistent id)` itself when `persistentStore` returns an id. */
export const persistent: ReadingHandler = {
  atoms: ["persistent"],
  classes: [],
  unjelly(unjellier, items) {
    requireId(items);
    const id = readExpression(unjellier.reader, unjellier.heap);
    unjellier.skip(items - 1);
    return load(unjellier, id);
  },
  *unjellyInSteps(unjellier, items) {
    requireId(items);
    const id = yield* readExpressionInSteps(unjellier.reader, unjellier.heap);
    yield* unjellier.skipInSteps(items - 1);
    return load(unjellier, id);
  },
};

function requireId(items: number): void {
  if (items < 1) throw new JellyError("JELLY_MALFORMED", "A persistent needs an id");
}

function load({ persistentLoad }: JellyReader, id: Expression): unknown {
  return persistentLoad === undefined ? new Unpersistable("Persistent callback not found") : persistentLoad(id);
}
