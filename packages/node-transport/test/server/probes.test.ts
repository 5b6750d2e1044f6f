// Health checks of balancers: connections that the peer closes before it has sent anything. They are no failures.

import { once } from "node:events";
import { connect as connectSocket } from "node:net";
import type { Socket } from "node:net";
import { connect as connectTls } from "node:tls";
import { describe, expect, onTestFinished, test } from "vitest";
import { listen } from "@pb/node-transport";
import type { ListenOptions, ServerEvent } from "@pb/node-transport";
import { Authority } from "../support/certificates.js";
import { Echo, folder, until } from "../support/echo.js";
import { binaryHeader } from "../support/proxy-headers.js";

const authority = new Authority("An authority");
const tls = authority.issue("localhost", { names: ["127.0.0.1"] });
const tcp = "tcp:0:interface=127.0.0.1";
const secured = "ssl:0:interface=127.0.0.1";
const trustProxies = ["127.0.0.1"];
const header = binaryHeader({ source: "203.0.113.7", port: 51324 });
const ownCheck = binaryHeader({ command: 0 });

const closings: Readonly<Record<string, (socket: Socket) => unknown>> = {
  closes: (socket) => socket.end(),
  resets: (socket) => socket.resetAndDestroy(),
};

/** The events of a server of which a peer closes a connection at once, after some bytes if they are given. */
async function eventsOf(endpoint: string, options: ListenOptions, close: (socket: Socket) => unknown, first?: Buffer) {
  const events: ServerEvent[] = [];
  const server = await listen(endpoint, new Echo(), { ...options, onEvent: (event) => events.push(event) });
  onTestFinished(() => server.destroy());
  const { path = "", port } = server.address;
  const socket = connectSocket(path === "" ? { port, host: "127.0.0.1" } : { path }).on("error", () => undefined);
  onTestFinished(() => void socket.destroy());
  await once(socket, "connect");
  if (first !== undefined) await new Promise<void>((resolve) => void socket.write(first, () => resolve()));
  close(socket);
  await until(() => events.length > 0, "the server reports it");
  await server.close();
  return events;
}

describe.each(Object.keys(closings))("a peer that connects and %s", (closing) => {
  const close = closings[closing]!;

  test.each<readonly [where: string, endpoint: string, options: ListenOptions, first: Buffer | undefined]>([
    ["at a TCP port", tcp, {}, undefined],
    ["at a TLS port", secured, { tls }, undefined],
    ["behind a proxy", `haproxy:${tcp}`, {}, undefined],
    ["behind a proxy, with TLS", secured, { tls, trustProxies }, undefined],
    ["after the header of a proxy", tcp, { trustProxies }, header],
    ["after the header of a proxy, with TLS", secured, { tls, trustProxies }, header],
    ["after the header of a check of the proxy itself", tcp, { trustProxies }, ownCheck],
  ])("%s is a probe", async (_where, endpoint, options, first) => {
    // What was sent before a reset may be lost with it.
    const end = first !== undefined && closing === "resets" ? closings.closes! : close;
    const events = await eventsOf(endpoint, options, end, first);
    expect(events).toEqual([{ kind: "probe", id: expect.any(String), peer: expect.any(String) }]);
  });
});

test("a peer that closes after the start of something is a failure", async () => {
  const start = Buffer.from([0x16, 3, 1]);
  for (const [endpoint, options] of [
    [tcp, {}],
    [secured, { tls }],
    [`haproxy:${tcp}`, {}],
  ] as const)
    expect(await eventsOf(endpoint, options, closings.closes!, start)).toMatchObject([{ kind: "failed" }]);
});

test("a peer that connects to a UNIX socket and closes it is a probe", async () => {
  using temporary = folder();
  const events = await eventsOf(`unix:${temporary.file("pb.sock")}`, {}, closings.closes!);
  expect(events).toMatchObject([{ kind: "probe" }]);
});

test("a peer that closes after the handshake of TLS is a probe", async () => {
  const events: ServerEvent[] = [];
  const server = await listen(secured, new Echo(), { tls, onEvent: (event) => events.push(event) });
  const socket = connectTls({ port: server.port, host: "127.0.0.1", ca: authority.cert }, () => socket.end());
  await once(socket.on("error", () => undefined).resume(), "close");
  await until(() => events.length > 0, "the server reports it");
  expect(events).toMatchObject([{ kind: "probe", peer: expect.stringMatching(/^tls:/) as string }]);
  await server.close();
});

test("a server that closes, and a header that is late, are no probes of the peer", async () => {
  const events: ServerEvent[] = [];
  const options = { limits: { tlsMs: 10 }, onEvent: (event: ServerEvent) => void events.push(event) };
  const server = await listen("haproxy:tcp:0:interface=127.0.0.1", new Echo(), options);
  const socket = connectSocket(server.port, "127.0.0.1").on("error", () => undefined);
  onTestFinished(() => void socket.destroy());
  await until(() => events.length > 0, "the header is late");
  expect(events).toMatchObject([{ kind: "failed", error: { code: "CONNECT_PROXY_HEADER" } }]);
  const open = connectSocket(server.port, "127.0.0.1").on("error", () => undefined);
  await once(open, "connect");
  await server.close();
  expect(events.filter(({ kind }) => kind === "probe")).toEqual([]);
});
