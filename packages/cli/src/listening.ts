// Listens for the commands that take the place of a server.

import type { ServerEndpoint } from "@pb/node-transport";
import { once } from "node:events";
import type { ListenOptions, Server } from "node:net";
import { CliError, usageError } from "./errors.js";

/** The options of Node for an endpoint. Throws `CliError` `CLI_USAGE` for one with TLS. */
export function listenOptions(endpoint: ServerEndpoint): ListenOptions {
  if (endpoint.type === "tcp") return { port: endpoint.port, host: endpoint.interface ?? "127.0.0.1" };
  if (endpoint.type === "unix") return { path: endpoint.path };
  throw usageError("--listen: expected tcp:PORT, tcp:PORT:interface=ADDRESS or unix:/path");
}

/** Resolves when the server listens. Rejects with `CliError` `CLI_LISTEN`. */
export async function listening(server: Server, options: ListenOptions): Promise<void> {
  server.listen(options);
  try {
    await once(server, "listening");
  } catch (error) {
    throw new CliError("CLI_LISTEN", `--listen: ${(error as Error).message}`, { cause: error });
  }
}

/** The endpoint of a server that listens. */
export function addressText(server: Server): string {
  const address = server.address()!;
  return typeof address === "string" ? `unix:${address}` : `tcp:${address.port}:interface=${address.address}`;
}
