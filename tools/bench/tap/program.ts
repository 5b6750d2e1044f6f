// The programs around `pb tap` in its bench: a server of @pb, and a plain TCP proxy.

import { createServer, connect } from "node:net";
import type { AddressInfo, Socket } from "node:net";
import { Root } from "@pb/broker";
import { listen } from "@pb/node-transport";

class Echo extends Root {
  remote_echo(value: unknown): unknown {
    return value;
  }
}

/** Passes bytes on, with backpressure, and does nothing else. */
function proxy(port: number): void {
  const server = createServer({ allowHalfOpen: true, noDelay: true }, (client) => {
    const target = connect({ port, host: "127.0.0.1", allowHalfOpen: true, noDelay: true });
    const drop = (socket: Socket) => (): void => void socket.destroy();
    client.on("error", drop(target)).pipe(target);
    target.on("error", drop(client)).pipe(client);
  });
  server.listen(0, "127.0.0.1", () => console.log(`{"listening": ${(server.address() as AddressInfo).port}}`));
}

const [role, port] = process.argv.slice(2);
if (role === "proxy") proxy(Number(port));
else console.log(`{"listening": ${(await listen("tcp:0:interface=127.0.0.1", new Echo())).port}}`);
