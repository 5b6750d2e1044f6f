// A gateway from WebSockets to sockets: what it passes on, and what happens when one of the ends does not behave.

import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { connect as connectSocket, createServer } from "node:net";
import type { AddressInfo, Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, onTestFinished, test, vi } from "vitest";
import { WebSocket } from "ws";
import { Referenceable } from "@pb/broker";
import type { RemoteReference } from "@pb/broker";
import { listen as listenTcp } from "@pb/node-transport";
import { ServerBusyError } from "@pb/web-transport";
import type { ServerEvent } from "@pb/web-transport";
import { gateway } from "@pb/web-transport/node";
import type { GatewayOptions } from "@pb/web-transport/node";
import { WebSocketLink } from "../../src/link/web-socket-link.js";
import { connectTo, echo, Echo, errorOf, UnpausableWebSocket, until } from "../support/echo.js";

class Caller extends Echo {
  remote_call = (reference: RemoteReference, value: unknown): Promise<unknown> => reference.callRemote("twice", value);
}

class Doubler extends Referenceable {
  remote_twice = (value: number): number => value * 2;
}

/** A gateway on a free port, and what it has reported. */
async function start(to: GatewayOptions["to"], options: Partial<GatewayOptions> = {}) {
  const events: ServerEvent[] = [];
  const onEvent = (event: ServerEvent): void => void events.push(event);
  const server = await gateway({ listen: "ws:0:interface=127.0.0.1:path=/pb", to, onEvent, ...options });
  const url = `ws://127.0.0.1:${server.port}/pb`;
  return { server, url, events, [Symbol.asyncDispose]: () => server.close() };
}

const portOf = (server: { address(): unknown }): number => (server.address() as AddressInfo).port;

test.each<[string, object, RegExp]>([
  ["a target without a port", { to: { type: "tcp", host: "127.0.0.1" } }, /port/],
  ["a bad time", { connectMs: -1 }, /connectMs/],
  ["an unknown TLS option", { tls: { keyFil: "key.pem" } }, /keyFile/],
  ["an unknown option", { too: "tcp:127.0.0.1:8787" }, /too/],
])("refuses %s before it listens", async (_what, options, message) => {
  const all = { listen: "ws:0:interface=127.0.0.1", to: "tcp:127.0.0.1:8787", ...options };
  expect((await errorOf(gateway(all as GatewayOptions))).message).toMatch(message);
});

test.each([
  ["a WebSocket that pauses", WebSocket],
  ["a WebSocket with credit", UnpausableWebSocket],
])("passes calls on in both directions over %s", async (_what, webSocket) => {
  await using target = await listenTcp("tcp:0:interface=127.0.0.1", new Caller());
  await using between = await start(`tcp:127.0.0.1:${target.port}`);
  await using connection = await connectTo(between.url, { webSocket });
  const root = await connection.getRootObject<Caller>();
  expect(await root.callRemote("call", new Doubler(), 21)).toBe(42);
  const large = new Uint8Array(600_000).fill(7);
  const answers = await Promise.all(Array.from({ length: 5 }, () => root.callRemote("echo", large)));
  for (const answer of answers) expect(Buffer.compare(answer as Uint8Array, large)).toBe(0);
  expect(between.server.relays).toBe(1);
  await connection.close();
  await until(() => between.server.relays === 0 && target.connections.size === 0);
});

test("passes on to a UNIX socket, and closes both sides when the server closes", async () => {
  const folder = mkdtempSync(join(tmpdir(), "pb-gateway-"));
  const target = await listenTcp(`unix:${join(folder, "pb.sock")}`, new Echo());
  await using between = await start(`unix:${join(folder, "pb.sock")}`);
  const connection = await connectTo(between.url);
  expect(await echo(connection, 1)).toBe(1);
  await target.close();
  expect((await connection.closed).reason).toBe("lost");
  await until(() => between.server.relays === 0);
  rmSync(folder, { recursive: true });
});

test("a client that does not read stops the server, and memory does not grow", async () => {
  let socket: Socket | undefined;
  let written = 0;
  const target = createServer((accepted) => (socket = accepted.on("error", () => undefined)));
  target.listen(0, "127.0.0.1");
  await once(target, "listening");
  await using between = await start(`tcp:127.0.0.1:${portOf(target)}`);
  const client = new WebSocket(`${between.url}?credit=1`); // grants nothing
  let received = 0;
  client.on("message", (data: Buffer, isBinary) => (received += isBinary ? data.length : 0));
  await once(client, "open");
  await until(() => socket !== undefined);
  const piece = new Uint8Array(64 * 1024);
  while (written < 64 * 1024 * 1024 && socket!.writableLength < 1024 * 1024) {
    socket!.write(piece);
    written += piece.length;
    await new Promise((resolve) => setImmediate(resolve));
  }
  await until(() => received === 1024 * 1024);
  expect(written - socket!.writableLength).toBeLessThan(32 * 1024 * 1024); // the buffers of the system
  expect(socket!.writableLength).toBeGreaterThanOrEqual(1024 * 1024);
  client.terminate();
  await until(() => socket!.destroyed);
  target.close();
});

describe("refusals", () => {
  test("a server that is down is 502, and the gateway goes on when it is back", async () => {
    const target = await listenTcp("tcp:0:interface=127.0.0.1", new Echo());
    const { port } = target;
    await target.close();
    await using between = await start(`tcp:127.0.0.1:${port}`);
    expect((await errorOf(connectTo(between.url))).message).toContain("502");
    expect(between.events).toMatchObject([{ kind: "failed", error: { code: "CONNECT_TARGET" } }]);
    expect((between.events[0] as { error: Error }).error.message).toContain("ECONNREFUSED");
    await using _again = await listenTcp(`tcp:${port}:interface=127.0.0.1`, new Echo());
    await using connection = await connectTo(between.url);
    expect(await echo(connection, 1)).toBe(1);
  });

  test("a server that is not PB ends the connection of the client", async () => {
    const target = createServer((socket) => socket.on("error", () => undefined).end("SSH-2.0-OpenSSH_9.2\r\n"));
    target.listen(0, "127.0.0.1");
    await once(target, "listening");
    await using between = await start(`tcp:127.0.0.1:${portOf(target)}`);
    expect((await errorOf(connectTo(between.url))).name).toBe("ConnectionLostError");
    await until(() => between.server.relays === 0);
    target.close();
  });

  test("a server that accepts and says nothing ends the negotiation of the client", async () => {
    const target = createServer((socket) => socket.on("error", () => undefined).resume()).listen(0, "127.0.0.1");
    await once(target, "listening");
    await using between = await start(`tcp:127.0.0.1:${portOf(target)}`);
    const error = await errorOf(connectTo(between.url, { broker: { limits: { negotiationMs: 200 } } }));
    expect(error).toMatchObject({ name: "ConnectionLostError", reason: "negotiation" });
    await until(() => between.server.relays === 0);
    target.close();
  });

  test("a server that cuts the connection fails the calls in flight, and the next client is served", async () => {
    await using target = await listenTcp("tcp:0:interface=127.0.0.1", new Echo());
    const sockets: Socket[] = [];
    const cutter = createServer((socket) => {
      sockets.push(socket.on("error", () => undefined));
      socket.pipe(connectSocket(target.port, "127.0.0.1").on("error", () => undefined)).pipe(socket);
    });
    await once(cutter.listen(0, "127.0.0.1"), "listening");
    await using between = await start(`tcp:127.0.0.1:${portOf(cutter)}`);
    const connection = await connectTo(between.url);
    const root = await connection.getRootObject<Echo>();
    const pending = errorOf(root.callRemote("wait"));
    sockets[0]!.resetAndDestroy();
    expect((await pending).name).toBe("ConnectionLostError");
    await until(() => between.server.relays === 0);
    await using again = await connectTo(between.url);
    expect(await echo(again, 1)).toBe(1);
    cutter.close();
  });

  test("a page of another origin does not reach the server", async () => {
    const target = createServer(() => expect.fail("the server was reached")).listen(0, "127.0.0.1");
    await once(target, "listening");
    await using between = await start(`tcp:127.0.0.1:${portOf(target)}`);
    class Foreign extends WebSocket {
      constructor(address: string) {
        super(address, { origin: "https://evil.example" });
      }
    }
    expect((await errorOf(connectTo(between.url, { webSocket: Foreign }))).message).toContain("403");
    expect(between.events).toMatchObject([{ error: { code: "CONNECT_ORIGIN" } }]);
    target.close();
  });

  test("an invalid handshake leaves no connection to the server", async () => {
    await using target = await listenTcp("tcp:0:interface=127.0.0.1", new Echo());
    await using between = await start(`tcp:127.0.0.1:${target.port}`);
    const socket = connectSocket(between.server.port, "127.0.0.1");
    socket.write("GET /pb HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n");
    const [answer] = (await once(socket, "data")) as [Buffer];
    expect(answer.toString()).toMatch(/^HTTP\/1.1 400 /);
    await once(socket, "close");
    await until(() => target.connections.size === 0);
    expect(between.server.relays).toBe(0);
  });

  test("clients above a limit are told that the gateway is busy", async () => {
    await using target = await listenTcp("tcp:0:interface=127.0.0.1", new Echo());
    await using between = await start(`tcp:127.0.0.1:${target.port}`, { limits: { connectionsPerAddress: 1 } });
    await using connection = await connectTo(between.url);
    expect(await echo(connection, 1)).toBe(1);
    expect(await errorOf(connectTo(between.url))).toBeInstanceOf(ServerBusyError);
    expect(await echo(connection, 2)).toBe(2);
  });

  test("clients that are connected do not count as negotiating", async () => {
    await using target = await listenTcp("tcp:0:interface=127.0.0.1", new Echo());
    await using between = await start(`tcp:127.0.0.1:${target.port}`, { limits: { negotiating: 1 } });
    await using first = await connectTo(between.url);
    await using second = await connectTo(between.url);
    expect(await Promise.all([echo(first, 1), echo(second, 2)])).toEqual([1, 2]);
  });

  test("unknown options, endpoints and options of calls are refused", async () => {
    const listen = "ws:0:interface=127.0.0.1";
    await expect(gateway({ listen, to: "http://x" })).rejects.toThrow(/http/);
    await expect(gateway({ listen: "tcp:0", to: "tcp:x:1" })).rejects.toThrow(/expected ws or wss/);
    await expect(gateway({ listen, to: "tcp:x:1", origin: [] } as never)).rejects.toThrow(/origins/);
  });
});

test.each(["the browser leaves", "the gateway closes"])("stops connecting to the server when %s", async (what) => {
  const sockets: Socket[] = [];
  const target = createServer((socket) => sockets.push(socket.on("error", () => undefined).resume()));
  await once(target.listen(0, "127.0.0.1"), "listening");
  // The server never answers the handshake.
  await using between = await start(`tls:127.0.0.1:${portOf(target)}`, { tlsMs: 3_600_000 });
  const browser = new WebSocket(between.url).on("error", () => undefined);
  await until(() => sockets.length === 1);
  const left = what === "the browser leaves";
  if (left) browser.terminate();
  else await between.server.close();
  await until(() => sockets[0]!.destroyed);
  expect(between.events).toEqual([]);
  target.close();
});

test.each([
  [
    "ends the connection of a browser that answers no pings and sends nothing",
    { autoPong: false, sends: false },
    false,
  ],
  ["keeps the connection of a browser that answers pings", { autoPong: true, sends: false }, true],
  ["keeps the connection of a browser that sends bytes", { autoPong: false, sends: true }, true],
])("%s", async (_what, { autoPong, sends }, stays) => {
  let received = 0;
  const target = createServer((socket) => {
    socket.on("error", () => undefined).on("data", ({ length }: Buffer) => (received += length));
  });
  await once(target.listen(0, "127.0.0.1"), "listening");
  vi.useFakeTimers({ toFake: ["setInterval", "clearInterval", "performance"] });
  onTestFinished(() => void vi.useRealTimers());
  await using between = await start(`tcp:127.0.0.1:${portOf(target)}`);
  const browser = new WebSocket(between.url, { autoPong }).on("error", () => undefined);
  let pings = 0;
  browser.on("ping", () => pings++);
  await until(() => between.server.relays === 1 && browser.readyState === WebSocket.OPEN);
  for (let round = 1; round <= 5; round++) {
    vi.advanceTimersByTime(25_000);
    await until(() => pings === round || browser.readyState !== WebSocket.OPEN);
    if (sends) browser.send(new Uint8Array(1));
    if (sends) await until(() => received === round);
    for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve)); // The pong arrives.
  }
  if (!stays) await until(() => browser.readyState === WebSocket.CLOSED);
  expect([browser.readyState, pings]).toEqual(stays ? [WebSocket.OPEN, 5] : [WebSocket.CLOSED, 2]);
  browser.terminate();
  target.close();
});

test("keeps the connection of a browser whose answers to pings wait, because the server does not read", async () => {
  const sockets: Socket[] = [];
  const target = createServer((socket) => sockets.push(socket.on("error", () => undefined).pause()));
  await once(target.listen(0, "127.0.0.1"), "listening");
  const paused = vi.spyOn(WebSocketLink.prototype, "pause");
  vi.useFakeTimers({ toFake: ["setInterval", "clearInterval", "performance"] });
  onTestFinished(() => void vi.useRealTimers());
  onTestFinished(() => paused.mockRestore());
  await using between = await start(`tcp:127.0.0.1:${portOf(target)}`);
  const browser = new WebSocket(between.url).on("error", () => undefined);
  let pings = 0;
  browser.on("ping", () => pings++);
  await once(browser, "open");
  await until(() => {
    if (browser.bufferedAmount < 1024 * 1024) browser.send(new Uint8Array(256 * 1024));
    return paused.mock.calls.length > 0;
  });
  for (let round = 1; round <= 5; round++) {
    vi.advanceTimersByTime(25_000);
    await until(() => pings === round || browser.readyState !== WebSocket.OPEN);
  }
  expect([browser.readyState, pings]).toEqual([WebSocket.OPEN, 5]);
  browser.terminate();
  sockets[0]!.destroy();
  target.close();
});

test("closing the gateway closes the connections on both sides", async () => {
  await using target = await listenTcp("tcp:0:interface=127.0.0.1", new Echo());
  for (const end of ["close", "destroy"] as const) {
    const between = await start(`tcp:127.0.0.1:${target.port}`);
    const connection = await connectTo(between.url);
    expect(await echo(connection, 1)).toBe(1);
    await between.server[end]();
    expect((await connection.closed).reason).toBe("lost");
    await until(() => target.connections.size === 0);
  }
});
