// Limits the memory of messages that have not arrived as a whole: the package `ws` passes on whole messages only.

import type { Duplex } from "node:stream";
import { getHeapStatistics } from "node:v8";
import type { WebSocket } from "ws";

/** The part of V8's heap limit that the unfinished messages of all connections take at most: 256 MiB of 2 GiB. */
const HEAP_SHARE = 1 / 8;

/**
 * What is less than this does not count, because a fragment has a head whose size is not known here. After a message,
 * the beginning of the next one may be missing: at most a chunk of the socket, 64 KiB.
 */
const LEAST_BYTES = 16 * 1024;

/** The memory of a chunk of a socket besides its bytes. */
const CHUNK_BYTES = 128;

interface Unfinished {
  /** Bytes of the socket since the end of the last message, and the chunks in which they arrived. */
  bytes: number;
  chunks: number;
  /** What of them counts. */
  counted: number;
  readonly end: () => void;
}

export class UnfinishedMessages {
  readonly #most: number;
  #total = 0;
  /** Those that count, the one that began first in front. */
  readonly #all = new Set<Unfinished>();

  /** `most` bytes for all connections together. */
  constructor(most: number = getHeapStatistics().heap_size_limit * HEAP_SHARE) {
    this.#most = most;
  }

  /**
   * Counts what arrives for a WebSocket. When all together have too much, ends the connection whose message is
   * unfinished for the longest time: it has stalled, or its peer does not intend to finish it.
   */
  watch(socket: Duplex, webSocket: WebSocket): void {
    const message: Unfinished = { bytes: 0, chunks: 0, counted: 0, end: () => endFor(webSocket) };
    let chunkBytes = 0;
    // Before the listener of `ws`, which emits the messages of the chunk.
    const received = ({ length }: Uint8Array): void => {
      chunkBytes = length;
      message.chunks++;
      this.#count(message, message.bytes + length);
    };
    socket.prependListener("data", received);
    const finished = (data: unknown): void => {
      const { length } = data as Uint8Array; // The links leave `binaryType` as it is.
      const rest = message.bytes - length - headBytes(length);
      message.chunks = 1;
      // A message ends in the last chunk.
      chunkBytes = Math.min(Math.max(rest, 0), chunkBytes);
      this.#count(message, rest < LEAST_BYTES ? 0 : chunkBytes);
    };
    // A control frame may stand between the fragments of a message, which are still held.
    const controlled = ({ length }: Uint8Array): void => {
      const frameBytes = length + headBytes(length);
      const wasEmpty = chunkBytes === 0;
      chunkBytes = Math.max(chunkBytes - frameBytes, 0);
      if (chunkBytes === 0 && !wasEmpty) message.chunks--; // Nothing else was in the chunk.
      const rest = Math.max(message.bytes - frameBytes, 0);
      if (rest === 0) message.chunks = 0;
      this.#count(message, rest);
    };
    webSocket.on("message", finished).on("ping", controlled).on("pong", controlled);
    webSocket.once("close", () => {
      socket.off("data", received);
      webSocket.off("message", finished).off("ping", controlled).off("pong", controlled);
      this.#count(message, 0);
    });
  }

  /** Counts what another part of a connection holds. Call the result with its bytes; `end` has to free them. */
  hold(end: () => void): (bytes: number) => void {
    const message: Unfinished = { bytes: 0, chunks: 0, counted: 0, end };
    return (bytes) => this.#count(message, bytes);
  }

  #count(message: Unfinished, bytes: number): void {
    const counted = bytes < LEAST_BYTES ? 0 : bytes + message.chunks * CHUNK_BYTES;
    if (counted < message.counted || counted === 0) this.#all.delete(message); // Another message has begun.
    if (counted > 0) this.#all.add(message);
    this.#total += counted - message.counted;
    message.bytes = bytes;
    message.counted = counted;
    while (this.#total > this.#most) this.#endOldest();
  }

  #endOldest(): void {
    const [oldest] = this.#all;
    if (oldest === undefined) return;
    this.#count(oldest, 0);
    oldest.end();
  }
}

/** The head of a frame of a client (RFC 6455, section 5.2), which has a mask of 4 bytes. */
function headBytes(length: number): number {
  if (length < 126) return 6;
  return length < 0x1_0000 ? 8 : 14;
}

/** The same as when a message has too many fragments, which `ws` itself limits. */
function endFor(webSocket: WebSocket): void {
  const text = "all messages that are not complete take too much memory together";
  webSocket.emit("error", Object.assign(new Error(text), { code: "WS_ERR_TOO_MANY_BUFFERED_PARTS" }));
  webSocket.terminate();
}

/** Of all servers of this process. */
export const unfinishedMessages: UnfinishedMessages = new UnfinishedMessages();
