// Errors of connecting: bad endpoints, failed attempts, and calls made while there is no connection.

import { PerspectiveBrokerError } from "@pb/broker";
import { printable } from "@pb/jelly-types";

/** The longest part of an endpoint in an error, in UTF-16 code units. */
const LONGEST = 300;

/** An endpoint that cannot be parsed. `part` names the part that is wrong. */
export class EndpointError extends PerspectiveBrokerError {
  override readonly name = "EndpointError";
  readonly code = "ENDPOINT_INVALID";
  readonly part: string;

  /** The message is the endpoint, the part that is wrong and what was expected there. */
  constructor(endpoint: string, part: string, expected: string) {
    const shown = endpoint.length > LONGEST ? `${endpoint.slice(0, LONGEST)}…` : endpoint;
    // An endpoint that is an object comes as JSON.
    super(`${endpoint.startsWith("{") ? printable(shown, LONGEST + 1) : JSON.stringify(shown)}: ${part}: ${expected}`);
    this.part = part;
  }
}

/**
 * An attempt to connect failed, and a later attempt may succeed. `cause` is the error of the platform, if there is one.
 * Two codes mean the same in all transports: `CONNECT_TIMEOUT`, the attempt took too long, and `CONNECT_LOGIN_TIMEOUT`,
 * the login took too long. Each transport documents its other codes.
 */
export class ConnectError extends PerspectiveBrokerError {
  override readonly name = "ConnectError";
  readonly code: `CONNECT_${string}`;

  constructor(code: `CONNECT_${string}`, message: string, options?: { readonly cause?: unknown }) {
    super(message, options);
    this.code = code;
  }
}

/**
 * A call was not sent because there was no connection. It is safe to call again. `cause` is why the last connection or
 * attempt failed.
 */
export class NotConnectedError extends PerspectiveBrokerError {
  override readonly name = "NotConnectedError";
  readonly code = "CALL_NOT_CONNECTED";
}

/**
 * A call was sent, and the connection ended before its answer arrived: the method may or may not have run. `cause` is
 * the `ConnectionLostError`. Declare a method idempotent to have such calls sent again instead.
 */
export class OutcomeUnknownError extends PerspectiveBrokerError {
  override readonly name = "OutcomeUnknownError";
  readonly code = "CALL_OUTCOME_UNKNOWN";
  readonly method: string;

  constructor(method: string, options: { readonly cause: unknown }) {
    super(`The connection ended before ${method} was answered; the method may or may not have run`, options);
    this.method = method;
  }
}
