/** How attacks reach their victims: over TCP, or in the messages of WebSockets. */

import type { Broker } from "@pb/broker";
import { connect } from "@pb/node-transport";
import { connect as connectWeb } from "@pb/web-transport";
import { createServer as createHttpServer } from "node:http";
import { connect as connectSocket, createServer } from "node:net";
import type { Server, Socket } from "node:net";
import type { Duplex } from "node:stream";
import { createWebSocketStream, WebSocket, WebSocketServer } from "ws";

export interface Transport {
  /** A connection to a victim. `header` is the PROXY header of a proxy, or names the client as that does. */
  readonly open: (port: number, from: string, header?: string) => { stream: Duplex; opened: Promise<unknown> };
  /** The same, for a client that behaves well. */
  readonly connect: (port: number, from: string, header?: string) => Promise<Broker>;
  /** A server for a client that is the victim. It emits `event` with a stream. */
  readonly server: () => { readonly server: Server; readonly event: string };
}

export const socketTo = (port: number, localAddress: string): Socket =>
  connectSocket({ port, host: "127.0.0.1", localAddress });

export const urlOf = (port: number): string => `ws://127.0.0.1:${port}/pb`;

/** A WebSocket from an address of loopback, and what a proxy adds to its request. */
const webSocketFrom = (localAddress: string, header?: string): new (url: string) => WebSocket =>
  class extends WebSocket {
    constructor(url: string) {
      const [, , client] = header?.split(" ") ?? [];
      super(url, { localAddress, headers: client === undefined ? {} : { "x-forwarded-for": client } });
    }
  };

const tcp: Transport = {
  open(port, from, header) {
    const stream = socketTo(port, from);
    if (header !== undefined) stream.write(header, "latin1");
    return { stream, opened: new Promise((resolve) => stream.once("connect", resolve)) };
  },
  connect: (port, from, header) => connect(tcp.open(port, from, header).stream, { liveness: false }),
  server: () => ({ server: createServer(), event: "connection" }),
};

const web: Transport = {
  open(port, from, header) {
    const webSocket = new (webSocketFrom(from, header))(urlOf(port));
    return {
      stream: createWebSocketStream(webSocket),
      opened: new Promise((resolve) => webSocket.once("open", resolve)),
    };
  },
  connect: (port, from, header) => connectWeb(urlOf(port), { webSocket: webSocketFrom(from, header), liveness: false }),
  server() {
    const server = createHttpServer();
    const webSockets = new WebSocketServer({ server });
    webSockets.on("connection", (webSocket) => server.emit("opened", createWebSocketStream(webSocket)));
    return { server, event: "opened" };
  },
};

export const transports = { tcp, web };
export type Over = keyof typeof transports;
