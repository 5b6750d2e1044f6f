// Sockets whose request has not arrived. They have a limited time, and no network takes the places of the others.

import { LONGEST_MS, networksOf } from "@pb/broker/extension";
import type { Socket } from "node:net";

interface Waiting {
  readonly socket: Socket;
  readonly network: string;
  readonly timer: ReturnType<typeof setTimeout>;
}

export class WaitingSockets {
  readonly #most: number;
  readonly #milliseconds: number;
  readonly #giveUp: (socket: Socket, why: string) => void;
  readonly #leftSilently: (socket: Socket) => void;
  /** By the addresses of both ends: a TLS socket has those of its TCP socket. */
  readonly #all = new Map<string, Waiting>();
  /** The same by network (of IPv6, by /48), in each the oldest first. */
  readonly #networks = new Map<string, Set<Waiting>>();

  /**
   * `giveUp` is called with a socket that has waited for too long, or that has to make room for another one, and
   * `leftSilently` with one that the peer has closed before it had sent a byte.
   */
  constructor(
    most: number,
    milliseconds: number,
    giveUp: (socket: Socket, why: string) => void,
    leftSilently: (socket: Socket) => void,
  ) {
    this.#most = most;
    this.#milliseconds = milliseconds;
    this.#giveUp = giveUp;
    this.#leftSilently = leftSilently;
  }

  /** Waits for the request of a socket. When too many wait, gives up the oldest of the network that has the most. */
  add(socket: Socket): void {
    if (this.#all.size >= this.#most) this.#makeRoom();
    const network = networksOf(socket.remoteAddress ?? "").at(-1)!;
    const why = `none arrived within ${this.#milliseconds} ms`;
    const timer = setTimeout(() => this.#end(waiting, why), Math.min(this.#milliseconds, LONGEST_MS));
    timer.unref();
    const waiting = { socket, network, timer };
    const key = addressesOf(socket);
    this.#forget(key); // Sockets that are closed already have no address, and so the same key.
    this.#all.set(key, waiting);
    const members = this.#networks.get(network);
    if (members === undefined) this.#networks.set(network, new Set([waiting]));
    else members.add(waiting);
    socket.once("close", () => {
      if (this.#all.get(key) !== waiting) return;
      this.#forget(key);
      if (socket.bytesRead === 0) this.#leftSilently(socket);
    });
  }

  /** The request of a socket has arrived. */
  arrived(socket: Socket): void {
    this.#forget(addressesOf(socket));
  }

  destroyAll(): void {
    for (const { socket } of this.#all.values()) socket.destroy();
  }

  #makeRoom(): void {
    let crowd: Set<Waiting> | undefined;
    for (const members of this.#networks.values()) if (members.size > (crowd?.size ?? 0)) crowd = members;
    const [oldest] = crowd ?? [];
    if (oldest !== undefined) this.#end(oldest, "too many others wait");
  }

  #end({ socket }: Waiting, why: string): void {
    this.#giveUp(socket, why);
    this.arrived(socket);
    socket.destroy();
  }

  #forget(key: string): void {
    const waiting = this.#all.get(key);
    if (waiting === undefined) return;
    clearTimeout(waiting.timer);
    this.#all.delete(key);
    const members = this.#networks.get(waiting.network)!;
    members.delete(waiting);
    if (members.size === 0) this.#networks.delete(waiting.network);
  }
}

function addressesOf({ remoteAddress, remotePort, localAddress }: Socket): string {
  return `${remoteAddress ?? ""} ${remotePort ?? ""} ${localAddress ?? ""}`;
}
