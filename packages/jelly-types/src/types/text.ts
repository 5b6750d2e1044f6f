// Text: a Python str.

import type { ExpressionWriter } from "@pb/banana";
import { ListHead } from "@pb/banana";
import { JellyError } from "../errors.js";
import type { TypeHandler } from "../handler.js";

/** How text begins, almost always. */
export const UNICODE: ListHead = new ListHead(2, "unicode");

export function writeText(writer: ExpressionWriter, value: string): void {
  writer.begin(UNICODE);
  writer.text(value);
}

export const text: TypeHandler<string> = {
  atoms: ["unicode"],
  classes: [],
  isScalar: true,
  jelly: (value, { writer }) => writeText(writer, value),
  unjelly(unjellier, items) {
    if (items < 1) throw new JellyError("JELLY_MALFORMED", "Text without characters: not even none");
    const value = unjellier.reader.text();
    if (items > 1) unjellier.skip(items - 1);
    return value;
  },
};
