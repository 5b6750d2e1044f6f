// Streams that a program passes to connect and accept: every state in which a stream can be.

import { once } from "node:events";
import { connect as connectSocket, createServer, Socket } from "node:net";
import type { AddressInfo } from "node:net";
import { PassThrough, Readable, Writable } from "node:stream";
import type { Duplex } from "node:stream";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { connect, listen, reconnecting, SocketLink } from "@pb/node-transport";
import type { Server, ServerEvent } from "@pb/node-transport";
import { echo, Echo, until } from "../support/echo.js";

let server: Server;
const events: ServerEvent[] = [];
beforeAll(async () => {
  server = await listen("tcp:0:interface=127.0.0.1", new Echo(), { onEvent: (event) => events.push(event) });
});
afterAll(() => server.close());

async function socket(): Promise<Socket> {
  const opened = connectSocket(server.port, "127.0.0.1");
  await once(opened, "connect");
  return opened;
}

describe("a socket that", () => {
  test.for<[string, (socket: Socket) => void]>([
    ["is paused", (socket) => socket.pause()],
    ["is paused after it was flowing", (socket) => socket.resume().pause()],
    ["had a listener of readable", (socket) => socket.on("readable", () => undefined).removeAllListeners("readable")],
    ["has received the first bytes while it was paused", (socket) => socket.pause()],
  ])("%s can be used", async ([what, prepare]) => {
    const opened = await socket();
    prepare(opened);
    if (what.startsWith("has received")) await new Promise((resolve) => setTimeout(resolve, 50));
    await using connection = await connect(opened);
    expect(await echo(connection, what)).toBe(what);
  });

  test("belongs to a connection is refused, and that connection goes on", async () => {
    const opened = await socket();
    await using connection = await connect(opened);
    await expect(connect(opened)).rejects.toThrow("Another connection uses the stream");
    expect(() => server.accept(opened)).toThrow("Another connection uses the stream");
    expect(await echo(connection, 1)).toBe(1);
  });

  test("is still connecting can be used", async () => {
    await using connection = await connect(connectSocket(server.port, "127.0.0.1"));
    expect(await echo(connection, 1)).toBe(1);
  });

  test.for<[string, (socket: Socket) => void, RegExp]>([
    ["decodes its bytes", (socket) => socket.setEncoding("utf8"), /without a call of setEncoding/],
    ["is corked", (socket) => socket.cork(), /uncork/],
    [
      "has a listener of readable",
      (socket) => socket.on("readable", () => undefined),
      /listener of the event readable/,
    ],
  ])("%s is refused by connect and accept", async ([, prepare, message]) => {
    const opened = await socket();
    prepare(opened);
    await expect(connect(opened)).rejects.toThrow(TypeError);
    await expect(connect(opened)).rejects.toThrow(message);
    expect(() => server.accept(opened)).toThrow(message);
    expect(() => new SocketLink(opened, "listener")).toThrow(message);
    expect(opened.destroyed).toBe(false);
    opened.destroy();
  });

  test.for<[string, (socket: Socket) => void]>([
    ["is destroyed", (socket) => socket.destroy()],
    ["has been ended", (socket) => socket.end()],
  ])("%s is a lost connection at once", async ([, prepare]) => {
    const opened = await socket();
    prepare(opened);
    await expect(connect(opened)).rejects.toMatchObject({ code: "CONNECTION_LOST", reason: "lost" });
    const before = events.length;
    server.accept(opened);
    await until(() => events.slice(before).some(({ kind }) => kind === "probe"), "it is reported");
  });

  test("is not connected is refused", async () => {
    await expect(connect(new Socket())).rejects.toThrow("The socket is not connected");
    expect(() => server.accept(new Socket())).toThrow("The socket is not connected");
  });
});

test.for<[string, unknown, RegExp]>([
  ["a stream in object mode", new PassThrough({ objectMode: true }), /object mode/],
  ["a stream that reads objects", new PassThrough({ readableObjectMode: true }), /object mode/],
  ["a stream that writes objects", new PassThrough({ writableObjectMode: true }), /object mode/],
  ["a stream that only reads", new Readable({ read: () => undefined }), /not an instance of Readable/],
  ["a stream that only writes", new Writable(), /not an instance of Writable/],
])("%s is refused", async ([, stream, message]) => {
  await expect(connect(stream as Duplex)).rejects.toThrow(TypeError);
  await expect(connect(stream as Duplex)).rejects.toThrow(message);
  expect(() => server.accept(stream as Duplex)).toThrow(message);
});

test.for([null, undefined, "stream", 5, {}, createServer()])("accept refuses %o", (stream) => {
  const before = server.connections.size;
  expect(() => server.accept(stream as Duplex)).toThrow(/Expected a connected stream/);
  expect(server.connections.size).toBe(before);
});

test("a stream cannot be connected again", async () => {
  const opened = await socket();
  expect(() => reconnecting(opened as never)).toThrow("use connect");
  opened.destroy();
});

test("a server whose sockets are paused can pass them on", async () => {
  const own = createServer({ pauseOnConnect: true }, (accepted) => server.accept(accepted)).listen(0, "127.0.0.1");
  await once(own, "listening");
  await using connection = await connect(`tcp:127.0.0.1:${(own.address() as AddressInfo).port}`);
  expect(await echo(connection, "paused")).toBe("paused");
  own.close();
});
