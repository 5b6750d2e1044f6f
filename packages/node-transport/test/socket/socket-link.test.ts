// Links over every kind of socket: the rules for all links, writes, memory and the end of a connection.

import { once } from "node:events";
import { connect as connectSocket, createServer } from "node:net";
import type { Socket } from "node:net";
import { Duplex } from "node:stream";
import { describe, expect, test, vi } from "vitest";
import { Broker } from "@pb/broker";
import { linkCompliance } from "@pb/broker/testing";
import { listen, SocketLink } from "@pb/node-transport";
import { garbageCollector } from "../../../../tools/gc/garbage-collector.js";
import { kinds } from "../support/socket-pairs.js";
import { Echo, sleep, until } from "../support/echo.js";

describe.for(Object.entries(kinds))("%s", ([, join]) => {
  for (const { name, run } of linkCompliance) test(name, () => run(join));
});

test("sends 10,000 calls of one turn in fewer than 20 writes", async () => {
  await using server = await listen("tcp:0:interface=127.0.0.1", new Echo());
  const socket = connectSocket(server.port, "127.0.0.1");
  await once(socket, "connect");
  const client = new Broker(new SocketLink(socket, "initiator"));
  const root = await client.getRootObject<Echo>();
  await root.callRemote("echo", "warm");
  const writes = vi.spyOn(socket, "write");
  const answers = Array.from({ length: 10_000 }, (_, index) => root.callRemote("echo", index));
  expect(await Promise.all(answers)).toHaveLength(10_000);
  expect(writes.mock.calls.length).toBeLessThan(20);
  await client.close();
});

test("counts the bytes that have not left, and discards them when it is destroyed", async () => {
  const { listener, initiator } = await kinds["TCP over IPv4"]!();
  const nothing = (): void => undefined;
  listener.start({ received: nothing, drained: nothing, lost: nothing });
  for (let count = 0; count < 1000; count++) listener.send(new Uint8Array(64 * 1024));
  await sleep(100);
  expect(listener.queuedBytes).toBeGreaterThan(30_000_000);
  listener.destroy();
  expect(listener.queuedBytes).toBe(0);
  initiator.destroy();
});

test("keeps queued bytes without the buffers that they were part of", async () => {
  const collectGarbage = garbageCollector();
  const stuck = new Duplex({ read: () => undefined, write: () => undefined });
  const link = new SocketLink(stuck, "listener");
  const buffers: WeakRef<ArrayBufferLike>[] = [];
  for (let message = 0; message < 100; message++) {
    const piece = new Uint8Array(16 * 1024).subarray(0, 20);
    buffers.push(new WeakRef(piece.buffer));
    link.send(piece);
    await new Promise((resolve) => setImmediate(resolve));
  }
  // Counts buffers instead of memory, because another thread frees the memory some time after the collection.
  collectGarbage();
  expect(link.queuedBytes).toBe(2000);
  expect(buffers.filter((buffer) => buffer.deref() !== undefined).length).toBeLessThan(5);
  link.destroy();
});

test("reports the end of a connection that the peer reset", async () => {
  const server = createServer((socket) => socket.once("data", () => socket.resetAndDestroy()));
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const socket = connectSocket((server.address() as { port: number }).port, "127.0.0.1");
  await once(socket, "connect");
  const lost = vi.fn<(cause?: Error) => void>();
  const link = new SocketLink(socket, "initiator");
  link.start({ received: () => undefined, drained: () => undefined, lost });
  link.send(new Uint8Array(1));
  await until(() => lost.mock.calls.length > 0, "the link is lost");
  expect(lost).toHaveBeenCalledExactlyOnceWith(expect.objectContaining({ code: "ECONNRESET" }));
  server.close();
});

test("reports an orderly end when the peer closes while bytes are in flight to it", async () => {
  const server = createServer({ allowHalfOpen: true });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const socket = connectSocket((server.address() as { port: number }).port, "127.0.0.1");
  const [[peer]] = await Promise.all([once(server, "connection") as Promise<[Socket]>, once(socket, "connect")]);
  const lost = vi.fn<(cause?: Error) => void>();
  const link = new SocketLink(socket, "initiator");
  link.start({ received: () => undefined, drained: () => undefined, lost });
  for (let piece = 0; piece < 200; piece++) link.send(new Uint8Array(100_000));
  const ended = once(socket, "end");
  peer.pause().end();
  await ended;
  peer.resume();
  await until(() => lost.mock.calls.length > 0, "the link is lost");
  expect(lost).toHaveBeenCalledExactlyOnceWith(undefined);
  server.close();
});
