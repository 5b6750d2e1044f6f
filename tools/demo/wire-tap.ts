// Stands between a client and a server on TCP, passes on every byte and keeps a copy.

import { once } from "node:events";
import { connect, createServer } from "node:net";
import type { AddressInfo, Server, Socket } from "node:net";

export class WireTap implements AsyncDisposable {
  readonly #listener: Server;
  readonly #sockets = new Set<Socket>();
  readonly #fromClient: Uint8Array[] = [];
  readonly #fromServer: Uint8Array[] = [];

  /** Connects whoever connects to {@link port} with the server at `serverPort` of this machine. */
  static async open(serverPort: number): Promise<WireTap> {
    const tap = new WireTap(serverPort);
    tap.#listener.listen(0, "127.0.0.1");
    await once(tap.#listener, "listening");
    return tap;
  }

  private constructor(serverPort: number) {
    this.#listener = createServer((client) => {
      const server = connect(serverPort, "127.0.0.1");
      this.#pass(client, server, this.#fromClient);
      this.#pass(server, client, this.#fromServer);
    });
  }

  get port(): number {
    return (this.#listener.address() as AddressInfo).port;
  }

  get fromClient(): Uint8Array {
    return Buffer.concat(this.#fromClient);
  }

  get fromServer(): Uint8Array {
    return Buffer.concat(this.#fromServer);
  }

  #pass(from: Socket, to: Socket, kept: Uint8Array[]): void {
    this.#sockets.add(from);
    from.on("data", (bytes: Uint8Array) => kept.push(bytes));
    // An error is told by the programs at both ends; here it only ends the other half.
    from.on("error", () => to.destroy());
    from.on("close", () => this.#sockets.delete(from));
    from.pipe(to);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closed = once(this.#listener, "close");
    this.#listener.close();
    for (const socket of this.#sockets) socket.destroy();
    await closed;
  }
}
