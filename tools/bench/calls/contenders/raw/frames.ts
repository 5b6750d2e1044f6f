// Length-prefixed frames on a socket: the least that a protocol of one's own needs. A frame is JSON, or bytes.

import type { Socket } from "node:net";

const JSON_FRAME = 0;
const BYTES_FRAME = 1;
const HEADER_BYTES = 5;
/** Frames of less than this in all are joined for a write: copying them costs less than handing over each. */
const JOINED_BYTES = 64 * 1024;

export class Frames {
  readonly socket: Socket;
  readonly #received: (message: unknown) => void;
  /** What came and is not a whole frame yet. */
  #chunks: Buffer[] = [];
  #size = 0;
  /** How much the first frame of it takes, as far as that is known. */
  #needed = HEADER_BYTES;
  #pending: Buffer[] = [];

  constructor(socket: Socket, received: (message: unknown) => void) {
    this.socket = socket;
    this.#received = received;
    socket.setNoDelay(true);
    socket.on("data", (chunk) => this.#read(chunk));
  }

  sendJson(message: unknown): void {
    const text = JSON.stringify(message);
    const frame = Buffer.allocUnsafe(HEADER_BYTES + Buffer.byteLength(text));
    frame.writeUInt32BE(frame.length - HEADER_BYTES);
    frame[4] = JSON_FRAME;
    frame.write(text, HEADER_BYTES);
    this.send(frame);
  }

  sendBytes(bytes: Uint8Array): void {
    const header = Buffer.alloc(HEADER_BYTES);
    header.writeUInt32BE(bytes.length);
    header[4] = BYTES_FRAME;
    this.send(header);
    this.send(bytes as Buffer);
  }

  /** All frames of a turn leave in one write. */
  send(frame: Buffer): void {
    if (this.#pending.push(frame) > 1) return;
    queueMicrotask(() => {
      const frames = this.#pending;
      this.#pending = [];
      this.#write(frames);
    });
  }

  #write(frames: readonly Buffer[]): void {
    let size = 0;
    for (const frame of frames) size += frame.length;
    if (frames.length > 1 && size < JOINED_BYTES) {
      this.socket.write(Buffer.concat(frames, size));
      return;
    }
    this.socket.cork();
    for (const frame of frames) this.socket.write(frame);
    this.socket.uncork();
  }

  #read(chunk: Buffer): void {
    this.#chunks.push(chunk);
    this.#size += chunk.length;
    if (this.#size < this.#needed) return;
    const bytes = this.#chunks.length === 1 ? chunk : Buffer.concat(this.#chunks);
    let start = 0;
    this.#needed = HEADER_BYTES;
    while (bytes.length - start >= HEADER_BYTES) {
      this.#needed = HEADER_BYTES + bytes.readUInt32BE(start);
      const end = start + this.#needed;
      if (bytes.length < end) break;
      const body = bytes.subarray(start + HEADER_BYTES, end);
      this.#received(bytes[start + 4] === JSON_FRAME ? JSON.parse(body.toString()) : body);
      start = end;
      this.#needed = HEADER_BYTES;
    }
    this.#chunks = start === bytes.length ? [] : [bytes.subarray(start)];
    this.#size = bytes.length - start;
  }
}

/** A frame to be sent to many. */
export function frameOf(message: unknown): Buffer {
  const text = Buffer.from(JSON.stringify(message));
  const header = Buffer.alloc(HEADER_BYTES);
  header.writeUInt32BE(text.length);
  header[4] = JSON_FRAME;
  return Buffer.concat([header, text]);
}
