// Turns errors of the NATS client into errors of the engine.

import { JetStreamApiCodes, JetStreamApiError } from "@nats-io/jetstream";
import { errors } from "@nats-io/transport-node";
import { EngineError } from "../errors.js";

/** Whether the server refused to store a message because the last one has another number than expected. */
export function isWrongLastSequence(error: unknown): boolean {
  return hasCode(error, JetStreamApiCodes.StreamWrongLastSequence, JetStreamApiCodes.StreamWrongLastSequenceUnknown);
}

/** Whether there is no such stream, consumer or message. */
export function isMissing(error: unknown): boolean {
  const { StreamNotFound, ConsumerNotFound, NoMessageFound } = JetStreamApiCodes;
  return hasCode(error, StreamNotFound, ConsumerNotFound, NoMessageFound);
}

/** Whether the server refuses the credentials. It may also be too busy to check them in time. */
export function isUnauthorized(error: unknown): error is Error {
  return error instanceof errors.AuthorizationError && !/timeout/i.test(error.message);
}

/** `ENGINE_REFUSED`. */
export function refusal(cause: Error, servers: string): EngineError {
  return new EngineError("ENGINE_REFUSED", `NATS at ${servers} refuses the credentials: ${cause.message}`, { cause });
}

function hasCode(error: unknown, ...codes: readonly number[]): boolean {
  return error instanceof JetStreamApiError && codes.includes(error.code);
}

/**
 * `ENGINE_FAILED` if the server refused the request, which it would do again. `ENGINE_AWAY` if there was no answer, or
 * none that is final.
 */
export function engineError(error: unknown, action: string): EngineError {
  if (error instanceof EngineError) return error;
  const { message } = error as Error;
  const isRefused =
    (error instanceof JetStreamApiError && error.status !== 503 && !isMissing(error)) ||
    error instanceof errors.PermissionViolationError;
  if (isRefused) return new EngineError("ENGINE_FAILED", `NATS refused to ${action}: ${message}`, { cause: error });
  return new EngineError("ENGINE_AWAY", `NATS did not answer (${action}): ${message}`, { cause: error });
}
