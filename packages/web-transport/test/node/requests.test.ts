// Origins, headers, proxies, limits, and HTTP servers that have other uses.

import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { describe, expect, test } from "vitest";
import { WebSocket } from "ws";
import { Root } from "@pb/broker";
import type { Broker, Peer } from "@pb/broker";
import { ServerBusyError } from "@pb/web-transport";
import { attach, listen } from "@pb/web-transport/node";
import type { UpgradeOptions } from "@pb/web-transport/node";
import { connectTo, echo, Echo, errorOf, startServer, until } from "../support/echo.js";

/** A WebSocket that sends headers. */
function withHeaders(headers: Record<string, string | string[]>) {
  return class extends WebSocket {
    constructor(url: string) {
      super(url, { headers });
    }
  };
}

/** What the server knows about a client that sends these headers. */
async function peerWith(headers: Record<string, string | string[]>, options: UpgradeOptions = {}): Promise<Peer> {
  const peers: Peer[] = [];
  await using started = await startServer({ ...options, onConnection: ({ peer }) => void peers.push(peer) });
  await using connection = await connectTo(started.url, { webSocket: withHeaders(headers) });
  await until(() => peers.length > 0);
  expect(await echo(connection, 1)).toBe(1);
  return peers[0]!;
}

describe("origins", () => {
  const rows: [string, readonly string[] | undefined, string, boolean][] = [
    ["the same host", undefined, "self", true],
    ["another host", undefined, "https://evil.example", false],
    ["another port", undefined, "http://127.0.0.1:1", false],
    ["a sandboxed page", undefined, "null", false],
    ["no URL", undefined, "garbage", false],
    ["a listed origin", ["https://app.example"], "https://app.example", true],
    ["the same host, not listed", ["https://app.example"], "self", false],
    ["any origin", ["*"], "https://evil.example", true],
    ["a listed scheme only", ["https://app.example"], "http://app.example", false],
    ["a longer host", ["https://app.example"], "https://app.example.evil.example", false],
  ];
  test.each(rows)("%s", async (_what, origins, given, isAllowed) => {
    await using started = await startServer({ origins });
    const origin = given === "self" ? new URL(started.url.replace("ws:", "http:")).origin : given;
    const attempt = connectTo(started.url, { webSocket: withHeaders({ origin }) });
    if (isAllowed) {
      await using connection = await attempt;
      expect(await echo(connection, 1)).toBe(1);
    } else {
      expect((await errorOf(attempt)).message).toContain("403");
      expect(started.events).toMatchObject([{ kind: "failed", error: { code: "CONNECT_ORIGIN" } }]);
      expect(started.server.connections.size).toBe(0);
    }
  });

  test.each([["https://a.example/path"], ["example.org"], [""], [7]])("%j is refused as an option", async (origin) => {
    await expect(listen("ws:0", new Echo(), { origins: [origin as string] })).rejects.toThrow(TypeError);
  });
});

describe("proxies", () => {
  const forwarded = { "x-forwarded-for": "198.51.100.7, 192.0.2.5, 10.0.0.9", "x-forwarded-proto": "https" };

  test("headers of a client that is no proxy mean nothing", async () => {
    const peer = await peerWith(forwarded);
    expect(peer).toMatchObject({ address: "127.0.0.1", isEncrypted: false });
    expect(peer.request).toMatchObject({ url: "/pb", headers: forwarded });
  });

  test("the client of trusted proxies is the last address that is not one of them", async () => {
    expect(await peerWith(forwarded, { trustProxies: ["private"] })).toMatchObject({
      address: "192.0.2.5",
      isEncrypted: true,
      description: expect.stringMatching(/^wss:192\.0\.2\.5 via ws:127\.0\.0\.1:\d+$/),
    });
    const both = await peerWith(forwarded, { trustProxies: ["private", "192.0.2.0/24"] });
    expect(both.address).toBe("198.51.100.7");
  });

  const here = "127.0.0.1";
  const addresses: [string, string | string[], string][] = [
    ["an address and a port", "192.0.2.9:1234", "192.0.2.9"],
    ["IPv6 and a port", "[2001:db8::1]:443", "2001:db8::1"],
    ["a forged entry", "198.51.100.1, 192.0.2.9", "192.0.2.9"],
    ["a forged proxy", "198.51.100.1, 127.0.0.1, 192.0.2.9", "192.0.2.9"],
    ["a forged line", ["198.51.100.1", "192.0.2.9"], "192.0.2.9"],
    ["two proxies", "192.0.2.9,127.0.0.1", "192.0.2.9"],
    ["two proxies, the second mapped to IPv6", "192.0.2.9,::ffff:127.0.0.1", "192.0.2.9"],
    ["only proxies", "127.0.0.1, 127.0.0.1", here],
    ["no address", "garbage", here],
    ["no address before an address", "garbage, 192.0.2.9", "192.0.2.9"],
    ["no address before a proxy", "192.0.2.9, unknown, 127.0.0.1", here],
    ["a hidden name", "_hidden", here],
    ["a number", "3232235777", here],
    ["octal numbers", "0300.0250.01.01", here],
    ["a number too many", "192.0.2.9.1", here],
    ["a bracket too few", "[2001:db8::1", here],
    ["a port too many", "192.0.2.9:1:2", here],
    ["an empty entry at the end", "192.0.2.9,", here],
    ["nothing", "", here],
    ["commas", ",".repeat(10_000), here],
  ];
  test.each(addresses)("X-Forwarded-For with %s", async (_what, header, address) => {
    const peer = await peerWith({ "x-forwarded-for": header }, { trustProxies: [here] });
    expect(peer.address).toBe(address);
  });

  const protocols: [string | string[], boolean][] = [
    ["https", true],
    ["WSS", true],
    ["https, https", true],
    ["https, http", false],
    ["http, https", false],
    [["https", "http"], false],
    ["http", false],
    ["https;", false],
    ["https,", false],
    ["", false],
  ];
  test.each(protocols)("X-Forwarded-Proto %j", async (header, isEncrypted) => {
    const headers = { "x-forwarded-for": "192.0.2.9", "x-forwarded-proto": header };
    expect(await peerWith(headers, { trustProxies: [here] })).toMatchObject({ isEncrypted });
    expect(await peerWith(headers, { trustProxies: ["192.0.2.1"] })).toMatchObject({
      address: here,
      isEncrypted: false,
    });
  });

  test("other headers mean nothing", async () => {
    const headers = {
      forwarded: "for=198.51.100.1;proto=https",
      "x-real-ip": "198.51.100.1",
      "x-forwarded-proto": "https",
      "x-forwarded": "for=198.51.100.1",
      "x-client-ip": "198.51.100.1",
    };
    const options = { trustProxies: [here] };
    expect(await peerWith(headers, options)).toMatchObject({ address: here, isEncrypted: false });
    expect(
      await peerWith({ ...headers, "x-forwarded-for": "192.0.2.9", "x-forwarded-proto": "http" }, options),
    ).toMatchObject({
      address: "192.0.2.9",
      isEncrypted: false,
    });
  });

  test("the limits count the client, not the proxy", async () => {
    const options = { trustProxies: ["private"], limits: { connectionsPerAddress: 1 } };
    await using started = await startServer(options);
    const from = (address: string) => ({ webSocket: withHeaders({ "x-forwarded-for": address }) });
    await using one = await connectTo(started.url, from("192.0.2.1"));
    await using other = await connectTo(started.url, from("192.0.2.2"));
    expect(await errorOf(connectTo(started.url, from("192.0.2.1")))).toBeInstanceOf(ServerBusyError);
    expect(await Promise.all([echo(one, 1), echo(other, 2)])).toEqual([1, 2]);
  });

  test("an entry that is no address is refused", async () => {
    await expect(listen("ws:0", new Echo(), { trustProxies: ["proxy.example"] })).rejects.toThrow(TypeError);
  });
});

test("a root can use the cookies and the query of the request", async () => {
  class Greeter extends Root {
    constructor(readonly name: string) {
      super();
    }
    remote_greet = (): string => `hello ${this.name}`;
  }
  const source = {
    rootObject({ peer }: Pick<Broker, "peer">) {
      const { url, headers } = peer.request!;
      return new Greeter(`${String(headers.cookie)} ${new URL(url, "ws://x").searchParams.get("room") ?? ""}`);
    },
  };
  await using server = await listen("ws:0:interface=127.0.0.1", source);
  const webSocket = withHeaders({ cookie: "session=7" });
  await using connection = await connectTo(`ws://127.0.0.1:${server.port}/?room=9`, { webSocket });
  const root = await connection.getRootObject<Greeter>();
  expect(await root.callRemote("greet")).toBe("hello session=7 9");
});

test("shares the port and the upgrades of an HTTP server, and leaves it open", async () => {
  const http = createServer((_request, response) => response.end("a page")).listen(0, "127.0.0.1");
  await once(http, "listening");
  const at = `127.0.0.1:${(http.address() as AddressInfo).port}`;
  const one = attach(http, new Echo(), { path: "/one" });
  const two = attach(http, new Echo(), { path: "/two" });
  await using first = await connectTo(`ws://${at}/one?x=1`);
  await using second = await connectTo(`ws://${at}/two`);
  expect(await Promise.all([echo(first, 1), echo(second, 2)])).toEqual([1, 2]);
  expect(await (await fetch(`http://${at}/one`)).text()).toBe("a page");
  expect(() => attach(http, new Echo(), { path: "/two" })).toThrow("served already");
  expect((await errorOf(connectTo(`ws://${at}/three`))).message).toContain("404");
  await one.close();
  expect((await first.closed).reason).toBe("lost");
  expect(await echo(second, 3)).toBe(3);
  expect((await errorOf(connectTo(`ws://${at}/one`))).message).toContain("404");
  await two.close();
  expect(http.listenerCount("upgrade")).toBe(0);
  expect(await (await fetch(`http://${at}/`)).text()).toBe("a page");
  http.close();
});

test("closes after the calls in flight, and refuses connections meanwhile", async () => {
  await using started = await startServer();
  const connection = await connectTo(started.url);
  const root = await connection.getRootObject<Echo>();
  const pending = errorOf(root.callRemote("wait"));
  const closing = started.server.close({ drainMs: 300 });
  expect(await errorOf(connectTo(started.url))).toMatchObject({ code: "CONNECT_FAILED" });
  await closing;
  expect((await pending).name).toBe("ConnectionLostError");
  expect(started.events.some(({ kind }) => kind === "cut")).toBe(true);
});
