// None, which JavaScript spells null.

import type { ExpressionWriter } from "@pb/banana";
import type { TypeHandler } from "../handler.js";

export function writeNone(writer: ExpressionWriter): void {
  writer.list(1);
  writer.word("None");
}

export const none: TypeHandler = {
  atoms: ["None"],
  classes: [],
  isScalar: true,
  jelly: (_value, { writer }) => writeNone(writer),
  unjelly(unjellier, items) {
    unjellier.skip(items);
    return null;
  },
};
