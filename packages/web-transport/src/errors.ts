// Errors of links over WebSocket and MessagePort, and the codes with which connecting fails.

import { PerspectiveBrokerError } from "@pb/broker";

/** Codes of a {@link LinkError}. Codes are stable, message texts are not. */
export type LinkErrorCode =
  /** The peer sent a text message, which is no part of the protocol, or not at this moment. */
  | "LINK_TEXT"
  /** The peer sent more bytes than this end had granted, or granted bytes that this end had not sent. */
  | "LINK_CREDIT"
  /** The peer sent an invalid frame, or a message that is larger than the limit. */
  | "LINK_FRAME"
  /** More bytes arrived than are held for a program that does not read them. */
  | "LINK_HELD_BYTES"
  /** A message on a MessagePort is no part of the protocol. */
  | "LINK_FOREIGN_MESSAGE"
  /** The connection ended without the closing handshake, or with a code that names an error. */
  | "LINK_CLOSED"
  /** The worker at the other end has ended, or could not be started. */
  | "LINK_WORKER";

/** A link ended because of an error. It is the `cause` of the `ConnectionLostError`. */
export class LinkError extends PerspectiveBrokerError {
  override readonly name = "LinkError";
  readonly code: LinkErrorCode;

  constructor(code: LinkErrorCode, message: string, options?: { readonly cause?: unknown }) {
    super(message, options);
    this.code = code;
  }
}

/** Codes of a `ConnectError` of this package. Codes are stable, message texts are not. */
export type ConnectErrorCode =
  /** The WebSocket was not open, or the worker did not answer, within `connectMs`. */
  | "CONNECT_TIMEOUT"
  /**
   * The WebSocket could not be opened. A browser does not tell a program why: see the console of the browser, and the
   * events of the server.
   */
  | "CONNECT_FAILED"
  /** This platform has no WebSocket: pass one as an option. */
  | "CONNECT_NO_WEBSOCKET"
  /** At a server: the request came from a page of another origin. */
  | "CONNECT_ORIGIN"
  /** At a server: the request is not a WebSocket handshake, or the handshake is invalid. */
  | "CONNECT_NOT_WEBSOCKET"
  /** At a server: the request did not arrive in time. */
  | "CONNECT_REQUEST_TIMEOUT"
  /** At a gateway: the server behind it could not be reached. `cause` says why. */
  | "CONNECT_TARGET";
