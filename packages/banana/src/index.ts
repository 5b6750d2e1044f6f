// @pb/banana: encodes and decodes Banana, the byte format of Perspective Broker.

// For applications
export { decode, encode } from "./codec.js";
export type { CodecOptions } from "./options.js";
export { decoderStream, encoderStream } from "./streams.js";
export { inspect, inspectExpression } from "./inspect.js";
export { Float } from "./expression/expression.js";
export type { Expression, ReadonlyExpression } from "./expression/expression.js";
export type { Bytes } from "./format/bytes.js";
export { BananaError, PerspectiveBrokerError } from "./errors.js";
export type { BananaErrorCode, BananaErrorOptions } from "./errors.js";
export { defaultLimits } from "./limits.js";
export type { BananaLimits } from "./limits.js";
export { none, pb, standardDialects, Vocabulary } from "./format/vocabulary.js";
export type { Dialect } from "./format/vocabulary.js";

// For authors of transports, protocols and other codecs
export { Session } from "./session/session.js";
export type { SessionOptions } from "./session/session.js";
export { Scanner } from "./reading/scanner.js";
export type { ScannerOptions } from "./reading/scanner.js";
export { BananaReader } from "./reading/reader.js";
export { BananaWriter } from "./writing/writer.js";
export type { BananaWriterOptions } from "./writing/element-writer.js";
export { TreeReader } from "./expression/tree-reader.js";
export { TreeWriter } from "./expression/tree-writer.js";
export { readExpression, readExpressionInSteps, writeExpression } from "./expression/tree.js";
export type { ExpressionReader, ExpressionWriter, Kind } from "./expression/expression.js";
export { formatFloat } from "./expression/expression.js";
export { BYTES_HEAP, charge, defaultAllowance, FLOAT_HEAP, LIST_HEAP, NUMBER_HEAP, SLOT_HEAP } from "./reading/heap.js";
export type { HeapAllowance } from "./reading/heap.js";
export { runSteps, STEP_BYTES } from "./reading/steps.js";
export type { Steps } from "./reading/steps.js";
export { EntryHead, ListHead, ScalarPatterns } from "./expression/list-head.js";
export { withLimits } from "./limits.js";
export { addDisposal, asyncDispose, dispose, isDispose, onDispose } from "./dispose.js";
export { refuseProxies } from "./refuse-proxies.js";
export { madeBy, otherCopy, requireOwnCopy } from "./package-copy.js";
export type { PackageCopy } from "./package-copy.js";
export { thisCopy } from "./this-copy.js";
