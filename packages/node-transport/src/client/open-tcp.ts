// Opens a TCP connection to the first address of a host that accepts it (RFC 8305, "Happy Eyeballs").

import { lookup } from "node:dns";
import type { LookupAddress } from "node:dns";
import { connect as connectSocket, isIP } from "node:net";
import type { Socket } from "node:net";
import { asciiHost } from "../endpoint/host-name.js";
import type { TcpClientEndpoint } from "../endpoint/endpoint-types.js";
import type { ConnectSocket } from "../socket/shared-buffer.js";
import { discardSocket } from "../socket/socket-events.js";

/**
 * Milliseconds after which the next address is tried as well: the recommended "Connection Attempt Delay" of RFC 8305.
 * The attempts before it go on. (Node's `autoSelectFamily` ends each attempt after that time, so that a host whose
 * first address is slow and whose second one refuses could not be reached.)
 */
const STAGGER_MS = 250;

/**
 * Resolves with a connected socket. Rejects with the reason of the signal when that aborts, and otherwise when all
 * addresses have failed: with Node's error, or an error with the messages of all and the code of the first.
 */
export async function openTcp(
  endpoint: TcpClientEndpoint,
  signal: AbortSignal,
  connect: ConnectSocket = connectSocket,
): Promise<Socket> {
  const addresses = await addressesOf(endpoint);
  signal.throwIfAborted();
  return new Race(endpoint, addresses, connect).run(signal);
}

/** The addresses of the host in the order in which they are tried: the families alternate. */
async function addressesOf({ host, bindAddress }: TcpClientEndpoint): Promise<readonly string[]> {
  if (isIP(host) !== 0) return [host];
  const found = await resolve(asciiHost(host, host, "host"), isIP(bindAddress ?? ""));
  const [first] = found;
  const preferred = found.filter(({ family }) => family === first?.family);
  const others = found.filter(({ family }) => family !== first?.family);
  const pairs = Array.from({ length: Math.max(preferred.length, others.length) }, (_, index) => [
    preferred[index],
    others[index],
  ]);
  return pairs.flat().flatMap((found) => (found === undefined ? [] : [found.address]));
}

/** `family` is 4, 6, or 0 for both. */
function resolve(host: string, family: number): Promise<LookupAddress[]> {
  return new Promise((resolve, reject) => {
    lookup(host, { all: true, family }, (error, addresses) => {
      if (error === null) resolve(addresses);
      else reject(error);
    });
  });
}

/** Attempts to connect to several addresses, of which the first that succeeds ends the others. */
class Race {
  readonly #endpoint: TcpClientEndpoint;
  readonly #addresses: readonly string[];
  readonly #connect: ConnectSocket;
  readonly #open = new Set<Socket>();
  readonly #errors: Error[] = [];
  #next = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(endpoint: TcpClientEndpoint, addresses: readonly string[], connect: ConnectSocket) {
    this.#endpoint = endpoint;
    this.#addresses = addresses;
    this.#connect = connect;
  }

  async run(signal: AbortSignal): Promise<Socket> {
    let abort = (): void => undefined;
    try {
      return await new Promise<Socket>((resolve, reject) => {
        abort = () => reject(signal.reason as Error);
        signal.addEventListener("abort", abort, { once: true });
        this.#attempt(resolve, reject);
      });
    } finally {
      clearTimeout(this.#timer);
      signal.removeEventListener("abort", abort);
      for (const socket of this.#open) discardSocket(socket.removeAllListeners("close"));
    }
  }

  /** Tries the next address, and in time the one after it. */
  #attempt(resolve: (socket: Socket) => void, reject: (error: Error) => void): void {
    clearTimeout(this.#timer);
    const { port, bindAddress } = this.#endpoint;
    const socket = this.#connect({ host: this.#addresses[this.#next++]!, port, localAddress: bindAddress });
    this.#open.add(socket);
    const fail = (error: Error): void => void this.#errors.push(error);
    const close = (): void => {
      this.#open.delete(socket);
      if (this.#next < this.#addresses.length) this.#attempt(resolve, reject);
      else if (this.#open.size === 0) reject(this.#failure());
    };
    socket
      .on("error", fail)
      .once("close", close)
      .once("connect", () => {
        this.#open.delete(socket);
        socket.off("error", fail).off("close", close);
        resolve(socket);
      });
    if (this.#next < this.#addresses.length) this.#timer = setTimeout(() => this.#attempt(resolve, reject), STAGGER_MS);
  }

  #failure(): Error {
    const [first] = this.#errors as [NodeJS.ErrnoException];
    if (this.#errors.length === 1) return first;
    const causes = this.#errors.map(({ message }) => message).join("; ");
    const cause = new AggregateError(this.#errors);
    const { code, syscall } = first;
    return Object.assign(new Error(causes, { cause }), { code, syscall });
  }
}
