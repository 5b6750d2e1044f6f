// One whole expression at once: the functions most people need.

import { BananaError } from "./errors.js";
import type { Expression, ReadonlyExpression } from "./expression.js";
import type { BananaLimits } from "./limits.js";
import { defaultLimits, withLimits } from "./limits.js";
import { Scanner } from "./scanner.js";
import { readExpression, writeExpression } from "./tree.js";
import { dialectOf, none } from "./vocabulary.js";
import type { Dialect } from "./vocabulary.js";
import { BananaWriter } from "./writer.js";

/** How to read and write: what every function of this package that does either takes. */
export interface CodecOptions {
  /** Default `none`. */
  readonly dialect?: Dialect | "pb" | "none" | undefined;
  readonly limits?: Partial<BananaLimits> | undefined;
}

// One writer and one scanner are kept for the next call. They are taken away while in use: a call inside a call makes its own.
let spareWriter: BananaWriter | undefined;
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
  if (limits !== undefined)
    return encodeWith(new BananaWriter({ dialect, limits }), expression, withLimits(limits).depth);
  const writer = spareWriter ?? new BananaWriter();
  spareWriter = undefined;
  writer.dialect = dialectOf(dialect);
  const bytes = encodeWith(writer, expression, defaultLimits.depth);
  spareWriter = writer;
  return bytes;
}

function encodeWith(writer: BananaWriter, expression: ReadonlyExpression, depth: number): Uint8Array<ArrayBuffer> {
  writeExpression(writer, expression as Expression, depth); // it is only read
  return writer.take();
}

/**
 * The one expression that these bytes are. `encode(decode(bytes))` is `bytes` for every canonical encoding.
 *
 * Throws `BananaError` with the offset: `BANANA_TRUNCATED` when something is missing, `BANANA_TRAILING_BYTES` when something follows, or
 * what a {@link Scanner} throws. Wire specification 2.3.
 */
export function decode(bytes: Uint8Array, { dialect = none, limits }: CodecOptions = {}): Expression {
  if (limits !== undefined) return decodeWith(new Scanner({ dialect, limits }), bytes);
  const scanner = spareScanner ?? new Scanner();
  spareScanner = undefined;
  scanner.dialect = dialectOf(dialect);
  const expression = decodeWith(scanner, bytes);
  scanner.reset();
  spareScanner = scanner;
  return expression;
}

function decodeWith(scanner: Scanner, bytes: Uint8Array): Expression {
  scanner.lend(bytes);
  const reader = scanner.next();
  if (reader === undefined) {
    throw new BananaError("BANANA_TRUNCATED", "The expression is not complete", { offset: bytes.length });
  }
  if (scanner.pendingBytes > 0) {
    throw new BananaError("BANANA_TRAILING_BYTES", "More bytes follow the expression", { offset: scanner.offset });
  }
  return readExpression(reader);
}
