// `pb gateway` between WebSockets and a server with sockets.

import { once } from "node:events";
import { createServer } from "node:net";
import type { AddressInfo } from "node:net";
import { Root } from "@pb/broker";
import { listen } from "@pb/node-transport";
import type { Server } from "@pb/node-transport";
import { connect } from "@pb/web-transport";
import { afterAll, beforeAll, expect, test } from "vitest";
import { WebSocket } from "ws";
import { pb } from "../support.js";
import type { Ran } from "../support.js";

class Shop extends Root {
  remote_add(a: number, b: number): number {
    return a + b;
  }
  remote_secret(): string {
    return "internal";
  }
}

let server: Server;
beforeAll(async () => {
  server = await listen("tcp:0:interface=127.0.0.1", new Shop());
});
afterAll(() => server.close());

/** Runs the gateway until `use` is done. */
async function withGateway(
  options: readonly string[],
  use: (port: number, printed: () => string) => Promise<void>,
  to = `tcp:127.0.0.1:${server.port}`,
): Promise<Ran> {
  const interrupt = new AbortController();
  let printed = "";
  let running: Promise<Ran> | undefined;
  const port = await new Promise<number>((resolve) => {
    const onOutput = (text: string): void => {
      printed += text;
      resolve(Number(/port["\w ]*[: ](\d+)/.exec(text)?.[1]));
    };
    const args = ["gateway", "--listen", "ws:0:interface=127.0.0.1:path=/pb", "--to", to, ...options];
    running = pb(args, { signal: interrupt.signal, onOutput });
  });
  await use(port, () => printed);
  interrupt.abort();
  return running!;
}

const page = (port: number, origin?: string) =>
  connect(`ws://127.0.0.1:${port}/pb`, {
    liveness: false,
    webSocket: class extends WebSocket {
      constructor(url: string) {
        super(url, origin === undefined ? {} : { origin });
      }
    },
  });

test("passes calls on until it is interrupted, and ends with status 0", async () => {
  const ran = await withGateway([], async (port) => {
    await using connection = await page(port);
    expect(await (await connection.getRootObject<Shop>()).call.add(1, 2)).toBe(3);
  });
  expect(ran).toMatchObject({ status: 0, stderr: "" });
  expect(ran.stdout).toMatch(
    /^listening on port \d+, passing on to tcp:127\.0\.0\.1:\d+; Ctrl-C ends the gateway\nclosing \d connections?\n$/,
  );
});

test("closes open connections when it is interrupted", async () => {
  let connection: Awaited<ReturnType<typeof page>> | undefined;
  const ran = await withGateway(["--json"], async (port) => void (connection = await page(port)));
  await connection!.closed;
  expect(
    ran.stdout
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line) as unknown),
  ).toEqual([
    { kind: "listening", port: expect.any(Number), to: `tcp:127.0.0.1:${server.port}` },
    { kind: "closing", connections: 1 },
  ]);
});

test("allows only the named methods and origins, and reports what it refuses", async () => {
  const options = ["--methods", "add,find", "--origins", "https://app.example.org", "--json"];
  const ran = await withGateway(options, async (port) => {
    await using connection = await page(port, "https://app.example.org");
    const shop = await connection.getRootObject<Shop>();
    expect(await shop.call.add(1, 2)).toBe(3);
    await expect(shop.call.secret()).rejects.toThrow("secret");
    await expect(page(port, "https://evil.example")).rejects.toThrow();
  });
  expect(ran.stdout).toMatch(/\{"kind":"failed",.*"code":"CONNECT_ORIGIN"/);
});

test("reports a server that cannot be reached", async () => {
  const closed = createServer().listen(0, "127.0.0.1");
  await once(closed, "listening");
  const { port: nobody } = closed.address() as AddressInfo;
  closed.close();
  const down = await withGateway(
    [],
    async (port) => {
      await expect(page(port)).rejects.toThrow();
    },
    `tcp:127.0.0.1:${nobody}`,
  );
  expect(down.stdout).toContain("cannot be reached");
  expect(down.stdout).toContain("(CONNECT_TARGET)");
});

test.each([
  [["--to", "tcp:a:1"], "required option '--listen <endpoint>'"],
  [["--listen", "ws:0", "--to", "tcp:a"], "(ENDPOINT_INVALID)"],
  [["--listen", "http:0", "--to", "tcp:a:1"], "(ENDPOINT_INVALID)"],
  [["--listen", "ws:0", "--to", "tcp:a:1", "--limit", "connections"], '--limit "connections": expected NAME=NUMBER'],
  [["--listen", "ws:0", "--to", "tcp:a:1", "--limit", "places=3"], "places"],
  [
    ["--listen", "ws:0", "--to", "tcp:a:1", "--message-bytes", "1k"],
    '--message-bytes "1k": expected a number of bytes',
  ],
  [["--listen", "ws:0", "--to", "tcp:a:1", "--methods", "remote_add"], 'Name methods as on the wire: "add"'],
  [["--listen", "ws:0", "--to", "tcp:a:1", "--origins", "nonsense"], "nonsense"],
])("%j is refused", async (args, message) => {
  const ran = await pb(["gateway", ...args]);
  expect(ran).toMatchObject({ status: 2, stdout: "", stderr: expect.stringContaining(message) });
});
