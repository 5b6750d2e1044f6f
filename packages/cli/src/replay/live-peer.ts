// The connection to the live peer: decodes what it sends, and writes what this end says.

import { encode, none, pb } from "@pb/banana";
import type { Expression } from "@pb/banana";
import { once } from "node:events";
import type { Duplex } from "node:stream";
import { Conversation } from "../conversation/conversation.js";
import { otherSide, treeOf } from "../conversation/messages.js";
import type { Side } from "../conversation/messages.js";
import type { ReadMessage } from "./script.js";

/** Messages that wait until the connection is not read any further. */
const MOST_WAITING = 1000;

export class LivePeer {
  readonly #socket: Duplex;
  /** The side of this end. */
  readonly #self: Side;
  readonly #conversation: Conversation;
  readonly #waiting: ReadMessage[] = [];
  #hasEnded = false;
  #wake = (): void => undefined;
  #dialect = none;

  constructor(socket: Duplex, self: Side, redact: readonly string[]) {
    this.#socket = socket;
    this.#self = self;
    this.#conversation = new Conversation({
      redact,
      onMessage: (message) => {
        if (message.kind === "choice") this.#dialect = message.name === "pb" ? pb : none;
        if (message.from !== self) this.#waiting.push({ message, tree: treeOf(message) });
      },
    });
    const ended = (): void => {
      this.#hasEnded = true;
      this.#wake();
    };
    socket.on("data", (bytes: Uint8Array) => {
      this.#conversation.feed(otherSide(self), bytes, performance.now());
      if (this.#waiting.length > MOST_WAITING) socket.pause();
      this.#wake();
    });
    socket.on("error", ended).on("end", ended).on("close", ended);
  }

  /** Whether the peer has closed the connection, and all of its messages were taken. */
  get hasEnded(): boolean {
    return this.#hasEnded && this.#waiting.length === 0;
  }

  /** The next message of the peer. Undefined when it has closed the connection, or nothing came in `timeMs`. */
  async next(timeMs: number, signal: AbortSignal): Promise<ReadMessage | undefined> {
    const end = performance.now() + timeMs;
    // The bytes that arrive may be a part of a message.
    while (this.#waiting.length === 0 && !this.#hasEnded && performance.now() < end)
      await this.#change(end - performance.now(), signal);
    const message = this.#waiting.shift();
    if (this.#waiting.length === 0) this.#socket.resume();
    return message;
  }

  /** Resolves when the peer has closed the connection, or after `timeMs`. What it sends meanwhile is dropped. */
  async ended(timeMs: number, signal: AbortSignal): Promise<void> {
    const end = performance.now() + timeMs;
    while (!this.#hasEnded && performance.now() < end) {
      this.#waiting.length = 0;
      this.#socket.resume();
      await this.#change(end - performance.now(), signal);
    }
    this.#waiting.length = 0;
  }

  /** Writes a message. Resolves when the connection accepts more. */
  async send(tree: Expression, signal: AbortSignal): Promise<void> {
    const bytes = encode(tree, { dialect: this.#dialect });
    this.#conversation.feed(this.#self, bytes, performance.now());
    if (this.#hasEnded || this.#socket.write(bytes)) return;
    const waiting = new AbortController();
    const options = { signal: AbortSignal.any([signal, waiting.signal]) };
    try {
      await Promise.race([once(this.#socket, "drain", options), once(this.#socket, "close", options)]);
    } finally {
      waiting.abort(); // Removes the listeners.
    }
  }

  end(): void {
    this.#socket.end();
  }

  destroy(): void {
    this.#socket.destroy();
  }

  /** Resolves when bytes arrive, at the end, or after `timeMs`. Rejects when the signal aborts. */
  async #change(timeMs: number, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    let timer: NodeJS.Timeout | undefined;
    await new Promise<void>((resolve) => {
      this.#wake = resolve;
      signal.addEventListener("abort", this.#wake);
      timer = setTimeout(resolve, timeMs);
    });
    clearTimeout(timer);
    signal.removeEventListener("abort", this.#wake);
    this.#wake = () => undefined;
    signal.throwIfAborted();
  }
}
