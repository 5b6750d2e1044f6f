// A TCP proxy on loopback that forwards every byte between a client and a server and records it.

import { connect, createServer } from "node:net";
import type { Socket } from "node:net";
import { pipeline } from "node:stream";
import { listen } from "../process/ports.js";

export interface WireTap extends AsyncDisposable {
  readonly port: number;
  readonly fromClient: readonly Uint8Array[];
  readonly fromServer: readonly Uint8Array[];
}

/** Connects each client of the returned port with the server at `serverPort`. */
export async function openWireTap(serverPort: number): Promise<WireTap> {
  const fromClient: Uint8Array[] = [];
  const fromServer: Uint8Array[] = [];
  const sockets: Socket[] = [];
  const listener = createServer((client) => {
    const server = connect(serverPort, "127.0.0.1");
    sockets.push(client, server);
    client.on("data", (bytes: Uint8Array) => fromClient.push(bytes));
    server.on("data", (bytes: Uint8Array) => fromServer.push(bytes));
    // The programs report a connection error themselves; the tap only closes the other connection.
    pipeline(client, server, client, () => undefined);
  });
  return {
    port: await listen(listener),
    fromClient,
    fromServer,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      await listener[Symbol.asyncDispose]();
    },
  };
}
