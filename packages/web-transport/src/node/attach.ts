// Serves WebSockets on the port of an HTTP server that exists already, such as that of Express or Fastify.

import type { RootSource } from "@pb/broker";
import { checkOptions } from "@pb/jelly-types";
import type { OptionKinds } from "@pb/jelly-types";
import { nestedOptions } from "@pb/transport";
import type { IncomingMessage, Server as HttpServer } from "node:http";
import type { Duplex } from "node:stream";
import type { WebServer } from "../server/web-server.js";
import { checkPath } from "./endpoint.js";
import { upgradeKinds, UpgradingServer } from "./upgrades.js";
import type { UpgradeOptions } from "./upgrades.js";

export interface AttachOptions extends UpgradeOptions {
  /** The path of the URL. Default `/`. Requests for other paths are left to the other listeners of the HTTP server. */
  readonly path?: string | undefined;
}

const optionKinds: OptionKinds<AttachOptions> = { ...upgradeKinds, path: "string" };

/** The paths that are served, by HTTP server. */
const pathsOf = new WeakMap<object, Set<string>>();

/** What is used of an HTTP server. */
export type UpgradeSource = Pick<HttpServer, "on" | "off" | "listenerCount">;

/**
 * Serves the WebSockets of an HTTP or HTTPS server at one path, until the result is closed. The HTTP server goes on. A
 * request for a path that no listener serves is answered with 404. Throws `TypeError` and `EndpointError` for a bad
 * option, and `TypeError` for a path that is served already.
 */
export function attach(httpServer: UpgradeSource, root: RootSource, options: AttachOptions = {}): WebServer {
  checkOptions(options, optionKinds, nestedOptions);
  const { path = "/", ...others } = options;
  checkPath(path, path);
  const paths = pathsOf.get(httpServer) ?? new Set<string>();
  if (paths.has(path)) throw new TypeError(`The path ${path} of this HTTP server is served already`);
  const server = new UpgradingServer(root, others);
  pathsOf.set(httpServer, paths.add(path));
  const upgrade = (request: IncomingMessage, socket: Duplex, head: Buffer): void => {
    const [first] = paths;
    if (pathOf(request) === path) server.upgrade(request, socket, head);
    // One of the servers answers a request that is for none of them, unless the program has a listener of its own.
    else if (path === first && !paths.has(pathOf(request)) && httpServer.listenerCount("upgrade") === paths.size)
      server.refuseRequest(request, socket, 404);
  };
  httpServer.on("upgrade", upgrade);
  server.onClose(() => {
    httpServer.off("upgrade", upgrade);
    paths.delete(path);
  });
  return server;
}

/** The path of a request without its query. */
export function pathOf({ url = "/" }: IncomingMessage): string {
  return url.replace(/\?.*$/, "");
}
