// An in-memory transport for tests: two links in one process that can split, hold back and drop what they deliver.

import { checkNumber, checkOptions } from "@pb/jelly-types";
import type { Link, LinkReceiver, Peer } from "./link.js";

export interface LinkPairOptions {
  /**
   * The size of the chunks that are delivered, in bytes. Default: each chunk is what one `send` call passed. Use 1 to
   * find code that relies on packet boundaries.
   */
  readonly chunkBytes?: number | undefined;
  /** Whether sent bytes are recorded for {@link MemoryLink.traffic}. Default true. */
  readonly isRecorded?: boolean | undefined;
}

/** The bytes of one `send` call. */
export interface Sending {
  readonly from: MemoryLink;
  readonly bytes: Uint8Array;
}

/** One end of a connection in memory. The peer receives sent bytes in a later microtask, in order. */
export class MemoryLink implements Link {
  readonly role: "listener" | "initiator";
  readonly peer: Peer = { description: "memory", isEncrypted: true };
  readonly #chunkBytes: number;
  #joined: MemoryLink | undefined;
  #receiver: LinkReceiver | undefined;
  #undelivered: Uint8Array[] = [];
  #undeliveredBytes = 0;
  #isHeld = false;
  #isPaused = false;
  #isScheduled = false;
  #isEnding = false;
  #isEnded = false;
  #isEndTold = false;
  #cause: Error | undefined;
  readonly #isRecorded: boolean;
  #traffic: Sending[] = [];

  /** Throws `TypeError` for an unknown option, and for one that is not of its type. */
  constructor(role: "listener" | "initiator", options: LinkPairOptions = {}) {
    checkOptions(options, { chunkBytes: "any", isRecorded: "boolean" });
    const { chunkBytes = Infinity, isRecorded = true } = options;
    checkNumber("The option chunkBytes", chunkBytes, { least: 1, isWhole: true });
    this.role = role;
    this.#chunkBytes = chunkBytes;
    this.#isRecorded = isRecorded;
  }

  /** Connects two links to each other. */
  static join(one: MemoryLink, other: MemoryLink): void {
    one.#joined = other;
    other.#joined = one;
    other.#traffic = one.#traffic;
  }

  /** The bytes that both ends have sent, in order: one entry per `send` call. */
  get traffic(): readonly Sending[] {
    return this.#traffic;
  }

  /** The bytes that this end has sent: one entry per `send` call. */
  get sent(): Uint8Array[] {
    return this.#traffic.filter(({ from }) => from === this).map(({ bytes }) => bytes);
  }

  get #other(): MemoryLink {
    if (this.#joined === undefined) throw new TypeError("A MemoryLink must be joined to another one: use linkPair");
    return this.#joined;
  }

  get queuedBytes(): number {
    return this.#other.#undeliveredBytes;
  }

  start(receiver: LinkReceiver): void {
    this.#receiver = receiver;
    this.#schedule();
    if (this.#isEnded) queueMicrotask(() => this.#tellEnd());
  }

  send(bytes: Uint8Array): void {
    if (this.#isEnded || this.#isEnding) return;
    if (this.#isRecorded) this.#traffic.push({ from: this, bytes });
    this.#other.#undeliveredBytes += bytes.length;
    for (let start = 0; start < bytes.length; start += this.#chunkBytes) {
      this.#other.#undelivered.push(bytes.slice(start, Math.min(start + this.#chunkBytes, bytes.length)));
    }
    this.#other.#schedule();
  }

  close(): void {
    if (this.#isEnded) return;
    this.#isEnding = true;
    this.#other.#schedule();
    this.#end();
  }

  destroy(): void {
    this.#other.#undelivered = [];
    this.#other.#undeliveredBytes = 0;
    this.close();
  }

  pause(): void {
    this.#isPaused = true;
  }

  resume(): void {
    this.#isPaused = false;
    this.#schedule();
  }

  /** Stops delivering bytes to this end until {@link release}. The peer can still send: its bytes are kept. */
  hold(): void {
    this.#isHeld = true;
  }

  /** Delivers the bytes that {@link hold} kept back, and all later ones. */
  release(): void {
    this.#isHeld = false;
    this.#schedule();
  }

  /**
   * Ends the connection as a network failure does: both ends are told, and bytes in flight are lost. `cause` is passed
   * to both receivers.
   */
  cut(cause: Error = new Error("The connection was cut")): void {
    this.#other.#end(cause);
    this.#end(cause);
  }

  #schedule(): void {
    if (this.#isScheduled || this.#receiver === undefined) return;
    this.#isScheduled = true;
    queueMicrotask(() => {
      this.#isScheduled = false;
      this.#deliver();
    });
  }

  #deliver(): void {
    while (!this.#isHeld && !this.#isPaused && !this.#isEnded) {
      const chunk = this.#undelivered.shift();
      if (chunk === undefined) break;
      this.#undeliveredBytes -= chunk.length;
      this.#receiver?.received(chunk);
      // Overwritten, because the receiver must not use the bytes after `received` has returned.
      chunk.fill(0xff);
    }
    if (this.#undelivered.length > 0 || this.#isHeld || this.#isPaused) return;
    this.#other.#notifyDrained();
    if (this.#other.#isEnding) this.#end();
  }

  #notifyDrained(): void {
    if (!this.#isEnded) this.#receiver?.drained();
  }

  #end(cause?: Error): void {
    if (this.#isEnded) return;
    this.#isEnded = true;
    this.#cause = cause;
    queueMicrotask(() => this.#tellEnd());
  }

  /** Calls `lost` once. A receiver that starts after the end is told too. */
  #tellEnd(): void {
    if (this.#receiver === undefined || this.#isEndTold) return;
    this.#isEndTold = true;
    this.#receiver.lost(this.#cause);
  }
}

/** Creates two links that are joined to each other. */
export function linkPair(options?: LinkPairOptions): { listener: MemoryLink; initiator: MemoryLink } {
  const listener = new MemoryLink("listener", options);
  const initiator = new MemoryLink("initiator", options);
  MemoryLink.join(listener, initiator);
  return { listener, initiator };
}
