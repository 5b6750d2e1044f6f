// Errors of a cluster and of its engines.

import { PerspectiveBrokerError } from "@pb/broker";

/**
 * Stable codes of an {@link EngineError}.
 *
 * - `ENGINE_AWAY`: the engine cannot be reached. A record may or may not have been appended.
 * - `ENGINE_CLOSED`: the engine was closed.
 * - `ENGINE_TOO_LARGE`: a record or a message has more bytes than the engine accepts. Nothing was appended or sent.
 * - `ENGINE_UNREACHABLE`: a new engine cannot connect.
 * - `ENGINE_NO_JETSTREAM`: the NATS server has no JetStream.
 * - `ENGINE_BAD_STREAM`: NATS has a stream of the same name, with limits that would drop records.
 * - `ENGINE_FAILED`: NATS refuses the request for another reason, such as a permission or a limit: see `cause`.
 */
export type EngineErrorCode =
  | "ENGINE_AWAY"
  | "ENGINE_CLOSED"
  | "ENGINE_TOO_LARGE"
  | "ENGINE_UNREACHABLE"
  | "ENGINE_NO_JETSTREAM"
  | "ENGINE_BAD_STREAM"
  | "ENGINE_FAILED";

/** The engine cannot do what it was asked for now. */
export class EngineError extends PerspectiveBrokerError {
  override readonly name = "EngineError";
  readonly code: EngineErrorCode;

  constructor(code: EngineErrorCode, message: string, options?: { readonly cause?: unknown }) {
    super(message, options);
    this.code = code;
  }
}

/** A record was not appended: the log has a later record than the one that it should follow. */
export class LogMovedError extends PerspectiveBrokerError {
  override readonly name = "LogMovedError";
  readonly code = "ENGINE_LOG_MOVED";

  constructor(log: string, after: number, options?: { readonly cause?: unknown }) {
    super(`The last record of the log ${log} is not number ${after}`, options);
  }
}
