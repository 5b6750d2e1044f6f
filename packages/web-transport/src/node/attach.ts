// Serves WebSockets on the port of an HTTP server that exists already, such as that of Express or Fastify.

import type { RootSource } from "@pb/broker";
import type { IncomingMessage, Server as HttpServer } from "node:http";
import type { Duplex } from "node:stream";
import type { WebServer } from "../server/web-server.js";
import { checkPath } from "./endpoint.js";
import { UpgradingServer } from "./upgrades.js";
import type { UpgradeOptions } from "./upgrades.js";

export interface AttachOptions extends UpgradeOptions {
  /** The path of the URL. Default `/`. Requests for other paths are left to the other listeners of the HTTP server. */
  readonly path?: string | undefined;
}

/** What is used of an HTTP server. */
export type UpgradeSource = Pick<HttpServer, "on" | "off" | "listenerCount">;

/**
 * Serves the WebSockets of an HTTP or HTTPS server at one path, until the result is closed. The HTTP server goes on. A
 * request for a path that no listener serves is answered with 404. Throws `TypeError` and `EndpointError` for a bad
 * option.
 */
export function attach(httpServer: UpgradeSource, root: RootSource, options: AttachOptions = {}): WebServer {
  const { path = "/", ...others } = options;
  checkPath(path, path);
  const server = new UpgradingServer(root, others);
  const upgrade = (request: IncomingMessage, socket: Duplex, head: Buffer): void => {
    if (pathOf(request) === path) server.upgrade(request, socket, head);
    else if (httpServer.listenerCount("upgrade") === 1) server.refuseRequest(request, socket, 404);
  };
  httpServer.on("upgrade", upgrade);
  server.onClose(() => httpServer.off("upgrade", upgrade));
  return server;
}

/** The path of a request without its query. */
export function pathOf({ url = "/" }: IncomingMessage): string {
  return url.replace(/\?.*$/, "");
}
