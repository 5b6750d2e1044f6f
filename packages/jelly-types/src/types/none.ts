// `None`, which is `null` in JavaScript.

import type { ExpressionWriter } from "@pb/banana";
import type { JellyReader, ReadingHandler } from "../handler.js";

export function writeNone(writer: ExpressionWriter): void {
  writer.list(1);
  writer.word("None");
}

export function readNone(unjellier: JellyReader, items: number): null {
  if (items > 0) unjellier.skip(items);
  return null;
}

/** Only reads: the jellier calls {@link writeNone} itself. */
export const none: ReadingHandler = {
  atoms: ["None"],
  classes: [],
  isScalar: true,
  unjelly: readNone,
};
