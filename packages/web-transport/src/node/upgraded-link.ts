// The link of a WebSocket at a server of Node. It writes the frames of small messages to the socket itself.

import type { Peer } from "@pb/broker";
import { Socket } from "node:net";
import type { Duplex } from "node:stream";
import { TLSSocket } from "node:tls";
import { WebSocketLink } from "../link/web-socket-link.js";
import type { WebSocketLinkOptions } from "../link/web-socket-link.js";
import { OPEN } from "../link/web-socket-like.js";
import type { PausableWebSocket } from "../link/web-socket-like.js";

/**
 * A message of at most this size is copied behind the head of its frame and written in one piece. `ws` writes the head
 * and the message as two, which takes about twice the time for a small one (bench `live`). Node allocates buffers of
 * this size from a pool.
 */
const COPIED_BYTES = 4000;

/** The first byte of the frame of a whole binary message (RFC 6455, section 5.2). */
const WHOLE_BINARY = 0x82;

export class UpgradedLink extends WebSocketLink {
  /** Whether the kernel has all bytes when they have left: other streams may keep them. */
  readonly releasesViews: boolean;
  readonly #webSocket: PausableWebSocket;
  readonly #socket: Duplex;
  /** Writes that have not called back. */
  #writes = 0;
  /** Whether the socket has bytes that the kernel did not take at once. */
  #isBehind = false;

  /** `socket` is that of the WebSocket, which does not compress messages. */
  constructor(webSocket: PausableWebSocket, socket: Duplex, peer: Peer, options: WebSocketLinkOptions) {
    super(webSocket, "listener", peer, options);
    this.#webSocket = webSocket;
    this.#socket = socket;
    this.releasesViews = socket instanceof Socket && !(socket instanceof TLSSocket);
  }

  /** With the heads of frames, and the control frames between them. */
  protected override get unsentBytes(): number {
    return this.#isBehind ? this.#socket.writableLength : 0;
  }

  protected override transmit(piece: Uint8Array): void {
    if (this.#webSocket.readyState !== OPEN) return; // It is about to report its end.
    this.#writes++;
    if (piece.length > COPIED_BYTES) this.#webSocket.send(piece, this.#written);
    else this.#socket.write(frameOf(piece), this.#written);
    if (this.#socket.writableLength > 0) this.#isBehind = true;
    else this.noteProgress();
  }

  /** The same function for all writes, which Node then calls without a queue of its own. */
  readonly #written = (error?: Error | null): void => {
    this.#writes--;
    if (!this.#isBehind) return; // The bytes had left when they were written.
    if (this.#writes === 0) this.#isBehind = false;
    if (error === undefined || error === null) this.progressed();
  };
}

/** The frame of a binary message of less than 64 KiB, without a mask. */
function frameOf(message: Uint8Array): Buffer {
  const { length } = message;
  const isShort = length < 126;
  const frame = Buffer.allocUnsafe(length + (isShort ? 2 : 4));
  frame[0] = WHOLE_BINARY;
  if (isShort) frame[1] = length;
  else {
    frame[1] = 126;
    frame[2] = length >> 8;
    frame[3] = length & 0xff;
  }
  frame.set(message, isShort ? 2 : 4);
  return frame;
}
