// None, which JavaScript spells null.

import type { ExpressionWriter } from "@pb/banana";
import type { JellyReader, TypeHandler } from "../handler.js";

export function writeNone(writer: ExpressionWriter): void {
  writer.list(1);
  writer.word("None");
}

export function readNone(unjellier: JellyReader, items: number): null {
  if (items > 0) unjellier.skip(items);
  return null;
}

export const none: TypeHandler = {
  atoms: ["None"],
  classes: [],
  isScalar: true,
  jelly: (_value, { writer }) => writeNone(writer),
  unjelly: readNone,
};
