// A link over a Node socket, or over any other duplex stream of bytes.

import type { Peer } from "@pb/broker";
import type { Link, LinkReceiver } from "@pb/broker/extension";
import type { Pulse } from "@pb/transport";
import { Socket } from "node:net";
import { TLSSocket } from "node:tls";
import type { Duplex } from "node:stream";
import { takeStream } from "./given-stream.js";
import { receiveFrom } from "./shared-buffer.js";
import { describePeer } from "./socket-peer.js";

/**
 * Milliseconds after which a closing socket is destroyed if it sends nothing of what is queued, or if the peer does not
 * close too.
 */
const CLOSING_MS = 10_000;

/**
 * The most bytes that are passed to the stream and have not left it. The rest stays in the queue of the link, where it
 * can be counted and discarded. Large enough to keep a fast network busy, small enough to see that a slow one makes
 * progress.
 */
const WINDOW_BYTES = 256 * 1024;

const RESOLVED = Promise.resolve();

export class SocketLink implements Link, Pulse {
  readonly role: "listener" | "initiator";
  readonly peer: Peer;
  /** A stream does not modify what is written to it. */
  readonly takesViews = true;
  /** Whether the kernel has all bytes when the stream says that they have left: other streams may keep them. */
  readonly releasesViews: boolean;
  readonly #stream: Duplex;
  #receiver: LinkReceiver | undefined;
  #queue: Uint8Array[] = [];
  /** Bytes that are passed to the stream and have not left it. */
  #inFlightBytes = 0;
  #isClosing = false;
  #cause: Error | undefined;
  lastReceived: number = performance.now();
  lastLeft: number = performance.now();
  sentBytes = 0;
  leftBytes = 0;

  /**
   * `stream` is connected, and belongs to the link from now on. Throws `TypeError` for a stream that does not carry
   * bytes, or from which something else reads.
   */
  constructor(stream: Duplex, role: "listener" | "initiator", peer: Peer = describePeer(stream, role)) {
    takeStream(stream);
    this.role = role;
    this.#stream = stream;
    this.peer = peer;
    if (stream instanceof Socket) stream.setNoDelay(true);
    this.releasesViews = stream instanceof Socket && !(stream instanceof TLSSocket);
  }

  get queuedBytes(): number {
    const bytes = this.sentBytes - this.leftBytes;
    // Looked at for each message: usually 0, and `destroyed` takes longer (bench `updates-1`).
    return bytes === 0 || this.#stream.destroyed ? 0 : bytes;
  }

  get isPaused(): boolean {
    return this.#stream.isPaused();
  }

  start(receiver: LinkReceiver): void {
    this.#receiver = receiver;
    const stream = this.#stream;
    if (stream.destroyed || stream.readableEnded || !stream.writable) {
      // The stream may have emitted `close` or `end` already, and does not emit it again.
      const cause = stream.errored ?? new Error("the stream was closed already");
      stream.on("error", () => undefined).destroy();
      process.nextTick(() => receiver.lost(cause));
      return;
    }
    links.set(stream, this);
    receiveFrom(stream, this);
    // It may be paused, as the sockets of a server with `pauseOnConnect` are.
    stream.on("error", noteError).on("end", end).on("close", close).resume();
  }

  /** Takes bytes from the stream. */
  receive(bytes: Uint8Array): void {
    this.lastReceived = performance.now();
    if (!this.#isClosing) this.#receiver?.received(bytes);
  }

  /** The stream has failed, and closes next. */
  noteError(error: Error): void {
    this.#cause = error;
  }

  /** The stream is closed. */
  lost(): void {
    this.#receiver?.lost(this.#cause);
  }

  send(bytes: Uint8Array): void {
    if (this.#isClosing || !this.#stream.writable) return;
    this.#queue.push(this.#inFlightBytes === 0 ? bytes : compact(bytes));
    this.sentBytes += bytes.length;
    this.#write();
  }

  /**
   * Runs `flush` after all promise reactions that are pending, and those they cause: what these send leaves in the same
   * write.
   */
  scheduleFlush(flush: () => void): void {
    void RESOLVED.then(() => process.nextTick(flush));
  }

  close(): void {
    if (this.#isClosing || this.#stream.destroyed) return;
    this.#isClosing = true;
    // Received bytes are ignored now, but must be read: otherwise the stream does not emit `end` when the peer closes.
    this.#stream.resume();
    if (this.#queue.length === 0) this.#stream.end();
    let leftBytes = this.leftBytes;
    const timer = setInterval(() => {
      if (this.leftBytes === leftBytes) this.#stream.destroy();
      leftBytes = this.leftBytes;
    }, CLOSING_MS);
    this.#stream.once("close", () => clearInterval(timer));
  }

  destroy(): void {
    this.#isClosing = true;
    this.#stream.destroy();
  }

  pause(): void {
    if (!this.#isClosing) this.#stream.pause();
  }

  resume(): void {
    this.#stream.resume();
  }

  /**
   * The peer has closed the connection. What is queued is discarded, and what is in flight has `CLOSING_MS` to leave.
   */
  peerClosed(): void {
    this.#queue = [];
    this.close();
    this.#stream.end();
  }

  /** Passes as many bytes to the stream as the window allows. */
  #write(): void {
    while (this.#inFlightBytes < WINDOW_BYTES && this.#queue.length > 0)
      this.#writePiece(this.#dequeue(WINDOW_BYTES - this.#inFlightBytes));
    if (this.#isClosing && this.#queue.length === 0) this.#stream.end();
  }

  /** A socket whose buffer in the kernel has room takes the bytes at once, but calls back only later. */
  #writePiece(piece: Uint8Array): void {
    const { length } = piece;
    let hasLeft = false;
    this.#inFlightBytes += length;
    this.#stream.write(piece, (error?: Error | null) => {
      if (error || hasLeft) return;
      this.#left(length);
      this.#write();
      if (this.queuedBytes === 0) this.#receiver?.drained();
    });
    hasLeft = this.releasesViews && this.#stream.writableLength === 0;
    if (hasLeft) this.#left(length);
  }

  /** Removes at most `maxBytes` bytes from the queue, which is not empty. */
  #dequeue(maxBytes: number): Uint8Array {
    const first = this.#queue[0]!;
    if (first.length > maxBytes) {
      this.#queue[0] = first.subarray(maxBytes);
      return first.subarray(0, maxBytes);
    }
    this.#queue.shift();
    return first;
  }

  #left(count: number): void {
    this.#inFlightBytes -= count;
    this.leftBytes += count;
    this.lastLeft = performance.now();
  }
}

/** The links of streams, for listeners that all streams share: there may be thousands (bench `crowd`). */
const links = new WeakMap<Duplex, SocketLink>();

function noteError(this: Duplex, error: Error): void {
  links.get(this)?.noteError(error);
}

function end(this: Duplex): void {
  links.get(this)?.peerClosed();
}

function close(this: Duplex): void {
  links.get(this)?.lost();
}

/** Copies bytes that are a small part of their buffer, so that the queue does not keep the whole buffer in memory. */
function compact(bytes: Uint8Array): Uint8Array {
  return bytes.length * 1.5 < bytes.buffer.byteLength ? bytes.slice() : bytes;
}
