/** The lower bound: one JSON array per line on plain sockets. All lines of one turn leave in one write. */

import { once } from "node:events";
import { connect as connectSocket, createServer } from "node:net";
import type { AddressInfo, Socket } from "node:net";
import { methodsOf } from "../library.js";
import type { Client, credentials, Update } from "../library.js";

type Send = (line: string) => void;
type Request = readonly [id: number, method: string, argument: unknown];
type Response = readonly [id: number, result: unknown];

/** The id of messages that are not answered. */
const NO_ID = 0;

/** Calls `receive` for each line of the socket, and returns a function that sends a line. */
function linesOf(socket: Socket, receive: (message: unknown) => void): Send {
  let incomplete = "";
  let outgoing = "";
  socket.setNoDelay(true).setEncoding("utf8");
  socket.on("data", (chunk: unknown) => {
    const text = chunk as string;
    if (!text.includes("\n")) return void (incomplete += text);
    const lines = (incomplete + text).split("\n");
    incomplete = lines.pop()!;
    for (const line of lines) receive(JSON.parse(line));
  });
  return (line) => {
    if (outgoing === "") {
      queueMicrotask(() => {
        socket.write(outgoing);
        outgoing = "";
      });
    }
    outgoing += `${line}\n`;
  };
}

export async function serve(): Promise<number> {
  const methods = methodsOf<Send>((observers, update) => {
    const line = JSON.stringify([NO_ID, update]);
    for (const send of observers) send(line);
  });
  const server = createServer((socket) => {
    const send = linesOf(socket, (message) => {
      const [id, name, argument] = message as Request;
      const answer = (result: unknown): void => {
        // JSON has no bytes.
        const value = result instanceof Uint8Array ? Buffer.from(result).toString("base64") : result;
        if (id !== NO_ID) send(JSON.stringify([id, value]));
      };
      const result = methods[name]!(argument as never, send);
      if (result instanceof Promise) void result.then(answer);
      else answer(result);
    });
    socket.on("error", () => undefined);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return (server.address() as AddressInfo).port;
}

export async function connect(port: number, user?: typeof credentials): Promise<Client> {
  const pending = new Map<number, (result: unknown) => void>();
  let lastId = 0;
  let observer: ((update: Update) => void) | undefined;

  const socket = connectSocket(port, "127.0.0.1");
  const send = linesOf(socket, (message) => {
    const [id, result] = message as Response;
    if (id === NO_ID) return observer?.(result as Update);
    pending.get(id)!(result);
    pending.delete(id);
  });
  const call = (method: string, argument?: unknown): Promise<unknown> =>
    new Promise((resolve) => {
      const id = ++lastId;
      pending.set(id, resolve);
      send(JSON.stringify([id, method, argument]));
    });

  await once(socket, "connect");
  if (user !== undefined) await call("login", user);
  return {
    call: (method, argument) =>
      method === "bytes" ? call(method).then((text) => Buffer.from(text as string, "base64")) : call(method, argument),
    send: (method, argument) => send(JSON.stringify([NO_ID, method, argument])),
    async observe(group, changed) {
      observer = changed;
      await call("observe", group);
    },
    async close() {
      const closed = once(socket, "close");
      socket.end();
      await closed;
    },
  };
}
