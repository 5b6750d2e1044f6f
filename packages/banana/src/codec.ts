// One whole expression at once: the functions most people need.

import { ElementWriter } from "./writing/element-writer.js";
import { BananaError } from "./errors.js";
import type { Expression, ReadonlyExpression } from "./expression/expression.js";
import type { BananaLimits } from "./limits.js";
import { withLimits } from "./limits.js";
import { Scanner } from "./reading/scanner.js";
import { writeExpression } from "./expression/tree.js";
import { dialectOf, none } from "./format/vocabulary.js";
import type { Dialect } from "./format/vocabulary.js";

/** How to read and write: what every function of this package that does either takes. */
export interface CodecOptions {
  /** Default `none`. */
  readonly dialect?: Dialect | "pb" | "none" | undefined;
  readonly limits?: Partial<BananaLimits> | undefined;
}

// One writer and one scanner are kept for the next call. They are taken away while in use: a call inside a call makes its own.
let spareWriter: ElementWriter | undefined;
let spareScanner: Scanner | undefined;

/**
 * The bytes of one expression. A safe-integer `number` and any `bigint` is an integer; any other `number` (also -0, NaN, infinities) and a
 * `Float` is a double; `Uint8Array` is a byte string; an array is a list. In dialect `pb`, byte strings that are vocabulary words shrink.
 *
 * Throws `BananaError` beyond a limit, `TypeError` for what Banana does not have (text, booleans, null, objects). Wire specification 2.2.
 */
export function encode(expression: Expression, options?: CodecOptions): Uint8Array<ArrayBuffer>;
// eslint-disable-next-line @typescript-eslint/unified-signatures -- one recursive type for another sends a rule of the linter round for ever
export function encode(expression: ReadonlyExpression, options?: CodecOptions): Uint8Array<ArrayBuffer>;
export function encode(
  expression: ReadonlyExpression,
  { dialect = none, limits }: CodecOptions = {},
): Uint8Array<ArrayBuffer> {
  const isUsual = limits === undefined;
  const writer = (isUsual ? spareWriter : undefined) ?? new ElementWriter({ limits });
  if (isUsual) spareWriter = undefined;
  writer.dialect = dialectOf(dialect);
  writeExpression(writer, expression as Expression, withLimits(limits).depth); // it is only read
  const bytes = writer.take();
  if (isUsual) spareWriter = writer;
  return bytes;
}

/**
 * The one expression that these bytes are. `encode(decode(bytes))` is `bytes` for every canonical encoding.
 *
 * Throws `BananaError` with the offset: `BANANA_TRUNCATED` when something is missing, `BANANA_TRAILING_BYTES` when something follows, or
 * what a {@link Scanner} throws. Wire specification 2.3.
 */
export function decode(bytes: Uint8Array, { dialect = none, limits }: CodecOptions = {}): Expression {
  const isUsual = limits === undefined;
  const scanner = (isUsual ? spareScanner : undefined) ?? new Scanner({ limits });
  if (isUsual) spareScanner = undefined;
  scanner.dialect = dialectOf(dialect);
  scanner.lend(bytes);
  const expression = scanner.next();
  if (expression === undefined)
    throw new BananaError("BANANA_TRUNCATED", "The expression is not complete", { offset: bytes.length });
  const { offset } = scanner;
  if (offset < bytes.length)
    throw new BananaError("BANANA_TRAILING_BYTES", "The expression is complete, more follows", { offset });
  scanner.reset();
  if (isUsual) spareScanner = scanner;
  return expression;
}
