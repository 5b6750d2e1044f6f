// A network that can be slow, narrow, or gone without a word: a TCP proxy between a client and a server.

import { once } from "node:events";
import { connect, createServer } from "node:net";
import type { AddressInfo, Server, Socket } from "node:net";

export interface Weather {
  /** Milliseconds that everything takes, one way. */
  delayMs: number;
  /** Bytes a second, one way. */
  bytesPerSecond: number;
  /** Bytes in one piece. */
  pieceBytes: number;
}

/** Where the proxy leads to: a port here, or a function that connects. */
type Target = number | (() => Socket);

export class BadNetwork implements AsyncDisposable {
  readonly #server: Server;
  readonly #wires = new Set<Wire>();
  #isCut = false;
  readonly weather: Weather = { delayMs: 0, bytesPerSecond: Infinity, pieceBytes: Infinity };
  /** Connections that were made through it. */
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
   * From now on nothing passes over the connections that are there, in either direction, and neither end is told: a cable was pulled. New connections
   * pass, unless it is all of them.
   */
  cut({ all = false } = {}): void {
    for (const wire of this.#wires) wire.isCut = true;
    this.#isCut = all;
  }

  /** New connections pass again. What was cut stays so: by now both ends have forgotten how far they were. */
  mend(): void {
    this.#isCut = false;
  }

  /** Breaks the connections that are there; both ends are told. */
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
      this.#wires.add(new Wire(socket, socket, this.weather, true));
      return;
    }
    this.made++;
    const other =
      typeof target === "number" ? connect({ port: target, host: "127.0.0.1", allowHalfOpen: true }) : target();
    const wire = new Wire(socket, other, this.weather, false);
    this.#wires.add(wire);
    socket.once("close", () => {
      if (!wire.isCut) this.#wires.delete(wire);
    });
  }
}

class Wire {
  readonly #ends: readonly Socket[];
  isCut: boolean;

  constructor(one: Socket, other: Socket, weather: Weather, isCut: boolean) {
    this.#ends = [one, other];
    this.isCut = isCut;
    if (isCut) return;
    void this.#carry(one, other, weather);
    void this.#carry(other, one, weather);
  }

  drop(): void {
    for (const end of this.#ends) end.destroy();
  }

  /** In order, piece by piece, each after its time. Stops reading while it waits, so that what is slow here is felt at the other end. */
  async #carry(from: Socket, to: Socket, weather: Weather): Promise<void> {
    from.on("error", () => to.destroy());
    let way = Promise.resolve();
    try {
      for await (const chunk of from as AsyncIterable<Buffer>) {
        for (let start = 0; start < chunk.length; start += weather.pieceBytes) {
          const piece = chunk.subarray(start, Math.min(chunk.length, start + weather.pieceBytes));
          if (weather.bytesPerSecond < Infinity) await sleep((piece.length / weather.bytesPerSecond) * 1000);
          const arrival = sleep(weather.delayMs);
          way = way.then(async () => {
            await arrival;
            await this.#deliver(piece, to);
          });
          if (weather.delayMs === 0) await way;
        }
      }
      await way;
      if (!this.isCut) to.end();
    } catch {
      if (!this.isCut) to.destroy();
    }
  }

  async #deliver(piece: Buffer, to: Socket): Promise<void> {
    // Whoever is cut off is not told, not even that the other end is gone.
    if (this.isCut) await new Promise<never>(() => undefined);
    if (!to.destroyed && !to.write(piece)) await Promise.race([once(to, "drain"), once(to, "close")]);
  }
}

function sleep(ms: number): Promise<void> {
  return ms === 0 ? Promise.resolve() : new Promise((resolve) => setTimeout(resolve, ms));
}
