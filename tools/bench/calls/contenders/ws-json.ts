/** WebSockets of `ws`, and JSON: what many services are written with. Only calls, for the bench `latency`. */

import { once } from "node:events";
import { createServer } from "node:http";
import { WebSocket, WebSocketServer } from "ws";
import { listen } from "../../../process/ports.js";
import { methodsOf } from "../library.js";
import type { Client } from "../library.js";

type Request = readonly [id: number, method: string, argument: unknown];
type Response = readonly [id: number, result: unknown];

/** The id of messages that are not answered. */
const NO_ID = 0;

/** The largest message of @pb as JSON. */
const MAX_PAYLOAD = 256 * 1024 * 1024;

export function serve(): Promise<number> {
  const http = createServer();
  const methods = methodsOf<WebSocket>(() => undefined);
  new WebSocketServer({ server: http, maxPayload: MAX_PAYLOAD }).on("connection", (socket) => {
    socket.on("message", (data: Buffer) => {
      const [id, name, argument] = JSON.parse(data.toString()) as Request;
      const result = methods[name]!(argument as never, socket);
      if (id !== NO_ID) socket.send(JSON.stringify([id, result] satisfies Response));
    });
  });
  return listen(http);
}

export async function connect(port: number): Promise<Pick<Client, "call" | "send">> {
  const socket = new WebSocket(`ws://127.0.0.1:${port}`);
  const pending = new Map<number, (result: unknown) => void>();
  let lastId = NO_ID;
  socket.on("message", (data: Buffer) => {
    const [id, result] = JSON.parse(data.toString()) as Response;
    pending.get(id)!(result);
    pending.delete(id);
  });
  await once(socket, "open");
  const send = (...request: Request): void => socket.send(JSON.stringify(request));
  return {
    call: (method, argument) =>
      new Promise((resolve) => {
        pending.set(++lastId, resolve);
        send(lastId, method, argument);
      }),
    send: (method, argument) => send(NO_ID, method, argument),
  };
}
