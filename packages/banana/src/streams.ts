// Web Streams: bytes to expressions and back.

import type { CodecOptions } from "./codec.js";
import { BananaError } from "./errors.js";
import type { Expression } from "./expression/expression.js";
import { withLimits } from "./limits.js";
import { Scanner } from "./reading/scanner.js";
import { writeExpression } from "./expression/tree.js";
import { BananaWriter } from "./writing/writer.js";

/**
 * Bytes in, expressions out. The stream errors with {@link BananaError} when the bytes are bad, and with `BANANA_TRUNCATED` when they end
 * inside an expression; what was not read by then is lost, as with any stream that errors. Backpressure is the stream's own: a reader that
 * does not read stops the writer, and at most the expressions of one chunk wait.
 */
export function decoderStream(options: CodecOptions = {}): TransformStream<Uint8Array, Expression> {
  const scanner = new Scanner(options);
  return new TransformStream<Uint8Array, Expression>({
    transform(chunk, controller) {
      scanner.lend(chunk);
      for (let expression = scanner.next(); expression !== undefined; expression = scanner.next())
        controller.enqueue(expression);
    },
    flush() {
      if (scanner.pendingBytes > 0) {
        throw new BananaError("BANANA_TRUNCATED", "The stream ends inside an expression", {
          offset: scanner.offset,
        });
      }
    },
  });
}

/** Expressions in, bytes out: one chunk an expression. */
export function encoderStream(options: CodecOptions = {}): TransformStream<Expression, Uint8Array> {
  const writer = new BananaWriter(options);
  const { depth } = withLimits(options.limits);
  return new TransformStream<Expression, Uint8Array>({
    transform(expression, controller) {
      writeExpression(writer, expression, depth);
      controller.enqueue(writer.take());
    },
  });
}
