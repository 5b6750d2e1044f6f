// Integers and floats, which travel bare, and byte strings of all kinds, which do too.

import { Float } from "@pb/banana";
import type { ExpressionWriter } from "@pb/banana";
import type { TypeHandler } from "../handler.js";

/** A safe integer is an int; any other number, -0 included, is a float. */
export function writeNumber(writer: ExpressionWriter, value: number): void {
  if (Number.isSafeInteger(value) && !Object.is(value, -0)) writer.integer(value);
  else writer.float(value);
}

export const float: TypeHandler<Float> = {
  atoms: [],
  classes: [Float],
  isScalar: true,
  jelly: (value, { writer }) => writer.float(value),
  unjelly: () => undefined,
};
