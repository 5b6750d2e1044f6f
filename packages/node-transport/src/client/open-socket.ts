// Opens the socket of a client: TCP or UNIX, secured with TLS for a TLS endpoint.

import { withDeadline, withDefaults } from "@pb/broker/extension";
import { ConnectError } from "@pb/transport";
import { connect as connectSocket, isIP } from "node:net";
import type { Socket } from "node:net";
import type { Duplex } from "node:stream";
import { connect as connectTls, createSecureContext, TLSSocket } from "node:tls";
import type { SecureContext } from "node:tls";
import { describeEndpoint } from "../endpoint/endpoint.js";
import { asciiHost } from "../endpoint/host-name.js";
import type {
  ClientEndpoint,
  TcpClientEndpoint,
  TlsClientEndpoint,
  UnixClientEndpoint,
} from "../endpoint/endpoint-types.js";
import { connectWithSharedBuffer } from "../socket/shared-buffer.js";
import type { ConnectSocket } from "../socket/shared-buffer.js";
import { discardSocket, waitForSocket } from "../socket/socket-events.js";
import { explainSystemError } from "../socket/system-errors.js";
import { explainHandshakeError } from "../tls/tls-errors.js";
import { secureContextOptions } from "../tls/tls-material.js";
import { checkTlsOptions, clientTlsKinds } from "../tls/tls-options.js";
import type { ClientTls } from "../tls/tls-options.js";
import { openTcp } from "./open-tcp.js";

/** How to open a socket. */
export interface SocketOptions {
  /** Cancels the attempt. */
  readonly signal?: AbortSignal | undefined;
  /**
   * Milliseconds until the other end must have accepted the connection: for the look-up of its name and all its
   * addresses together. Default 30,000, as in Twisted.
   */
  readonly connectMs?: number | undefined;
  /** Milliseconds that the TLS handshake may take. Default 15,000. */
  readonly tlsMs?: number | undefined;
  /** For TLS endpoints: trusted authorities and the certificate of this end. Overrides what the endpoint says. */
  readonly tls?: ClientTls | undefined;
}

/**
 * Throws `TypeError` for times that are not numbers of at least 0, for unknown TLS options, and for TLS options of an
 * endpoint without TLS, which would otherwise be used in plain text without a word.
 */
export function checkSocketOptions(endpoint: ClientEndpoint | undefined, options: SocketOptions): void {
  socketTimes(options);
  checkTlsOptions(options.tls, clientTlsKinds);
  if (options.tls === undefined || endpoint?.type === "tls") return;
  const where = endpoint === undefined ? "a stream" : describeEndpoint(endpoint);
  throw new TypeError(`The option tls has no effect on ${where}: use an endpoint such as tls:host:port or pbs://host`);
}

/** The times with their defaults. Throws `TypeError` for one that is not a number of at least 0. */
function socketTimes({ connectMs, tlsMs }: SocketOptions): {
  readonly connectMs: number;
  readonly tlsMs: number;
} {
  return withDefaults("option", { connectMs: 30_000, tlsMs: 15_000 }, { connectMs, tlsMs });
}

/**
 * Opens a socket and, for a TLS endpoint, secures it. Rejects with `SocketError`, `ConnectError`, `TlsOptionError` or
 * the reason of the signal.
 */
export async function openSocket(endpoint: ClientEndpoint, options: SocketOptions): Promise<Socket> {
  if (endpoint.type !== "tls") return openPlainSocket(endpoint, options);
  return openTlsSocket(endpoint, options);
}

/** The same for a {@link SocketLink}: a socket without TLS reads into the shared buffer, and not into its stream. */
export async function openLinkSocket(endpoint: ClientEndpoint, options: SocketOptions): Promise<Socket> {
  if (endpoint.type !== "tls") return openPlainSocket(endpoint, options, connectWithSharedBuffer);
  return openTlsSocket(endpoint, options);
}

async function openTlsSocket(endpoint: TlsClientEndpoint, options: SocketOptions): Promise<TLSSocket> {
  // Files are read before connecting: a missing or invalid file does not cost the server a connection.
  const tls = { ...endpoint.tls, ...options.tls };
  const part = tls.serverName === undefined ? "host" : "serverName";
  const name = asciiHost(tls.serverName ?? endpoint.host, describeEndpoint(endpoint), part);
  const context = createSecureContext(await secureContextOptions(tls));
  const { over = { ...endpoint, type: "tcp" } } = endpoint;
  return secure(await openPlainSocket(over, options), describeEndpoint(endpoint), name, { tls, context, options });
}

/** `connectMs` is the time for the look-up of the name and all addresses together. */
async function openPlainSocket(
  endpoint: TcpClientEndpoint | UnixClientEndpoint,
  options: SocketOptions,
  connect: ConnectSocket = connectSocket,
): Promise<Socket> {
  const where = describeEndpoint(endpoint).replace("\0", "@"); // of an abstract socket
  const deadline = { signal: options.signal, timeoutMs: endpoint.timeoutMs ?? socketTimes(options).connectMs };
  const timeoutError = (ms: number): Error =>
    new ConnectError("CONNECT_TIMEOUT", `${where}: The connection was not accepted within ${ms} ms`);
  try {
    if (endpoint.type === "tcp")
      return await withDeadline(deadline, timeoutError, (signal) => openTcp(endpoint, signal, connect), discardSocket);
    const socket = connect({ path: endpoint.path });
    await waitForSocket(socket, "connect", deadline, timeoutError);
    return socket;
  } catch (error) {
    if (options.signal?.aborted === true) throw error;
    throw await explainSystemError(error, { action: "connect", where, ...endpoint });
  }
}

/**
 * Waits for the handshake of a TLS socket that a program has created: before, its certificate is not known. Rejects as
 * {@link openSocket} does. `secureConnecting` is not in the documentation of Node.
 */
export async function handshaken(stream: Duplex, { signal, ...options }: SocketOptions): Promise<Duplex> {
  if (!(stream instanceof TLSSocket) || stream.destroyed) return stream;
  if ((stream as { readonly secureConnecting?: boolean }).secureConnecting !== true) return stream;
  const timeoutError = (ms: number): Error =>
    new ConnectError("CONNECT_TLS_TIMEOUT", `The TLS handshake took more than ${ms} ms`);
  try {
    await waitForSocket(stream, "secureConnect", { signal, timeoutMs: socketTimes(options).tlsMs }, timeoutError);
    return stream;
  } catch (error) {
    throw explainHandshakeError(error, "the stream", signal);
  }
}

async function secure(
  socket: Socket,
  where: string,
  name: string,
  {
    tls,
    context,
    options,
  }: { readonly tls: ClientTls; readonly context: SecureContext; readonly options: SocketOptions },
): Promise<TLSSocket> {
  const { signal } = options;
  const secured = connectTls({
    secureContext: context,
    socket,
    host: name, // The certificate must contain this name.
    ...(isIP(name) === 0 ? { servername: name } : {}), // SNI accepts names only, no addresses.
    ...(tls.alpnProtocols === undefined ? {} : { ALPNProtocols: [...tls.alpnProtocols] }),
    rejectUnauthorized: tls.verify ?? true,
  });
  const timeoutError = (ms: number): Error =>
    new ConnectError("CONNECT_TLS_TIMEOUT", `${where}: The TLS handshake took more than ${ms} ms`);
  try {
    await waitForSocket(secured, "secureConnect", { signal, timeoutMs: socketTimes(options).tlsMs }, timeoutError);
    return secured;
  } catch (error) {
    discardSocket(socket);
    throw explainHandshakeError(error, where, signal);
  }
}
