/** Builds messages byte by byte, and speaks Banana over a plain stream: what `@pb` itself would not send. */

import { encode, pb, Session } from "@pb/banana";
import type { Expression } from "@pb/banana";
import type { Duplex } from "node:stream";

/** One element: a word, a number, or bytes that are encoded already. */
export type Part = string | number | bigint | Uint8Array;

const LIST = 0x80;
/** No list of the protocol is longer (wire specification 2.5). */
const LONGEST_LIST = 640 * 1024;

const toBytes = (part: Part): Uint8Array =>
  part instanceof Uint8Array ? part : encode(typeof part === "string" ? Buffer.from(part) : part, { dialect: pb });

function listHead(length: number): Uint8Array {
  const digits = [length & 127];
  for (let rest = length >>> 7; rest > 0; rest >>>= 7) digits.push(rest & 127);
  return Buffer.from([...digits, LIST]);
}

export const list = (...parts: readonly Part[]): Uint8Array => listOf(parts);

/** The same with any number of parts. */
export function listOf(parts: readonly Part[]): Uint8Array {
  const bytes: Uint8Array[] = [listHead(parts.length)];
  for (const part of parts) bytes.push(toBytes(part));
  return Buffer.concat(bytes);
}

/** A double, also where a number would be written as an integer. */
export function double(value: number): Uint8Array {
  const bytes = Buffer.alloc(9, 0x84);
  bytes.writeDoubleBE(value, 1);
  return bytes;
}

export const text = (value: string): Uint8Array => list("unicode", value);

/** A list that is filled with copies of an element up to about `bytes` bytes, in lists where it would be too long. */
export function filled(element: Uint8Array, bytes: number, atom: Part = "list"): Uint8Array {
  const parts = Math.ceil(bytes / element.length / (LONGEST_LIST - 1));
  const length = Math.floor(bytes / element.length / parts);
  const part = [listHead(length + 1), toBytes(atom), Buffer.alloc(length * element.length, element)];
  return list(atom, ...new Array<Uint8Array>(parts).fill(Buffer.concat(part)));
}

/** `echo(value)`, or another method of the root object. */
export const call = (value: Part, method = "echo", kwargs: Part = list("dictionary"), id: Part = 1): Uint8Array =>
  list("message", id, "root", method, 1, list("tuple", value), kwargs);

/** A WebSocket sends each piece as a message, for which servers have limits. */
const PIECE_BYTES = 256 * 1024;

/** One end of a connection. */
export class RawPeer {
  readonly #socket: Duplex;
  /** The call of a client that visits this peer. */
  called: Expression[] | undefined;
  #received: Expression[][] = [];
  /** How many of {@link #received} were returned or skipped. */
  #read = 0;
  #wake: () => void = () => undefined;
  isOpen = true;
  readonly closed: Promise<void>;

  /** Negotiates, unless there is no `role`. */
  constructor(socket: Duplex, role?: "initiator" | "listener") {
    this.#socket = socket.on("error", () => undefined);
    // The stream of a WebSocket that has ended emits no `close` while its other direction is open.
    this.closed = new Promise((resolve) => socket.once("close", () => resolve()).once("end", () => resolve()));
    void this.closed.then(() => {
      this.isOpen = false;
      this.#wake();
    });
    if (role === undefined) {
      socket.resume();
      return;
    }
    const session = new Session({ role, send: (bytes) => void socket.write(bytes), dialects: [pb] });
    socket.on("data", (chunk: Uint8Array) => {
      session.push(chunk);
      for (let next = session.next(); next !== undefined; next = session.next())
        this.#received.push(next as Expression[]);
      this.#wake();
    });
    session.start();
  }

  /** Resolves when the bytes have left this process, or the connection has ended. */
  async write(bytes: Uint8Array): Promise<void> {
    const pieces = Math.max(1, Math.ceil(bytes.length / PIECE_BYTES));
    for (let index = 0; index < pieces - 1; index++)
      this.#socket.write(bytes.subarray(index * PIECE_BYTES, (index + 1) * PIECE_BYTES));
    const last = bytes.subarray((pieces - 1) * PIECE_BYTES);
    await Promise.race([new Promise((resolve) => this.#socket.write(last, resolve)), this.closed]);
  }

  /** The next message with one of these commands, as it was received. Undefined when the connection ends first. */
  async next(...commands: readonly string[]): Promise<Expression[] | undefined> {
    for (;;) {
      while (this.#read < this.#received.length) {
        const message = this.#received[this.#read++]!;
        if (commands.includes(String.fromCharCode(...(message[0] as Uint8Array)))) return message;
      }
      this.#received = [];
      this.#read = 0;
      if (!this.isOpen) return undefined;
      await new Promise<void>((resolve) => (this.#wake = resolve));
    }
  }

  /** The next call, whatever the client has told the object `pbx` before it. */
  async nextCall(): Promise<Expression[] | undefined> {
    for (;;) {
      const message = await this.next("message");
      if (message?.[4] !== 0) return message;
    }
  }

  /** Sends a call and returns its answer or error. Undefined when the connection ends first. */
  async ask(message: Uint8Array): Promise<Expression[] | undefined> {
    await this.write(message);
    return this.next("answer", "error");
  }

  /** Stops reading. */
  pause(): void {
    this.#socket.pause();
  }

  destroy(): void {
    this.#socket.destroy();
  }
}
