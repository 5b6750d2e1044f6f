// Connected pairs of links, one for each kind of connection.

import { once } from "node:events";
import { createServer } from "node:http";
import type { IncomingMessage, Server } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import { MessageChannel } from "node:worker_threads";
import { onTestFinished } from "vitest";
import { WebSocket, WebSocketServer } from "ws";
import type { Link } from "@pb/broker/extension";
import { PortLink, WebSocketLink } from "@pb/web-transport";
import type { WebSocketLike, WebSocketLinkOptions } from "@pb/web-transport";
import { UpgradedLink } from "../../src/node/upgraded-link.js";

export interface LinkEnds<End extends Link = Link> {
  readonly listener: End;
  readonly initiator: End;
}

const peer = { description: "test", isEncrypted: false };

/** By the name of the kind. */
export const kinds: Readonly<Record<string, () => LinkEnds | Promise<LinkEnds>>> = {
  "WebSockets that pause": async () => linksOver(await webSocketPair()),
  "the WebSocket of a server of Node": async () => upgradedPair(),
  "the WebSocket of a server of Node, with credit": async () => upgradedPair({ credit: true }),
  "a WebSocket that cannot pause, with credit": async () => {
    const { listener, initiator } = await webSocketPair();
    return linksOver({ listener, initiator: withoutPause(initiator) }, { credit: true });
  },
  "two WebSockets that cannot pause, with credit": async () => {
    const { listener, initiator } = await webSocketPair();
    return linksOver({ listener: withoutPause(listener), initiator: withoutPause(initiator) }, { credit: true });
  },
  MessagePorts: () => {
    const { port1, port2 } = new MessageChannel();
    return { listener: new PortLink(port1, "listener"), initiator: new PortLink(port2, "initiator") };
  },
};

/** Two ends of a WebSocket of the package `ws`, and the socket of the listener. */
export async function webSocketPair(): Promise<{
  readonly listener: WebSocket;
  readonly initiator: WebSocket;
  readonly socket: Socket;
}> {
  const server: Server = createServer().listen(0, "127.0.0.1");
  onTestFinished(() => void server.close());
  await once(server, "listening");
  const webSockets = new WebSocketServer({ server, maxPayload: 1024 * 1024 });
  const initiator = new WebSocket(`ws://127.0.0.1:${(server.address() as AddressInfo).port}`);
  const [[listener, { socket }]] = await Promise.all([
    once(webSockets, "connection") as Promise<[WebSocket, IncomingMessage]>,
    once(initiator, "open"),
  ]);
  return { listener, initiator, socket };
}

/** The end of a server writes its frames itself. */
export async function upgradedPair(options: WebSocketLinkOptions = {}): Promise<LinkEnds<WebSocketLink>> {
  const { listener, initiator, socket } = await webSocketPair();
  return {
    listener: new UpgradedLink(listener, socket, peer, options),
    initiator: new WebSocketLink(initiator, "initiator", peer, options),
  };
}

export function linksOver(
  pair: LinkEnds<never> | { readonly listener: WebSocketLike; readonly initiator: WebSocketLike },
  options?: WebSocketLinkOptions,
): LinkEnds<WebSocketLink> {
  return {
    listener: new WebSocketLink(pair.listener, "listener", peer, options),
    initiator: new WebSocketLink(pair.initiator, "initiator", peer, options),
  };
}

/** The same WebSocket with the methods of a browser only. */
export function withoutPause(webSocket: WebSocket): WebSocketLike {
  return new Proxy(webSocket, {
    get(target, name) {
      if (name === "pause" || name === "resume" || name === "terminate") return undefined;
      const value: unknown = Reflect.get(target, name);
      return typeof value === "function" ? value.bind(target) : value;
    },
    set: (target, name, value) => Reflect.set(target, name, value),
  });
}
