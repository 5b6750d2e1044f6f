// Two ends of a connection in one process: delivers byte by byte if asked to, and can hold everything back.

import type { Link, LinkReceiver, Peer } from "./link.js";

export interface LinkPairOptions {
  /** Bytes delivered at a time. Default: what was sent at once. 1 finds whoever relies on packets. */
  readonly chunkBytes?: number | undefined;
  /** Whether what is sent is kept, for {@link MemoryLink.traffic}. Default true. */
  readonly isRecorded?: boolean | undefined;
}

/** Some bytes that one end sent. */
export interface Sending {
  readonly from: MemoryLink;
  readonly bytes: Uint8Array;
}

/** One end. What is sent arrives at the other end in a later microtask, in order. */
export class MemoryLink implements Link {
  readonly role: "listener" | "initiator";
  readonly peer: Peer = { description: "memory", isEncrypted: true };
  readonly #chunkBytes: number;
  #end: MemoryLink | undefined;
  #receiver: LinkReceiver | undefined;
  #arrived: Uint8Array[] = [];
  #arrivedBytes = 0;
  #isHeld = false;
  #isPaused = false;
  #isScheduled = false;
  #isEnding = false;
  #isOver = false;
  readonly #isRecorded: boolean;
  #traffic: Sending[] = [];

  constructor(role: "listener" | "initiator", { chunkBytes = Infinity, isRecorded = true }: LinkPairOptions = {}) {
    this.role = role;
    this.#chunkBytes = chunkBytes;
    this.#isRecorded = isRecorded;
  }

  /** Makes two links the ends of one connection. */
  static join(one: MemoryLink, other: MemoryLink): void {
    one.#end = other;
    other.#end = one;
    other.#traffic = one.#traffic;
  }

  /** Everything both ends sent, in the pieces it was sent in, in order. */
  get traffic(): readonly Sending[] {
    return this.#traffic;
  }

  /** Everything this end sent, in the pieces it was sent in. */
  get sent(): Uint8Array[] {
    return this.#traffic.filter(({ from }) => from === this).map(({ bytes }) => bytes);
  }

  get #other(): MemoryLink {
    if (this.#end === undefined) throw new TypeError("A memory link needs another end: use linkPair");
    return this.#end;
  }

  get queuedBytes(): number {
    return this.#other.#arrivedBytes;
  }

  start(receiver: LinkReceiver): void {
    this.#receiver = receiver;
    this.#schedule();
  }

  send(bytes: Uint8Array): void {
    if (this.#isOver || this.#isEnding) return;
    if (this.#isRecorded) this.#traffic.push({ from: this, bytes });
    this.#other.#arrivedBytes += bytes.length;
    for (let start = 0; start < bytes.length; start += this.#chunkBytes) {
      this.#other.#arrived.push(bytes.slice(start, Math.min(start + this.#chunkBytes, bytes.length)));
    }
    this.#other.#schedule();
  }

  close(): void {
    if (this.#isOver) return;
    this.#isEnding = true;
    this.#other.#schedule();
    this.#over();
  }

  destroy(): void {
    this.#other.#arrived = [];
    this.#other.#arrivedBytes = 0;
    this.close();
  }

  pause(): void {
    this.#isPaused = true;
  }

  resume(): void {
    this.#isPaused = false;
    this.#schedule();
  }

  /** Keeps what arrives at this end until {@link release}: the other end sends, and this end hears nothing of it yet. */
  hold(): void {
    this.#isHeld = true;
  }

  release(): void {
    this.#isHeld = false;
    this.#schedule();
  }

  /** Breaks the connection as a network does: both ends are told, and what is under way is gone. */
  cut(cause: Error = new Error("The connection was cut")): void {
    this.#other.#over(cause);
    this.#over(cause);
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
    while (!this.#isHeld && !this.#isPaused && !this.#isOver) {
      const chunk = this.#arrived.shift();
      if (chunk === undefined) break;
      this.#arrivedBytes -= chunk.length;
      this.#receiver?.received(chunk);
      // The bytes are the link's again: whoever kept them without copying finds them changed.
      chunk.fill(0xff);
    }
    if (this.#arrived.length > 0 || this.#isHeld || this.#isPaused) return;
    this.#other.#left();
    if (this.#other.#isEnding) this.#over();
  }

  #left(): void {
    if (!this.#isOver) this.#receiver?.drained();
  }

  #over(cause?: Error): void {
    if (this.#isOver) return;
    this.#isOver = true;
    queueMicrotask(() => this.#receiver?.lost(cause));
  }
}

/** Two joined links. */
export function linkPair(options?: LinkPairOptions): { listener: MemoryLink; initiator: MemoryLink } {
  const listener = new MemoryLink("listener", options);
  const initiator = new MemoryLink("initiator", options);
  MemoryLink.join(listener, initiator);
  return { listener, initiator };
}
