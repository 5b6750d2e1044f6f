// Booleans: `[boolean, "true"]` and `[boolean, "false"]`.

import type { ExpressionWriter } from "@pb/banana";
import { ListHead } from "@pb/banana";
import { JellyError, printable } from "../errors.js";
import type { JellyReader, ReadingHandler } from "../handler.js";

export const BOOLEAN: ListHead = new ListHead(2, "boolean");

export function writeBoolean(writer: ExpressionWriter, value: boolean): void {
  writer.begin(BOOLEAN);
  writer.word(value ? "true" : "false");
}

export function readBoolean(unjellier: JellyReader, items: number): boolean {
  const word = items > 0 ? unjellier.reader.word() : "nothing";
  if (word !== "true" && word !== "false")
    throw new JellyError("JELLY_MALFORMED", `A boolean must be true or false, not ${printable(word)}`);
  if (items > 1) unjellier.skip(items - 1);
  return word === "true";
}

/** Only reads: the jellier calls {@link writeBoolean} itself. */
export const boolean: ReadingHandler = {
  atoms: ["boolean"],
  classes: [],
  isScalar: true,
  unjelly: readBoolean,
};
