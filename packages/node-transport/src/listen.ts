// Taking connections.

import { BrokerConfig } from "@pb/broker/extension";
import type { Broker, BrokerOptions, RootSource } from "@pb/broker";
import { createServer } from "node:net";
import type { ListenOptions as SocketOptions, Server as SocketServer, Socket } from "node:net";
import { defaultServerLimits } from "./admission.js";
import type { ServerLimits } from "./admission.js";
import { serverEndpoint } from "./endpoint.js";
import type { ServerEndpoint, TcpServerEndpoint } from "./endpoint.js";
import { watched } from "./faults.js";
import type { LivenessOptions } from "./liveness.js";
import type { SameUserOptions } from "./logins.js";
import { Server } from "./server.js";
import type { ServerWatcher } from "./server.js";
import { inheritedSocket } from "./systemd.js";
import { TlsGate } from "./tls-gate.js";
import type { ServerTls } from "./tls-options.js";
import { listening, listenOnPath } from "./unix-socket.js";

export interface ListenOptions {
  /** What this side offers and accepts, beside the root. Without an `onEvent`, faults of the program are warnings of the process. */
  readonly broker?: Omit<BrokerOptions, "root"> | undefined;
  /** Told of each connection that is ready. */
  readonly onConnection?: ((connection: Broker) => void) | undefined;
  /** Told of everything that happens. See also `Server.onEvent`. */
  readonly onEvent?: ServerWatcher | undefined;
  /** How many connections are taken, and from whom. */
  readonly limits?: Partial<ServerLimits> | undefined;
  /** How each connection is watched over; false to leave that. */
  readonly liveness?: LivenessOptions | false | undefined;
  /** What becomes of the first connection when a user logs in a second time. */
  readonly logins?: SameUserOptions | undefined;
  /** For TLS endpoints, and for sockets of systemd on which TLS is to be spoken. Goes before what the endpoint says. */
  readonly tls?: ServerTls | undefined;
  /** Closes the server when it fires. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * Listens at an endpoint, such as `tcp:8787`, `tcp:0:interface=127.0.0.1` or `unix:/run/pb.sock`, and resolves when it does. Each connection starts
 * from `root`: a `Root`, a portal of `@pb/cred`, anything with `rootObject`.
 *
 * Throws `EndpointError`; rejects with Node's error, such as `EADDRINUSE` or, for a certificate file, `ENOENT`; with the signal's reason when that
 * comes first.
 */
export async function listen(
  endpoint: string | ServerEndpoint,
  root: RootSource,
  options: ListenOptions = {},
): Promise<Server> {
  const { signal } = options;
  signal?.throwIfAborted();
  const where = serverEndpoint(endpoint);
  const config = new BrokerConfig({ ...watched(options.broker), root });
  const limits = { ...defaultServerLimits, ...options.limits };
  const tls = await openGate(where, options.tls, limits);
  const server = createServer();
  const early: Socket[] = [];
  const keep = (socket: Socket): void => void early.push(socket);
  server.on("connection", keep);
  const release = await start(server, where);
  const path = where.type === "unix" ? where.path : undefined;
  const { liveness = {}, logins } = options;
  server.off("connection", keep);
  const made = new Server({ server, early, config, limits, liveness, logins, tls, path, release });
  if (options.onEvent !== undefined) made.onEvent(options.onEvent);
  const { onConnection } = options;
  if (onConnection !== undefined)
    made.onEvent((event) => {
      if (event.kind === "connection") onConnection(event.connection);
    });
  if (signal !== undefined) await closeOn(signal, made, server);
  return made;
}

async function openGate(
  where: ServerEndpoint,
  tls: ServerTls | undefined,
  { tlsMs }: ServerLimits,
): Promise<TlsGate | undefined> {
  if (where.type === "tls") return TlsGate.open({ ...where.tls, ...tls }, tlsMs);
  return where.type === "systemd" && tls !== undefined ? TlsGate.open(tls, tlsMs) : undefined;
}

async function start(server: ReturnType<typeof createServer>, where: ServerEndpoint): Promise<() => Promise<void>> {
  switch (where.type) {
    case "unix":
      return listenOnPath(server, where, backlogOf(where));
    case "systemd":
      await listening(server, { fd: inheritedSocket(where) } as SocketOptions);
      return () => Promise.resolve();
    case "tcp":
    case "tls": {
      const { port, interface: host } = where;
      await listening(server, { port, ...(host === undefined ? {} : { host }), ...backlogOf(where) });
      return () => Promise.resolve();
    }
  }
}

function backlogOf({ backlog }: Pick<TcpServerEndpoint, "backlog">): SocketOptions {
  return backlog === undefined ? {} : { backlog };
}

async function closeOn(signal: AbortSignal, server: Server, socket: SocketServer): Promise<void> {
  if (signal.aborted) {
    await server.close();
    signal.throwIfAborted();
  }
  const close = (): void => void server.close();
  signal.addEventListener("abort", close, { once: true });
  // A signal may be for the whole life of the program.
  socket.once("close", () => signal.removeEventListener("abort", close));
}
