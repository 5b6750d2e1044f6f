// Making a connection.

import { Broker } from "@pb/broker";
import { BrokerConfig } from "@pb/broker/extension";
import type { BrokerOptions } from "@pb/broker";
import { connect as connectSocket, isIP } from "node:net";
import type { Socket } from "node:net";
import { Duplex } from "node:stream";
import { connect as connectTls, createSecureContext } from "node:tls";
import type { SecureContext, TLSSocket } from "node:tls";
import { happens } from "./deadline.js";
import { clientEndpoint, describeEndpoint } from "./endpoint.js";
import type { ClientEndpoint, TcpClientEndpoint, TlsClientEndpoint, UnixClientEndpoint } from "./endpoint.js";
import { ConnectError } from "./errors.js";
import { watched } from "./faults.js";
import { watchOver } from "./liveness.js";
import type { LivenessOptions } from "./liveness.js";
import { SocketLink } from "./socket-link.js";
import { peerOf } from "./socket-peer.js";
import { explainTls } from "./tls-errors.js";
import { secureContextOptions } from "./tls-options.js";
import type { ClientTls } from "./tls-options.js";

export interface ConnectOptions {
  /** What this side offers and accepts. The time to negotiate is `broker.limits.negotiationMs`, 30 seconds by default. */
  readonly broker?: BrokerOptions | BrokerConfig | undefined;
  /** Gives up connecting. Has no effect on a connection that is ready. */
  readonly signal?: AbortSignal | undefined;
  /** Milliseconds to wait for somebody to answer. Default 30,000, as in Twisted. */
  readonly connectMs?: number | undefined;
  /** Milliseconds that the TLS handshake may take. Default 15,000. */
  readonly tlsMs?: number | undefined;
  /** For TLS endpoints: whom to trust, who we are. Goes before what the endpoint says. */
  readonly tls?: ClientTls | undefined;
  /** How the connection is watched over once it is ready; false to leave that. */
  readonly liveness?: LivenessOptions | false | undefined;
}

const CONNECT_MS = 30_000;
const TLS_MS = 15_000;

/**
 * Connects to a server and resolves when both ends are ready to call. `endpoint` is an endpoint string such as `tcp:localhost:8787`, a URL such as
 * `pbs://example.org`, an object of its parts, or a stream that is connected already.
 *
 * Throws `EndpointError`; rejects with Node's error when nobody answers, with `ConnectError` when nobody does in time or TLS cannot be agreed on,
 * with `ConnectionLostError` when the peer speaks something else, with the signal's reason when that comes first.
 */
export async function connect(
  endpoint: string | ClientEndpoint | Duplex,
  options: ConnectOptions = {},
): Promise<Broker> {
  const { signal } = options;
  signal?.throwIfAborted();
  const stream = endpoint instanceof Duplex ? endpoint : await open(clientEndpoint(endpoint), options);
  const path = endpoint instanceof Duplex ? undefined : pathOf(clientEndpoint(endpoint));
  const link = new SocketLink(stream, "initiator", peerOf(stream, "initiator", path));
  const broker = new Broker(link, options.broker instanceof BrokerConfig ? options.broker : watched(options.broker));
  const abort = (): void => link.destroy();
  signal?.addEventListener("abort", abort, { once: true });
  if (signal?.aborted === true) abort(); // in the turn in which the socket was there
  try {
    await broker.ready;
  } catch (error) {
    signal?.throwIfAborted();
    // In TLS 1.3 a server refuses a client's certificate only after the client thinks that all is well.
    const { cause } = error as Error;
    const explained = cause instanceof Error ? explainTls(cause, link.peer.description) : cause;
    throw explained instanceof ConnectError ? explained : error;
  } finally {
    signal?.removeEventListener("abort", abort);
  }
  if (options.liveness !== false) watchOver(broker, link, options.liveness);
  return broker;
}

/** A connected socket, secured where the endpoint says so. */
async function open(endpoint: ClientEndpoint, options: ConnectOptions): Promise<Socket> {
  if (endpoint.type !== "tls") return openPlain(endpoint, options);
  // Files are read first: one that is missing, or holds no key, shall not cost the server a connection.
  const tls = { ...endpoint.tls, ...options.tls };
  const context = createSecureContext(await secureContextOptions(tls));
  const { over = { ...endpoint, type: "tcp" } } = endpoint;
  return secure(await openPlain(over, options), endpoint, tls, context, options);
}

async function openPlain(endpoint: TcpClientEndpoint | UnixClientEndpoint, options: ConnectOptions): Promise<Socket> {
  const socket = connectSocket(
    endpoint.type === "unix"
      ? { path: endpoint.path }
      : { host: endpoint.host, port: endpoint.port, localAddress: endpoint.bindAddress, autoSelectFamily: true },
  );
  const ms = endpoint.timeoutMs ?? options.connectMs ?? CONNECT_MS;
  const where = describeEndpoint(endpoint);
  const late = (): Error => new ConnectError("CONNECT_TIMEOUT", `${where}: Nobody answered in ${ms} ms`);
  try {
    await happens(socket, "connect", { signal: options.signal, ms, late });
    return socket;
  } catch (error) {
    giveUp(socket);
    throw legible(error, where);
  }
}

async function secure(
  socket: Socket,
  endpoint: TlsClientEndpoint,
  tls: ClientTls,
  context: SecureContext,
  options: ConnectOptions,
): Promise<TLSSocket> {
  const name = tls.serverName ?? endpoint.host;
  const secured = connectTls({
    secureContext: context,
    socket,
    host: name, // what the certificate is compared with
    ...(isIP(name) === 0 ? { servername: name } : {}), // SNI takes names only
    ...(tls.alpnProtocols === undefined ? {} : { ALPNProtocols: [...tls.alpnProtocols] }),
    rejectUnauthorized: tls.verify ?? true,
  });
  const ms = options.tlsMs ?? TLS_MS;
  const where = describeEndpoint(endpoint);
  const late = (): Error => new ConnectError("TLS_TIMEOUT", `${where}: The TLS handshake took more than ${ms} ms`);
  try {
    await happens(secured, "secureConnect", { signal: options.signal, ms, late });
    return secured;
  } catch (error) {
    giveUp(secured);
    giveUp(socket);
    throw error instanceof Error ? explainTls(error, where) : error;
  }
}

function pathOf(endpoint: ClientEndpoint): string | undefined {
  return endpoint.type === "unix" ? endpoint.path : undefined;
}

/** Whatever else happens to it is of no interest. */
function giveUp(socket: Socket): void {
  socket.on("error", () => undefined).destroy();
}

/** When several addresses were tried, Node's error has no message of its own. */
function legible(error: unknown, where: string): unknown {
  if (!(error instanceof AggregateError) || error.message !== "") return error;
  const causes = error.errors.map((cause) => (cause as Error).message).join("; ");
  const { code } = error as NodeJS.ErrnoException;
  return Object.assign(new Error(`${where}: ${causes}`, { cause: error }), { code });
}
