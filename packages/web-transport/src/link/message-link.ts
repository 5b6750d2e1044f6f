// What links over messages share: the queue of bytes to send, the received bytes that are held while paused, and how
// the link ends.

import type { Peer } from "@pb/broker";
import type { Link, LinkReceiver } from "@pb/broker/extension";
import type { Pulse } from "@pb/transport";
import { LinkError } from "../errors.js";
import type { Credit } from "./credit.js";
import { HeldBytes } from "./held-bytes.js";

/** The largest piece that is sent as one message: small enough for the limits of servers and proxies. */
const PIECE_BYTES = 256 * 1024;

/** The most bytes that are passed to the platform and have not left it. */
export const UNSENT_BYTES: number = 256 * 1024;

/** The default of {@link MessageLink.closingMs}. */
const CLOSING_MS = 10_000;

/** Why a link ended by itself. */
export type Fault = "protocol" | "limit";

export abstract class MessageLink implements Link, Pulse {
  readonly role: "listener" | "initiator";
  readonly peer: Peer;
  /** The credit of the connection, if its ends use it. */
  protected credit: Credit | undefined;
  readonly #heldLimit: number;
  #receiver: LinkReceiver | undefined;
  #state: "open" | "closing" | "ended" = "open";
  #queue: Uint8Array[] = [];
  #queuedBytes = 0;
  readonly #held = new HeldBytes();
  #isPaused = false;
  #closingTimer: ReturnType<typeof setTimeout> | undefined;
  /** Reports the end to the receiver, when everything that is held was delivered. */
  #reportEnd: (() => void) | undefined;
  #leftBytes = 0;
  lastReceived: number = performance.now();
  lastLeft: number = performance.now();
  sentBytes = 0;

  /** `heldBytes` is the most that is held for a receiver that is paused. */
  constructor(role: "listener" | "initiator", peer: Peer, heldBytes: number) {
    this.role = role;
    this.peer = peer;
    this.#heldLimit = heldBytes;
  }

  /** Bytes that were passed to the platform and have not left it. */
  protected abstract get unsentBytes(): number;
  /** Passes bytes to the platform. */
  protected abstract transmit(piece: Uint8Array): void;
  /** Tells the peer that everything was sent. Called once, unless the link is destroyed. */
  protected abstract transmitEnd(): void;
  /** Ends the connection at once. `error` is what the peer did wrong, if anything. */
  protected abstract abort(error: LinkError | undefined): void;
  /** Frees what the link uses of the platform. Called once. */
  protected abstract release(): void;
  /** Stops or starts reading, where the platform can. */
  protected abstract setReading(isReading: boolean): void;

  protected get isOpen(): boolean {
    return this.#state === "open";
  }

  protected get hasEnded(): boolean {
    return this.#state === "ended";
  }

  get isPaused(): boolean {
    return this.#isPaused;
  }

  get queuedBytes(): number {
    return this.#state === "ended" ? 0 : this.#queuedBytes + this.unsentBytes;
  }

  get leftBytes(): number {
    this.noteProgress();
    return this.#leftBytes;
  }

  start(receiver: LinkReceiver): void {
    this.#receiver = receiver;
    queueMicrotask(() => this.#deliverHeld());
  }

  send(bytes: Uint8Array): void {
    if (this.#state !== "open" || this.#reportEnd !== undefined || bytes.length === 0) return;
    this.sentBytes += bytes.length;
    if (this.#queuedBytes === 0 && bytes.length <= this.#room) {
      this.#transmit(bytes);
      return;
    }
    this.#queue.push(bytes);
    this.#queuedBytes += bytes.length;
    this.pump();
  }

  /** Bytes that may be passed to the platform now. */
  get #room(): number {
    return Math.min(PIECE_BYTES, UNSENT_BYTES - this.unsentBytes, this.credit?.room ?? Infinity);
  }

  #transmit(piece: Uint8Array): void {
    this.credit?.sent(piece.length);
    this.transmit(piece);
  }

  close(): void {
    if (this.#state !== "open") return;
    this.#state = "closing";
    // The peer may need the credit to send what it has queued, and then its end.
    this.credit?.consumed(this.#held.length);
    this.#discardHeld();
    if (this.#reportEnd !== undefined) {
      this.#finish();
      return;
    }
    this.setReading(true); // The end of the peer must be read.
    if (this.#queuedBytes === 0) this.transmitEnd();
    else this.pump();
    this.#waitForEnd(-1);
  }

  /** Waits for the end of the peer. `leftBefore` are the bytes that had left when this was last called. */
  #waitForEnd(leftBefore: number): void {
    if (this.#state !== "closing") return;
    const left = this.leftBytes;
    if (left === leftBefore) this.destroy();
    else this.#closingTimer = setTimeout(() => this.#waitForEnd(left), this.closingMs);
  }

  /** Milliseconds without progress after which this link is destroyed while it closes. */
  protected get closingMs(): number {
    return CLOSING_MS;
  }

  destroy(): void {
    this.#destroy(undefined);
  }

  pause(): void {
    if (this.#state !== "open") return;
    this.#isPaused = true;
    this.setReading(false);
  }

  resume(): void {
    if (!this.#isPaused) return;
    this.#isPaused = false;
    if (this.#state !== "ended") this.setReading(true);
    this.#deliverHeld();
  }

  /** Passes as many bytes to the platform as it and the credit allow. */
  protected pump(): void {
    const isClosing = this.#state === "closing" && this.#queuedBytes > 0;
    while (this.#queuedBytes > 0) {
      const room = this.#room;
      if (room <= 0) return;
      this.#transmit(this.#dequeue(room));
    }
    if (isClosing) this.transmitEnd();
  }

  /** Bytes may have left the platform, or there is more credit. */
  protected progressed(): void {
    if (this.#state === "ended") return;
    const wasQueued = this.noteProgress() || this.#queuedBytes > 0;
    this.pump();
    if (wasQueued && this.queuedBytes === 0) this.#receiver?.drained();
  }

  /** Bytes have arrived. */
  protected arrived(bytes: Uint8Array): void {
    this.lastReceived = performance.now();
    if (this.#state === "ended" || this.#reportEnd !== undefined || bytes.length === 0) return;
    if (this.credit?.received(bytes.length) === false) {
      this.fail("protocol", new LinkError("LINK_CREDIT", "The peer sent more bytes than it was allowed to"));
    } else if (this.#state === "closing") this.credit?.consumed(bytes.length);
    else if (this.#receiver === undefined || this.#isPaused || this.#held.length > 0) this.#hold(bytes);
    else this.#pass(bytes);
  }

  /** The peer has granted bytes. */
  protected granted(bytes: number): void {
    if (this.credit?.granted(bytes) === true) this.progressed();
    else this.fail("protocol", new LinkError("LINK_CREDIT", "The peer granted bytes that were not sent to it"));
  }

  /** The peer has closed the connection, or it was lost. What was queued is discarded. */
  protected ended(cause?: Error, reason?: Fault): void {
    if (this.#state === "ended" || this.#reportEnd !== undefined) return;
    this.#queue = [];
    this.#queuedBytes = 0;
    this.#reportEnd = () => this.#receiver?.lost(cause, reason);
    if (this.#state === "closing") this.#finish();
    else queueMicrotask(() => this.#deliverHeld());
  }

  /** Ends the connection because of what the peer did. */
  protected fail(reason: Fault, error: LinkError): void {
    if (this.#state === "ended") return;
    this.#discardHeld();
    this.#reportEnd = () => this.#receiver?.lost(error, reason);
    this.#destroy(error);
  }

  #destroy(error: LinkError | undefined): void {
    if (this.#state === "ended") return;
    this.#discardHeld();
    this.#queue = [];
    this.#queuedBytes = 0;
    this.#reportEnd ??= () => this.#receiver?.lost();
    this.abort(error);
    this.#finish();
  }

  /** Reports the end in a later microtask, or when the link is started. */
  #finish(): void {
    if (this.#state === "ended") return;
    this.#state = "ended";
    this.#isPaused = false;
    clearTimeout(this.#closingTimer);
    this.release();
    queueMicrotask(() => this.#deliverHeld());
  }

  #hold(bytes: Uint8Array): void {
    this.#held.add(bytes);
    if (this.#held.length <= this.#heldLimit) return;
    const text = `${this.#held.length} bytes wait for this program, and the limit is ${this.#heldLimit}`;
    this.fail("limit", new LinkError("LINK_HELD_BYTES", text));
  }

  #pass(bytes: Uint8Array): void {
    this.#receiver!.received(bytes);
    if (this.#state !== "ended") this.credit?.consumed(bytes.length);
  }

  #deliverHeld(): void {
    if (this.#receiver === undefined) return;
    while (!this.#isPaused && this.#held.length > 0) {
      this.#pass(this.#held.take()!);
    }
    if (this.#isPaused || this.#held.length > 0 || this.#reportEnd === undefined) return;
    if (this.#state === "ended") {
      const report = this.#reportEnd;
      this.#reportEnd = () => undefined; // Called once.
      report();
    } else this.#finish();
  }

  #discardHeld(): void {
    this.#held.clear();
    this.#isPaused = false;
  }

  /** Removes at most `maxBytes` bytes from the queue, which is not empty. */
  #dequeue(maxBytes: number): Uint8Array {
    const first = this.#queue[0]!;
    const isWhole = first.length <= maxBytes;
    if (isWhole) this.#queue.shift();
    else this.#queue[0] = first.subarray(maxBytes);
    const piece = isWhole ? first : first.subarray(0, maxBytes);
    this.#queuedBytes -= piece.length;
    return piece;
  }

  /** Whether bytes have left the platform since the last call. */
  protected noteProgress(): boolean {
    const left = this.sentBytes - this.#queuedBytes - this.unsentBytes;
    if (left <= this.#leftBytes) return false;
    this.#leftBytes = left;
    this.lastLeft = performance.now();
    return true;
  }
}
