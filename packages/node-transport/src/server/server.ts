// A listening server.

import { addDisposal, asyncDispose, dispose, refuseProxies } from "@pb/jelly-types";
import type { Broker, BrokerLimits } from "@pb/broker";
import { withDefaults } from "@pb/broker/extension";
import { ConnectError } from "@pb/transport";
import type {
  AdmittedConnection,
  CloseOptions,
  LimitChanges,
  ServerConnections,
  ServerEvent,
  ServerLimits,
  ServerWatcher,
} from "@pb/transport";
import { once } from "node:events";
import type { Server as SocketServer, Socket } from "node:net";
import type { Duplex } from "node:stream";
import type { ProxiedClient } from "../proxy/proxy-header.js";
import { receiveHeader } from "../proxy/receive-header.js";
import type { ProxyPolicy } from "../proxy/trusted-proxies.js";
import { discardSocket } from "../socket/socket-events.js";
import { requireByteStream } from "../socket/given-stream.js";
import { SocketLink } from "../socket/socket-link.js";
import { describePeer } from "../socket/socket-peer.js";
import type { Origin } from "../socket/socket-peer.js";
import type { TlsAcceptor } from "../tls/tls-acceptor.js";
import { checkTlsOptions, serverTlsKinds } from "../tls/tls-options.js";
import type { ServerTls } from "../tls/tls-options.js";
import { watchExpiry } from "../tls/certificate-expiry.js";
import { watchDescriptors } from "./descriptors.js";
import { connectionEvent } from "./given-server.js";

/** The address of a server. */
export interface ServerAddress {
  /** Empty for a UNIX socket. */
  readonly host: string;
  /** 0 for a UNIX socket. */
  readonly port: number;
  /** The path of a UNIX socket. Otherwise absent. */
  readonly path?: string;
}

/** What `listen` passes to a {@link Server}. */
export interface ServerParts {
  /** Listens already. */
  readonly server: SocketServer;
  /** Sockets that were accepted before the server was created. */
  readonly early: readonly Socket[];
  readonly connections: ServerConnections;
  /** Undefined for a server without TLS. */
  readonly tls: TlsAcceptor | undefined;
  /** Undefined for a server that trusts no proxies. */
  readonly proxies: ProxyPolicy | undefined;
  /** The path of a UNIX socket. */
  readonly path: string | undefined;
  /** Removes the path of a UNIX socket. Called while the server still listens. */
  readonly release: () => Promise<void>;
}

export class Server {
  static {
    addDisposal(this, asyncDispose);
    refuseProxies(this, (object) => #parts in object);
  }

  readonly #parts: ServerParts;
  readonly #connections: ServerConnections;
  readonly #address: ServerAddress;
  /** Sockets of proxies whose headers have not arrived. */
  readonly #headerless = new Set<Socket>();
  readonly #watches: Disposable[] = [];
  #closing: Promise<void> | undefined;
  #state: "listening" | "draining" | "closed" = "listening";

  /** Programs use the function `listen` instead. */
  constructor(parts: ServerParts) {
    this.#parts = parts;
    this.#connections = parts.connections;
    this.#address = addressOf(parts.server, parts.path);
    const accept = (socket: Socket): void => this.#acceptSocket(socket);
    parts.server
      .on(connectionEvent(parts.server), accept)
      .on("error", (error) => this.#connections.report({ kind: "error", error }));
    for (const socket of parts.early) accept(socket);
    const report = (event: ServerEvent): void => this.#connections.report(event);
    this.#watches.push(watchDescriptors(report));
    const { tls } = parts;
    if (tls !== undefined) this.#watches.push(watchExpiry(() => tls.certificate, report));
  }

  /**
   * For health checks: `listening` until the server begins to close, `draining` until all connections are closed, then
   * `closed`.
   */
  get state(): "listening" | "draining" | "closed" {
    return this.#state;
  }

  /** The limits at the moment, with all defaults filled in. `broker` has those of each connection. */
  get limits(): ServerLimits & { readonly broker: BrokerLimits } {
    return { ...this.#connections.limits, broker: { ...this.#connections.brokerLimits } };
  }

  /**
   * Changes limits from now on. Connections that exceed a lower one stay. `broker` changes limits of each connection,
   * of those that are open too: `references`, `streams`, `queuedBytes`, `unsentBytes`, `callsWaiting`, `callsRunning`,
   * `overload`, `processHeapBytes` and `strangersHeapBytes`. Throws `TypeError` for an unknown name, for a value out of
   * its range, and for limits that cannot be changed (`tlsMs`, and all others of `broker`), and then changes nothing.
   */
  setLimits(limits: LimitChanges): void {
    this.#connections.setLimits(limits);
  }

  /**
   * Whether the arrivals of references are recorded from now on, for `leakReport()` of the connections: first the
   * option `traceReferences` of `broker`. Slow: switch it on while a leak is sought.
   */
  get tracesReferences(): boolean {
    return this.#connections.tracesReferences;
  }

  set tracesReferences(isOn: boolean) {
    this.#connections.tracesReferences = isOn;
  }

  /** The address with the actual port, also if port 0 was requested. */
  get address(): ServerAddress {
    return this.#address;
  }

  get port(): number {
    return this.#address.port;
  }

  /** The current connections, including those that are still negotiating. */
  get connections(): ReadonlySet<Broker> {
    return this.#connections.all;
  }

  /** Calls `watcher` with every event from now on, until the result is disposed of. */
  onEvent(watcher: ServerWatcher): Disposable {
    return this.#connections.onEvent(watcher);
  }

  /**
   * Serves a stream that was connected by other means. The limits of the server apply to it. Its `peer` describes the
   * stream itself: a `Socket` has an address, a `TLSSocket` is encrypted if this end is its server or has verified the
   * other end, and any other stream is neither, whatever the server listens on. The server does not add TLS. Throws
   * `TypeError` for a stream that does not carry bytes, or from which something else reads.
   */
  accept(stream: Duplex): void {
    requireByteStream(stream);
    this.#accept(stream, {});
  }

  /**
   * Reads the certificate and key files again, or replaces all TLS options. Open connections stay as they are; new
   * connections use the new options. Rejects if a file cannot be read, or does not contain a key or a certificate, and
   * then changes nothing. Rejects with `TypeError` if the server does not use TLS.
   */
  async reloadTls(tls?: ServerTls): Promise<void> {
    if (this.#parts.tls === undefined) throw new TypeError("This server does not use TLS");
    checkTlsOptions(tls, serverTlsKinds);
    await this.#parts.tls.reload(tls);
  }

  /**
   * Stops listening, lets calls in flight finish for at most `drainMs`, closes the connections, and resolves when all
   * are closed. The path of a UNIX socket is free at once. Rejects with `TypeError` for a time that is not a number of
   * at least 0, and then changes nothing.
   */
  async close(options?: CloseOptions): Promise<void> {
    this.#closing ??= this.#close(withDefaults("option", { drainMs: 0, retryAfterMs: 0 }, options));
    return this.#closing;
  }

  /** Ends all connections at once and discards what is queued. Works while the server drains, too. */
  async destroy(): Promise<void> {
    this.#connections.destroy();
    await this.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #close(options: CloseOptions): Promise<void> {
    const { server, release } = this.#parts;
    this.#state = "draining";
    for (const watch of this.#watches) watch[dispose]();
    const closed = once(server, "close");
    this.#connections.stopAdmitting();
    // Before the server stops listening: see `listenOnPath`.
    await release().catch((error: unknown) => this.#connections.report({ kind: "error", error: error as Error }));
    server.close();
    for (const socket of this.#headerless) discardSocket(socket);
    await this.#connections.close(options);
    await closed;
    this.#state = "closed";
  }

  #acceptSocket(socket: Socket): void {
    const { proxies, tls } = this.#parts;
    const secure = tls === undefined ? undefined : () => tls.secure(socket);
    const { path } = this.#address;
    switch (proxies?.headerOf(socket)) {
      case "required":
        this.#receiveHeader(socket).then(
          (client) => (client === undefined ? this.#failed(socket) : this.#accept(socket, { path, client }, secure)),
          (error: unknown) => this.#failed(socket, error as Error),
        );
        break;
      case "refused":
        this.#failed(socket, new ConnectError("CONNECT_PROXY_HEADER", "The peer is not one of the trusted proxies"));
        break;
      default:
        this.#accept(socket, { path }, secure);
    }
  }

  /** Waits for the header of a proxy. When too many are waiting, closes the one that has waited longest. */
  async #receiveHeader(socket: Socket): Promise<ProxiedClient | undefined> {
    const { negotiating, tlsMs } = this.#connections.limits;
    const [oldest] = this.#headerless;
    if (oldest !== undefined && this.#headerless.size >= negotiating) discardSocket(oldest);
    this.#headerless.add(socket);
    try {
      return await receiveHeader(socket, tlsMs);
    } finally {
      this.#headerless.delete(socket);
    }
  }

  /** Without an error: the peer has closed the socket and has not sent a byte. */
  #failed(socket: Socket, error?: Error): void {
    const { description } = describePeer(socket, "listener", { path: this.#address.path });
    this.#connections.reportFailure(description, error);
    discardSocket(socket);
  }

  /** `secure` performs the TLS handshake, if there is one. Its result is undefined for a peer that only connects. */
  #accept(
    stream: Duplex & { readonly remoteAddress?: string | undefined },
    origin: Origin,
    secure?: () => Promise<Duplex | undefined>,
  ): void {
    const peer = describePeer(stream, "listener", origin);
    const { description, address } = peer;
    const admitted = this.#connections.admit({ address, peer: description, destroy: () => discardSocket(stream) });
    if (admitted === undefined) return;
    if (stream.destroyed) admitted.closed();
    else stream.on("close", () => admitted.closed());
    if (secure === undefined) admitted.serve(new SocketLink(stream, "listener", peer));
    else void serveSecured(secure(), admitted, origin);
  }
}

/** Serves a connection after its TLS handshake, unless that fails. */
async function serveSecured(
  secured: Promise<Duplex | undefined>,
  admitted: AdmittedConnection,
  origin: Origin,
): Promise<void> {
  try {
    const ready = await secured;
    if (ready === undefined) admitted.fail();
    else admitted.serve(new SocketLink(ready, "listener", describePeer(ready, "listener", origin)));
  } catch (error) {
    admitted.fail(error as Error);
  }
}

function addressOf(server: SocketServer, path: string | undefined): ServerAddress {
  const address = server.address();
  if (path !== undefined) return { host: "", port: 0, path };
  if (typeof address === "string") return { host: "", port: 0, path: address };
  // Node returns null for an inherited UNIX socket, whose path it does not know.
  return address === null ? { host: "", port: 0, path: "(inherited)" } : { host: address.address, port: address.port };
}
