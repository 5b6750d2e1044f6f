// What is not Perspective Broker over WebSocket: only that connection ends, and the server says what was wrong.

import { once } from "node:events";
import { connect as connectSocket } from "node:net";
import type { Socket } from "node:net";
import { afterEach, beforeEach, describe, expect, onTestFinished, test } from "vitest";
import { WebSocket } from "ws";
import { Root } from "@pb/broker";
import type { Broker, BrokerEvent, ConnectionLostError } from "@pb/broker";
import { connect as connectTcp, listen as listenTcp } from "@pb/node-transport";
import type { LinkError, ServerEvent } from "@pb/web-transport";
import { connectTo, echo, errorOf, startServer, until } from "../support/echo.js";

let started: Awaited<ReturnType<typeof startServer>>;
let neighbor: Broker;
let reasons: ConnectionLostError[];

beforeEach(async () => {
  reasons = [];
  const onEvent = (event: BrokerEvent): void => {
    if (event.kind === "closed") reasons.push(event.reason);
  };
  started = await startServer({ messageBytes: 300_000, broker: { onEvent } });
  neighbor = await connectTo(started.url);
  started.events.length = 0;
});

afterEach(async () => {
  expect(await echo(neighbor, "still here")).toBe("still here");
  expect(started.server.connections.size).toBe(1);
  await neighbor.close();
  await started.server.close();
});

async function open(url = started.url): Promise<WebSocket> {
  const webSocket = new WebSocket(url);
  webSocket.on("error", () => undefined);
  await once(webSocket, "open");
  return webSocket;
}

/** The error because of which the server ended a connection, when it has. */
async function linkError(): Promise<LinkError> {
  await until(() => reasons.length > 0);
  await until(() => started.server.connections.size === 1);
  return reasons[0]!.cause as LinkError;
}

async function failure(): Promise<Extract<ServerEvent, { kind: "failed" }>> {
  await until(() => started.events.some(({ kind }) => kind === "failed"));
  return started.events.find((event) => event.kind === "failed")!;
}

/** Sends bytes to the port, and resolves with the answer when the server has closed the connection. */
async function exchange(text: string): Promise<string> {
  const socket = connectSocket(started.server.port, "127.0.0.1");
  let answer = "";
  socket.on("data", (chunk) => (answer += chunk.toString("latin1"))).on("error", () => undefined);
  socket.write(text, "latin1");
  await once(socket, "close");
  return answer;
}

describe("what a request contains is quoted and cut in errors:", () => {
  const forged = `\x9b2K${"x".repeat(5_000)}`;
  const handshake = `Connection: Upgrade\r\nUpgrade: websocket\r\n`;
  test.each([
    ["the origin", `GET /pb HTTP/1.1\r\nHost: a\r\nOrigin: ${forged}\r\n${handshake}\r\n`],
    ["the path", `GET /${forged} HTTP/1.1\r\nHost: a\r\n${handshake}\r\n`],
    ["the path without controls", `GET /${"x".repeat(5_000)} HTTP/1.1\r\nHost: a\r\n${handshake}\r\n`],
    ["the key", `GET /pb HTTP/1.1\r\nHost: a\r\n${handshake}Sec-WebSocket-Key: ${forged}\r\n\r\n`],
    ["the version", `GET /pb HTTP/1.1\r\nHost: a\r\n${handshake}Sec-WebSocket-Version: ${forged}\r\n\r\n`],
    ["the method", `${forged} /pb HTTP/1.1\r\n\r\n`],
  ])("%s", async (_what, request) => {
    await exchange(request);
    const { peer, error } = await failure();
    const text = `${peer} ${String(error)}`;
    expect(text).toMatch(/^[\x20-\x7e…]+$/);
    expect(text.length).toBeLessThan(500);
  });
});

describe("messages", () => {
  test("a text message is a protocol error", async () => {
    (await open()).send("hello");
    const error = await linkError();
    expect(error).toMatchObject({ name: "LinkError", code: "LINK_TEXT" });
    expect(error.message).toContain('"hello"');
    expect(reasons[0]!.reason).toBe("protocol");
  });

  test("the close code tells a client what it did wrong", async () => {
    const webSocket = await open();
    webSocket.send("hello");
    const [code, reason] = (await once(webSocket, "close")) as [number, Buffer];
    expect([code, reason.toString()]).toEqual([4002, "LINK_TEXT"]);
    await linkError();
  });

  test.each([
    ["more than was sent", "+4000000"],
    ["nothing", "+0"],
    ["a negative number", "+-1"],
    ["a number with 30 digits", `+${"9".repeat(30)}`],
  ])("a grant of %s is a protocol error", async (_what, text) => {
    (await open(`${started.url}?credit=1`)).send(text);
    expect((await linkError()).code).toMatch(/^LINK_(CREDIT|TEXT)$/);
    expect(reasons[0]!.reason).toBe("protocol");
  });

  test("a message above the limit ends the connection, whole or in fragments", async () => {
    const whole = await open();
    whole.send(new Uint8Array(300_001));
    expect(await linkError()).toMatchObject({ code: "LINK_FRAME" });
    expect(reasons[0]!.reason).toBe("limit");
    reasons.length = 0;
    const fragmented = await open();
    for (let piece = 0; piece < 4; piece++) fragmented.send(new Uint8Array(100_000), { fin: false });
    expect(await linkError()).toMatchObject({ code: "LINK_FRAME" });
    expect(reasons[0]!.reason).toBe("limit");
  });

  test("ten thousands of empty fragments end the connection", async () => {
    const webSocket = await open();
    for (let piece = 0; piece < 20_000; piece++) webSocket.send(new Uint8Array(0), { fin: false });
    expect(await linkError()).toMatchObject({ code: "LINK_FRAME" });
  });

  test("a frame that violates RFC 6455 ends the connection", async () => {
    const webSocket = await open();
    // A frame of a server, which is not masked.
    (webSocket as unknown as { _socket: { write(bytes: Buffer): void } })._socket.write(Buffer.from([0x82, 0x01, 0]));
    expect(await linkError()).toMatchObject({ code: "LINK_FRAME" });
    expect(reasons[0]!.reason).toBe("protocol");
  });

  test("binary messages that are not Perspective Broker end the connection", async () => {
    (await open()).send(Buffer.from("GET / HTTP/1.1\r\n\r\n"));
    await until(() => reasons.length > 0);
    expect(reasons[0]!.reason).toMatch(/negotiation|protocol/);
    await until(() => started.server.connections.size === 1);
  });

  test("a connection that is cut is lost, with the close code", async () => {
    (await open()).terminate();
    expect(await linkError()).toMatchObject({ code: "LINK_CLOSED", message: expect.stringContaining("1006") });
    expect(reasons[0]!.reason).toBe("lost");
  });
});

describe("requests", () => {
  test("plain HTTP is answered with 426", async () => {
    const answer = await exchange("GET /pb HTTP/1.1\r\nHost: x\r\n\r\n");
    expect(answer).toMatch(/^HTTP\/1.1 426 Upgrade Required\r\n[^]*Upgrade: websocket/);
    expect((await failure()).error).toMatchObject({ code: "CONNECT_NOT_WEBSOCKET" });
  });

  test("another path is answered with 404", async () => {
    const error = await errorOf(connectTo(started.url.replace("/pb", "/other")));
    expect(error).toMatchObject({ name: "ConnectError", code: "CONNECT_FAILED" });
    expect(error.message).toContain("404");
    expect((await failure()).error.message).toContain("/other");
  });

  test.each([
    ["a missing key", "GET /pb HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"],
    [
      "an old version",
      "GET /pb HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n" +
        "Sec-WebSocket-Version: 1\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n",
    ],
    ["another protocol", "GET /pb HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n"],
  ])("a handshake with %s is answered with 400", async (_what, request) => {
    expect(await exchange(request)).toMatch(/^HTTP\/1.1 400 /);
    expect((await failure()).error).toMatchObject({ code: "CONNECT_NOT_WEBSOCKET" });
  });

  test("a header of 100 kB, and bytes that are not HTTP, are refused", async () => {
    expect(await exchange(`GET /pb HTTP/1.1\r\nX: ${"x".repeat(100_000)}\r\n\r\n`)).toMatch(/^HTTP\/1.1 400 |^$/);
    expect((await failure()).error).toMatchObject({ code: "CONNECT_NOT_WEBSOCKET" });
    expect(await exchange("\u0002\u0082pb\u0004\u0082none")).toMatch(/^HTTP\/1.1 400 /);
  });

  test("a raw PB client, which waits for the server, is refused after the time for a request", async () => {
    await using impatient = await startServer({ limits: { tlsMs: 500 } });
    const error = await errorOf(connectTcp(`tcp:127.0.0.1:${impatient.server.port}`));
    expect(error).toMatchObject({ name: "ConnectionLostError" });
    const message = expect.stringContaining("500 ms") as unknown;
    expect(impatient.events).toMatchObject([{ kind: "failed", error: { code: "CONNECT_REQUEST_TIMEOUT", message } }]);
  });

  test.runIf(process.platform === "linux")(
    "sockets of other addresses do not take the place of one that is slow",
    async () => {
      await using crowded = await startServer({ limits: { negotiating: 10 } });
      const from = async (localAddress: string): Promise<Socket> => {
        const socket = connectSocket({ port: crowded.server.port, host: "127.0.0.1", localAddress });
        socket.on("error", () => undefined).resume();
        onTestFinished(() => void socket.destroy());
        await once(socket, "connect");
        return socket;
      };
      const slow = await from("127.0.0.9");
      for (let count = 0; count < 30; count++) await from(`127.0.0.${2 + (count % 2)}`);
      await until(() => crowded.events.length === 21); // 31 sockets for 10 places
      const answered = once(slow, "data");
      slow.write("GET /other HTTP/1.1\r\n\r\n");
      expect(String(await answered)).toMatch(/^HTTP\/1.1 4/);
    },
  );

  test("silent sockets above the limit make room", async () => {
    await using crowded = await startServer({ limits: { negotiating: 3, tlsMs: 60_000 } });
    const sockets = Array.from({ length: 5 }, () => connectSocket(crowded.server.port, "127.0.0.1"));
    await Promise.all(
      sockets.slice(0, 2).map((socket) =>
        once(
          socket.on("error", () => undefined),
          "close",
        ),
      ),
    );
    expect(crowded.events.every((event) => event.kind === "failed")).toBe(true);
    await using connection = await connectTo(crowded.url);
    expect(await echo(connection, 1)).toBe(1);
    for (const socket of sockets) socket.destroy();
  });
});

test("a WebSocket client at a port of raw PB gets an error that names the address, and the server one that names HTTP", async () => {
  class Empty extends Root {}
  const events: Error[] = [];
  await using raw = await listenTcp("tcp:0:interface=127.0.0.1", new Empty(), {
    onEvent: (event) => event.kind === "failed" && events.push(event.error),
  });
  const error = await errorOf(connectTo(`ws://127.0.0.1:${raw.port}/pb`));
  expect(error).toMatchObject({ name: "ConnectError", code: "CONNECT_FAILED" });
  expect(error.message).toContain(`ws://127.0.0.1:${raw.port}/pb`);
  await until(() => events.length > 0);
  expect(`${events[0]!.message} ${String(events[0]!.cause)}`).toMatch(/HTTP/);
});
