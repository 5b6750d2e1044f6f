// Errors of a cluster and of its engines.

import { PerspectiveBrokerError } from "@pb/broker";

/**
 * Stable codes of an {@link EngineError}.
 *
 * - `ENGINE_AWAY`: the engine cannot be reached. A record may or may not have been appended.
 * - `ENGINE_CLOSED`: the engine was closed.
 * - `ENGINE_TOO_LARGE`: a record or a message has more bytes than the engine accepts. Nothing was appended or sent.
 */
export type EngineErrorCode = "ENGINE_AWAY" | "ENGINE_CLOSED" | "ENGINE_TOO_LARGE";

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
