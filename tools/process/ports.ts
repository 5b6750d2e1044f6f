// Listens on a free TCP port, finds one for another program, and tells whether a program listens on one.

import { randomInt } from "node:crypto";
import { once } from "node:events";
import { connect, createServer } from "node:net";
import type { AddressInfo, Server } from "node:net";

/** Listens on a free port of 127.0.0.1 and resolves with that port. */
export async function listen(server: Server): Promise<number> {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return (server.address() as AddressInfo).port;
}

/** Ports that systems do not give to programs that ask for any port, so that other tests do not take them by chance. */
const FIRST_PORT = 11_000;
const PORTS = 5000;

/** A port of 127.0.0.1 that no program listens on. */
export async function freePort(): Promise<number> {
  for (let attempts = 1; ; attempts++) {
    const port = FIRST_PORT + randomInt(PORTS);
    const server = createServer().listen(port, "127.0.0.1");
    const [isFree] = await Promise.allSettled([once(server, "listening")]);
    if (isFree.status === "rejected") {
      if (attempts === 100) throw isFree.reason;
      continue;
    }
    server.close();
    await once(server, "close");
    return port;
  }
}

export async function isListening(port: number, host = "127.0.0.1"): Promise<boolean> {
  const socket = connect(port, host);
  const [isConnected] = await Promise.allSettled([once(socket, "connect")]);
  socket.destroy();
  return isConnected.status === "fulfilled";
}
