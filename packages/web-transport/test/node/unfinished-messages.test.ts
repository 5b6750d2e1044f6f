// Messages that do not end: when all together take too much memory, the connection ends that has waited longest.

import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import { expect, onTestFinished, test } from "vitest";
import { WebSocket, WebSocketServer } from "ws";
import { UnfinishedMessages } from "../../src/node/unfinished-messages.js";
import { startServer, until } from "../support/echo.js";

/** A server whose unfinished messages may have 150,000 bytes together. */
async function startWatching() {
  const unfinished = new UnfinishedMessages(150_000);
  const http = createServer().listen(0, "127.0.0.1");
  const sockets: Socket[] = [];
  const received: number[] = [];
  new WebSocketServer({ server: http }).on("connection", (webSocket, { socket }) => {
    sockets.push(socket);
    webSocket.on("error", () => undefined).on("message", (data: Buffer) => received.push(data.length));
    unfinished.watch(socket, webSocket);
  });
  await once(http, "listening");
  const clients: WebSocket[] = [];
  onTestFinished(async () => {
    for (const client of clients) client.terminate();
    http.close();
    await once(http, "close");
  });
  const connect = async (): Promise<WebSocket> => {
    const client = new WebSocket(`ws://127.0.0.1:${(http.address() as AddressInfo).port}/`);
    clients.push(client.on("error", () => undefined));
    await once(client, "open");
    return client;
  };
  /** Sends a part of a message, and waits until the server has it. */
  const send = async (client: WebSocket, bytes: number, fin = false): Promise<void> => {
    const total = (): number => sockets.reduce((sum, { bytesRead }) => sum + bytesRead, 0);
    const before = total();
    client.send(new Uint8Array(bytes), { fin });
    await until(() => total() >= before + bytes);
  };
  return { connect, send, received, sockets };
}

test("the connection ends whose message began first", async () => {
  const { connect, send } = await startWatching();
  const [first, second, third] = [await connect(), await connect(), await connect()];
  await send(first, 60_000);
  await send(second, 60_000);
  await send(second, 1_000);
  const ended = once(first, "close");
  await send(third, 60_000);
  expect((await ended)[0]).toBe(1006);
  expect([second.readyState, third.readyState]).toEqual([WebSocket.OPEN, WebSocket.OPEN]);
});

test("pings between the parts of a message do not make them count less", async () => {
  const { connect, send } = await startWatching();
  const [first, second] = [await connect(), await connect()];
  const ended = once(first, "close");
  for (let part = 0; part < 8; part++) {
    await send(first, 12_000);
    first.ping();
  }
  await send(second, 60_000);
  expect((await ended)[0]).toBe(1006);
  expect(second.readyState).toBe(WebSocket.OPEN);
});

test("messages that end do not count, and those of connections that have ended do not either", async () => {
  const { connect, send, received, sockets } = await startWatching();
  const [busy, gone, waiting] = [await connect(), await connect(), await connect()];
  await send(waiting, 60_000);
  for (let count = 0; count < 10; count++) await send(busy, 80_000 - count, true);
  for (let count = 0; count < 10; count++) {
    await send(busy, 40_000);
    await send(busy, 40_000, true);
  }
  for (let count = 0; count < 10; count++) busy.ping(new Uint8Array(100));
  await send(gone, 60_000);
  gone.terminate();
  await until(() => sockets[1]!.destroyed);
  await send(busy, 60_000, true);
  await send(waiting, 60_000, true);
  await until(() => received.length === 22);
  expect(received.slice(-2)).toEqual([60_000, 120_000]);
  expect([busy.readyState, waiting.readyState]).toEqual([WebSocket.OPEN, WebSocket.OPEN]);
});

test("a message of very many small parts ends the connection with a limit", async () => {
  await using started = await startServer();
  const client = new WebSocket(started.url);
  client.on("error", () => undefined);
  await once(client, "open");
  for (let part = 0; part < 1_100; part++) client.send(new Uint8Array(1), { fin: false });
  await until(() => started.events.length > 0);
  expect(started.events).toMatchObject([{ error: { reason: "limit", cause: { code: "LINK_FRAME" } } }]);
});

test("what a gateway holds of a message counts, too", () => {
  const unfinished = new UnfinishedMessages(150_000);
  const ended: string[] = [];
  const [first, second, third] = ["first", "second", "third"].map((name) => unfinished.hold(() => ended.push(name)));
  first!(60_000);
  second!(60_000);
  second!(0);
  third!(80_000);
  expect(ended).toEqual([]);
  third!(100_000);
  expect(ended).toEqual(["first"]);
});
