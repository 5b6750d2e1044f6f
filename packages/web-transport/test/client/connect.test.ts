// Connecting over WebSockets: bad addresses, servers that do not answer, credit, and reconnecting.

import { createServer } from "node:net";
import type { AddressInfo, Socket } from "node:net";
import { once } from "node:events";
import { getHeapStatistics } from "node:v8";
import { describe, expect, test } from "vitest";
import { WebSocket, WebSocketServer } from "ws";
import { accept, connect, reconnecting, WebServer } from "@pb/web-transport";
import { listen } from "@pb/web-transport/node";
import { withPlatformDefaults } from "../../src/heap-share.js";
import { checkCallsAhead, ContractRoot } from "../../../transport/test/support/reconnecting-contract.js";
import { rightForConnect, rightForReconnecting, wrongOptions } from "../../../transport/test/support/wrong-options.js";
import { connectTo, echo, Echo, errorOf, startServer, UnpausableWebSocket, until } from "../support/echo.js";

describe("addresses", () => {
  test.each([
    ["ftp://example.org/", /scheme ftp:/],
    ["/pb", /absolute URL/],
    ["", /absolute URL/],
    ["ws://example.org/#a", /fragment/],
    ["ws://ann:secret@example.org/", /user and password/],
  ])("%j is refused", async (url, message) => {
    const error = await errorOf(connectTo(url));
    expect(error).toMatchObject({ name: "EndpointError", code: "ENDPOINT_INVALID" });
    expect(error.message).toMatch(message);
    expect(error.message).not.toContain("secret");
    expect(() => reconnecting(url)).toThrow(message);
  });

  test("a target of another kind, and a bad option, are a TypeError", async () => {
    for (const target of [{}, null, undefined, 8787]) {
      await expect(connect(target as never)).rejects.toThrow(/Expected a URL, a WebSocket/);
      expect(() => reconnecting(target as never)).toThrow(/Expected a URL, or a function/);
    }
    const { port1, port2 } = new MessageChannel();
    expect(() => reconnecting(port1 as never)).toThrow(/Expected a URL, or a function/);
    for (const port of [port1, port2]) port.close();
    await expect(connectTo("ws://127.0.0.1:1/", { connectMs: -1 })).rejects.toThrow(TypeError);
    expect(() => reconnecting("ws://127.0.0.1:1/", { heldBytes: NaN })).toThrow(TypeError);
  });

  test.skipIf("WebSocket" in globalThis)("a platform without a WebSocket says what to do", async () => {
    const error = await errorOf(connect("ws://127.0.0.1:1/"));
    expect(error).toMatchObject({ code: "CONNECT_NO_WEBSOCKET", message: expect.stringContaining("option webSocket") });
  });

  test("a URL object is accepted", async () => {
    await using started = await startServer();
    await using connection = await connect(new URL(started.url), { webSocket: WebSocket });
    expect(await echo(connection, 1)).toBe(1);
  });

  test("a page may pass its own address, and a query is kept", async () => {
    await using started = await startServer();
    await using connection = await connectTo(`${started.url.replace("ws:", "http:")}?a=1`);
    expect(await echo(connection, 1)).toBe(1);
    expect(connection.peer).toEqual({ description: started.url, isEncrypted: false });
    expect([...started.server.connections][0]!.peer.request!.url).toBe("/pb?a=1");
  });
});

test("unknown options and bad roots are refused, and the message says where an option belongs", async () => {
  const unknown = { conectMs: 1 } as object;
  await expect(connect("ws://127.0.0.1:1/", unknown)).rejects.toThrow(/conectMs.*connectMs/);
  await expect(connect("ws://127.0.0.1:1/", { intervalMs: 1 } as object)).rejects.toThrow(/liveness/);
  expect(() => reconnecting("ws://127.0.0.1:1/", unknown)).toThrow(/connectMs/);
  expect(() => new WebServer(new Echo(), { origin: [] } as object)).toThrow(/origins/);
  for (const name of ["trustProxy", "pfad", "signl"])
    await expect(listen("ws:0", new Echo(), { [name]: 1 })).rejects.toThrow(TypeError);
  await expect(listen("ws:0", undefined as never)).rejects.toThrow(TypeError);
  await expect(listen("tcp:0", new Echo())).rejects.toThrow(/expected ws or wss/);
  await expect(listen("ws:0:path=pb", new Echo())).rejects.toThrow(/begins with \//);
});

const rightForWeb = { heldBytes: ["Infinity"], credit: ["true"], webSocket: ["function"] } as const;

test.each(wrongOptions({ ...rightForConnect, ...rightForWeb }))(
  "connect and reconnecting name the wrong option %s (%s)",
  async (name, _what, options) => {
    const named = { name: "TypeError", message: expect.stringContaining(name) };
    await expect(connect("ws://127.0.0.1:1/", options)).rejects.toMatchObject(named);
    expect(() => reconnecting("ws://127.0.0.1:1/", options)).toThrow(expect.objectContaining(named));
  },
);

test.each(wrongOptions(rightForReconnecting))("reconnecting names the wrong option %s (%s)", (name, _what, options) => {
  const named = { name: "TypeError", message: expect.stringContaining(name) };
  expect(() => reconnecting("ws://127.0.0.1:1/", options)).toThrow(expect.objectContaining(named));
});

describe("an endpoint that is an object", () => {
  test.each<[object, string, RegExp]>([
    // The server would listen on all interfaces.
    [{ port: 0, host: "127.0.0.1" }, "TypeError", /host/],
    [{ port: 0, interface: "" }, "EndpointError", /interface/],
    [{ port: 0, backlog: 0.5 }, "EndpointError", /backlog/],
    [{ port: "8080" }, "EndpointError", /port 8080/],
    [{ port: 0, tls: { keyFil: "key.pem" } }, "TypeError", /keyFile/],
    [new URL("ws://127.0.0.1:8080/"), "EndpointError", /expected text/],
  ])("%o is refused with %s", async (endpoint, name, message) => {
    expect(await errorOf(listen(endpoint as never, new Echo()))).toMatchObject({
      name,
      message: expect.stringMatching(message),
    });
  });

  test("a server has the state, the limits and the tracing of one with sockets", async () => {
    const server = new WebServer(new Echo());
    expect(server.state).toBe("listening");
    expect(() => server.setLimits({ tlsMs: 1 })).toThrow("tlsMs cannot be changed");
    expect(server.tracesReferences).toBe(false);
    server.tracesReferences = true;
    expect(server.tracesReferences).toBe(true);
    const closing = server.close();
    expect(server.state).toBe("draining");
    await closing;
    expect(server.state).toBe("closed");
  });

  test("the keys of one that is refused are not in the error", async () => {
    const error = await errorOf(listen({ port: -1, tls: { key: "secret" } }, new Echo()));
    expect(error.message).not.toContain("secret");
  });
});

describe("servers that do not answer", () => {
  test("a refused connection", async () => {
    const error = await errorOf(connectTo("ws://127.0.0.1:1/pb"));
    expect(error).toMatchObject({ name: "ConnectError", code: "CONNECT_FAILED" });
    expect(error.message).toMatch(/^ws:\/\/127\.0\.0\.1:1\/pb: .*ECONNREFUSED/);
  });

  test("a server that accepts and is silent", async () => {
    const sockets: Socket[] = [];
    const silent = createServer((socket) => sockets.push(socket.resume())).listen(0, "127.0.0.1");
    await once(silent, "listening");
    const url = `ws://127.0.0.1:${(silent.address() as AddressInfo).port}/`;
    const error = await errorOf(connectTo(url, { connectMs: 50 }));
    expect(error).toMatchObject({ code: "CONNECT_TIMEOUT", message: expect.stringContaining("50 ms") });
    const controller = new AbortController();
    const aborted = errorOf(connectTo(url, { signal: controller.signal }));
    controller.abort(new Error("enough"));
    expect((await aborted).message).toBe("enough");
    for (const socket of sockets) await until(() => socket.destroyed || socket.readableEnded);
    silent.close();
  });

  test.each([502, 504])("a proxy that answers %d", async (status) => {
    const proxy = createServer((socket) => {
      socket.on("error", () => undefined).once("data", () => socket.end(`HTTP/1.1 ${status} Bad\r\n\r\n`));
    }).listen(0, "127.0.0.1");
    await once(proxy, "listening");
    const error = await errorOf(connectTo(`ws://127.0.0.1:${(proxy.address() as AddressInfo).port}/`));
    expect(error).toMatchObject({ code: "CONNECT_FAILED", message: expect.stringContaining(String(status)) });
    proxy.close();
  });
});

describe("credit", () => {
  test("a client that cannot pause asks for it, unless it must not change the URL", async () => {
    await using started = await startServer();
    const urlOf = async (options: Parameters<typeof connectTo>[1]): Promise<string> => {
      await using connection = await connectTo(started.url, options);
      expect(await echo(connection, "x".repeat(500_000))).toHaveLength(500_000);
      return [...started.server.connections][0]!.peer.request!.url;
    };
    expect(await urlOf({ webSocket: UnpausableWebSocket })).toBe("/pb?credit=1");
    await until(() => started.server.connections.size === 0);
    expect(await urlOf({ webSocket: UnpausableWebSocket, credit: false })).toBe("/pb");
    await until(() => started.server.connections.size === 0);
    expect(await urlOf({ webSocket: WebSocket })).toBe("/pb");
  });

  test("a server that does not know it is talked to without it", async () => {
    const plain = new WebSocketServer({ port: 0, host: "127.0.0.1" });
    const server = new WebServer(new Echo());
    plain.on("connection", (webSocket) => server.accept(webSocket));
    await once(plain, "listening");
    const url = `ws://127.0.0.1:${(plain.address() as AddressInfo).port}/`;
    await using connection = await connectTo(url, { webSocket: UnpausableWebSocket });
    for (let time = 0; time < 5; time++) expect(await echo(connection, "x".repeat(600_000))).toHaveLength(600_000);
    await connection.close();
    await server.close();
    plain.close();
  });
});

test("accept serves one WebSocket, and checks the origin of its request", async () => {
  const plain = new WebSocketServer({ port: 0, host: "127.0.0.1" });
  await once(plain, "listening");
  const failures: Error[] = [];
  plain.on("connection", (webSocket, { url, headers }: { readonly url: string; readonly headers: object }) => {
    accept(webSocket, new Echo(), {
      request: { url, headers: new Headers(headers as Record<string, string>) },
      onEvent: (event) => event.kind === "failed" && failures.push(event.error),
    });
  });
  const url = `ws://127.0.0.1:${(plain.address() as AddressInfo).port}/`;
  await using connection = await connectTo(url, { webSocket: UnpausableWebSocket });
  expect(await echo(connection, 1)).toBe(1);
  class Foreign extends WebSocket {
    constructor(address: string) {
      super(address, { origin: "https://evil.example" });
    }
  }
  expect((await errorOf(connectTo(url, { webSocket: Foreign }))).name).toBe("ConnectionLostError");
  expect(failures).toMatchObject([{ code: "CONNECT_ORIGIN" }]);
  plain.close();
});

test("a client connects again after the server was replaced", async () => {
  const first = await startServer();
  const { port } = first.server;
  const states: string[] = [];
  await using client = reconnecting<Echo>(first.url, {
    webSocket: WebSocket,
    idempotent: ["echo"],
    backoff: { firstMs: 10, highestMs: 50 },
    onState: ({ is }) => states.push(is),
  });
  expect(await client.callRemote("echo", 1)).toBe(1);
  await first.server.destroy();
  await until(() => states.includes("waiting"));
  const call = client.callRemote("echo", 2);
  await using _second = await listen({ port, interface: "127.0.0.1", path: "/pb" }, new Echo());
  expect(await call).toBe(2);
});

test("a reconnecting client calls results that have not arrived, and tells the server deadlines and traces", async () => {
  await using server = await listen("ws:0:interface=127.0.0.1:path=/pb", new ContractRoot());
  await using client = reconnecting<ContractRoot>(`ws://127.0.0.1:${server.port}/pb`, { webSocket: WebSocket });
  await checkCallsAhead(client);
});

describe("memory", () => {
  test("all connections of a process may take three eighths of its heap together, unless the limit is given", () => {
    const processHeapBytes = Math.floor((getHeapStatistics().heap_size_limit * 3) / 8);
    expect(withPlatformDefaults(undefined, () => undefined).limits).toEqual({ processHeapBytes });
    const limits = { messageBytes: 1000 };
    expect(withPlatformDefaults({ limits }, () => undefined).limits).toEqual({ ...limits, processHeapBytes });
    const given = { processHeapBytes: 1_000_000 };
    expect(withPlatformDefaults({ limits: given }, () => undefined).limits).toEqual(given);
  });

  test("a server cannot make a client of ws take a larger message into memory than a broker accepts", async () => {
    const servers = new WebSocketServer({ port: 0, host: "127.0.0.1" });
    await once(servers, "listening");
    const url = `ws://127.0.0.1:${(servers.address() as AddressInfo).port}/`;
    servers.once("connection", (webSocket) => {
      webSocket.on("error", () => undefined).send(new Uint8Array(200_000));
    });
    const error = await errorOf(connectTo(url, { broker: { limits: { messageBytes: 100_000 } } }));
    expect(error).toMatchObject({ reason: "limit", cause: { code: "LINK_FRAME" } });
    servers.close();
  });
});
