// `pb doctor` with servers of several protocols.

import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { createServer as createHttpServer } from "node:http";
import { createServer } from "node:net";
import type { AddressInfo, Server as NetServer, Socket } from "node:net";
import { createServer as createTlsServer } from "node:tls";
import { stripVTControlCharacters } from "node:util";
import { Root } from "@pb/broker";
import { InMemoryUsernamePasswordChecker, Portal } from "@pb/cred";
import { listen, openSocket } from "@pb/node-transport";
import { afterEach, describe, expect, test } from "vitest";
import { folder } from "../../node-transport/test/support/echo.js";
import { Authority } from "../../node-transport/test/support/certificates.js";
import type { Finding } from "../src/doctor/findings.js";
import { identify } from "../src/doctor/identify.js";
import type { Identity } from "../src/doctor/identify.js";
import { identifyServer } from "../src/doctor/probe.js";
import { pb } from "./support.js";

const authority = new Authority("Test authority");
const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const clean of cleanups.splice(0).reverse()) await clean();
});

/** Starts a server that is stopped after the test. Resolves with its port. */
async function start(server: NetServer): Promise<number> {
  const sockets = new Set<Socket>();
  server.on("connection", (socket: Socket) => {
    sockets.add(socket.on("error", () => undefined).once("close", () => sockets.delete(socket)));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  cleanups.push(async () => {
    const closed = once(server, "close");
    server.close();
    for (const socket of sockets) socket.destroy();
    await closed;
  });
  return (server.address() as AddressInfo).port;
}

async function startPb(endpoint: string, root: Root | Portal = new Root_()): Promise<number> {
  const server = await listen(endpoint, root);
  cleanups.push(() => server.close());
  return server.port;
}

class Root_ extends Root {}

async function diagnose(endpoint: string, ...more: string[]): Promise<any> {
  const { stdout, status, stderr } = await pb(["doctor", endpoint, "--json", "--silence", "60", ...more], {
    env: { PB_PASSWORD: "wonder" },
  });
  expect(stderr).toBe("");
  const { protocol, findings } = JSON.parse(stdout);
  const texts = (findings as Finding[]).map(({ check, status, text }) => `${status} ${check}: ${text}`);
  return { protocol, status, text: texts.join("\n") };
}

const serverOf = (greeting: string): NetServer => createServer((socket) => void socket.write(greeting));

test.each([
  ["ssh", "SSH-2.0-OpenSSH_9.2p1\r\n"],
  ["smtp", "220 mail.example ESMTP Postfix\r\n"],
  ["imap", "* OK [CAPABILITY IMAP4rev1] ready\r\n"],
  ["unknown", `welcome \u001b[31m\r\n${"x".repeat(5_000)}`],
])("recognizes a server that speaks first: %s", async (protocol, greeting) => {
  const found = await diagnose(`tcp:127.0.0.1:${await start(serverOf(greeting))}`);
  expect(found).toMatchObject({ protocol, status: 5, text: expect.stringContaining("problem protocol: ") });
  expect(found.text).not.toContain("\u001b");
});

/** What a server is that is asked at once. */
function ask(port: number, answerMs: number): Promise<Identity> {
  const dial = (): Promise<Socket> => openSocket({ type: "tcp", host: "127.0.0.1", port }, {});
  return identifyServer(dial, false, { silenceMs: 1, answerMs }, new AbortController().signal);
}

/** Milliseconds that end a test that hangs. */
const LONG = 120_000;

test("recognizes HTTP, and a WebSocket", async () => {
  const http = await start(createHttpServer((_request, response) => void response.end("hello")));
  expect(await ask(http, LONG)).toMatchObject({ protocol: "http", text: expect.stringContaining("HTTP/1.1 200 OK") });
  const upgrading = createHttpServer().on("upgrade", (_request, socket) => {
    socket.write("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n");
  });
  expect(await ask(await start(upgrading), LONG)).toMatchObject({ protocol: "websocket" });
});

test("recognizes a server that says nothing", async () => {
  const silent = await start(createServer((socket) => void socket.resume()));
  expect(await ask(silent, 1)).toMatchObject({ protocol: "silent" });
});

test("recognizes a closed port", async () => {
  const port = await start(createServer());
  await cleanups.pop()!();
  expect(await diagnose(`tcp:127.0.0.1:${port}`)).toMatchObject({
    protocol: "none",
    status: 3,
    text: expect.stringContaining("ECONNREFUSED"),
  });
});

test("recognizes TLS where none is expected, and PB where TLS is expected", async () => {
  const tls = await start(createTlsServer(authority.issue("localhost")).on("tlsClientError", () => undefined));
  expect(await ask(tls, LONG)).toMatchObject({ protocol: "tls" });
  const plain = await startPb("tcp:0:interface=127.0.0.1");
  expect(await diagnose(`tls:127.0.0.1:${plain}`)).toMatchObject({
    protocol: "pb",
    status: 3,
    text: expect.stringContaining("Without TLS: This is Perspective Broker"),
  });
});

describe("over TLS", () => {
  test("shows the certificate, and whether it ends soon or is not trusted", async () => {
    using files = folder();
    writeFileSync(files.file("ca.pem"), authority.cert);
    const { cert, key } = authority.issue("localhost", { validTo: new Date(Date.now() + 9.5 * 86_400_000) });
    writeFileSync(files.file("cert.pem"), cert);
    writeFileSync(files.file("key.pem"), key);
    const port = await startPb(
      `ssl:0:interface=127.0.0.1:privateKey=${files.file("key.pem")}:certKey=${files.file("cert.pem")}`,
    );
    const trusted = await diagnose(`tls:localhost:${port}:trustRoots=${files.file("ca.pem")}`);
    expect(trusted).toMatchObject({ protocol: "pb", status: 0 });
    expect(trusted.text).toMatch(/^warning tls: TLSv1\.3, .*issued by Test authority, .*: renew it, 9 days are left$/m);
    const untrusted = await diagnose(`tls:localhost:${port}`);
    expect(untrusted).toMatchObject({ protocol: "tls", status: 3 });
    expect(untrusted.text).toMatch(/^problem tls: .*CONNECT_TLS_UNTRUSTED/m);
    expect(untrusted.text).toMatch(/^note tls: certificate for DNS:localhost, issued by Test authority/m);
  });
});

test("shows what a server of this repository offers, and checks a password", async () => {
  const realm = { requestAvatar: () => ({ avatar: new Root_() }) };
  const portal = new Portal(realm, [new InMemoryUsernamePasswordChecker({ alice: "wonder" })]);
  const endpoint = `tcp:127.0.0.1:${await startPb("tcp:0:interface=127.0.0.1", portal)}`;
  const good = await diagnose(endpoint, "--login", "alice");
  expect(good).toMatchObject({ protocol: "pb", status: 0 });
  expect(good.text).toMatch(/^ok extensions: pbx with goaway, note, /m);
  expect(good.text).toMatch(/^ok logins: SCRAM-SHA-256, PB's challenge and response$/m);
  expect(good.text).toMatch(/^ok latency: /m);
  expect(good.text).toMatch(/^ok login: /m);
  const wrong = await diagnose(endpoint, "--login", "bob");
  expect(wrong).toMatchObject({ protocol: "pb", status: 4 });
  expect(wrong.text).toMatch(/^problem login: .*\(LOGIN_/m);
});

test("fits into a terminal of 40 columns", async () => {
  const port = await startPb("tcp:0:interface=127.0.0.1");
  const { stdout } = await pb(["doctor", `tcp:127.0.0.1:${port}`, "--silence", "60"], { columns: 40 });
  const lines = stripVTControlCharacters(stdout).split("\n");
  expect(lines[0]).toMatch(/^ok {7}connection accepted after/);
  expect(lines.filter((line) => line.length > 40)).toEqual([]);
  const plain = await pb(["doctor", `tcp:127.0.0.1:${port}`, "--silence", "60"]);
  expect(plain.stdout).not.toContain("\u001b");
});

test("an unfinished offer needs more bytes, and nothing is mistaken for an offer", () => {
  const bytes = (text: string): Uint8Array => new Uint8Array(Buffer.from(text, "latin1"));
  const offer = "\x02\x80\x02\x82pb\x04\x82none";
  expect(identify(bytes(offer), false)).toMatchObject({ protocol: "pb", dialects: ["pb", "none"] });
  for (let length = 0; length < offer.length; length++) {
    expect(identify(bytes(offer.slice(0, length)), false)).toBeUndefined();
  }
  expect(identify(bytes("\x00\x80"), true)).toMatchObject({ protocol: "unknown" });
  expect(identify(bytes("\x01\x80\x01\x81"), true)).toMatchObject({ protocol: "unknown" });
  expect(identify(bytes("x".repeat(5_000)), false)).toMatchObject({ protocol: "unknown" });
});
