// Finds the messages in the bytes of one direction.

import { BananaError, BananaReader, none, pb, Scanner, Session } from "@pb/banana";
import type { Dialect } from "@pb/banana";
import { ByteWindow } from "./byte-window.js";

/** The largest message that is decoded. `@pb/broker` accepts less by default, and Twisted sends less in practice. */
const MESSAGE_BYTES = 64 * 1024 * 1024;

/** The first message of a connection is short: see `NEGOTIATION_BYTES` in `@pb/banana`. */
const FIRST_MESSAGE_BYTES = 512;

/** Bytes after which text is told from the first message: that has its type after one to three bytes. */
const FIRST_BYTES = 4;

/** Why bytes cannot be decoded. */
export interface DecodingError {
  readonly code: string;
  readonly text: string;
  readonly offset: number;
}

/** A complete expression. The reader stands before it. `bytes` are valid until the next call of `feed`. */
export interface RawMessage {
  readonly reader: BananaReader;
  readonly bytes: Uint8Array;
  /** Whether it belongs to the negotiation of a dialect. */
  readonly isFirst: boolean;
}

/** What {@link Direction.feed} found. */
export interface DirectionListener {
  /** Returns why the message, and all that follows, cannot be decoded. */
  message(raw: RawMessage): Omit<DecodingError, "offset"> | undefined;
  /** `error` is there the first time. */
  opaque(size: number, error: DecodingError | undefined): void;
}

/** One direction. Its dialect is set when it is known. */
export class Direction {
  readonly #scanner: Scanner;
  readonly #reader = new BananaReader();
  readonly #window = new ByteWindow();
  readonly #listener: DirectionListener;
  #isNegotiating: boolean;
  #isOpaque = false;

  constructor(isNegotiating: boolean, listener: DirectionListener) {
    this.#isNegotiating = isNegotiating;
    this.#listener = listener;
    this.#scanner = new Scanner({ dialect: isNegotiating ? none : pb, limits: { expressionBytes: MESSAGE_BYTES } });
    if (isNegotiating) this.#scanner.expressionBytes = FIRST_MESSAGE_BYTES;
  }

  get isOpaque(): boolean {
    return this.#isOpaque;
  }

  get dialect(): Dialect {
    return this.#scanner.dialect;
  }

  set dialect(dialect: Dialect) {
    this.#scanner.dialect = dialect;
  }

  /** Bytes of a message that is not complete. */
  get pendingBytes(): number {
    return this.#window.length;
  }

  feed(bytes: Uint8Array): void {
    if (this.#isOpaque) {
      this.#listener.opaque(bytes.length, undefined);
      return;
    }
    this.#window.push(bytes);
    try {
      this.#scanner.lend(bytes);
      if (this.#isNegotiating) this.#requirePb();
      while (this.#scanner.advance(this.#reader)) this.#deliver();
      this.#window.keep();
    } catch (error) {
      if (!(error instanceof BananaError)) throw error;
      this.fail(error.code, error.message, error.offset ?? this.#scanner.offset);
    }
  }

  /** Everything from here on is opaque, and `before` bytes of a message that was complete. */
  fail(code: string, text: string, offset: number = this.#window.start, before = 0): void {
    if (this.#isOpaque) return;
    this.#isOpaque = true;
    const size = before + this.#window.length;
    this.#scanner.reset();
    this.#window.clear();
    this.#listener.opaque(size, { code, text, offset });
  }

  #deliver(): void {
    const isFirst = this.#isNegotiating;
    const offset = this.#window.start;
    const bytes = this.#window.take(this.#scanner.offset - offset);
    if (isFirst) {
      this.#isNegotiating = false;
      this.#scanner.expressionBytes = MESSAGE_BYTES;
    }
    const error = this.#listener.message({ reader: this.#reader, bytes, isFirst });
    if (error !== undefined) this.fail(error.code, error.text, offset, bytes.length);
  }

  /** Throws when the first bytes belong to another protocol. */
  #requirePb(): void {
    const first = this.#scanner.peek(8);
    const session = new Session({ role: "listener", send: () => undefined });
    session.push(first);
    try {
      session.next();
    } catch (error) {
      if (error instanceof BananaError && error.code === "BANANA_NOT_BANANA") throw error;
    }
    if (first.length >= FIRST_BYTES && first.subarray(0, FIRST_BYTES).every((byte: number) => byte < 0x80)) {
      throw new BananaError("BANANA_NOT_BANANA", "This is no Banana: it looks like text", { offset: 0 });
    }
  }
}
