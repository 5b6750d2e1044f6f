// Numbers, which are written as Banana integers and floats without a list around them.

import { Float } from "@pb/banana";
import type { ExpressionWriter } from "@pb/banana";
import type { WritingHandler } from "../handler.js";

/** Writes a safe integer as an int, and any other number, -0 included, as a float. */
export function writeNumber(writer: ExpressionWriter, value: number): void {
  if (Number.isSafeInteger(value) && !Object.is(value, -0)) writer.integer(value);
  else writer.float(value);
}

export const float: WritingHandler<Float> = {
  atoms: [],
  classes: [Float],
  isScalar: true,
  jelly: (value, { writer }) => writer.float(value),
};
