// Debian's nginx in front of a server, with the configuration of the guide: TLS at nginx, plain WebSockets behind it.

import { once } from "node:events";
import { createServer } from "node:http";
import type { IncomingMessage } from "node:http";
import { get } from "node:https";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { WebSocket } from "ws";
import { Avatar } from "@pb/broker";
import type { Peer } from "@pb/broker";
import { BearerToken, BearerTokenChecker, login, Portal } from "@pb/cred";
import { connect, reconnecting, ServerBusyError } from "@pb/web-transport";
import type { ConnectOptions } from "@pb/web-transport";
import { attach, listen } from "@pb/web-transport/node";
import type { ListenOptions, NodeWebServer } from "@pb/web-transport/node";
import { Authority } from "../../../packages/node-transport/test/support/certificates.js";
import { echo, Echo, errorOf, until } from "../../../packages/web-transport/test/support/echo.js";
import { BEHIND, hasNginx, NGINX, startNginx } from "./nginx.js";
import type { Nginx } from "./nginx.js";

const authority = new Authority("Test authority");
const isThere = process.platform === "linux" && hasNginx();
if (!isThere) console.warn("SKIPPED: the tests behind nginx, because there is no command nginx");

let nginx: Nginx | undefined;
let port: number;
let url: string;

beforeAll(async () => {
  if (!isThere) return;
  const placeholder = createServer().listen(0, BEHIND);
  await once(placeholder, "listening");
  ({ port } = placeholder.address() as AddressInfo);
  placeholder.close();
  nginx = await startNginx(port, authority.issue(NGINX));
  url = `wss://${nginx.host}/pb`;
});
afterAll(() => nginx?.[Symbol.asyncDispose]());

test("CI has nginx", () => {
  expect(process.env.CI !== "true" || isThere).toBe(true);
});

/** A server behind nginx, which trusts it. */
async function serve(options: ListenOptions = {}): Promise<NodeWebServer> {
  const endpoint = `ws:${port}:interface=${BEHIND}:path=/pb`;
  const server = await listen(endpoint, new Echo(), { trustProxies: ["127.0.0.1"], ...options });
  onTestFinished(() => server.close());
  return server;
}

/** A WebSocket from an address of loopback, which sends headers as a page would. */
const from = (localAddress: string, headers: Record<string, string> = {}): Pick<ConnectOptions, "webSocket"> => ({
  webSocket: class extends WebSocket {
    constructor(to: string) {
      super(to, { ca: authority.cert, localAddress, headers });
    }
  },
});

describe.skipIf(!isThere)("behind nginx", () => {
  test("the server knows the address and the encryption of a page, its origin and its token", async () => {
    const peers: Peer[] = [];
    const realm = { requestAvatar: () => ({ avatar: new User() }) };
    class User extends Avatar {
      perspective_length = (value: Uint8Array): number => value.length;
      perspective_bytes = (length: number): Uint8Array => new Uint8Array(length);
    }
    const http = createServer().listen(port, BEHIND);
    onTestFinished(() => {
      http.close();
      http.closeAllConnections();
    });
    await once(http, "listening");
    const portal = new Portal(realm, [new BearerTokenChecker((token) => (token === "secret" ? "alice" : undefined))]);
    const options = {
      path: "/pb",
      trustProxies: ["127.0.0.1"],
      onConnection: ({ peer }: { readonly peer: Peer }) => void peers.push(peer),
    };
    await using _server = attach(http, portal, options);
    const headers = {
      origin: `https://${nginx!.host}`,
      "x-forwarded-for": "198.51.100.1",
      "x-forwarded-proto": "http",
    };
    await using connection = await connect(url, from("127.0.0.2", headers));
    const user = await login<User>(connection, new BearerToken("secret"));
    expect(peers).toMatchObject([
      {
        address: "127.0.0.2",
        isEncrypted: true,
        description: expect.stringMatching(/^wss:127\.0\.0\.2 via ws:127\.0\.0\.1:\d+$/),
      },
    ]);
    // More than `client_max_body_size` and all buffers of nginx, which are for requests and answers of HTTP only.
    const large = 5_000_000;
    const pieces = Array.from({ length: 10 }, () => new Uint8Array(500_000));
    expect(await Promise.all(pieces.map((piece) => user.callRemote("length", piece)))).toEqual(
      pieces.map(() => 500_000),
    );
    const answers = await Promise.all(pieces.map(() => user.callRemote("bytes", 500_000)));
    expect(answers.reduce((sum, { length }) => sum + length, 0)).toBe(large);
  });

  test("a page of another origin gets 403, and the event has its address", async () => {
    const server = await serve();
    const failed = new Promise((resolve) => server.onEvent(resolve));
    const error = await errorOf(connect(url, from("127.0.0.3", { origin: "https://evil.example" })));
    expect(error).toMatchObject({ name: "ConnectError", code: "CONNECT_FAILED" });
    expect(error.message).toContain("403");
    const peer = expect.stringMatching(/^wss:127\.0\.0\.3 via /) as string;
    expect(await failed).toMatchObject({ kind: "failed", peer, error: { code: "CONNECT_ORIGIN" } });
  });

  test("limits count the clients, not nginx", async () => {
    await serve({ limits: { connectionsPerAddress: 1 } });
    const liveness = { intervalMs: 100 }; // nginx cuts them otherwise, if this process is slow.
    await using one = await connect(url, { ...from("127.0.0.4"), liveness });
    await using other = await connect(url, { ...from("127.0.0.5"), liveness });
    expect(await errorOf(connect(url, from("127.0.0.4")))).toBeInstanceOf(ServerBusyError);
    expect(await Promise.all([echo(one, 1), echo(other, 2)])).toEqual([1, 2]);
  });

  test("a connection that is silent for proxy_read_timeout is cut, and pings keep it open", async () => {
    await serve({ liveness: false });
    const liveness = { intervalMs: 100 };
    await using kept = await connect(url, { ...from("127.0.0.2"), liveness });
    const silent = await connect(url, { ...from("127.0.0.2"), liveness: false });
    const root = await silent.getRootObject<Echo>();
    const pending = errorOf(root.callRemote("wait"));
    const { reason, cause } = await silent.closed;
    expect([reason, cause]).toMatchObject(["lost", { name: "LinkError", code: "LINK_CLOSED" }]);
    expect((await pending).name).toBe("ConnectionLostError");
    expect(kept.isOpen).toBe(true);
    expect(await echo(kept, 1)).toBe(1);
  });

  test("while the server is down, nginx answers 502, and a client that reconnects waits for it", async () => {
    expect(await errorOf(connect(url, from("127.0.0.2")))).toMatchObject({
      name: "ConnectError",
      code: "CONNECT_FAILED",
      message: expect.stringContaining("502"),
    });
    const causes: Error[] = [];
    await using client = reconnecting<Echo>(url, {
      ...from("127.0.0.2"),
      backoff: { firstMs: 10, highestMs: 100 },
      onState: (state) => state.is === "waiting" && causes.push(state.cause as Error),
    });
    const answer = client.callRemote("echo", "it is back");
    await until(() => causes.length > 1);
    expect(causes[0]!.message).toContain("502");
    const first = await serve();
    expect(await answer).toBe("it is back");
    await first.close();
    await until(() => client.state.is === "waiting");
    await serve();
    expect(await client.callRemote("echo", "and again")).toBe("and again");
  });

  test("connections stay open when nginx reads its configuration again", async () => {
    await serve();
    await using before = await connect(url, { ...from("127.0.0.2"), liveness: { intervalMs: 100 } });
    await nginx!.reload();
    await using after = await connect(url, from("127.0.0.2"));
    expect(await Promise.all([echo(before, 1), echo(after, 2)])).toEqual([1, 2]);
  });

  test("a request that is not a WebSocket gets 426 from the server", async () => {
    await serve();
    const [response] = (await once(get(url.replace("wss", "https"), { ca: authority.cert }), "response")) as [
      IncomingMessage,
    ];
    expect(response.statusCode).toBe(426);
    response.resume();
  });
});
