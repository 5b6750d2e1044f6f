// A stream of Banana from its first byte: negotiates a dialect, then hands over expressions.

import { BananaError } from "../errors.js";
import type { Expression } from "../expression/expression.js";
import { announceDialect, chooseDialect, hearDialect, offerDialects } from "./handshake.js";
import type { BananaLimits } from "../limits.js";
import type { BananaReader } from "../reading/reader.js";
import { Scanner } from "../reading/scanner.js";
import { describeStranger, STRANGER_BYTES } from "./sniff-protocol.js";
import { standardDialects } from "../format/vocabulary.js";
import type { Dialect } from "../format/vocabulary.js";

/** Which end a {@link Session} is, and what it may agree to. */
export interface SessionOptions {
  /** The side that accepted the connection listens and speaks first; the side that made it initiates and chooses. */
  readonly role: "listener" | "initiator";
  /** Receives what must be sent to negotiate. */
  readonly send: (bytes: Uint8Array) => void;
  /** In order of preference. Default: `pb`, `none`. The initiator's own order does not matter: the listener's does. */
  readonly dialects?: readonly Dialect[] | undefined;
  readonly limits?: Partial<BananaLimits> | undefined;
}

/** Two ends of a byte stream that agree on a dialect (wire specification 3). Does no I/O. */
export class Session {
  readonly role: "listener" | "initiator";
  readonly #send: (bytes: Uint8Array) => void;
  readonly #dialects: readonly Dialect[];
  readonly #scanner: Scanner;
  #dialect: Dialect | undefined;

  constructor({ role, send, dialects = standardDialects, limits }: SessionOptions) {
    this.role = role;
    this.#send = send;
    this.#dialects = dialects;
    this.#scanner = new Scanner({ limits });
  }

  /** What was agreed on; undefined while negotiating. */
  get dialect(): Dialect | undefined {
    return this.#dialect;
  }

  /** Bytes of the stream read so far. */
  get offset(): number {
    return this.#scanner.offset;
  }

  /** Call once, when the stream is open: the listener makes its offer. */
  start(): void {
    if (this.role === "listener") this.#send(offerDialects(this.#dialects));
  }

  /** Adds received bytes, which are copied. */
  push(chunk: Uint8Array): void {
    this.#scanner.push(chunk);
  }

  /** As {@link push}, without a copy where there need not be one: see `Scanner.lend`. */
  lend(chunk: Uint8Array): void {
    this.#scanner.lend(chunk);
  }

  /**
   * The next expression in the agreed dialect, or undefined for "not yet". Negotiates on the way.
   * Throws {@link BananaError} when the stream is bad or no dialect is common; then close it.
   */
  next(): Expression | undefined {
    return this.#hasAgreed() ? this.#scanner.next() : undefined;
  }

  /** As {@link next}, for reading value by value: see `Scanner.advance`. */
  advance(reader: BananaReader): boolean {
    return this.#hasAgreed() && this.#scanner.advance(reader);
  }

  /** Whether there is a dialect; agrees on one when what that takes has arrived. */
  #hasAgreed(): boolean {
    if (this.#dialect !== undefined) return true;
    const stranger = describeStranger(this.#scanner.peek(STRANGER_BYTES));
    if (stranger !== undefined)
      throw new BananaError("BANANA_NOT_BANANA", `The peer does not speak Banana: it sent ${stranger}`, { offset: 0 });
    const words = this.#scanner.next();
    if (words === undefined) return false;
    const isListener = this.role === "listener";
    const dialect = (isListener ? hearDialect : chooseDialect)(words, this.#dialects);
    // First of all: the answer to what is sent may be there before `send` returns.
    this.#scanner.dialect = this.#dialect = dialect;
    if (!isListener) this.#send(announceDialect(dialect));
    return true;
  }
}
