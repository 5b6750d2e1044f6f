// The codes with which connecting over sockets fails.

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
