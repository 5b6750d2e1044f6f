// A minimal link over a TCP socket, because the broker's tests do not depend on a transport package.

import { once } from "node:events";
import { connect } from "node:net";
import type { Socket } from "node:net";
import type { Peer } from "@pb/broker";
import type { Link, LinkReceiver } from "@pb/broker/extension";

export class TestLink implements Link {
  readonly role: Link["role"];
  readonly peer: Peer = { description: "test", isEncrypted: false };
  readonly #socket: Socket;

  constructor(socket: Socket, role: Link["role"] = "initiator") {
    this.role = role;
    this.#socket = socket;
  }

  static async connect(port: number): Promise<TestLink> {
    const socket = connect({ host: "127.0.0.1", port });
    await once(socket, "connect");
    return new TestLink(socket);
  }

  get queuedBytes(): number {
    return this.#socket.writableLength;
  }

  start(receiver: LinkReceiver): void {
    this.#socket
      .on("data", (bytes: Uint8Array) => receiver.received(bytes))
      .on("drain", () => receiver.drained())
      .on("error", () => undefined)
      .on("close", () => receiver.lost());
  }

  send(bytes: Uint8Array): void {
    this.#socket.write(bytes);
  }

  close(): void {
    this.#socket.end();
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
