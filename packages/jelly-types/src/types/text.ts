// Text, a Python `str`: `[unicode, utf8]`.

import type { ExpressionWriter } from "@pb/banana";
import { ListHead } from "@pb/banana";
import { JellyError } from "../errors.js";
import type { ReadingHandler } from "../handler.js";

/** The head of almost every text. */
export const UNICODE: ListHead = new ListHead(2, "unicode");

export function writeText(writer: ExpressionWriter, value: string): void {
  writer.begin(UNICODE);
  writer.text(value);
}

/** Only reads: the jellier calls {@link writeText} itself. */
export const text: ReadingHandler = {
  atoms: ["unicode"],
  classes: [],
  isScalar: true,
  unjelly(unjellier, items) {
    if (items < 1) throw new JellyError("JELLY_MALFORMED", "A unicode list needs a string");
    const value = unjellier.readText();
    if (items > 1) unjellier.skip(items - 1);
    return value;
  },
};
