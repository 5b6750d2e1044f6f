// A cable between a client and a server, which a test can cut, or make silent without closing a connection.

import { connect, createServer } from "node:net";
import type { Server, Socket } from "node:net";
import { listen } from "../../process/ports.js";

export class Cable implements AsyncDisposable {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  #state: "connected" | "cut" | "silent" = "connected";
  port = 0;

  private constructor(target: { readonly host: string; readonly port: number }) {
    this.#server = createServer({ allowHalfOpen: true, pauseOnConnect: true }, (near) => {
      if (this.#state === "cut") {
        near.destroy();
        return;
      }
      const far = connect({ host: target.host, port: target.port, allowHalfOpen: true });
      for (const [from, to] of [
        [near, far],
        [far, near],
      ] as const) {
        this.#sockets.add(from);
        from.pipe(to);
        from.on("error", () => to.destroy()).on("close", () => this.#sockets.delete(from) && to.destroy());
      }
      if (this.#state === "silent") for (const socket of [near, far]) socket.pause();
    });
  }

  static async to(target: { readonly host: string; readonly port: number }): Promise<Cable> {
    const cable = new Cable(target);
    cable.port = await listen(cable.#server);
    return cable;
  }

  /** Closes all connections, and new ones at once. */
  cut(): void {
    this.#state = "cut";
    for (const socket of this.#sockets) socket.destroy();
  }

  /** Keeps the connections open and forwards nothing, as when a network drops all packets. */
  silence(): void {
    this.#state = "silent";
    for (const socket of this.#sockets) socket.unpipe().pause();
  }

  /** Ends both. Connections that were silent are lost, as after a while in a network. */
  mend(): void {
    if (this.#state === "silent") for (const socket of this.#sockets) socket.destroy();
    this.#state = "connected";
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.cut();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}
