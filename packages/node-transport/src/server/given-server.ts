// Serves the connections of a listening server that the program has created.

import { Server as HttpServer } from "node:http";
import { Server as HttpsServer } from "node:https";
import type { Server as SocketServer } from "node:net";
import { Server as TlsServer } from "node:tls";

/** The event with which a server reports each connection that is ready for use. */
export function connectionEvent(server: SocketServer): "connection" | "secureConnection" {
  return server instanceof TlsServer ? "secureConnection" : "connection";
}

/**
 * Throws `TypeError` for a server that does not listen yet, one that speaks HTTP, and options for sockets that a
 * `tls.Server` does not pass on. `options` are those of `listen`.
 */
export function requireUsable(
  server: SocketServer,
  options: { readonly tls?: unknown; readonly trustProxies?: unknown },
): void {
  if (server instanceof HttpServer || server instanceof HttpsServer)
    throw new TypeError("An HTTP server cannot serve Perspective Broker: pass a server of node:net or node:tls");
  if (!server.listening)
    throw new TypeError("The server does not listen: call its method listen and wait for the event listening");
  if (!(server instanceof TlsServer)) return;
  const option = options.tls !== undefined ? "tls" : options.trustProxies !== undefined ? "trustProxies" : undefined;
  if (option !== undefined)
    throw new TypeError(`The option ${option} has no effect on a tls.Server: pass a server of node:net`);
}
