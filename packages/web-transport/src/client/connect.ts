// Connects over a WebSocket, a MessagePort or a worker.

import type { Broker, BrokerOptions } from "@pb/broker";
import { BrokerConfig, withDefaults } from "@pb/broker/extension";
import { checkOptions, dispose } from "@pb/jelly-types";
import type { OptionKinds } from "@pb/jelly-types";
import { checkAfterSleep, completeLiveness, connectionOptionKinds, defaultPlatform } from "@pb/transport";
import { nestedOptions, openBroker, watchOver } from "@pb/transport";
import type { ConnectionOptions, Pulse } from "@pb/transport";
import { withPlatformDefaults } from "../heap-share.js";
import { PortLink } from "../link/port-link.js";
import type { PortLike } from "../link/port-like.js";
import { isPort } from "../link/port-like.js";
import { isPausable, isWebSocket } from "../link/web-socket-like.js";
import type { WebSocketLike } from "../link/web-socket-like.js";
import type { MessageLink } from "../link/message-link.js";
import { DEFAULT_HELD_BYTES } from "../link/web-socket-link.js";
import { openWebSocketLink, platformWebSocket } from "./open-web-socket.js";
import type { WebSocketClass } from "./open-web-socket.js";
import { onWake } from "./tab-wake.js";
import { parseUrl } from "./target.js";
import type { UrlObject } from "./target.js";

/** How to open a connection. */
export interface DialOptions {
  /**
   * Milliseconds until the WebSocket must be open, or the other end of a port must have answered. Default 30,000, as
   * for other transports.
   */
  readonly connectMs?: number | undefined;
  /**
   * The most bytes that are held while the program does not read, where neither this end can stop the server nor the
   * server knows credit. Then the connection ends with the reason `limit`. Default 16 MiB.
   */
  readonly heldBytes?: number | undefined;
  /**
   * Whether `credit=1` is added to the query of the URL, so that a server of this package does not send faster than
   * this end reads. Default true. False for a URL that is signed, which must not be changed.
   */
  readonly credit?: boolean | undefined;
  /**
   * The class of the WebSocket. Default: that of the platform, which Node has since version 22. With the class of the
   * package `ws`, Node can send headers: `class extends WebSocket { constructor(url) { super(url, { headers }) } }`.
   * The third argument of that of `ws` has the option `maxPayload`, the limit `messageBytes` of the broker: pass it on.
   */
  readonly webSocket?: WebSocketClass | undefined;
}

export interface ConnectOptions extends ConnectionOptions, DialOptions {}

/** The kinds of the options that `connect` and `reconnecting` share. */
export const connectOptionKinds: OptionKinds<ConnectOptions> = {
  ...connectionOptionKinds,
  connectMs: "any",
  heldBytes: "any",
  credit: "boolean",
  webSocket: "function",
};

/** A URL such as `wss://example.org/pb`, an open WebSocket, a MessagePort or a worker. */
export type Target = string | UrlObject | WebSocketLike | PortLike;

/**
 * Connects and resolves when both ends can call. A WebSocket or a port that is passed belongs to the connection; a
 * worker goes on when the connection ends, and can be connected once.
 *
 * Rejects with `EndpointError` for a bad URL, with `TypeError` for an unknown or bad option or target, with
 * `ConnectError` when the WebSocket cannot be opened or the other end does not answer in time, with
 * `ConnectionLostError` when it does not speak the protocol, and with the reason of the signal.
 */
export async function connect(target: Target, options: ConnectOptions = {}): Promise<Broker> {
  checkOptions(options, connectOptionKinds, nestedOptions);
  options.signal?.throwIfAborted();
  const { liveness } = options;
  if (liveness !== false) completeLiveness(liveness);
  const { broker, pulse } = await dial(target, clientConfig(options.broker), options);
  if (liveness !== false) {
    watchOver(broker, pulse, liveness);
    const waking = onWake(() => void checkAfterSleep(broker));
    broker.notifyOnDisconnect(() => waking[dispose]());
  }
  return broker;
}

/** The options of a broker with the default watcher. */
export function clientConfig(options: BrokerOptions | BrokerConfig | undefined): BrokerConfig {
  return BrokerConfig.of(
    options instanceof BrokerConfig ? options : withPlatformDefaults(options, defaultPlatform.warn),
  );
}

/** The options with their defaults. Throws `TypeError` for a number out of range, and a WebSocket that is no class. */
export function completeDial(options: DialOptions): { connectMs: number; heldBytes: number } {
  const { connectMs, heldBytes, webSocket } = options;
  if (webSocket !== undefined && typeof webSocket.prototype !== "object")
    throw new TypeError("The option webSocket must be a class");
  return withDefaults("option", { connectMs: 30_000, heldBytes: DEFAULT_HELD_BYTES }, { connectMs, heldBytes });
}

/** Connects once, without starting liveness. */
export async function dial(
  target: Target,
  config: BrokerConfig,
  options: DialOptions & { readonly signal?: AbortSignal | undefined },
): Promise<{ readonly broker: Broker; readonly pulse: Pulse }> {
  const { signal } = options;
  const { connectMs } = completeDial(options);
  const link = await openLink(target, options, config.limits.messageBytes);
  const timeoutMs = link instanceof PortLink ? connectMs : undefined;
  return { broker: await openBroker(link, config, { signal, timeoutMs }), pulse: link };
}

async function openLink(
  target: Target,
  options: DialOptions & { readonly signal?: AbortSignal | undefined },
  messageBytes: number,
): Promise<MessageLink> {
  const { signal, webSocket: given } = options;
  const { connectMs: timeoutMs, heldBytes } = completeDial(options);
  if (typeof target === "string" || target instanceof URL) {
    parseUrl(target, false); // A bad URL is reported also where there is no WebSocket.
    const { credit = true, webSocket: Class = given ?? platformWebSocket() } = options;
    const asks = credit && !isPausable(Class.prototype as object);
    const { href, description, isEncrypted } = parseUrl(target, asks);
    const peer = { description, isEncrypted };
    return openWebSocketLink(
      openWith(Class, href, messageBytes),
      "initiator",
      peer,
      { heldBytes, credit: asks },
      { signal, timeoutMs },
    );
  }
  if (typeof (target as unknown) !== "object" || (target as unknown) === null) throw badTarget();
  if (isWebSocket(target)) {
    const { url = "" } = target;
    const peer = { description: url.replace(/[?#].*$/, "") || "ws:", isEncrypted: url.startsWith("wss:") };
    return openWebSocketLink(target, "initiator", peer, { heldBytes }, { signal, timeoutMs });
  }
  if (isPort(target)) return new PortLink(target, "initiator");
  throw badTarget();
}

/**
 * Opens a WebSocket. That of `ws` would take messages of 100 MiB into memory, whatever the limits of the broker are. A
 * server of Twisted sends each message of the protocol as one of the WebSocket.
 */
function openWith(Class: WebSocketClass, url: string, maxPayload: number): WebSocketLike {
  if (!isPausable(Class.prototype as object)) return new Class(url);
  return new (Class as WebSocketClassOfWs)(url, [], { maxPayload });
}

type WebSocketClassOfWs = new (url: string, protocols: string[], options: { maxPayload: number }) => WebSocketLike;

function badTarget(): TypeError {
  return new TypeError("Expected a URL, a WebSocket, a MessagePort or a worker");
}
