// The connections of a server over WebSockets and ports that were opened by other means.

import type { Broker, BrokerLimits, BrokerOptions, Peer, RootSource } from "@pb/broker";
import { withDefaults } from "@pb/broker/extension";
import { addDisposal, asyncDispose, checkOptions, printable, refuseProxies } from "@pb/jelly-types";
import type { OptionKinds } from "@pb/jelly-types";
import { ConnectError, defaultPlatform, nestedOptions, serverConnections } from "@pb/transport";
import { serverOptionKinds } from "@pb/transport";
import type {
  CloseOptions,
  Platform,
  ServerConnections,
  LimitChanges,
  ServerLimits,
  ServerOptions,
  ServerWatcher,
} from "@pb/transport";
import { withPlatformDefaults } from "../heap-share.js";
import { openWebSocketLink } from "../client/open-web-socket.js";
import { PORT_PEER, PortLink } from "../link/port-link.js";
import type { PortLike } from "../link/port-like.js";
import { OPEN } from "../link/web-socket-like.js";
import type { WebSocketLike } from "../link/web-socket-like.js";
import { asksForCredit, DEFAULT_HELD_BYTES } from "../link/web-socket-link.js";
import { originPolicy } from "./origins.js";
import type { OriginPolicy } from "./origins.js";

export interface WebServerOptions extends ServerOptions {
  /**
   * The pages that may connect, by their origins, such as `["self", "https://app.example.org"]`. `self` stands for the
   * host that the request names, and `*` for every origin. Default `["self"]`. Programs that are not browsers send no
   * origin, and may always connect. Name the origins if the server is in a private network or on loopback: a page can
   * give its own host an address there (DNS rebinding), and is then of the same origin.
   */
  readonly origins?: readonly string[] | undefined;
  /**
   * The most bytes that are held for a peer that does not know credit, where the WebSocket cannot be paused. Then the
   * connection ends with the reason `limit`. Default 16 MiB.
   */
  readonly heldBytes?: number | undefined;
}

/** For the servers that have further options. */
export const webServerKinds: OptionKinds<WebServerOptions> = {
  ...serverOptionKinds,
  origins: "list",
  heldBytes: "any",
};

/** What is known about a WebSocket that is accepted. */
export interface AcceptedRequest {
  /** The path and the query, or the whole URL. Without it, credit is not used. */
  readonly url: string;
  /** The headers by name in lower case, or as a `Headers` object. */
  readonly headers: HeaderSource;
  /** The IP address of the client, for the limits. */
  readonly address?: string | undefined;
  /** Whether the client connected with `wss:`. Default: whether `url` begins with `https:` or `wss:`. */
  readonly isEncrypted?: boolean | undefined;
}

type Headers = NonNullable<Peer["request"]>["headers"];
type HeaderSource = Headers | { forEach(callback: (value: string, name: string) => void): void };

export class WebServer {
  static {
    addDisposal(this, asyncDispose);
    refuseProxies(this, (object) => #isAllowed in object);
  }

  /** For the servers of other entry points. */
  protected readonly incoming: ServerConnections;
  readonly #isAllowed: OriginPolicy;
  protected readonly heldBytes: number;
  readonly #onClose: (() => void)[] = [];
  #closing: Promise<void> | undefined;
  #state: "listening" | "draining" | "closed" = "listening";

  /** Throws `TypeError` for a bad root, and for an unknown or bad option. */
  constructor(root: RootSource, options: WebServerOptions = {}, platform: Platform = defaultPlatform) {
    checkOptions(options, webServerKinds, nestedOptions);
    const { heldBytes } = options;
    this.#isAllowed = originPolicy(options.origins);
    ({ heldBytes: this.heldBytes } = withDefaults("option", { heldBytes: DEFAULT_HELD_BYTES }, { heldBytes }));
    const complete = (broker: BrokerOptions | undefined): BrokerOptions => withPlatformDefaults(broker, platform.warn);
    this.incoming = serverConnections(root, options, platform, complete);
  }

  /** The current connections, including those that are still negotiating. */
  get connections(): ReadonlySet<Broker> {
    return this.incoming.all;
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
    return { ...this.incoming.limits, broker: { ...this.incoming.brokerLimits } };
  }

  /**
   * Changes limits from now on. Connections that exceed a lower one stay. `broker` changes limits of each connection,
   * of those that are open too: `references`, `streams`, `queuedBytes`, `unsentBytes`, `callsWaiting`, `callsRunning`,
   * `overload`, `processHeapBytes` and `strangersHeapBytes`. Throws `TypeError` for an unknown name, for a value out of
   * its range, and for limits that cannot be changed (`tlsMs`, and all others of `broker`), and then changes nothing.
   */
  setLimits(limits: LimitChanges): void {
    this.incoming.setLimits(limits);
  }

  /**
   * Whether the arrivals of references are recorded from now on, for `leakReport()` of the connections: first the
   * option `traceReferences` of `broker`. Slow: switch it on while a leak is sought.
   */
  get tracesReferences(): boolean {
    return this.incoming.tracesReferences;
  }

  set tracesReferences(isOn: boolean) {
    this.incoming.tracesReferences = isOn;
  }

  /** Calls `watcher` with every event from now on, until the result is disposed of. */
  onEvent(watcher: ServerWatcher): Disposable {
    return this.incoming.onEvent(watcher);
  }

  /**
   * Serves a WebSocket that is open or opens soon. Pass the request that it was upgraded from: then its origin is
   * checked, the limits count its address, and the root can read its headers (`connection.peer.request`).
   */
  accept(webSocket: WebSocketLike, request?: AcceptedRequest): void {
    const peer = describeRequest(request);
    const origin = peer.request?.headers.origin as string | undefined;
    if (this.isAllowed(peer)) {
      const destroy = (): void => webSocket.close();
      const admitted = this.incoming.admit({ address: peer.address, peer: peer.description, destroy });
      if (admitted === undefined) return;
      webSocket.addEventListener("close", () => admitted.closed());
      const { tlsMs: timeoutMs } = this.incoming.limits;
      const options = { heldBytes: this.heldBytes, credit: asksForCredit(request?.url) };
      openWebSocketLink(webSocket, "listener", peer, options, { timeoutMs }).then(
        (link) => void admitted.serve(link),
        (error: unknown) => {
          admitted.fail(error as Error);
          admitted.closed();
        },
      );
    } else {
      this.incoming.reportFailure(peer.description, originError(origin));
      const close = (): void => webSocket.close(4003, "origin");
      // That of Deno opens later, and cannot be closed before.
      if (webSocket.readyState < OPEN) webSocket.addEventListener("open", close);
      else close();
    }
  }

  /** Whether the origin of a request is allowed. */
  protected isAllowed({ request }: Peer): boolean {
    const { origin, host } = request?.headers ?? {};
    return this.#isAllowed(origin as string | undefined, host as string | undefined);
  }

  /** Serves a MessagePort, or the worker at its other end. */
  acceptPort(port: PortLike): void {
    const link = new PortLink(port, "listener");
    const destroy = (): void => link.destroy();
    const admitted = this.incoming.admit({ address: undefined, peer: PORT_PEER.description, destroy });
    void admitted?.serve(link).closed.then(() => admitted.closed());
  }

  /**
   * Stops accepting, lets calls in flight finish for at most `drainMs`, closes the connections, and resolves when all
   * are closed. Rejects with `TypeError` for a time that is not a number of at least 0, and then changes nothing.
   */
  async close(options?: CloseOptions): Promise<void> {
    const times = withDefaults("option", { drainMs: 0, retryAfterMs: 0 }, options);
    this.#closing ??= this.#close(times);
    return this.#closing;
  }

  async #close(times: CloseOptions): Promise<void> {
    this.#state = "draining";
    await this.closeAll(times);
    this.#state = "closed";
  }

  /** Calls `stop` when the server begins to close. @internal */
  onClose(stop: () => void): void {
    this.#onClose.push(stop);
  }

  /** Reports a connection that was refused before it was accepted. @internal */
  reportFailure(peer: string, error?: Error): void {
    this.incoming.reportFailure(peer, error);
  }

  /** Closes the connections. */
  protected async closeAll(options: CloseOptions): Promise<void> {
    this.incoming.stopAdmitting();
    for (const stop of this.#onClose) stop();
    await this.incoming.close(options);
  }

  /** Ends all connections at once and discards what is queued. Works while the server drains, too. */
  async destroy(): Promise<void> {
    this.incoming.destroy();
    await this.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

/** The error of a request from a page of another origin. */
export function originError(origin: string | undefined): ConnectError {
  const text = `The origin "${printable(String(origin))}" is not allowed: add it to the option origins`;
  return new ConnectError("CONNECT_ORIGIN", text);
}

function describeRequest(request: AcceptedRequest | undefined): Peer {
  if (request === undefined) return { description: "websocket", isEncrypted: false };
  const { url, address, isEncrypted = /^(?:https|wss):/.test(url) } = request;
  const scheme = isEncrypted ? "wss" : "ws";
  const path = URL.canParse(url) ? new URL(url).pathname + new URL(url).search : url;
  return {
    description: `${scheme}:${address ?? "unknown"}`,
    isEncrypted,
    address,
    request: { url: path, headers: headersOf(request.headers) },
  };
}

function headersOf(source: HeaderSource): Headers {
  if (typeof source.forEach !== "function") return source as Headers;
  const headers: Record<string, string> = {};
  source.forEach((value, name) => (headers[name.toLowerCase()] = value));
  return headers;
}
