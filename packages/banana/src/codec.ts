// `encode` and `decode`: convert one expression to bytes and back.

import type { Bytes } from "./format/bytes.js";
import { ElementWriter } from "./writing/element-writer.js";
import { BananaError } from "./errors.js";
import type { Expression, ReadonlyExpression } from "./expression/expression.js";
import { defaultLimits } from "./limits.js";
import { completeOptions } from "./options.js";
import type { CodecOptions } from "./options.js";
import { Scanner } from "./reading/scanner.js";
import { writeExpression } from "./expression/tree.js";

// One writer and one scanner are reused. The variables are undefined during a call, so that a nested call creates its
// own.
let spareWriter: ElementWriter | undefined;
let spareScanner: Scanner | undefined;

/**
 * Encodes one expression. A `number` that is a safe integer and any `bigint` becomes an integer; any other `number`
 * (also -0, NaN, infinities) and a `Float` becomes a double; a `Uint8Array` becomes a byte string; an array becomes a
 * list. In dialect `pb`, a byte string that is a vocabulary word becomes its number.
 *
 * Throws `BananaError` when a limit is exceeded, and `TypeError` for an unknown option and for values that Banana does
 * not have (text, booleans, null, objects). Wire specification 2.2.
 */
export function encode(expression: Expression, options?: CodecOptions): Bytes;
// eslint-disable-next-line @typescript-eslint/unified-signatures -- it does not terminate on two recursive types
export function encode(expression: ReadonlyExpression, options?: CodecOptions): Bytes;
export function encode(expression: ReadonlyExpression, options: CodecOptions = {}): Bytes {
  const { dialect, limits } = completeOptions(options);
  const hasDefaults = limits === defaultLimits;
  const writer = (hasDefaults ? spareWriter : undefined) ?? new ElementWriter({ limits });
  if (hasDefaults) spareWriter = undefined;
  writer.dialect = dialect;
  writeExpression(writer, expression as Expression, limits.depth); // `writeExpression` does not modify it
  const bytes = writer.take();
  if (hasDefaults) spareWriter = writer;
  return bytes;
}

/**
 * Decodes exactly one expression. `encode(decode(bytes))` equals `bytes` for every canonical encoding.
 *
 * Throws `BananaError` with the offset: `BANANA_TRUNCATED` when the expression is incomplete, `BANANA_TRAILING_BYTES`
 * when more bytes follow it, and the errors of {@link Scanner.next}. Throws `TypeError` for unknown options. Wire
 * specification 2.3.
 */
export function decode(bytes: Uint8Array, options: CodecOptions = {}): Expression {
  const { dialect, limits } = completeOptions(options);
  const hasDefaults = limits === defaultLimits;
  const scanner = (hasDefaults ? spareScanner : undefined) ?? new Scanner({ limits });
  if (hasDefaults) spareScanner = undefined;
  scanner.dialect = dialect;
  scanner.lend(bytes);
  const expression = scanner.next();
  if (expression === undefined)
    throw new BananaError("BANANA_TRUNCATED", "The bytes are incomplete", {
      offset: bytes.length,
    });
  const { offset } = scanner;
  if (offset < bytes.length) throw new BananaError("BANANA_TRAILING_BYTES", "More bytes follow", { offset });
  scanner.reset();
  if (hasDefaults) spareScanner = scanner;
  return expression;
}
