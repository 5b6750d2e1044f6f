// Serves one WebSocket that was opened by other means.

import type { RootSource } from "@pb/broker";
import type { WebSocketLike } from "../link/web-socket-like.js";
import { WebServer } from "./web-server.js";
import type { AcceptedRequest, WebServerOptions } from "./web-server.js";

export interface AcceptOptions extends WebServerOptions {
  /** The request that the WebSocket was upgraded from. Without it, its origin is not checked. */
  readonly request?: AcceptedRequest | undefined;
}

/**
 * Serves a root over one WebSocket, which is open or opens soon, such as that of `Deno.upgradeWebSocket`. For several
 * connections that share limits and logins, create one {@link WebServer} and call its `accept` for each. Throws
 * `TypeError` for a bad option.
 */
export function accept(webSocket: WebSocketLike, root: RootSource, options: AcceptOptions = {}): WebServer {
  const { request, ...rest } = options;
  const server = new WebServer(root, rest);
  server.accept(webSocket, request);
  return server;
}
