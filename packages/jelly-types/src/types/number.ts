// Numbers, which are written as Banana integers and floats without a list around them.

import { Float, madeBy, thisCopy } from "@pb/banana";
import type { ExpressionWriter } from "@pb/banana";
import type { WritingHandler } from "../handler.js";

/** Writes a safe integer as an int, and any other number, -0 included, as a float. */
export function writeNumber(writer: ExpressionWriter, value: number): void {
  if (Number.isSafeInteger(value) && !Object.is(value, -0)) writer.integer(value);
  else writer.float(value);
}

// Here and not in the class, because nothing else in the codec needs it, and browsers download the codec.
Object.defineProperty(Float.prototype, madeBy, { value: thisCopy });

export const float: WritingHandler<Float> = {
  atoms: [],
  classes: [Float],
  isScalar: true,
  jelly: (value, { writer }) => writer.float(value),
};
