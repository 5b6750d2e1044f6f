// Listens for connections over TCP, TLS, a UNIX socket or a socket of systemd.

import type { RootSource } from "@pb/broker";
import { checkOptions } from "@pb/jelly-types";
import type { OptionKinds } from "@pb/jelly-types";
import { EndpointError, nestedOptions, serverConnections, serverOptionKinds } from "@pb/transport";
import type { ServerOptions } from "@pb/transport";
import { Server as SocketServer } from "node:net";
import type { ListenOptions as SocketOptions, Socket } from "node:net";
import { serverEndpoint } from "../endpoint/endpoint.js";
import { DEFAULT_BACKLOG } from "../endpoint/endpoint-object.js";
import type { ServerEndpoint } from "../endpoint/endpoint-types.js";
import { asciiHost } from "../endpoint/host-name.js";
import { nodePlatform, withNodeDefaults } from "../platform.js";
import { proxyPolicy } from "../proxy/trusted-proxies.js";
import { TlsAcceptor } from "../tls/tls-acceptor.js";
import { explainSystemError } from "../socket/system-errors.js";
import { checkTlsOptions, serverTlsKinds } from "../tls/tls-options.js";
import type { ServerTls } from "../tls/tls-options.js";
import { connectionEvent, requireUsable } from "./given-server.js";
import { Server } from "./server.js";
import { inheritedSocket } from "./systemd.js";
import { listenOnPath, startListening } from "./unix-socket.js";
import type { Release } from "./unix-socket.js";

export interface ListenOptions extends ServerOptions {
  /**
   * Addresses and networks of the proxies that are believed, such as `["10.0.0.5", "192.0.2.0/24"]`; `private` stands
   * for loopback, private and link-local networks. A connection from one of them has to begin with a header of the
   * PROXY protocol (version 1 or 2), and counts as one of the client that the header names, in limits, in logins and
   * in `peer.address`. Default for an endpoint that begins with `haproxy:`: `["private"]`, and connections from other
   * addresses are refused. Default otherwise: none, and each connection is that of a client.
   */
  readonly trustProxies?: readonly string[] | undefined;
  /** For TLS endpoints, and for sockets of systemd that are to use TLS. Overrides what the endpoint says. */
  readonly tls?: ServerTls | undefined;
  /** Closes the server when it aborts. */
  readonly signal?: AbortSignal | undefined;
}

const optionKinds: OptionKinds<ListenOptions> = {
  ...serverOptionKinds,
  trustProxies: "any",
  tls: "object",
  signal: "signal",
};

/**
 * Listens at an endpoint, such as `tcp:8787`, `tcp:0:interface=127.0.0.1` or `unix:/run/pb.sock`, and resolves when it
 * does. With a listening `net.Server` or `tls.Server`, serves the connections of that, and closes it at the end. Each
 * connection starts from `root`: a `Root`, a portal of `@pb/cred`, or any other object with the method
 * `rootObject`.
 *
 * Rejects with `EndpointError`, with `TypeError` for a bad root, an unknown option or a bad value, with
 * `TlsOptionError` for a bad key or certificate, with `SocketError` when the system refuses, for example with the code
 * `EADDRINUSE`, and with the reason of the signal when that aborts first.
 */
export async function listen(
  endpoint: string | ServerEndpoint | SocketServer,
  root: RootSource,
  options: ListenOptions = {},
): Promise<Server> {
  checkListenOptions(options);
  const signal = options.signal ?? undefined; // null must not fail after the server has started to listen
  signal?.throwIfAborted();
  const target = endpoint instanceof SocketServer ? endpoint : serverEndpoint(endpoint);
  if (target instanceof SocketServer) requireUsable(target, options);
  else requireReusePort(target);
  const isProxied = !(target instanceof SocketServer) && target.proxied === true;
  const proxies = proxyPolicy(isProxied, options.trustProxies);
  const connections = serverConnections(root, options, nodePlatform, withNodeDefaults);
  const tls = await openTls(target, options.tls, connections.limits.tlsMs);
  const server = target instanceof SocketServer ? target : new SocketServer();
  const early: Socket[] = [];
  const keep = (socket: Socket): void => void early.push(socket);
  const event = connectionEvent(server);
  server.on(event, keep);
  const release = await start(server, target, signal).catch(async (error: unknown) => {
    throw await explainListening(error, target);
  });
  server.off(event, keep);
  const path = pathOf(server, target);
  const result = new Server({ server, early, connections, tls, proxies, path, release });
  if (signal !== undefined) await closeOnAbort(signal, result, server);
  return result;
}

function checkListenOptions(options: ListenOptions): void {
  checkOptions(options, optionKinds, nestedOptions);
  checkTlsOptions(options.tls, serverTlsKinds);
}

/** The path of a UNIX socket, also of one whose server the program has created. */
function pathOf(server: SocketServer, target: ServerEndpoint | SocketServer): string | undefined {
  if (!(target instanceof SocketServer)) return target.type === "unix" ? target.path : undefined;
  const address = server.address();
  return typeof address === "string" ? address : undefined;
}

async function openTls(
  target: ServerEndpoint | SocketServer,
  tls: ServerTls | undefined,
  tlsMs: number,
): Promise<TlsAcceptor | undefined> {
  if (!(target instanceof SocketServer) && target.type === "tls")
    return TlsAcceptor.open({ ...target.tls, ...tls }, tlsMs);
  if (tls === undefined) return undefined;
  if (target instanceof SocketServer || target.type === "systemd" || "fd" in target)
    return TlsAcceptor.open(tls, tlsMs);
  throw new TypeError(`The option tls has no effect on a ${target.type} endpoint: use ssl:port or type: "tls"`);
}

/** Makes the server listen. The result removes what has to be removed at the end. */
async function start(
  server: SocketServer,
  target: ServerEndpoint | SocketServer,
  signal: AbortSignal | undefined,
): Promise<Release> {
  if (target instanceof SocketServer) return () => Promise.resolve();
  switch (target.type) {
    case "unix":
      return listenOnPath(server, target, backlogOf(target), signal);
    case "systemd":
      await startListening(server, { fd: inheritedSocket(target) } as SocketOptions);
      break;
    case "fd":
    case undefined:
      await listenOnDescriptor(server, target.fd);
      break;
    case "tcp":
    case "tls": {
      const { port, interface: name, reusePort } = target;
      const host = name === undefined ? {} : { host: asciiHost(name, name, "interface") };
      await startListening(server, {
        port,
        ...host,
        ...(reusePort === true ? { reusePort } : {}),
        ...backlogOf(target),
      });
    }
  }
  return () => Promise.resolve();
}

/** The error with which listening failed, with advice. */
function explainListening(error: unknown, target: ServerEndpoint | SocketServer): Promise<unknown> {
  if (target instanceof SocketServer || target.type === undefined || target.type === "fd")
    return Promise.resolve(error);
  const {
    type,
    interface: host,
    port,
    path,
  } = target as Partial<Record<"interface" | "path", string>> & {
    readonly type: string;
    readonly port?: number;
  };
  const where = path === undefined ? `${type}:${port ?? ""}` : `unix:${path}`;
  return explainSystemError(error, { action: "listen", where, host, port, path });
}

async function listenOnDescriptor(server: SocketServer, fd: number): Promise<void> {
  try {
    await startListening(server, { fd } as SocketOptions);
  } catch (error) {
    const expected = `expected the descriptor of a listening socket (${(error as Error).message})`;
    throw new EndpointError(`fd:${fd}`, "fd", expected);
  }
}

/** Throws {@link EndpointError} where Node would ignore the option. */
function requireReusePort(target: ServerEndpoint): void {
  if (!("reusePort" in target) || target.reusePort !== true) return;
  const [major, minor] = process.versions.node.split(".").map(Number) as [number, number];
  if (major > 23 || (major === 23 && minor >= 1) || (major === 22 && minor >= 12)) return;
  const expected = `needs Node 22.12 or newer, and this is ${process.versions.node}. Share the port with node:cluster`;
  throw new EndpointError(`${target.type}:${target.port}`, "reusePort", expected);
}

function backlogOf({ backlog = DEFAULT_BACKLOG }: { readonly backlog?: number | undefined }): { backlog: number } {
  return { backlog };
}

async function closeOnAbort(signal: AbortSignal, server: Server, socketServer: SocketServer): Promise<void> {
  if (signal.aborted) {
    await server.close();
    signal.throwIfAborted();
  }
  const close = (): void => void server.close();
  signal.addEventListener("abort", close, { once: true });
  // The signal may live as long as the program: without this, it would keep closed servers in memory.
  socketServer.once("close", () => signal.removeEventListener("abort", close));
}
