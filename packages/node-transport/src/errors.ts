// Errors of connecting and listening over sockets.

import { PerspectiveBrokerError } from "@pb/broker";

/** Codes of a `ConnectError` of this package. Codes are stable, message texts are not. */
export type ConnectErrorCode =
  /** The other end did not accept the connection within `connectMs`. */
  | "CONNECT_TIMEOUT"
  /** The other end did not finish the TLS handshake within `tlsMs`. */
  | "CONNECT_TLS_TIMEOUT"
  /** The certificate does not contain the name of the server. */
  | "CONNECT_TLS_WRONG_NAME"
  | "CONNECT_TLS_EXPIRED"
  | "CONNECT_TLS_NOT_YET_VALID"
  /** The certificate was not issued by a trusted authority, or there is none. */
  | "CONNECT_TLS_UNTRUSTED"
  /** The other end rejected the certificate of this end, or requires one. */
  | "CONNECT_TLS_REFUSED"
  /** The other end does not speak TLS, or has no version or cipher in common with this end. */
  | "CONNECT_TLS_FAILED"
  /** A server for proxies: the peer sent no valid header of the PROXY protocol, or is not a trusted proxy. */
  | "CONNECT_PROXY_HEADER";

/**
 * The system refused to connect or to listen. `code` is that of the system, such as `ECONNREFUSED`, `EADDRINUSE` or
 * `EACCES`; the message names the endpoint and says what to do. `cause` is the error of Node.
 */
export class SocketError extends PerspectiveBrokerError {
  override readonly name = "SocketError";
  readonly code: string;

  constructor(code: string, message: string, options?: { readonly cause?: unknown }) {
    super(message, options);
    this.code = code;
  }
}

/** Codes of a {@link TlsOptionError}. Codes are stable, message texts are not. */
export type TlsOptionErrorCode =
  /** The file or the folder cannot be read. `cause` is the error of Node. */
  | "TLS_OPTION_UNREADABLE"
  /** It contains no key or no certificate, an encrypted key, or the key of another certificate. */
  | "TLS_OPTION_INVALID";

/** A key, a certificate or an authority cannot be used. The message names the option, the file, and what to do. */
export class TlsOptionError extends PerspectiveBrokerError {
  override readonly name = "TlsOptionError";
  readonly code: TlsOptionErrorCode;
  /** The option, such as `keyFile`. */
  readonly option: string;

  constructor(code: TlsOptionErrorCode, option: string, message: string, options?: { readonly cause?: unknown }) {
    super(message, options);
    this.code = code;
    this.option = option;
  }
}
