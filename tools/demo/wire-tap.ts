// A TCP proxy on loopback that forwards every byte between a client and a server and records it.

import { once } from "node:events";
import { connect, createServer } from "node:net";
import type { AddressInfo, Socket } from "node:net";

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
    forward(client, server, fromClient);
    forward(server, client, fromServer);
  }).listen(0, "127.0.0.1");
  await once(listener, "listening");
  return {
    port: (listener.address() as AddressInfo).port,
    fromClient,
    fromServer,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      listener.close();
      await once(listener, "close");
    },
  };
}

function forward(from: Socket, to: Socket, recorded: Uint8Array[]): void {
  from.on("data", (bytes: Uint8Array) => recorded.push(bytes));
  // The program at the other end reports a connection error; the tap only closes the other connection.
  from.on("error", () => to.destroy());
  from.pipe(to);
}
