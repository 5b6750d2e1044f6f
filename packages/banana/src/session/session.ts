// `Session` negotiates a dialect at the start of a stream, then returns expressions.

import { BananaError } from "../errors.js";
import type { Expression } from "../expression/expression.js";
import { announceDialect, chooseDialect, acceptDialect, offerDialects } from "./handshake.js";
import { checkNames } from "../limits.js";
import type { BananaLimits } from "../limits.js";
import type { BananaReader } from "../reading/reader.js";
import { Scanner } from "../reading/scanner.js";
import { SNIFFED_BYTES, sniffProtocol } from "./sniff-protocol.js";
import { checkDialects, standardDialects } from "../format/vocabulary.js";
import type { Dialect } from "../format/vocabulary.js";

/**
 * The largest number of bytes of the first expression. The offer of a Twisted server has 12, the choice of a client 4,
 * and a stranger should not be able to send more.
 */
const NEGOTIATION_BYTES = 512;

/** Options of {@link Session}. */
export interface SessionOptions {
  /**
   * `listener`: the side that accepted the connection, which sends the first message. `initiator`: the side that opened
   * it, which chooses.
   */
  readonly role: "listener" | "initiator";
  /** Called with the bytes to send during the negotiation. */
  readonly send: (bytes: Uint8Array) => void;
  /**
   * The supported dialects. Default: `pb`, `none`. The listener offers them in this order of preference; the order of
   * the initiator has no effect.
   */
  readonly dialects?: readonly Dialect[] | undefined;
  readonly limits?: Partial<BananaLimits> | undefined;
  /**
   * Initiator only: called with the first name that the listener offers, before a dialect is chosen. An error that it
   * throws ends the negotiation.
   */
  readonly inspectOffer?: ((first: string) => void) | undefined;
}

/** One side of a byte stream that starts with the negotiation of a dialect (wire specification 3). Does no I/O. */
export class Session {
  readonly role: "listener" | "initiator";
  readonly #send: (bytes: Uint8Array) => void;
  readonly #inspectOffer: SessionOptions["inspectOffer"];
  readonly #dialects: readonly Dialect[];
  readonly #scanner: Scanner;
  #expressionBytes: number;
  #dialect: Dialect | undefined;

  /** Throws `TypeError` for an unknown option or one of the wrong kind, and for limits as {@link Scanner} does. */
  constructor(options: SessionOptions) {
    checkNames("The options", options, ["role", "send", "dialects", "limits", "inspectOffer"]);
    const { role, send, dialects = standardDialects, limits, inspectOffer } = options;
    if ((role as string) !== "listener" && role !== "initiator")
      throw new TypeError("The role is listener or initiator");
    if (typeof send !== "function") throw new TypeError("The option send must be a function");
    if (inspectOffer !== undefined && typeof inspectOffer !== "function")
      throw new TypeError("The option inspectOffer must be a function");
    this.role = role;
    this.#send = send;
    this.#inspectOffer = inspectOffer;
    this.#dialects = checkDialects(dialects);
    this.#scanner = new Scanner({ limits });
    this.#expressionBytes = this.#scanner.expressionBytes;
    this.#scanner.expressionBytes = Math.min(NEGOTIATION_BYTES, this.#expressionBytes);
  }

  /** The largest number of bytes of an expression after the negotiation. May be changed at any time. */
  set expressionBytes(expressionBytes: number) {
    this.#expressionBytes = expressionBytes;
    if (this.#dialect !== undefined) this.#scanner.expressionBytes = expressionBytes;
  }

  /** The number of bytes that were received and do not belong to a returned expression. */
  get pendingBytes(): number {
    return this.#scanner.pendingBytes;
  }

  /** The agreed dialect; undefined during the negotiation. */
  get dialect(): Dialect | undefined {
    return this.#dialect;
  }

  /** The number of bytes of the stream that were read. */
  get offset(): number {
    return this.#scanner.offset;
  }

  /** Call once, when the stream is open. The listener sends its offer. */
  start(): void {
    if (this.role === "listener") this.#send(offerDialects(this.#dialects));
  }

  /** Adds received bytes, which are copied. */
  push(chunk: Uint8Array): void {
    this.#scanner.push(chunk);
  }

  /** As {@link push}, but avoids the copy where possible: see `Scanner.lend`. */
  lend(chunk: Uint8Array): void {
    this.#scanner.lend(chunk);
  }

  /** Discards the pending bytes, also those of a reader that is in use. Call it when the stream has ended. */
  discard(): void {
    this.#scanner.reset();
  }

  /**
   * Returns the next expression in the agreed dialect; undefined when more bytes are needed. Processes the negotiation
   * first. Throws {@link BananaError} for invalid bytes, and when there is no common dialect; close the stream then.
   */
  next(): Expression | undefined {
    return this.#negotiate() ? this.#scanner.next() : undefined;
  }

  /** As {@link next}, without a tree: see `Scanner.advance`. */
  advance(reader: BananaReader, most?: number): boolean {
    return this.#negotiate() && this.#scanner.advance(reader, most);
  }

  /** Whether the last {@link advance} stopped because of its limit: call it again, without further bytes. */
  get isInterrupted(): boolean {
    return this.#scanner.isInterrupted;
  }

  /** Processes the message of the peer when it has arrived. Returns whether a dialect is agreed. */
  #negotiate(): boolean {
    if (this.#dialect !== undefined) return true;
    const protocol = sniffProtocol(this.#scanner.peek(SNIFFED_BYTES));
    if (protocol !== undefined)
      throw new BananaError("BANANA_NOT_BANANA", `The peer does not speak Banana: it sent ${protocol}`, { offset: 0 });
    const message = this.#scanner.next();
    if (message === undefined) return false;
    const isListener = this.role === "listener";
    const dialect = isListener
      ? acceptDialect(message, this.#dialects)
      : chooseDialect(message, this.#dialects, this.#inspectOffer);
    // Set before `send` is called: the reply may arrive before `send` returns.
    this.#scanner.dialect = this.#dialect = dialect;
    this.#scanner.expressionBytes = this.#expressionBytes;
    if (!isListener) this.#send(announceDialect(dialect));
    return true;
  }
}
