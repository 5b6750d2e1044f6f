/** WebSockets of `ws`, and JSON: what many services are written with. Bytes are sent as they are. */

import { strict as assert } from "node:assert";
import { once } from "node:events";
import { createServer } from "node:http";
import { WebSocket, WebSocketServer } from "ws";
import { listen } from "../../../process/ports.js";
import { methodsOf } from "../library.js";
import type { Client, credentials, Update } from "../library.js";

type Request = readonly [id: number, method: string, argument: unknown];
type Response = readonly [id: number, result: unknown];

/** The id of messages that are not answered, and of updates. */
const NO_ID = 0;

/** The largest message of @pb as JSON. */
const MAX_PAYLOAD = 256 * 1024 * 1024;

export function serve(): Promise<number> {
  const http = createServer();
  const methods = methodsOf<WebSocket>((observers, update) => {
    const message = JSON.stringify([NO_ID, update] satisfies Response);
    for (const socket of observers) socket.send(message);
  });
  new WebSocketServer({ server: http, maxPayload: MAX_PAYLOAD }).on("connection", (socket) => {
    socket.on("message", (data: Buffer) => {
      const [id, name, argument] = JSON.parse(data.toString()) as Request;
      const answer = (result: unknown): void => {
        if (result instanceof Uint8Array) socket.send(result);
        else if (id !== NO_ID) socket.send(JSON.stringify([id, result] satisfies Response));
      };
      const result = methods[name]!(argument as never, socket);
      if (result instanceof Promise) void result.then(answer);
      else answer(result);
    });
  });
  return listen(http);
}

export async function connect(port: number, user?: typeof credentials): Promise<Client> {
  const socket = new WebSocket(`ws://127.0.0.1:${port}`);
  const pending = new Map<number, (result: unknown) => void>();
  let lastId = NO_ID;
  let bytesReceived: ((bytes: Uint8Array) => void) | undefined;
  let observer: ((update: Update) => void) | undefined;
  socket.on("message", (data: Buffer, isBinary: boolean) => {
    if (isBinary) return bytesReceived?.(data);
    const [id, result] = JSON.parse(data.toString()) as Response;
    if (id === NO_ID) return observer?.(result as Update);
    pending.get(id)!(result);
    pending.delete(id);
  });
  await once(socket, "open");
  const send = (...request: Request): void => socket.send(JSON.stringify(request));
  const call = (method: string, argument?: unknown): Promise<unknown> =>
    new Promise((resolve) => {
      if (method === "bytes") bytesReceived = resolve;
      else pending.set(++lastId, resolve);
      send(method === "bytes" ? NO_ID : lastId, method, argument);
    });
  if (user !== undefined) assert(await call("login", user));
  return {
    call,
    send: (method, argument) => send(NO_ID, method, argument),
    async observe(group, changed) {
      observer = changed;
      await call("observe", group);
    },
    async close() {
      const closed = once(socket, "close");
      socket.close();
      await closed;
    },
  };
}
