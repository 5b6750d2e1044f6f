// A Node socket as a link.

import type { Link, LinkReceiver, Peer } from "@pb/broker";
import type { Socket } from "node:net";

/** How long a closing socket may take to send what is queued. */
const CLOSING_MS = 10_000;

export class SocketLink implements Link {
  readonly role: "listener" | "initiator";
  readonly peer: Peer;
  readonly #socket: Socket;

  /** `socket` is connected. The link owns it. */
  constructor(socket: Socket, role: "listener" | "initiator") {
    this.role = role;
    this.#socket = socket;
    const { remoteAddress = "unknown", remotePort } = socket;
    this.peer = {
      description: `tcp:${remoteAddress}${remotePort === undefined ? "" : `:${remotePort}`}`,
      isEncrypted: false,
    };
    socket.setNoDelay(true);
  }

  get queuedBytes(): number {
    return this.#socket.writableLength;
  }

  start(receiver: LinkReceiver): void {
    let cause: Error | undefined;
    this.#socket
      .on("data", (chunk: Uint8Array) => receiver.received(chunk))
      .on("drain", () => receiver.drained())
      .on("error", (error) => (cause = error))
      .on("close", () => receiver.lost(cause));
  }

  send(bytes: Uint8Array): void {
    if (this.#socket.writable) this.#socket.write(bytes);
  }

  close(): void {
    const socket = this.#socket;
    if (socket.destroyed) return;
    // Whatever still comes in is of no interest, but must be taken for the peer's end to be seen.
    socket.removeAllListeners("data").resume();
    socket.end();
    const timer = setTimeout(() => socket.destroy(), CLOSING_MS);
    socket.once("close", () => clearTimeout(timer));
  }

  destroy(): void {
    this.#socket.destroy();
  }

  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    this.#socket.resume();
  }
}
