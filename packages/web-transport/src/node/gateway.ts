// A gateway: browsers connect to it over WebSockets, and it passes their bytes on to a server over a socket, such as an
// unmodified Twisted program.

import { Root } from "@pb/broker";
import type { Link } from "@pb/broker/extension";
import { checkOptions } from "@pb/jelly-types";
import type { OptionKinds } from "@pb/jelly-types";
import { checkSocketOptions, clientEndpoint, openSocket, serverTlsKinds, SocketLink } from "@pb/node-transport";
import type { ClientEndpoint, ServerTls, SocketOptions } from "@pb/node-transport";
import { ConnectError } from "@pb/transport";
import type { CloseOptions } from "@pb/transport";
import { Socket } from "node:net";
import type { Duplex } from "node:stream";
import type { WebSocketLink } from "../link/web-socket-link.js";
import { webSocketEndpoint } from "./endpoint.js";
import type { WebSocketEndpoint } from "./endpoint.js";
import { NodeWebServer } from "./listen.js";
import { MethodFilter } from "./method-filter.js";
import { relay } from "./relay.js";
import { unfinishedMessages } from "./unfinished-messages.js";
import { upgradeKinds } from "./upgrades.js";
import type { PingableWebSocket, UpgradedClient, UpgradeOptions } from "./upgrades.js";

/** Milliseconds between two pings of a browser, whose WebSocket answers them by itself. */
const PING_MS = 25_000;

/** Milliseconds without a sign of life after a ping until the connection ends. */
const ANSWER_MS = 30_000;

/** The options of a server over WebSockets, except those for its calls: the server behind the gateway answers them. */
export interface GatewayOptions
  extends
    Pick<UpgradeOptions, "limits" | "origins" | "trustProxies" | "messageBytes" | "onEvent" | "heldBytes">,
    Omit<SocketOptions, "signal" | "tls"> {
  /** Where browsers connect: `ws:8080:path=/pb`, `wss:8443:privateKey=key.pem:certKey=cert.pem`, or an object. */
  readonly listen: string | WebSocketEndpoint;
  /** The server: `tcp:127.0.0.1:8787`, `tls:host:8788`, `unix:/run/pb.sock`, or an object. */
  readonly to: string | ClientEndpoint;
  /**
   * The methods that browsers may call, by their names on the wire: `["login", "respond", "bid"]`. Those of the login
   * (`login` and `respond`, `loginAnonymous`, …) count, too. Other calls do not reach the server: the gateway answers
   * them with `NoSuchMethod`, as the server answers calls of methods that it does not have. A message of a browser has
   * at most 4 MiB then, and the unfinished ones of all browsers an eighth of V8's heap together. Default: all methods,
   * and the gateway does not look into the bytes.
   */
  readonly methods?: Iterable<string> | undefined;
  /** TLS options of the side of the browsers. Those of the other side are part of `to`. */
  readonly tls?: ServerTls | undefined;
}

const { limits, origins, trustProxies, messageBytes, onEvent, heldBytes } = upgradeKinds;

const optionKinds: OptionKinds<GatewayOptions> = {
  ...{ limits, origins, trustProxies, messageBytes, onEvent, heldBytes },
  connectMs: "any",
  tlsMs: "any",
  listen: "any",
  to: "any",
  methods: "iterable",
  tls: "object",
};

/**
 * Listens for browsers, and connects to the server once for each of them. The gateway checks the origin of the page,
 * applies the limits for connections, and slows down each end to the speed of the other. The server sees the address of
 * the gateway, and has to require logins as if browsers connected directly. A browser is answered with 502 while the
 * server cannot be reached.
 *
 * Resolves when it listens. Rejects with `EndpointError`, with `TypeError` for a bad option, and with Node's error.
 */
export async function gateway(options: GatewayOptions): Promise<Gateway> {
  checkOptions(options, optionKinds);
  const { listen, to, methods, connectMs, tlsMs, tls, ...others } = options;
  checkOptions(tls, serverTlsKinds);
  const endpoint = webSocketEndpoint(listen);
  const target = clientEndpoint(to);
  checkSocketOptions(target, { connectMs, tlsMs });
  const serverTls = endpoint.tls === undefined && tls === undefined ? undefined : { ...endpoint.tls, ...tls };
  const dial = (signal: AbortSignal): Promise<Duplex> => openSocket(target, { signal, connectMs, tlsMs });
  const allowed = methods === undefined ? undefined : methodNames(methods);
  const result = new Gateway(others, serverTls, endpoint.path ?? "/", dial, allowed);
  await result.start(endpoint);
  return result;
}

function methodNames(methods: Iterable<string>): Set<string> {
  const names = new Set<unknown>(methods);
  for (const name of names) {
    if (typeof name !== "string") throw new TypeError("The methods of a gateway are names");
    const [, rest] = /^(?:remote|perspective|view)_(.*)/.exec(name) ?? [];
    if (rest !== undefined) throw new TypeError(`Name methods as on the wire: "${rest}" instead of "${name}"`);
  }
  return names as Set<string>;
}

/** A gateway that listens. */
export class Gateway extends NodeWebServer {
  readonly #dial: (signal: AbortSignal) => Promise<Duplex>;
  readonly #methods: ReadonlySet<string> | undefined;
  readonly #relays = new Set<WebSocketLink>();

  /** Programs use the function {@link gateway} instead. */
  constructor(
    options: UpgradeOptions,
    tls: ServerTls | undefined,
    path: string,
    dial: (signal: AbortSignal) => Promise<Duplex>,
    methods?: ReadonlySet<string>,
  ) {
    // The root of the connections that a limit refuses, whose calls the limit answers.
    super(new Nothing(), options, tls, path);
    this.#dial = dial;
    this.#methods = methods;
  }

  /** The number of browsers that are connected to the server. */
  get relays(): number {
    return this.#relays.size;
  }

  protected override serveClient(client: UpgradedClient): void {
    void this.#serve(client);
  }

  async #serve({ admitted, socket, open, refuse }: UpgradedClient): Promise<void> {
    const gone = new AbortController();
    const stopWatching = whenGone(socket, () => gone.abort(new Error("The browser has disconnected")));
    try {
      const target = await this.#dial(gone.signal);
      stopWatching();
      let isOpen = false as boolean;
      open((link, webSocket) => {
        isOpen = true;
        admitted.relay(link);
        void this.#relay(link, webSocket, target);
      });
      if (!isOpen) target.destroy(); // The handshake was invalid.
    } catch (error) {
      const text = `The server behind the gateway cannot be reached: ${error instanceof Error ? error.message : ""}`;
      stopWatching();
      if (gone.signal.aborted) socket.destroy();
      else refuse(502, new ConnectError("CONNECT_TARGET", text, { cause: error }));
    }
  }

  async #relay(link: WebSocketLink, webSocket: PingableWebSocket, target: Duplex): Promise<void> {
    if (target instanceof Socket) target.setKeepAlive(true, PING_MS);
    this.#relays.add(link);
    const stopPings = keepAlive(link, webSocket);
    await this.#pass(link, new SocketLink(target, "initiator"));
    stopPings();
    this.#relays.delete(link);
  }

  #pass(client: Link, server: Link): Promise<void> {
    if (this.#methods === undefined) return relay(client, server);
    const filter = new MethodFilter(this.#methods, {
      toClient: (bytes) => client.send(bytes),
      toServer: (bytes) => server.send(bytes),
    });
    const hold = unfinishedMessages.hold(() => client.destroy());
    const fromClient = (bytes: Uint8Array): void => {
      filter.fromClient(bytes);
      hold(filter.heldBytes);
    };
    return relay(client, server, fromClient, (bytes) => filter.fromServer(bytes)).finally(() => hold(0));
  }

  protected override async closeAll(options: CloseOptions): Promise<void> {
    for (const link of this.#relays) link.close();
    await super.closeAll(options);
  }

  override async destroy(): Promise<void> {
    for (const link of this.#relays) link.destroy();
    await super.destroy();
  }
}

class Nothing extends Root {}

/**
 * Calls `leave` when the other end closes the socket. A socket notices that only while it is read, which nothing else
 * may do until the result is called.
 */
function whenGone(socket: Duplex, leave: () => void): () => void {
  const read = (): void => {
    if (socket.readableLength === 0) socket.read(); // Emits "end", if nothing more can arrive.
  };
  socket.on("readable", read).once("end", leave).once("close", leave);
  return () => void socket.off("readable", read).off("end", leave).off("close", leave);
}

/** Ends the link when the browser does not answer pings. The result stops that. */
function keepAlive(link: WebSocketLink, webSocket: PingableWebSocket): () => void {
  let answered = performance.now();
  const pong = (): void => void (answered = performance.now());
  webSocket.on("pong", pong);
  const timer = setInterval(() => {
    // While the link does not read, the answer cannot arrive.
    if (link.isPaused) pong();
    if (performance.now() - Math.max(answered, link.lastReceived) > PING_MS + ANSWER_MS) link.destroy();
    else webSocket.ping();
  }, PING_MS);
  timer.unref();
  return () => {
    clearInterval(timer);
    webSocket.off("pong", pong);
  };
}
