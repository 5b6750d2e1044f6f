// Listens on a free TCP port, finds one for another program, and tells whether a program listens on one.

import { once } from "node:events";
import { connect, createServer } from "node:net";
import type { AddressInfo, Server } from "node:net";

/** Listens on a free port of 127.0.0.1 and resolves with that port. */
export async function listen(server: Server): Promise<number> {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return (server.address() as AddressInfo).port;
}

/** A port of 127.0.0.1 that no program listens on. Another program may take it before the caller does. */
export async function freePort(): Promise<number> {
  const server = createServer();
  const port = await listen(server);
  server.close();
  await once(server, "close");
  return port;
}

export async function isListening(port: number, host = "127.0.0.1"): Promise<boolean> {
  const socket = connect(port, host);
  const [isConnected] = await Promise.allSettled([once(socket, "connect")]);
  socket.destroy();
  return isConnected.status === "fulfilled";
}
