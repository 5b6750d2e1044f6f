// TLS handshakes that are cut at each stage, and ends of which only one speaks TLS: a typed error at both ends, and the
// server goes on.

import { once } from "node:events";
import { createServer as createHttpServer } from "node:http";
import { connect as connectSocket, createServer } from "node:net";
import type { AddressInfo, Server as SocketServer, Socket } from "node:net";
import { connect as connectTls } from "node:tls";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { connect, ConnectError, listen } from "@pb/node-transport";
import type { Server, ServerEvent } from "@pb/node-transport";
import { Authority } from "../support/certificates.js";
import { echo, Echo, until } from "../support/echo.js";

const authority = new Authority("An authority");
const certificate = authority.issue("localhost", { names: ["localhost", "127.0.0.1"] });
const tls = { ca: authority.cert };

let server: Server;
let failures: Error[];
let probes: number;

beforeEach(async () => {
  failures = [];
  probes = 0;
  server = await listen("pbs://127.0.0.1:0", new Echo(), {
    tls: certificate,
    onEvent: (event: ServerEvent) => {
      if (event.kind === "failed") failures.push(event.error);
      if (event.kind === "probe") probes++;
    },
  });
});

afterEach(() => server.close());

async function expectStillServing(): Promise<void> {
  await using connection = await connect(`pbs://127.0.0.1:${server.port}`, { tls });
  expect(await echo(connection, "still")).toBe("still");
}

async function port(own: SocketServer): Promise<number> {
  own.listen(0, "127.0.0.1");
  await once(own, "listening");
  return (own.address() as AddressInfo).port;
}

/** A proxy that passes on so many bytes in one direction, and then cuts both connections. */
async function cutting(from: "client" | "server", bytes: number, how: "destroy" | "resetAndDestroy" | "end") {
  const proxy = createServer((client) => {
    const upstream = connectSocket(server.port, "127.0.0.1");
    let left = bytes;
    const cut = (): void => {
      for (const socket of [client, upstream]) socket[how]();
    };
    const pass = (source: Socket, target: Socket, isCut: boolean): void => {
      source.on("error", () => target.destroy()).on("close", () => target.destroy());
      source.on("data", (chunk: Buffer) => {
        const part = isCut ? chunk.subarray(0, left) : chunk;
        if (isCut) left -= part.length;
        if (part.length > 0 && target.writable) target.write(part);
        if (isCut && left === 0) cut();
      });
    };
    pass(client, upstream, from === "client");
    pass(upstream, client, from === "server");
  });
  return { port: await port(proxy), [Symbol.dispose]: () => void proxy.close() };
}

describe.each(["destroy", "resetAndDestroy", "end"] as const)("a connection that ends by %s", (how) => {
  test.each(
    [1, 5, 6, 50, 200, 300].flatMap((bytes) => [
      ["client", bytes],
      ["server", bytes],
    ]) as ["client" | "server", number][],
  )("after the %s has sent %i bytes of the handshake", async (from, bytes) => {
    using proxy = await cutting(from, bytes, how);
    const error: unknown = await connect(`pbs://127.0.0.1:${proxy.port}`, { tls, tlsMs: 60_000 }).catch(
      (reason: unknown) => reason,
    );
    expect(error).toBeInstanceOf(ConnectError);
    expect(error).toMatchObject({
      code: "CONNECT_TLS_FAILED",
      message: expect.stringMatching(/^tls:127\.0\.0\.1:\d+: .*does .*speak TLS/s) as string,
    });
    // What was sent before the end may be lost with it: then the server has received nothing.
    await until(() => failures.length + probes > 0, "the server has reported it");
    for (const failure of failures) expect(failure).toMatchObject({ name: "ConnectError", code: "CONNECT_TLS_FAILED" });
    await expectStillServing();
  });
});

describe("only one end speaks TLS:", () => {
  test("a plain client at a TLS server is told so when the server gives up", async () => {
    await using impatient = await listen("pbs://127.0.0.1:0", new Echo(), { tls: certificate, limits: { tlsMs: 50 } });
    await expect(connect(`tcp:127.0.0.1:${impatient.port}`)).rejects.toMatchObject({
      code: "CONNECTION_LOST",
      reason: "negotiation",
      message: expect.stringContaining("does it expect TLS") as string,
    });
  });

  test("a plain client at a TLS server is told so when its own time is over", async () => {
    const broker = { limits: { negotiationMs: 50 } };
    await expect(connect(`tcp:127.0.0.1:${server.port}`, { broker })).rejects.toThrow("does it expect TLS");
  });

  test("a TLS client at a plain server", async () => {
    const events: ServerEvent[] = [];
    await using plain = await listen("tcp:0:interface=127.0.0.1", new Echo(), {
      onEvent: (event) => events.push(event),
    });
    await expect(connect(`pbs://127.0.0.1:${plain.port}`, { tls })).rejects.toMatchObject({
      code: "CONNECT_TLS_FAILED",
      message: expect.stringContaining("does not speak TLS") as string,
    });
    await until(() => events.length > 0, "the server has reported it");
    expect(events).toMatchObject([{ kind: "failed", error: { reason: "negotiation" } }]);
  });

  test("a TLS client at a web server", async () => {
    const web = createHttpServer();
    const endpoint = `pbs://127.0.0.1:${await port(web)}`;
    await expect(connect(endpoint, { tls })).rejects.toMatchObject({ code: "CONNECT_TLS_FAILED" });
    web.close();
  });

  test("a TLS client at a server that says nothing", async () => {
    const silent = createServer((socket) => socket.resume().on("error", () => undefined));
    const endpoint = `pbs://127.0.0.1:${await port(silent)}`;
    await expect(connect(endpoint, { tls, tlsMs: 50 })).rejects.toMatchObject({ code: "CONNECT_TLS_TIMEOUT" });
    silent.close();
  });

  test.each<[string, string, RegExp]>([
    ["an HTTP request", "GET / HTTP/1.1\r\n\r\n", /HTTP|http/],
    ["a PROXY header", "PROXY TCP4 192.0.2.1 192.0.2.2 1 2\r\n", /PROXY protocol/],
    ["banana", "\x02\x80\x02\x82pb\x04\x82none", /does not speak TLS/],
    ["an SSH greeting", "SSH-2.0-OpenSSH_9.2\r\n", /does not speak TLS/],
  ])("a TLS server that receives %s", async (_what, bytes, message) => {
    const socket = connectSocket(server.port, "127.0.0.1").on("error", () => undefined);
    socket.write(Buffer.from(bytes, "latin1"));
    await until(() => failures.length > 0, "the server has reported it");
    expect(failures[0]).toMatchObject({
      code: "CONNECT_TLS_FAILED",
      message: expect.stringMatching(message) as string,
    });
    socket.destroy();
    await expectStillServing();
  });

  test("a TLS client that closes right after its handshake", async () => {
    const socket = connectTls({ port: server.port, host: "127.0.0.1", ca: authority.cert });
    await once(socket, "secureConnect");
    socket.destroy();
    await until(() => failures.length > 0, "the server has reported it");
    // With TLS 1.3, the client finishes first.
    const { code } = failures[0] as ConnectError;
    expect(["CONNECTION_LOST", "CONNECT_TLS_FAILED"]).toContain(code);
    await expectStillServing();
  });
});

describe("a TLS socket of the program whose handshake has not finished", () => {
  test("is waited for, so that its certificate is known", async () => {
    await using connection = await connect(connectTls({ port: server.port, host: "localhost", ...tls }));
    expect(connection.peer.certificate).toMatchObject({ name: "localhost", isTrusted: true });
    expect(await echo(connection, "hi")).toBe("hi");
  });

  test("fails as a handshake does", async () => {
    const untrusted = connect(connectTls({ port: server.port, host: "localhost" }));
    await expect(untrusted).rejects.toMatchObject({ name: "ConnectError", code: "CONNECT_TLS_UNTRUSTED" });
  });

  test("is given up after tlsMs, and when the signal aborts", async () => {
    const held: Socket[] = [];
    const silent = createServer((socket) => held.push(socket));
    const to = { port: await port(silent), host: "127.0.0.1", ...tls };
    await expect(connect(connectTls(to), { tlsMs: 20 })).rejects.toMatchObject({ code: "CONNECT_TLS_TIMEOUT" });
    const aborted = connectTls(to);
    await expect(connect(aborted, { signal: AbortSignal.timeout(20) })).rejects.toMatchObject({ name: "TimeoutError" });
    expect(aborted.destroyed).toBe(true);
    for (const socket of held) socket.destroy();
    silent.close();
  });
});

test.for([{}, { key: certificate.key }, { cert: certificate.cert }])(
  "a TLS server needs a key and a certificate",
  async (some) => {
    await expect(listen("pbs://127.0.0.1:0", new Echo(), { tls: some })).rejects.toThrow(
      "needs a private key and a certificate",
    );
  },
);
