// Listens on a port for WebSockets.

import type { RootSource } from "@pb/broker";
import type { CloseOptions } from "@pb/transport";
import { ConnectError, nestedOptions } from "@pb/transport";
import { LONGEST_MS } from "@pb/broker/extension";
import { checkOptions } from "@pb/jelly-types";
import type { OptionKinds } from "@pb/jelly-types";
import {
  checkTlsOptions,
  clientCertificatesOf,
  explainSystemError,
  serverContextOptions,
  serverTlsKinds,
} from "@pb/node-transport";
import type { ServerAddress, ServerTls } from "@pb/node-transport";
import { once } from "node:events";
import { createServer } from "node:http";
import type { IncomingMessage, Server as HttpServer, ServerOptions } from "node:http";
import { createServer as createTlsServer } from "node:https";
import type { Server as HttpsServer, ServerOptions as TlsServerOptions } from "node:https";
import type { AddressInfo, Socket } from "node:net";
import { pathOf } from "./attach.js";
import { webSocketEndpoint } from "./endpoint.js";
import type { WebSocketEndpoint } from "./endpoint.js";
import { refuseWith, upgradeKinds, UpgradingServer } from "./upgrades.js";
import type { UpgradeOptions } from "./upgrades.js";
import { WaitingSockets } from "./waiting-sockets.js";

export interface ListenOptions extends UpgradeOptions {
  /** Overrides the TLS options of the endpoint. */
  readonly tls?: ServerTls | undefined;
  /** Closes the server when it aborts. */
  readonly signal?: AbortSignal | undefined;
}

const optionKinds: OptionKinds<ListenOptions> = { ...upgradeKinds, tls: "object", signal: "signal" };

/**
 * Listens at an endpoint, such as `ws:8080:path=/pb`, `wss:8443:privateKey=key.pem:certKey=cert.pem` or
 * `ws://127.0.0.1:8080/pb`, and resolves when it does. For a port that also serves pages, see {@link attach}.
 *
 * Rejects as `listen` of `@pb/node-transport` does: with `EndpointError`, with `TypeError` for a bad root or option,
 * with `TlsOptionError` for a bad key or certificate, with `SocketError` when the system refuses, for example with the
 * code `EADDRINUSE`, and with the reason of the signal when that aborts first.
 */
export async function listen(
  endpoint: string | WebSocketEndpoint,
  root: RootSource,
  options: ListenOptions = {},
): Promise<NodeWebServer> {
  checkOptions(options, optionKinds, nestedOptions);
  const { tls: givenTls, signal: givenSignal, ...others } = options;
  checkTlsOptions(givenTls, serverTlsKinds);
  const signal = givenSignal ?? undefined;
  signal?.throwIfAborted();
  const target = webSocketEndpoint(endpoint);
  const tls = target.tls === undefined && givenTls === undefined ? undefined : { ...target.tls, ...givenTls };
  const server = new NodeWebServer(root, others, tls, target.path ?? "/");
  await server.start(target);
  if (signal !== undefined) {
    const close = (): void => void server.close();
    signal.addEventListener("abort", close, { once: true });
    server.onClose(() => signal.removeEventListener("abort", close));
    if (signal.aborted) await server.close();
    signal.throwIfAborted();
  }
  return server;
}

/** A server that listens on a port of its own. */
export class NodeWebServer extends UpgradingServer {
  readonly #path: string;
  #tls: ServerTls | undefined;
  #http: HttpServer | HttpsServer | undefined;
  readonly #waiting: WaitingSockets;
  #address: ServerAddress = { host: "", port: 0 };

  /** Programs use the function {@link listen} instead. */
  constructor(root: RootSource, options: UpgradeOptions, tls: ServerTls | undefined, path: string) {
    super(root, options);
    this.#tls = tls;
    this.#path = path;
    const { negotiating, tlsMs } = this.incoming.limits;
    this.#waiting = new WaitingSockets(
      negotiating,
      tlsMs,
      (socket, why) =>
        this.#fail(socket, new ConnectError("CONNECT_REQUEST_TIMEOUT", `No WebSocket handshake: ${why}`)),
      (socket) => this.#fail(socket),
    );
  }

  /** The address with the actual port, also if port 0 was requested. */
  get address(): ServerAddress {
    return this.#address;
  }

  get port(): number {
    return this.#address.port;
  }

  /**
   * Reads the certificate and key files again, or replaces the TLS options, for new connections. Rejects if a file
   * cannot be read, and then changes nothing. Rejects with `TypeError` if the server does not use TLS.
   */
  async reloadTls(tls: ServerTls | undefined = this.#tls): Promise<void> {
    if (this.#tls === undefined || tls === undefined) throw new TypeError("This server does not use TLS");
    checkTlsOptions(tls, serverTlsKinds);
    (this.#http as HttpsServer).setSecureContext(await serverContextOptions(tls));
    this.#tls = tls;
  }

  /** @internal */
  async start(endpoint: WebSocketEndpoint): Promise<void> {
    try {
      await this.#listen(endpoint);
    } catch (error) {
      await this.close();
      const { port, interface: host } = endpoint;
      const where = `${this.#tls === undefined ? "ws" : "wss"}:${port}`;
      throw await explainSystemError(error, { action: "listen", where, host, port });
    }
  }

  async #listen({ port, interface: host, backlog = 4096 }: WebSocketEndpoint): Promise<void> {
    const http = await this.#createServer();
    this.#http = http;
    http.on("upgrade", (request: IncomingMessage, socket: Socket, head: Buffer) => {
      this.#waiting.arrived(socket);
      if (pathOf(request) === this.#path) this.upgrade(request, socket, head);
      else this.refuseRequest(request, socket, 404);
    });
    http.listen({ port, ...(host === undefined ? {} : { host }), backlog });
    await once(http, "listening");
    http.on("error", (error) => this.incoming.report({ kind: "error", error }));
    const { address, port: actual } = http.address() as AddressInfo;
    this.#address = { host: address, port: actual };
  }

  async #createServer(): Promise<HttpServer | HttpsServer> {
    const { tlsMs } = this.incoming.limits;
    const options: ServerOptions = {
      keepAlive: false,
      insecureHTTPParser: false,
      headersTimeout: 0,
      requestTimeout: 0,
    };
    const answer = (request: IncomingMessage): void => {
      this.#waiting.arrived(request.socket);
      this.refuseRequest(request, request.socket, 426);
    };
    const http =
      this.#tls === undefined
        ? createServer(options, answer)
        : createTlsServer({ ...options, ...(await tlsOptions(this.#tls, tlsMs)) }, answer);
    http.on("connection", (socket: Socket) => this.#waiting.add(socket));
    // Node also emits this for a failed handshake of TLS. Only errors of the HTTP parser have a code like this.
    http.on("clientError", (error: Error & { readonly code?: string }, socket: Socket) => {
      if (isSilent(socket)) {
        socket.destroy(); // Reported when it closes.
        return;
      }
      const isTls = this.#tls !== undefined && error.code?.startsWith("HPE_") !== true;
      const text = `no ${isTls ? "TLS" : "HTTP"}: ${error.message}`;
      this.#fail(socket, new ConnectError("CONNECT_NOT_WEBSOCKET", text, { cause: error }));
      if (isTls) socket.destroy();
      else refuseWith(socket, 400, "Expected a WebSocket handshake\n");
    });
    return http;
  }

  /** Without an error: the peer has closed the socket and has not sent a byte. */
  #fail({ remoteAddress, remotePort }: Socket, error?: ConnectError): void {
    this.reportFailure(`tcp:${remoteAddress ?? "unknown"}:${remotePort ?? ""}`, error);
  }

  protected override async closeAll(options: CloseOptions): Promise<void> {
    const closed = this.#http === undefined ? undefined : once(this.#http, "close");
    this.#http?.close();
    this.#waiting.destroyAll();
    await super.closeAll(options);
    await closed;
  }
}

/** Whether nothing was received. A socket of TLS counts what it has decrypted, and `_parent` is the socket below it. */
function isSilent(socket: Socket): boolean {
  return ((socket as { readonly _parent?: Socket })._parent ?? socket).bytesRead === 0;
}

async function tlsOptions(tls: ServerTls, tlsMs: number): Promise<TlsServerOptions> {
  const clientCertificates = clientCertificatesOf(tls);
  return {
    ...(await serverContextOptions(tls)),
    requestCert: clientCertificates !== "none",
    rejectUnauthorized: clientCertificates === "required",
    ALPNProtocols: ["http/1.1"],
    handshakeTimeout: Math.min(tlsMs, LONGEST_MS),
  };
}
