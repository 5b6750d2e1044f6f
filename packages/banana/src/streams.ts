// Web Streams that decode bytes to expressions and encode expressions to bytes.

import type { CodecOptions } from "./options.js";
import { BananaError } from "./errors.js";
import type { Expression } from "./expression/expression.js";
import { withLimits } from "./limits.js";
import { Scanner } from "./reading/scanner.js";
import { writeExpression } from "./expression/tree.js";
import { BananaWriter } from "./writing/writer.js";

declare global {
  /** Merged with the `TransformStream` of the platform, if the program has its types. */
  /* eslint-disable @typescript-eslint/no-explicit-any, @typescript-eslint/no-empty-object-type,
     @typescript-eslint/no-unused-vars -- merged declarations need equal type parameters */
  interface TransformStream<I = any, O = any> {}
  /* eslint-enable */
}

/**
 * Creates a stream that decodes bytes to expressions. It errors with {@link BananaError} for invalid bytes, and with
 * `BANANA_TRUNCATED` when the bytes end inside an expression; expressions that were not read by then are lost, as in
 * any stream that errors. Backpressure works as in any transform stream: when the reader stops, the writer has to wait,
 * and at most the expressions of one chunk are buffered.
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

/** Creates a stream that encodes each expression to one chunk of bytes. */
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
