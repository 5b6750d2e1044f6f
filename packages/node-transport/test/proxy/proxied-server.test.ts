// Servers behind a proxy that sends headers of the PROXY protocol: real sockets, with 127.0.0.x as proxies and clients.

import { once } from "node:events";
import { connect as connectSocket, createServer } from "node:net";
import type { AddressInfo, Server as SocketServer, Socket } from "node:net";
import { connect as connectTls } from "node:tls";
import { describe, expect, inject, onTestFinished, test } from "vitest";
import type { Peer } from "@pb/broker";
import { connect, listen } from "@pb/node-transport";
import type { ListenOptions, Server, ServerEvent } from "@pb/node-transport";
import { Authority } from "../support/certificates.js";
import { echo, Echo, folder, sleep, until } from "../support/echo.js";
import { TwistedPeer } from "../twisted/twisted-peer.js";
import { binaryHeader } from "../support/proxy-headers.js";

const line = (address: string, port = 51324): Buffer =>
  Buffer.from(`PROXY TCP${address.includes(":") ? 6 : 4} ${address} ${address} ${port} 8787\r\n`);

class Proxied {
  readonly peers: Peer[] = [];
  readonly events: ServerEvent[] = [];
  server!: Server;

  static async listen(endpoint: string, options: ListenOptions = {}): Promise<Proxied> {
    const result = new Proxied();
    result.server = await listen(endpoint, new Echo(), {
      ...options,
      onConnection: ({ peer }) => result.peers.push(peer),
      onEvent: (event) => result.events.push(event),
    });
    onTestFinished(() => result.server.destroy());
    return result;
  }

  /** Connects as a proxy does. */
  async open(header: Uint8Array | undefined, from = "127.0.0.1"): Promise<Socket> {
    const { path = "", port } = this.server.address;
    const socket = connectSocket(path === "" ? { port, host: "127.0.0.1", localAddress: from } : { path });
    socket.on("error", () => undefined);
    onTestFinished(() => void socket.destroy());
    await once(socket, "connect");
    if (header !== undefined) socket.write(header);
    return socket;
  }

  /** Connects as a proxy does, and makes a call as its client. */
  async call(header: Uint8Array | undefined, from?: string): Promise<Peer> {
    const connection = await connect(await this.open(header, from));
    onTestFinished(() => connection.close());
    expect(await echo(connection, 1)).toBe(1);
    return this.peers.at(-1)!;
  }

  failures(): unknown[] {
    return this.events.flatMap((event) => (event.kind === "failed" ? [event.error.message] : []));
  }
}

/** Resolves when the server has closed the socket. */
async function closing(socket: Socket): Promise<void> {
  if (!socket.resume().closed) await once(socket, "close");
}

function portOf(server: SocketServer): number {
  return (server.address() as AddressInfo).port;
}

const tcp = "tcp:0:interface=127.0.0.1";
const trusting = { trustProxies: ["127.0.0.1"] };

describe("a connection of a trusted proxy", () => {
  test.each([
    ["version 1", line("203.0.113.7"), "203.0.113.7"],
    ["version 1 with IPv6", line("2001:db8::7"), "2001:db8::7"],
    ["version 2", binaryHeader({ source: "203.0.113.7", port: 51324 }), "203.0.113.7"],
    [
      "version 2 with IPv6 and more fields",
      binaryHeader({ source: "2001:db8::7", port: 51324, more: 100 }),
      "2001:db8::7",
    ],
  ])("is that of the client in a header of %s", async (_, header, address) => {
    for (const [endpoint, options] of [
      [tcp, trusting],
      [`haproxy:${tcp}`, {}],
    ] as const) {
      const proxied = await Proxied.listen(endpoint, options);
      expect(await proxied.call(header)).toEqual({
        address,
        isEncrypted: false,
        description: expect.stringMatching(new RegExp(`^tcp:${address}:51324 via tcp:127\\.0\\.0\\.1:\\d+$`)) as string,
      });
    }
  });

  test.each([
    ["version 1", Buffer.from("PROXY UNKNOWN\r\n")],
    ["version 2", binaryHeader({ family: 0, command: 0 })],
  ])("is that of the proxy if the header of %s names no client", async (_, header) => {
    const proxied = await Proxied.listen(`haproxy:${tcp}`);
    expect(await proxied.call(header)).toMatchObject({ address: "127.0.0.1", isEncrypted: false });
  });

  test("is read with every split of its bytes", async () => {
    const proxied = await Proxied.listen(`haproxy:${tcp}`);
    const header = binaryHeader({ source: "203.0.113.7", port: 1 });
    for (const split of [1, 11, 12, 15, 16, 27]) {
      const socket = await proxied.open(header.subarray(0, split));
      await sleep(10);
      socket.write(header.subarray(split));
      const connection = await connect(socket);
      expect(await echo(connection, split)).toBe(split);
      await connection.close();
    }
  });

  test("may send the first bytes of its client in the same write", async () => {
    const proxied = await Proxied.listen(`haproxy:${tcp}`);
    const socket = await proxied.open(undefined);
    const write = socket.write.bind(socket);
    // The client of a broker writes nothing before the offer: a bad first byte shows that it is read.
    write(Buffer.concat([line("203.0.113.7"), Buffer.from("SSH-2.0-x\r\n")]));
    await closing(socket);
    expect(proxied.failures()).toEqual([expect.stringContaining("an SSH greeting")]);
  });

  test("works with TLS, whose hello follows the header, also in the same write", async () => {
    const authority = new Authority("A test authority");
    const certificate = authority.issue("localhost");
    const proxied = await Proxied.listen("haproxy:ssl:0:interface=127.0.0.1", { tls: certificate });
    for (const isSplit of [true, false]) {
      const socket = await proxied.open(undefined);
      socket.cork();
      socket.write(line("203.0.113.7"));
      if (isSplit) socket.uncork();
      const secured = connectTls({ socket, servername: "localhost", ca: authority.cert });
      socket.uncork();
      await once(secured, "secureConnect");
      const connection = await connect(secured);
      expect(await echo(connection, 1)).toBe(1);
      expect(proxied.peers.at(-1)).toMatchObject({
        address: "203.0.113.7",
        isEncrypted: true,
        description: expect.stringMatching(/^tls:203\.0\.113\.7:51324 via tls:127\.0\.0\.1:\d+$/) as string,
      });
      await connection.close();
    }
  });

  test("works over a UNIX socket, and is not encrypted, because nothing is known about the way to the proxy", async () => {
    using place = folder();
    const proxied = await Proxied.listen(`haproxy:unix:${place.file("pb")}`);
    expect(await proxied.call(line("203.0.113.7"))).toEqual({
      address: "203.0.113.7",
      isEncrypted: false,
      description: `tcp:203.0.113.7:51324 via unix:${place.file("pb")}`,
    });
    await proxied.server.close();
  });

  test("counts for its client in limits", async () => {
    const proxied = await Proxied.listen(`haproxy:${tcp}`, { limits: { connectionsPerAddress: 1 } });
    await proxied.call(line("203.0.113.7"));
    await expect(connect(await proxied.open(line("203.0.113.7")))).rejects.toMatchObject({
      code: "SERVER_BUSY",
      limit: "connectionsPerAddress",
    });
    await proxied.call(line("203.0.113.8"));
    await proxied.call(binaryHeader({ source: "2001:db8:1::1", port: 1 }));
    await expect(connect(await proxied.open(line("2001:db8:1::2")))).rejects.toMatchObject({ code: "SERVER_BUSY" });
    await proxied.call(line("2001:db8:2::2"));
  });

  test("leaves nothing behind if its header is bad, late or cut off", async () => {
    const late = await Proxied.listen(`haproxy:${tcp}`, { limits: { tlsMs: 20 } });
    const bad = await Proxied.listen(`haproxy:${tcp}`, { limits: { tlsMs: 3_600_000 } });
    const sockets = [
      await late.open(Buffer.from("PROXY TCP4 203.0.113.7")),
      await late.open(undefined),
      await bad.open(Buffer.from("GET / HTTP/1.1\r\n\r\n")),
      await bad.open(Buffer.from("PROXY TCP4")),
    ];
    sockets[3]!.end();
    for (const socket of sockets) await closing(socket);
    await until(() => late.events.length + bad.events.length === 4, "all are reported");
    const failure = { kind: "failed", error: { code: "CONNECT_PROXY_HEADER" } };
    expect([...late.events, ...bad.events]).toMatchObject(Array(4).fill(failure));
    expect(late.failures()).toEqual(Array(2).fill(expect.stringContaining("not complete within 20 ms")));
    expect(bad.failures().sort()).toEqual([
      expect.stringContaining("closed before it was complete"),
      expect.stringContaining('received "GET / HTTP/1.1'),
    ]);
    expect(late.server.connections.size + bad.server.connections.size).toBe(0);
  });

  test("does not keep the server open while its header is missing", async () => {
    // So long that only the server can end the wait: the timer must not be left behind either.
    const proxied = await Proxied.listen(`haproxy:${tcp}`, { limits: { tlsMs: 3_600_000 } });
    const sockets = [await proxied.open(undefined), await proxied.open(Buffer.from("PROXY TCP4"))];
    await proxied.call(line("203.0.113.7")); // the other two were accepted before
    const closed = sockets.map((socket) => closing(socket));
    await proxied.server.close();
    await Promise.all(closed);
    await until(() => proxied.failures().length === 2, "both are reported");
    expect(proxied.failures()).toEqual(Array(2).fill(expect.stringContaining("closed before it was complete")));
  });

  test("the one that waits longest is closed when too many headers are missing", async () => {
    const proxied = await Proxied.listen(`haproxy:${tcp}`, { limits: { negotiating: 2 } });
    const first = await proxied.open(undefined);
    await sleep(20);
    await proxied.open(undefined);
    await proxied.open(undefined);
    await closing(first);
    await proxied.call(line("203.0.113.7"));
  });
});

describe("a peer that is not a trusted proxy", () => {
  test("is a client of a server that is for clients too, and a header names itself in the error", async () => {
    const proxied = await Proxied.listen(tcp, trusting);
    expect(await proxied.call(undefined, "127.0.0.2")).toMatchObject({ address: "127.0.0.2" });
    for (const header of [line("203.0.113.7"), binaryHeader({ source: "203.0.113.7" })]) {
      const socket = await proxied.open(header, "127.0.0.2");
      await closing(socket);
    }
    expect(proxied.failures()).toEqual(
      Array(2).fill(expect.stringContaining("does not speak Banana: it sent a header of the PROXY protocol")),
    );
  });

  test("is refused by a server that is for proxies only", async () => {
    const proxied = await Proxied.listen(`haproxy:${tcp}`, { trustProxies: ["192.0.2.0/24", "127.0.0.3", "::1"] });
    for (const header of [line("203.0.113.7"), undefined]) {
      const socket = await proxied.open(header, "127.0.0.2");
      await closing(socket);
    }
    expect(proxied.failures()).toEqual(Array(2).fill("The peer is not one of the trusted proxies"));
    expect(await proxied.call(line("203.0.113.7"), "127.0.0.3")).toMatchObject({ address: "203.0.113.7" });
  });

  test("names the header in the error of a server without the option", async () => {
    const proxied = await Proxied.listen(tcp);
    const socket = await proxied.open(line("203.0.113.7"));
    await closing(socket);
    expect(proxied.failures()).toEqual([expect.stringContaining("it sent a header of the PROXY protocol")]);
  });
});

describe.for(inject("twisteds"))("a Twisted $version client", (twisted) => {
  test("is served through a proxy, over both versions of the protocol", async () => {
    const headers = [line("203.0.113.7"), binaryHeader({ source: "203.0.113.7", port: 51324 })];
    for (const header of headers) {
      const proxied = await Proxied.listen(`haproxy:${tcp}`);
      const proxy = createServer((client) => {
        const onward = connectSocket(proxied.server.port, "127.0.0.1");
        onward.write(header);
        for (const socket of [client, onward]) socket.on("error", () => undefined);
        client.pipe(onward).pipe(client);
      }).listen(0, "127.0.0.1");
      onTestFinished(() => void proxy.close());
      await once(proxy, "listening");
      await using client = new TwistedPeer(twisted, "refused", `tcp:127.0.0.1:${portOf(proxy)}`, "call");
      await client.exit;
      expect(client.log).not.toContain("Traceback");
      expect(proxied.peers).toMatchObject([{ address: "203.0.113.7" }]);
    }
  });
});

test.each([
  ["version 1", line("203.0.113.7")],
  ["version 2", binaryHeader({ source: "203.0.113.7" })],
])("a header of %s names itself in the error of a TLS server that expects none", async (_, header) => {
  const tls = new Authority("A test authority").issue("localhost");
  const proxied = await Proxied.listen("pbs://127.0.0.1:0", { tls });
  await closing(await proxied.open(header));
  await until(() => proxied.events.length === 1, "it is reported");
  expect(proxied.events).toMatchObject([{ kind: "failed", error: { code: "CONNECT_TLS_FAILED" } }]);
  expect(proxied.failures()).toEqual([expect.stringContaining("sent a header of the PROXY protocol, not TLS")]);
});

test("recognizes a trusted IPv4 proxy on a server that listens on IPv6 too", async () => {
  const proxied = await Proxied.listen("haproxy:tcp:0", { trustProxies: ["127.0.0.0/30"] });
  expect(await proxied.call(line("203.0.113.7"), "127.0.0.2")).toMatchObject({ address: "203.0.113.7" });
  const socket = await proxied.open(line("203.0.113.7"), "127.0.0.4");
  await closing(socket);
  expect(proxied.failures()).toEqual(["The peer is not one of the trusted proxies"]);
});

test.each([["10.0.0.0/33"], ["::/129"], ["proxy.example"], [""], [5], ["10.0.0.1/"]])(
  "refuses to trust %o",
  async (entry) => {
    await expect(listen(tcp, new Echo(), { trustProxies: [entry as string] })).rejects.toThrow(TypeError);
  },
);

test("refuses a list that is text, and an endpoint that is proxied twice or not by a boolean", async () => {
  await expect(listen(tcp, new Echo(), { trustProxies: "10.0.0.1" as never })).rejects.toThrow(TypeError);
  const invalid = { code: "ENDPOINT_INVALID" };
  await expect(listen(`haproxy:haproxy:${tcp}`, new Echo())).rejects.toMatchObject(invalid);
  await expect(listen({ type: "tcp", port: 0, proxied: 1 as never }, new Echo())).rejects.toMatchObject(invalid);
});
