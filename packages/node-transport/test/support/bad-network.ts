// A TCP proxy between a client and a server that can delay, slow down, drop and silently cut connections.

import { once } from "node:events";
import { connect, createServer } from "node:net";
import type { AddressInfo, Server, Socket } from "node:net";

export interface Conditions {
  /** Delay in one direction, in milliseconds. */
  delayMs: number;
  /** Bandwidth in one direction, in bytes per second. */
  bytesPerSecond: number;
  /** The most bytes in one write. */
  pieceBytes: number;
}

/** The target of the proxy: a local port, or a function that connects. */
type Target = number | (() => Socket);

export class BadNetwork implements AsyncDisposable {
  readonly #server: Server;
  readonly #wires = new Set<Wire>();
  #isCut = false;
  readonly conditions: Conditions = { delayMs: 0, bytesPerSecond: Infinity, pieceBytes: Infinity };
  /** The number of connections that were forwarded. */
  made = 0;

  private constructor(server: Server) {
    this.#server = server;
  }

  static async before(target: Target): Promise<BadNetwork> {
    const server = createServer({ allowHalfOpen: true });
    const network = new BadNetwork(server);
    server.on("connection", (socket) => network.#join(socket, target));
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    return network;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /**
   * From now on, nothing passes over the existing connections, and neither end is told, as when a cable is pulled. New
   * connections still pass, unless `all` is true.
   */
  cut({ all = false } = {}): void {
    for (const wire of this.#wires) wire.isCut = true;
    this.#isCut = all;
  }

  /** Ends `cut({ all: true })` for new connections. Connections that were cut stay cut. */
  mend(): void {
    this.#isCut = false;
  }

  /** Resets the existing connections. Both ends are told. */
  drop(): void {
    for (const wire of this.#wires) wire.drop();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closed = once(this.#server, "close");
    this.#server.close();
    this.drop();
    await closed;
  }

  #join(socket: Socket, target: Target): void {
    if (this.#isCut) {
      socket.on("error", () => undefined).pause();
      this.#wires.add(new Wire(socket, socket, this.conditions, true));
      return;
    }
    this.made++;
    const other =
      typeof target === "number" ? connect({ port: target, host: "127.0.0.1", allowHalfOpen: true }) : target();
    const wire = new Wire(socket, other, this.conditions, false);
    this.#wires.add(wire);
    socket.once("close", () => {
      if (!wire.isCut) this.#wires.delete(wire);
    });
  }
}

class Wire {
  readonly #ends: readonly Socket[];
  isCut: boolean;

  constructor(one: Socket, other: Socket, conditions: Conditions, isCut: boolean) {
    this.#ends = [one, other];
    this.isCut = isCut;
    if (isCut) return;
    void this.#carry(one, other, conditions);
    void this.#carry(other, one, conditions);
  }

  drop(): void {
    for (const end of this.#ends) end.destroy();
  }

  /**
   * In order, piece by piece, each after its time. Stops reading while it waits, so that what is slow here is felt at
   * the other end.
   */
  async #carry(from: Socket, to: Socket, conditions: Conditions): Promise<void> {
    from.on("error", () => to.destroy());
    let way = Promise.resolve();
    try {
      for await (const chunk of from as AsyncIterable<Buffer>) {
        for (let start = 0; start < chunk.length; start += conditions.pieceBytes) {
          const piece = chunk.subarray(start, Math.min(chunk.length, start + conditions.pieceBytes));
          if (conditions.bytesPerSecond < Infinity) await sleep((piece.length / conditions.bytesPerSecond) * 1000);
          const arrival = sleep(conditions.delayMs);
          way = way.then(async () => {
            await arrival;
            await this.#deliver(piece, to);
          });
          if (conditions.delayMs === 0) await way;
        }
      }
      await way;
      if (!this.isCut) to.end();
    } catch {
      if (!this.isCut) to.destroy();
    }
  }

  async #deliver(piece: Buffer, to: Socket): Promise<void> {
    // A connection that is cut delivers nothing, not even the end of the stream.
    if (this.isCut) await new Promise<never>(() => undefined);
    if (!to.destroyed && !to.write(piece)) await Promise.race([once(to, "drain"), once(to, "close")]);
  }
}

function sleep(ms: number): Promise<void> {
  return ms === 0 ? Promise.resolve() : new Promise((resolve) => setTimeout(resolve, ms));
}
