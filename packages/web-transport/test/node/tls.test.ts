// WebSockets with TLS: certificates from files and as text, their renewal, and clients that do not trust them.

import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connect as connectTls } from "node:tls";
import { expect, test } from "vitest";
import { WebSocket } from "ws";
import type { Broker, Peer } from "@pb/broker";
import { listen as listenTcp } from "@pb/node-transport";
import type { ServerEvent } from "@pb/web-transport";
import { attach, gateway, listen } from "@pb/web-transport/node";
import { Authority } from "../../../node-transport/test/support/certificates.js";
import type { Certificate } from "../../../node-transport/test/support/certificates.js";
import { connectTo, echo, Echo, errorOf, until } from "../support/echo.js";

const authority = new Authority("Test authority");

/** A WebSocket that trusts one authority. */
const trusting = ({ cert: ca }: Certificate) =>
  class extends WebSocket {
    constructor(url: string) {
      super(url, { ca });
    }
  };
const webSocket = trusting(authority);

/** The files of a certificate in a new folder. */
function certificateFiles() {
  const folder = mkdtempSync(join(tmpdir(), "pb-tls-"));
  const [keyFile, certFile] = [join(folder, "key.pem"), join(folder, "cert.pem")];
  const write = ({ key, cert }: Certificate): void => {
    writeFileSync(keyFile, key);
    writeFileSync(certFile, cert);
  };
  write(authority.issue("127.0.0.1"));
  return { keyFile, certFile, write, [Symbol.dispose]: () => rmSync(folder, { recursive: true }) };
}

/** The serial number of the certificate that a server shows. */
async function serialOf(url: string): Promise<string> {
  const client = new webSocket(url);
  const [{ socket }] = (await once(client, "upgrade")) as [
    { readonly socket: { getPeerCertificate(): { serialNumber: string } } },
  ];
  const { serialNumber } = socket.getPeerCertificate();
  client.terminate();
  return serialNumber;
}

test("listens with the files of the endpoint, and reads them again", async () => {
  using files = certificateFiles();
  const tls = `privateKey=${files.keyFile}:certKey=${files.certFile}`;
  const peers: Peer[] = [];
  const onConnection = ({ peer }: { readonly peer: Peer }): void => void peers.push(peer);
  await using server = await listen(`wss:0:interface=127.0.0.1:path=/pb:${tls}`, new Echo(), { onConnection });
  const url = `wss://127.0.0.1:${server.port}/pb`;
  await using connection = await connectTo(url, { webSocket });
  expect(await echo(connection, "encrypted")).toBe("encrypted");
  expect(connection.peer.isEncrypted).toBe(true);
  expect(peers).toMatchObject([{ isEncrypted: true, description: expect.stringMatching(/^wss:127\.0\.0\.1:\d+$/) }]);

  const before = await serialOf(url);
  files.write(authority.issue("127.0.0.1"));
  expect(await serialOf(url)).toBe(before);
  await server.reloadTls();
  expect(await serialOf(url)).not.toBe(before);
  expect(await echo(connection, "the connection stays")).toBe("the connection stays");

  const renewed = await serialOf(url);
  rmSync(files.certFile);
  expect(await errorOf(server.reloadTls())).toMatchObject({ code: "TLS_OPTION_UNREADABLE", option: "certFile" });
  expect(await serialOf(url)).toBe(renewed);
  await server.reloadTls(authority.issue("127.0.0.1"));
  expect(await serialOf(url)).not.toBe(renewed);
});

test("a server without TLS has nothing to read again, and the error names a missing file", async () => {
  await using server = await listen("ws:0:interface=127.0.0.1", new Echo());
  await expect(server.reloadTls(authority.issue("127.0.0.1"))).rejects.toThrow(TypeError);
  const endpoint = "wss:0:interface=127.0.0.1:privateKey=/nowhere/key.pem";
  expect(await errorOf(listen(endpoint, new Echo()))).toMatchObject({ code: "TLS_OPTION_UNREADABLE" });
});

test.each<[string | object, string, RegExp]>([
  ["wss://127.0.0.1:0/", "TypeError", /needs a private key and a certificate/],
  [{ port: 0, tls: {} }, "TypeError", /needs a private key and a certificate/],
  [{ port: 0, tls: { key: "x", cert: "x" } }, "TlsOptionError", /The option key contains no private key/],
  ["wss:0:privateKey=/", "TlsOptionError", /the option keyFile .* cannot be read/],
  [{ port: 0, tls: { alpnProtocols: [""] } }, "TypeError", /alpnProtocols/],
  ["ws:0:interface=192.0.2.1", "SocketError", /^ws:0: "192.0.2.1" is no address of this machine/],
  ["ws:0:interface=eth99", "SocketError", /^ws:0: The interface must be an address of this machine/],
  ["ws:0:interface=a b", "EndpointError", /interface "a b"/],
])("%o is refused with a %s", async (endpoint, name, message) => {
  const error = await errorOf(listen(endpoint as string, new Echo()));
  expect(error).toMatchObject({ name, message: expect.stringMatching(message) });
});

test("clients that do not trust the certificate, or use no TLS", async () => {
  const events: ServerEvent[] = [];
  const options = { tls: authority.issue("127.0.0.1"), onEvent: (event: ServerEvent) => void events.push(event) };
  await using server = await listen("ws:0:interface=127.0.0.1", new Echo(), options);
  const foreign = trusting(new Authority("Another authority"));
  const url = `wss://127.0.0.1:${server.port}/`;
  expect((await errorOf(connectTo(url, { webSocket: foreign }))).message).toMatch(/certificate|signature/);
  expect(await errorOf(connectTo(url.replace("wss", "ws")))).toMatchObject({ code: "CONNECT_FAILED" });
  await until(() => events.length === 2);
  const failure = { kind: "failed", error: { code: "CONNECT_NOT_WEBSOCKET" } };
  expect(events).toMatchObject([failure, failure]);
  for (const event of events) expect((event as { readonly error: Error }).error.message).toMatch(/^no TLS: /);
  await using connection = await connectTo(url, { webSocket });
  expect(await echo(connection, 1)).toBe(1);
});

test("a connection outlasts the time for its request, and a client that sends none does not", async () => {
  const events: ServerEvent[] = [];
  await using server = await listen("ws:0:interface=127.0.0.1", new Echo(), {
    tls: authority.issue("127.0.0.1"),
    limits: { tlsMs: 1000 },
    onEvent: (event) => void events.push(event),
  });
  // On a busy machine, the time of some attempts is over before their request has arrived.
  let connected: Broker | undefined;
  while (connected === undefined)
    connected = await connectTo(`wss://127.0.0.1:${server.port}/`, { webSocket }).catch(() => undefined);
  await using connection = connected;
  events.length = 0;
  const silent = connectTls({ port: server.port, host: "127.0.0.1", ca: authority.cert });
  await once(silent, "close");
  const failures = events.filter(({ kind }) => kind === "failed");
  expect(failures).toMatchObject([{ error: { code: "CONNECT_REQUEST_TIMEOUT" } }]);
  expect(await echo(connection, 1)).toBe(1);
});

test("clients that have to show a certificate", async () => {
  const tls = { ...authority.issue("127.0.0.1"), ca: authority.cert, clientCertificates: "required" as const };
  await using server = await listen("ws:0:interface=127.0.0.1", new Echo(), { tls });
  const url = `wss://127.0.0.1:${server.port}/`;
  const { key, cert } = authority.issue("alice");
  class WithCertificate extends WebSocket {
    constructor(address: string) {
      super(address, { ca: authority.cert, key, cert });
    }
  }
  await using connection = await connectTo(url, { webSocket: WithCertificate });
  expect(await echo(connection, 1)).toBe(1);
  expect(await errorOf(connectTo(url, { webSocket }))).toMatchObject({ code: "CONNECT_FAILED" });
});

test("shares the port of an HTTPS server", async () => {
  const https = createServer(authority.issue("127.0.0.1"), (_request, response) => response.end("a page"));
  https.listen(0, "127.0.0.1");
  await once(https, "listening");
  await using _server = attach(https, new Echo(), { path: "/pb" });
  const url = `wss://127.0.0.1:${(https.address() as AddressInfo).port}/pb`;
  await using connection = await connectTo(url, { webSocket });
  expect(await echo(connection, 1)).toBe(1);
  https.close();
});

test("a gateway uses TLS on both sides", async () => {
  const target = authority.issue("127.0.0.1");
  await using server = await listenTcp({ type: "tls", port: 0, interface: "127.0.0.1", tls: target }, new Echo());
  await using between = await gateway({
    listen: "ws:0:interface=127.0.0.1",
    tls: authority.issue("127.0.0.1"),
    to: { type: "tls", host: "127.0.0.1", port: server.port, tls: { ca: authority.cert } },
  });
  await using connection = await connectTo(`wss://127.0.0.1:${between.port}/`, { webSocket });
  expect(await echo(connection, 1)).toBe(1);
});

test("an error does not show keys", async () => {
  const tls = { key: "-----BEGIN PRIVATE KEY-----" };
  const error = await errorOf(listen({ tls, port: 70_000 }, new Echo()));
  expect(error.message).toContain('{"tls":"…","port":70000}: port');
});
