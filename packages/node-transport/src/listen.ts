// Taking connections.

import { Broker, BrokerConfig } from "@pb/broker";
import type { BrokerOptions, RootSource } from "@pb/broker";
import { createServer } from "node:net";
import type { AddressInfo, Server as SocketServer, Socket } from "node:net";
import { once } from "node:events";
import { parseServerEndpoint } from "./endpoint.js";
import type { TcpServerEndpoint } from "./endpoint.js";
import { SocketLink } from "./socket-link.js";

export interface ListenOptions {
  /** What this side offers and accepts, beside the root. */
  readonly broker?: Omit<BrokerOptions, "root"> | undefined;
  /** Told of each connection that is ready. */
  readonly onConnection?: ((connection: Broker) => void) | undefined;
}

/** A listening server. */
export class Server {
  readonly #server: SocketServer;
  readonly #brokers = new Set<Broker>();

  /** For {@link listen}. `server` is listening. */
  constructor(server: SocketServer, config: BrokerConfig, onConnection: ((connection: Broker) => void) | undefined) {
    this.#server = server;
    server.on("connection", (socket: Socket) => {
      const broker = new Broker(new SocketLink(socket, "listener"), config);
      this.#brokers.add(broker);
      void broker.closed.then(() => this.#brokers.delete(broker));
      if (onConnection !== undefined)
        broker.ready.then(
          () => onConnection(broker),
          () => undefined,
        );
    });
  }

  /** Where it listens: with the real port, when any free one was asked for. */
  get address(): { readonly host: string; readonly port: number } {
    const { address, port } = this.#server.address() as AddressInfo;
    return { host: address, port };
  }

  get port(): number {
    return this.address.port;
  }

  /** The connections of the moment. */
  get connections(): ReadonlySet<Broker> {
    return this.#brokers;
  }

  /** Takes no more connections, closes those that are there, and resolves when all are closed. */
  async close(): Promise<void> {
    const closed = once(this.#server, "close");
    this.#server.close();
    await Promise.all([...this.#brokers].map((broker) => broker.close()));
    await closed;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

/**
 * Listens at an endpoint, such as `tcp:8787` or `tcp:0:interface=127.0.0.1`, and resolves when it does. Each connection starts from `root`: a
 * `Root`, a portal of `@pb/cred`, anything with `rootObject`.
 *
 * Throws `EndpointError`; rejects with Node's error, such as `EADDRINUSE`.
 */
export async function listen(
  endpoint: string | TcpServerEndpoint,
  root: RootSource,
  options: ListenOptions = {},
): Promise<Server> {
  const { port, interface: host, backlog } = typeof endpoint === "string" ? parseServerEndpoint(endpoint) : endpoint;
  const config = new BrokerConfig({ ...options.broker, root });
  const server = createServer();
  server.listen({ port, ...(host === undefined ? {} : { host }), ...(backlog === undefined ? {} : { backlog }) });
  await once(server, "listening");
  return new Server(server, config, options.onConnection);
}
