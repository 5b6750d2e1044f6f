// A link over a WebSocket. Its binary messages, joined, are the bytes of the connection; their borders mean nothing.

import type { Peer } from "@pb/broker";
import { printable } from "@pb/jelly-types";
import { LinkError } from "../errors.js";
import { Credit } from "./credit.js";
import { MessageLink } from "./message-link.js";
import type { Fault } from "./message-link.js";
import { CLOSED, isPausable } from "./web-socket-like.js";
import type { PausableWebSocket, WebSocketLike } from "./web-socket-like.js";

/**
 * Bytes that an end may send before the other has read them, where both ends use credit: 13 MB a second at a round-trip
 * time of 80 ms.
 */
const CREDIT_BYTES = 1024 * 1024;

/** The first message of a server that uses credit. The client asks for it with {@link CREDIT_QUERY} in the URL. */
const CREDIT_HELLO = "credit=1";
export const CREDIT_QUERY = "credit=1";

/** Milliseconds between two looks at `bufferedAmount`, for which there is no event: doubled while nothing has left. */
const FIRST_LOOK_MS = 4;
const LAST_LOOK_MS = 50;

/** Milliseconds that a close frame has to reach a peer that did something wrong. */
const ABORT_MS = 2_000;

/** The close codes of this package (4000 to 4999 are for applications, RFC 6455, section 7.4.2). */
const CLOSE_PROTOCOL = 4002;
const CLOSE_LIMIT = 4009;

/** Close codes without an error: normal, going away (a closed tab, a server that restarts), and none. */
const ORDERLY: readonly number[] = [1000, 1001, 1005];

/** The codes of `ws` for messages that are too large, or have too many parts. */
const LIMITS_OF_WS: readonly string[] = ["WS_ERR_UNSUPPORTED_MESSAGE_LENGTH", "WS_ERR_TOO_MANY_BUFFERED_PARTS"];

export interface WebSocketLinkOptions {
  /**
   * The most bytes that are held while the program does not read, where the WebSocket cannot be paused and the peer
   * does not know credit. Then the connection ends with the reason `limit`. Default 16 MiB.
   */
  readonly heldBytes?: number | undefined;
  /** Whether the URL of the WebSocket asks for credit. Default: whether its query contains `credit=1`. */
  readonly credit?: boolean | undefined;
}

export const DEFAULT_HELD_BYTES: number = 16 * 1024 * 1024;

/** Whether a URL asks for credit. */
export function asksForCredit(url: string | undefined): boolean {
  return url !== undefined && /[?&]credit=1(?:[&#]|$)/.test(url);
}

export class WebSocketLink extends MessageLink {
  /**
   * A WebSocket does not modify the bytes. That of a browser copies them, and `ws` keeps them until they are written.
   */
  readonly takesViews = true;
  readonly #webSocket: WebSocketLike;
  readonly #pausable: PausableWebSocket | undefined;
  /** Bytes that a pausable WebSocket has not written yet. The others count them in `bufferedAmount`. */
  #unwritten = 0;
  #lookTimer: ReturnType<typeof setTimeout> | undefined;
  #lookMs = FIRST_LOOK_MS;
  /** Whether the first message, which may answer the question for credit, has not arrived. */
  #awaitsHello: boolean;
  #error: Error | undefined;
  readonly #listeners: readonly (readonly [type: string, listener: (event: unknown) => void])[] = [
    ["message", (event) => this.#received((event as { readonly data: unknown }).data)],
    ["error", (event) => this.#failed((event as { readonly error?: unknown }).error)],
    ["close", (event) => this.#closed(event as { readonly code: number; readonly reason: string })],
  ];

  /** The WebSocket is open, and belongs to the link from now on. */
  constructor(
    webSocket: WebSocketLike,
    role: "listener" | "initiator",
    peer: Peer,
    { heldBytes = DEFAULT_HELD_BYTES, credit = asksForCredit(webSocket.url) }: WebSocketLinkOptions = {},
  ) {
    super(role, peer, heldBytes);
    this.#webSocket = webSocket;
    this.#pausable = isPausable(webSocket) ? webSocket : undefined;
    if (this.#pausable === undefined) webSocket.binaryType = "arraybuffer";
    this.#awaitsHello = credit && role === "initiator";
    for (const [type, listener] of this.#listeners) webSocket.addEventListener(type, listener);
    if (credit) this.credit = new Credit(CREDIT_BYTES, (bytes) => webSocket.send(`+${bytes}`));
    if (credit && role === "listener") webSocket.send(CREDIT_HELLO);
    if (webSocket.readyState === CLOSED) this.ended();
  }

  protected override get unsentBytes(): number {
    return this.#pausable === undefined ? this.#webSocket.bufferedAmount : this.#unwritten;
  }

  protected override transmit(piece: Uint8Array): void {
    if (this.#pausable === undefined) {
      this.#webSocket.send(piece as unknown as ArrayBuffer);
      this.#lookLater();
      return;
    }
    this.#unwritten += piece.length;
    this.#pausable.send(piece, (error) => {
      this.#unwritten -= piece.length;
      if (error === undefined || error === null) this.progressed();
    });
  }

  protected override transmitEnd(): void {
    this.#webSocket.close(1000);
  }

  protected override abort(error: LinkError | undefined): void {
    const webSocket = this.#webSocket;
    if (webSocket.readyState === CLOSED) return;
    if (error === undefined) {
      if (this.#pausable === undefined) webSocket.close();
      else this.#pausable.terminate();
      return;
    }
    this.setReading(true);
    webSocket.close(error.code === "LINK_HELD_BYTES" ? CLOSE_LIMIT : CLOSE_PROTOCOL, error.code);
    const pausable = this.#pausable;
    if (pausable === undefined) return;
    const timer = setTimeout(() => pausable.terminate(), ABORT_MS);
    webSocket.addEventListener("close", () => clearTimeout(timer));
  }

  protected override release(): void {
    clearTimeout(this.#lookTimer);
    for (const [type, listener] of this.#listeners) this.#webSocket.removeEventListener(type, listener);
    // An error without a listener would end the process.
    this.#webSocket.addEventListener("error", () => undefined);
  }

  protected override setReading(isReading: boolean): void {
    // With credit, grants and the end of the connection must still be read.
    if (this.#pausable === undefined || this.credit !== undefined) return;
    if (isReading) this.#pausable.resume();
    else this.#pausable.pause();
  }

  #lookLater(): void {
    this.#lookTimer ??= setTimeout(() => {
      this.#lookTimer = undefined;
      const before = this.#webSocket.bufferedAmount;
      this.progressed();
      this.#lookMs = this.#webSocket.bufferedAmount < before ? FIRST_LOOK_MS : Math.min(this.#lookMs * 2, LAST_LOOK_MS);
      if (this.unsentBytes > 0 && !this.hasEnded) this.#lookLater();
    }, this.#lookMs);
  }

  #received(data: unknown): void {
    const isFirst = this.#awaitsHello;
    this.#awaitsHello = false;
    if (typeof data === "string") this.#receivedText(data, isFirst);
    else {
      if (isFirst) this.#goOnWithoutCredit();
      this.arrived(data instanceof ArrayBuffer ? new Uint8Array(data) : (data as Uint8Array));
    }
  }

  #receivedText(text: string, isFirst: boolean): void {
    if (isFirst && text === CREDIT_HELLO) return;
    const [, bytes] = /^\+([1-9]\d{0,9})$/.exec(text) ?? [];
    if (bytes !== undefined && this.credit !== undefined && !isFirst) this.granted(Number(bytes));
    else {
      const message = `The peer sent the text "${printable(text)}", and the protocol consists of binary messages`;
      this.fail("protocol", new LinkError("LINK_TEXT", message));
    }
  }

  /** The first message was not the answer of a server that knows credit. */
  #goOnWithoutCredit(): void {
    this.credit = undefined;
    queueMicrotask(() => this.progressed());
  }

  #failed(error: unknown): void {
    if (error instanceof Error) this.#error = error;
  }

  #closed({ code, reason }: { readonly code: number; readonly reason: string }): void {
    const [error, fault] = explainClose(code, reason, this.#error);
    this.ended(error, fault);
  }
}

/** The error of a WebSocket that was closed, if it is one, and what the peer did wrong. */
function explainClose(code: number, text: string, cause: Error | undefined): [error?: Error, fault?: Fault] {
  const { code: kind = "" } = (cause ?? {}) as { readonly code?: unknown };
  // The codes of `ws` for what it has received.
  if (typeof kind === "string" && kind.startsWith("WS_ERR_")) {
    const fault = LIMITS_OF_WS.includes(kind) ? "limit" : "protocol";
    return [new LinkError("LINK_FRAME", `The peer sent an invalid frame: ${cause!.message}`, { cause }), fault];
  }
  if (ORDERLY.includes(code) && cause === undefined) return [];
  const why = text === "" ? "" : ` (${printable(text)})`;
  const because = cause === undefined || cause.message === "" ? "" : `: ${cause.message}`;
  return [new LinkError("LINK_CLOSED", `The WebSocket was closed with code ${code}${why}${because}`, { cause })];
}
