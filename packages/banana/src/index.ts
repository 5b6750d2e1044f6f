// @pb/banana: the codec of Perspective Broker.

// For applications
export { decode, encode } from "./codec.js";
export type { CodecOptions } from "./codec.js";
export { decoderStream, encoderStream } from "./streams.js";
export { inspect, inspectExpression } from "./inspect.js";
export { Float } from "./expression.js";
export type { Expression, ReadonlyExpression } from "./expression.js";
export { BananaError, PerspectiveBrokerError } from "./errors.js";
export type { BananaErrorCode, BananaErrorOptions } from "./errors.js";
export { defaultLimits } from "./limits.js";
export type { BananaLimits } from "./limits.js";
export { none, pb, standardDialects, Vocabulary } from "./vocabulary.js";
export type { Dialect } from "./vocabulary.js";

// For people building on us
export { Session } from "./session.js";
export type { SessionOptions } from "./session.js";
export { Scanner } from "./scanner.js";
export type { ScannerOptions } from "./scanner.js";
export { BananaReader } from "./reader.js";
export { BananaWriter } from "./writer.js";
export type { BananaWriterOptions } from "./element-writer.js";
export { TreeReader } from "./tree-reader.js";
export { TreeWriter } from "./tree-writer.js";
export { readExpression, writeExpression } from "./tree.js";
export type { ExpressionReader, ExpressionWriter, Kind } from "./expression.js";
export { formatFloat } from "./expression.js";
export { ListHead, ScalarPatterns } from "./list-head.js";
export { withLimits } from "./limits.js";
