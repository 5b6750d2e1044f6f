// One whole expression at once: the functions most people need.

import { BananaError } from "./errors.js";
import type { Expression } from "./expression.js";
import type { BananaLimits } from "./limits.js";
import { withLimits } from "./limits.js";
import { Scanner } from "./scanner.js";
import { readExpression, writeExpression } from "./tree.js";
import type { Dialect } from "./vocabulary.js";
import { BananaWriter } from "./writer.js";

export interface CodecOptions {
  /** Default `none`. */
  readonly dialect?: Dialect | "pb" | "none" | undefined;
  readonly limits?: Partial<BananaLimits> | undefined;
}

/**
 * The bytes of one expression. A safe-integer `number` and any `bigint` is an integer; any other `number` (also -0, NaN, infinities) and a
 * `Float` is a double; `Uint8Array` is a byte string; an array is a list. In dialect `pb`, byte strings that are vocabulary words shrink.
 *
 * Throws `BananaError` beyond a limit, `TypeError` for what Banana does not have (text, booleans, null, objects). Wire specification 2.2.
 */
export function encode(expression: Expression, options: CodecOptions = {}): Uint8Array {
  const writer = new BananaWriter(options);
  writeExpression(writer, expression, withLimits(options.limits).depth);
  return writer.take();
}

/**
 * The one expression that these bytes are. `encode(decode(bytes))` is `bytes` for every canonical encoding.
 *
 * Throws `BananaError` with the offset: `BANANA_TRUNCATED` when something is missing, `BANANA_TRAILING_BYTES` when something follows, or
 * what a {@link Scanner} throws. Wire specification 2.3.
 */
export function decode(bytes: Uint8Array, options: CodecOptions = {}): Expression {
  const scanner = new Scanner(options);
  scanner.push(bytes);
  const reader = scanner.next();
  if (reader === undefined) {
    throw new BananaError("BANANA_TRUNCATED", "The expression is not complete", { offset: bytes.length });
  }
  if (scanner.pendingBytes > 0) {
    throw new BananaError("BANANA_TRAILING_BYTES", "More bytes follow the expression", { offset: scanner.offset });
  }
  return readExpression(reader);
}
