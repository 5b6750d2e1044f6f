// A link over a MessagePort or a worker. Ports have no backpressure, so that each end grants what the other may send.

import type { Peer } from "@pb/broker";
import { LinkError } from "../errors.js";
import { Credit } from "./credit.js";
import { MessageLink } from "./message-link.js";
import { isMessagePort, listenTo } from "./port-like.js";
import type { PortLike } from "./port-like.js";
import { DEFAULT_HELD_BYTES } from "./web-socket-link.js";

/** Bytes that an end may send before the other has read them. */
const CREDIT_BYTES = 256 * 1024;

/**
 * Milliseconds to wait for the end of the other end when everything was posted, and arrives whether this end waits or
 * not. In a browser, nothing tells that the worker at the other end was terminated.
 */
const END_MS = 1_000;

/**
 * What the ends post, besides bytes. An end posts nothing but `hello` before it has received the other's, because a
 * worker loses messages that arrive before it listens. `hello` is therefore posted at the start, and once more as the
 * answer to the first that arrives.
 */
type Signal = readonly ["pb", "hello", 1] | readonly ["pb", "credit", number] | readonly ["pb", "end" | "abort"];

/** The bytes of a connection within one browser or process do not leave it, which is as good as encryption. */
export const PORT_PEER: Peer = { description: "port", isEncrypted: true };

export class PortLink extends MessageLink {
  readonly #port: PortLike;
  readonly #stopListening: readonly (() => void)[];
  #hasHello = false;
  /** The last error of the worker. */
  #error: Error | undefined;
  /** Called when the other end has answered. */
  onHello: (() => void) | undefined;

  /** Nothing else may use the port from now on. */
  constructor(port: PortLike, role: "listener" | "initiator", peer: Peer = PORT_PEER) {
    super(role, peer, DEFAULT_HELD_BYTES);
    this.#port = port;
    this.credit = new Credit(CREDIT_BYTES, (bytes) => this.#post(["pb", "credit", bytes]));
    this.#stopListening = [
      listenTo(port, "message", (event) => this.#received((event as { readonly data: unknown }).data)),
      listenTo(port, "messageerror", () => this.#refuse("a message that cannot be read")),
      listenTo(port, "error", (event) => this.#workerFailed(event)),
      listenTo(port, "exit", (code) => this.#workerEnded(new Error(`it exited with ${String(code)}`))),
      listenTo(port, "close", () => this.ended()),
    ];
    port.start?.();
    this.#post(["pb", "hello", 1]);
  }

  /** Whether the other end has answered. */
  get hasHello(): boolean {
    return this.#hasHello;
  }

  /** A port takes all bytes at once. Credit limits how many the other end has not read. */
  protected override get unsentBytes(): number {
    return 0;
  }

  protected override get closingMs(): number {
    return this.queuedBytes === 0 ? END_MS : super.closingMs;
  }

  /** Before the other end has answered, nothing is transmitted: a worker loses messages until it listens. */
  protected override pump(): void {
    if (this.#hasHello) super.pump();
  }

  protected override transmit(piece: Uint8Array): void {
    // Only a whole buffer can be transferred. Another one is copied.
    const whole = piece.length === piece.buffer.byteLength ? piece : piece.slice();
    this.#port.postMessage(whole, [whole.buffer] as never[]);
  }

  protected override transmitEnd(): void {
    this.#post(["pb", "end"]);
  }

  protected override abort(): void {
    this.#post(["pb", "abort"]);
  }

  protected override release(): void {
    for (const stop of this.#stopListening) stop();
    if (isMessagePort(this.#port)) this.#port.close!();
  }

  protected override setReading(): void {
    // A port cannot stop reading: bytes that arrive are held, and not granted again.
  }

  #post(signal: Signal): void {
    this.#port.postMessage(signal, []);
  }

  #received(data: unknown): void {
    if (data instanceof Uint8Array && this.#hasHello) {
      this.arrived(data);
      return;
    }
    const signal = toSignal(data);
    switch (signal?.[1]) {
      case "hello":
        this.#receivedHello();
        break;
      case "credit":
        this.granted(signal[2]);
        break;
      case "end":
        // The other end waits for this one, and sends no more.
        if (this.isOpen) this.#post(["pb", "end"]);
        this.ended();
        break;
      case "abort":
        this.ended();
        break;
      case undefined:
        this.#refuse(`a message of the type ${data === null ? "null" : typeof data}`);
    }
  }

  #receivedHello(): void {
    if (this.#hasHello) return;
    this.#hasHello = true;
    this.#post(["pb", "hello", 1]);
    this.onHello?.();
    this.progressed();
  }

  #refuse(what: string): void {
    const text = `The port received ${what}, which is no part of the protocol: the port must have no other user`;
    this.fail("protocol", new LinkError("LINK_FOREIGN_MESSAGE", text));
  }

  /** A worker of a browser goes on after an error, unless it could not be started. */
  #workerFailed(event: unknown): void {
    const { message, error = event } = event as { readonly message?: unknown; readonly error?: unknown };
    this.#error = error instanceof Error ? error : new Error(typeof message === "string" ? message : "unknown error");
    if (!this.#hasHello) this.#workerEnded(this.#error);
  }

  #workerEnded(error: Error): void {
    const cause = this.#error ?? error; // Node reports an error before the exit that it causes.
    this.ended(new LinkError("LINK_WORKER", `The worker has ended: ${cause.message}`, { cause }));
  }
}

/** Closes a port without a link. Most browsers do not tell the other end that a port was closed, but a message does. */
export function refusePort(port: PortLike): void {
  const signal: Signal = ["pb", "abort"];
  port.postMessage(signal, []);
  port.close?.();
}

/** The message as a signal, or undefined if it is none. */
function toSignal(data: unknown): Signal | undefined {
  if (!Array.isArray(data) || data[0] !== "pb") return undefined;
  const [, word, number] = data as unknown[];
  switch (word) {
    case "hello":
      return number === 1 ? ["pb", "hello", 1] : undefined;
    case "credit":
      return typeof number === "number" ? ["pb", "credit", number] : undefined;
    case "end":
    case "abort":
      return ["pb", word];
    default:
      return undefined;
  }
}
