// True and False.

import type { ExpressionWriter } from "@pb/banana";
import { JellyError } from "../errors.js";
import type { TypeHandler } from "../handler.js";

export function writeBoolean(writer: ExpressionWriter, value: boolean): void {
  writer.list(2);
  writer.word("boolean");
  writer.word(value ? "true" : "false");
}

export const boolean: TypeHandler<boolean> = {
  atoms: ["boolean"],
  classes: [],
  isScalar: true,
  jelly: (value, { writer }) => writeBoolean(writer, value),
  unjelly(unjellier, items) {
    const word = items > 0 ? unjellier.reader.word() : "nothing";
    if (word !== "true" && word !== "false")
      throw new JellyError("JELLY_MALFORMED", `A boolean is true or false, not ${word}`);
    unjellier.skip(items - 1);
    return word === "true";
  },
};
