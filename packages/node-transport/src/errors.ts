// What goes wrong before there is a connection, in naming one, or while there is none.

/** An endpoint that cannot be understood. `part` is the piece at fault. */
export class EndpointError extends TypeError {
  override readonly name = "EndpointError";
  readonly code = "BAD_ENDPOINT";
  readonly part: string;

  constructor(endpoint: string, part: string, expected: string) {
    super(`${JSON.stringify(endpoint)}: ${part}: ${expected}`);
    this.part = part;
  }
}

/** Codes of a {@link ConnectError}. Codes are promises, message texts are not. */
export type ConnectErrorCode =
  /** Nobody answered in time. */
  | "CONNECT_TIMEOUT"
  /** The other end did not finish the TLS handshake in time. */
  | "TLS_TIMEOUT"
  /** The certificate is for other names than the one asked for. */
  | "TLS_WRONG_NAME"
  | "TLS_EXPIRED"
  | "TLS_NOT_YET_VALID"
  /** The certificate is of no authority that is trusted. */
  | "TLS_UNTRUSTED"
  /** The other end did not like our certificate, or that there was none. */
  | "TLS_REFUSED"
  /** The other end does not speak TLS, or no version or cipher of ours. */
  | "TLS_FAILED";

/** No connection came to be, and another attempt may go better. `cause` is Node's error. */
export class ConnectError extends Error {
  override readonly name = "ConnectError";
  readonly code: ConnectErrorCode;

  constructor(code: ConnectErrorCode, message: string, options?: { readonly cause?: unknown }) {
    super(message, options);
    this.code = code;
  }
}

/** A call was not sent: there was no connection, and it was not to wait for one, or waited in vain. It may be made again. */
export class NotConnectedError extends Error {
  override readonly name = "NotConnectedError";
  readonly code = "NOT_CONNECTED";
}

/**
 * A call was sent and the connection ended before its answer came: it is not known whether the method ran. `cause` is the
 * `ConnectionLostError`. Declare a method idempotent to have it called again instead.
 */
export class OutcomeUnknownError extends Error {
  override readonly name = "OutcomeUnknownError";
  readonly code = "OUTCOME_UNKNOWN";
  readonly method: string;

  constructor(method: string, options: { readonly cause: unknown }) {
    super(`The connection ended before ${method} was answered; it is not known whether it ran`, options);
    this.method = method;
  }
}
