// A Node socket, or any duplex stream of bytes, as a link.

import type { Peer } from "@pb/broker";
import type { Link, LinkReceiver } from "@pb/broker/extension";
import { Socket } from "node:net";
import type { Duplex } from "node:stream";
import { peerOf } from "./socket-peer.js";

/** How long a closing socket may send nothing of what is queued, or may wait for the other end to close too. */
const CLOSING_MS = 10_000;

/**
 * Bytes handed to the stream at a time. The rest is kept here, where it can be counted and thrown away: large enough for a few writes to fill
 * any network, small enough to see that a slow one moves.
 */
const WINDOW_BYTES = 256 * 1024;

const RESOLVED = Promise.resolve();

/** What tells whether the other end is alive. Times are of `performance.now()`. */
export interface Pulse {
  /** When bytes last came. */
  readonly lastReceived: number;
  /** When bytes last left the process, which they do not when the other end has long stopped taking them. */
  readonly lastLeft: number;
  /** Bytes sent, and how many of them have left the process. */
  readonly sentBytes: number;
  readonly leftBytes: number;
  /** Whether nothing is read at the moment: then that nothing came says nothing. Default false. */
  readonly isPaused?: boolean;
}

/** Bytes that have to wait take no more room than they need: they may be a small part of a buffer, which they would keep. */
function fitted(bytes: Uint8Array): Uint8Array {
  return bytes.length * 1.5 < bytes.buffer.byteLength ? bytes.slice() : bytes;
}

export class SocketLink implements Link, Pulse {
  readonly role: "listener" | "initiator";
  readonly peer: Peer;
  /** A stream only reads what is written to it. */
  readonly takesViews = true;
  readonly #stream: Duplex;
  #receiver: LinkReceiver | undefined;
  #queue: Uint8Array[] = [];
  #inFlight = 0;
  #isEnding = false;
  lastReceived: number = performance.now();
  lastLeft: number = performance.now();
  sentBytes = 0;
  leftBytes = 0;

  /** `stream` is connected. The link owns it. */
  constructor(stream: Duplex, role: "listener" | "initiator", peer: Peer = peerOf(stream, role)) {
    this.role = role;
    this.#stream = stream;
    this.peer = peer;
    if (stream instanceof Socket) stream.setNoDelay(true);
  }

  get queuedBytes(): number {
    return this.#stream.destroyed ? 0 : this.sentBytes - this.leftBytes;
  }

  get isPaused(): boolean {
    return this.#stream.isPaused();
  }

  start(receiver: LinkReceiver): void {
    let cause: Error | undefined;
    this.#receiver = receiver;
    if (this.#stream.destroyed) {
      // It may have said so before we listened, and will not say it again.
      this.#stream.on("error", () => undefined);
      process.nextTick(() => receiver.lost(this.#stream.errored ?? undefined));
      return;
    }
    this.#stream
      .on("data", (chunk: Uint8Array) => {
        this.lastReceived = performance.now();
        if (!this.#isEnding) receiver.received(chunk);
      })
      .on("error", (error) => (cause = error))
      .on("end", () => this.#ended())
      .on("close", () => receiver.lost(cause));
  }

  send(bytes: Uint8Array): void {
    if (this.#isEnding || !this.#stream.writable) return;
    this.#queue.push(this.#inFlight === 0 ? bytes : fitted(bytes));
    this.sentBytes += bytes.length;
    this.#write();
  }

  /** After all promises that are settled now, and those that they settle in turn: what their reactions send leaves in the same write. */
  scheduleFlush(flush: () => void): void {
    void RESOLVED.then(() => process.nextTick(flush));
  }

  close(): void {
    if (this.#isEnding || this.#stream.destroyed) return;
    this.#isEnding = true;
    // Whatever still comes in is of no interest, but must be taken for the peer's end to be seen.
    this.#stream.resume();
    if (this.#queue.length === 0) this.#stream.end();
    let left = this.leftBytes;
    const timer = setInterval(() => {
      if (this.leftBytes === left) this.#stream.destroy();
      left = this.leftBytes;
    }, CLOSING_MS);
    this.#stream.once("close", () => clearInterval(timer));
  }

  destroy(): void {
    this.#isEnding = true;
    this.#stream.destroy();
  }

  pause(): void {
    if (!this.#isEnding) this.#stream.pause();
  }

  resume(): void {
    this.#stream.resume();
  }

  /** The peer has closed: nobody waits for what has not left yet, and whoever does not take what is on its way is not waited for. */
  #ended(): void {
    this.#queue = [];
    this.close();
    this.#stream.end();
  }

  /** Hands over as much as fits into the window. */
  #write(): void {
    while (this.#inFlight < WINDOW_BYTES && this.#queue.length > 0) {
      const piece = this.#next(WINDOW_BYTES - this.#inFlight);
      this.#inFlight += piece.length;
      this.#stream.write(piece, (error?: Error | null) => {
        if (!error) this.#left(piece.length);
      });
    }
    if (this.#isEnding && this.#queue.length === 0) this.#stream.end();
  }

  /** The next bytes to write: no more than `room`. */
  #next(room: number): Uint8Array {
    const first = this.#queue[0]!;
    if (first.length > room) {
      this.#queue[0] = first.subarray(room);
      return first.subarray(0, room);
    }
    this.#queue.shift();
    return first;
  }

  #left(count: number): void {
    this.#inFlight -= count;
    this.leftBytes += count;
    this.lastLeft = performance.now();
    this.#write();
    if (this.queuedBytes === 0) this.#receiver?.drained();
  }
}
