// Passes bytes to the link, and ends the connection of a peer that does not read them.

import { LimitError } from "../errors.js";
import type { Backpressure } from "./backpressure.js";
import type { Link } from "./link.js";

/** What the writer uses of the broker that owns it. */
export interface WriterOwner {
  /** Bytes that have arrived since the connection was made. */
  bytesReceived(): number;
  /** More bytes than the limit `unsentBytes` wait for the peer: ends the connection. */
  exceeded(error: LimitError): void;
}

export class LinkWriter {
  readonly #owner: WriterOwner;
  readonly #link: Link;
  readonly #backpressure: Backpressure;
  /** The limit `unsentBytes`. */
  readonly #mostUnsent: number;
  /** Resolve the promises of {@link drained}. */
  #drainedCallbacks: (() => void)[] | undefined;
  /** Whether bytes are being passed to the link. */
  isSending = false;
  /** Bytes since the connection was made. */
  bytesSent = 0;
  /** Bytes that had been received when this end sent something last. */
  receivedBeforeSend = 0;

  constructor(owner: WriterOwner, link: Link, backpressure: Backpressure, mostUnsent: number) {
    this.#owner = owner;
    this.#link = link;
    this.#backpressure = backpressure;
    this.#mostUnsent = mostUnsent;
  }

  /** Passes bytes to the link, which may deliver bytes of the peer meanwhile. */
  write(bytes: Uint8Array): void {
    this.bytesSent += bytes.length;
    this.receivedBeforeSend = this.#owner.bytesReceived();
    this.isSending = true;
    try {
      this.#link.send(bytes);
    } finally {
      this.isSending = false;
    }
    this.#backpressure.regulate(); // The link does not report bytes that have left at once.
    const { queuedBytes } = this.#link;
    if (queuedBytes > this.#mostUnsent) this.#endSoon(queuedBytes);
  }

  /** Ends the connection later, because a call may be in the middle of being sent. */
  #endSoon(queuedBytes: number): void {
    const text = `${queuedBytes} bytes wait for a peer that does not read, and the limit is ${this.#mostUnsent}`;
    queueMicrotask(() => this.#owner.exceeded(new LimitError("unsentBytes", text)));
  }

  /** Resolves when the link has sent everything: at once, if nothing waits. Resolves in {@link resolveDrained}, too. */
  async drained(): Promise<void> {
    if (this.#link.queuedBytes === 0) return;
    const stopWaiting = this.#backpressure.waitForRoom();
    await new Promise<void>((resolve) => (this.#drainedCallbacks ??= []).push(resolve));
    stopWaiting();
  }

  /** The link has sent everything, or the connection has ended. */
  resolveDrained(): void {
    const callbacks = this.#drainedCallbacks;
    if (callbacks === undefined) return;
    this.#drainedCallbacks = undefined;
    for (const resolve of callbacks) resolve();
  }
}
