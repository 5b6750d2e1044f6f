/** socket.io over WebSocket. */

import { createServer } from "node:http";
import { Server } from "socket.io";
import type { Socket } from "socket.io";
import { io } from "socket.io-client";
import { listen } from "../../../process/ports.js";
import { areRight, MEGABYTE, methodsOf } from "../library.js";
import type { Client } from "../library.js";

export function serve(): Promise<number> {
  const http = createServer();
  const server = new Server(http, { transports: ["websocket"], maxHttpBufferSize: 2 * MEGABYTE.length });
  const methods = methodsOf<Socket>((_, update, group) => void server.to(group).emit("set", update));
  server.use((socket, next) => {
    const { auth } = socket.handshake;
    if (auth.name === undefined || areRight(auth)) next();
    else next(new Error("Wrong credentials"));
  });
  server.on("connection", (socket) => {
    for (const [name, method] of Object.entries(methods)) {
      socket.on(name, (argument: unknown, answer?: (result: unknown) => void) => {
        const result = method(argument as never, socket);
        if (result instanceof Promise) void result.then(answer);
        else answer?.(result);
      });
    }
    socket.on("observe", (group: string) => void socket.join(group));
  });
  return listen(http);
}

export async function connect(port: number, user: object = {}): Promise<Client> {
  const socket = io(`http://127.0.0.1:${port}`, { transports: ["websocket"], forceNew: true, auth: user as never });
  await new Promise<void>((resolve, reject) => {
    socket.once("connect", resolve);
    socket.once("connect_error", reject);
  });
  return {
    call: (method, argument) => socket.emitWithAck(method, argument) as Promise<unknown>,
    send: (method, argument) => void socket.emit(method, argument),
    async observe(group, changed) {
      socket.on("set", changed);
      await socket.emitWithAck("observe", group);
    },
    close: () => Promise.resolve(void socket.close()),
  };
}
