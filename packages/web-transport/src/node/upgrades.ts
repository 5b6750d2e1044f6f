// Turns HTTP requests into WebSockets: checks the path, the origin and the limits first.

import { nodePlatform } from "@pb/node-transport";
import type { RootSource } from "@pb/broker";
import { ConnectError, nestedOptions } from "@pb/transport";
import type { AdmittedConnection } from "@pb/transport";
import type { IncomingMessage } from "node:http";
import { STATUS_CODES } from "node:http";
import type { Duplex } from "node:stream";
import { WebSocketServer } from "ws";
import type { WebSocket } from "ws";
import { asksForCredit } from "../link/web-socket-link.js";
import type { WebSocketLink } from "../link/web-socket-link.js";
import { originError, WebServer, webServerKinds } from "../server/web-server.js";
import type { WebServerOptions } from "../server/web-server.js";
import { withDefaults } from "@pb/broker/extension";
import { checkOptions, printable } from "@pb/jelly-types";
import type { OptionKinds } from "@pb/jelly-types";
import { requestPeer } from "./request-peer.js";
import type { DescribeClient } from "./request-peer.js";
import { unfinishedMessages } from "./unfinished-messages.js";
import { UpgradedLink } from "./upgraded-link.js";

export interface UpgradeOptions extends WebServerOptions {
  /**
   * Addresses and networks of the proxies that are believed, such as `["10.0.0.5", "192.0.2.0/24"]`; `private` stands
   * for loopback, private and link-local networks. A request from one of them counts as one of the client that its
   * header `X-Forwarded-For` names, in limits, in logins and in `peer.address`, and as encrypted if
   * `X-Forwarded-Proto` says so. Default: none, and the headers mean nothing.
   */
  readonly trustProxies?: readonly string[] | undefined;
  /**
   * The largest message of a client, in bytes. Clients of this package send at most 256 KiB in one message. Default
   * 1 MiB, because a message is read into memory as a whole before it is passed on.
   */
  readonly messageBytes?: number | undefined;
}

/** The most parts of a message that `ws` holds: small ones take much more memory than their bytes. */
const partLimits = { maxFragments: 1024, maxBufferedChunks: 4096 };

/** What is used of the WebSocket of `ws`, whose types a program need not have. */
export interface PingableWebSocket {
  ping(): void;
  on(event: "pong", listener: () => void): unknown;
  off(event: "pong", listener: () => void): unknown;
}

/** A client whose request was accepted and not answered yet. */
export interface UpgradedClient {
  readonly admitted: AdmittedConnection;
  readonly socket: Duplex;
  /** Completes the handshake, and passes on the WebSocket. */
  readonly open: (use: (link: WebSocketLink, webSocket: PingableWebSocket) => void) => void;
  /** Answers with an error of HTTP instead, and reports it. */
  readonly refuse: (status: number, error: ConnectError) => void;
}

/** For the servers that have further options. */
export const upgradeKinds: OptionKinds<UpgradeOptions> = {
  ...webServerKinds,
  trustProxies: "any",
  messageBytes: "any",
};

/** A server of Node that accepts requests. */
export class UpgradingServer extends WebServer {
  readonly #webSockets: WebSocketServer;
  readonly #describe: DescribeClient;

  constructor(root: RootSource, options: UpgradeOptions) {
    checkOptions(options, upgradeKinds, nestedOptions);
    const { trustProxies, messageBytes: given, ...others } = options;
    super(root, others, nodePlatform);
    const most = { messageBytes: 1024 * 1024 };
    const { messageBytes } = withDefaults("option", most, { messageBytes: given }, { messageBytes: { least: 1 } });
    this.#describe = requestPeer(trustProxies);
    this.#webSockets = new WebSocketServer({
      noServer: true,
      clientTracking: false,
      perMessageDeflate: false,
      maxPayload: messageBytes,
      ...partLimits,
    });
    this.#webSockets.on("wsClientError", (error, socket, request) => {
      this.#refuse(request, socket, 400, new ConnectError("CONNECT_NOT_WEBSOCKET", error.message, { cause: error }));
    });
    this.onClose(() => this.#webSockets.removeAllListeners());
  }

  /**
   * Serves a request with the header `Upgrade`, or refuses it with an answer of HTTP. `head` is what followed it.
   *
   * @internal
   */
  upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    socket.on("error", () => undefined);
    const peer = this.#describe(request);
    if (!this.isAllowed(peer)) {
      this.#refuse(request, socket, 403, originError(request.headers.origin));
      return;
    }
    const { address, description } = peer;
    const admitted = this.incoming.admit({ address, peer: description, destroy: () => socket.destroy() });
    if (admitted === undefined) return;
    if (socket.destroyed) admitted.closed();
    else socket.once("close", () => admitted.closed());
    const open: UpgradedClient["open"] = (use) =>
      this.#webSockets.handleUpgrade(request, socket, head, (webSocket: WebSocket) => {
        unfinishedMessages.watch(socket, webSocket);
        const options = { credit: asksForCredit(request.url), heldBytes: this.heldBytes };
        use(new UpgradedLink(webSocket, socket, peer, options), webSocket);
      });
    const refuse = (status: number, error: ConnectError): void => this.#refuse(request, socket, status, error);
    if (admitted.isRefused) open((link) => admitted.serve(link));
    else this.serveClient({ admitted, socket, open, refuse });
  }

  /** Serves a client whose request was accepted. */
  protected serveClient({ admitted, open }: UpgradedClient): void {
    open((link) => admitted.serve(link));
  }

  /** Answers a request for another path or without the header `Upgrade`, and reports it. @internal */
  refuseRequest(request: IncomingMessage, socket: Duplex, status: number): void {
    const what =
      status === 404 ? `no server at the path "${printable(request.url ?? "")}"` : "the request is plain HTTP";
    this.#refuse(request, socket, status, new ConnectError("CONNECT_NOT_WEBSOCKET", what));
  }

  #refuse(request: IncomingMessage, socket: Duplex, status: number, error: ConnectError): void {
    this.reportFailure(this.#describe(request).description, error);
    refuseWith(socket, status, `${error.message}\n`);
  }
}

/** Answers with an error of HTTP, and closes the socket. */
export function refuseWith(socket: Duplex, status: number, text: string): void {
  const head = [
    `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ""}`,
    "Connection: close",
    ...(status === 426 ? ["Upgrade: websocket"] : []),
    "Content-Type: text/plain; charset=utf-8",
    `Content-Length: ${Buffer.byteLength(text)}`,
  ];
  socket.once("finish", () => socket.destroy());
  socket.end(`${head.join("\r\n")}\r\n\r\n${text}`);
}
