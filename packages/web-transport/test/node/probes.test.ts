// Health checks of balancers: connections that the peer closes before it has sent a request. They are no failures.

import { once } from "node:events";
import { connect as connectSocket } from "node:net";
import type { Socket } from "node:net";
import { describe, expect, onTestFinished, test } from "vitest";
import type { ServerEvent } from "@pb/web-transport";
import { listen } from "@pb/web-transport/node";
import { Authority } from "../../../node-transport/test/support/certificates.js";
import { Echo, until } from "../support/echo.js";

const tls = new Authority("Test authority").issue("127.0.0.1");

/** The events of a server of which a peer closes a connection at once, after some bytes if they are given. */
async function eventsOf(isSecure: boolean, close: (socket: Socket) => unknown, first?: Uint8Array) {
  const events: ServerEvent[] = [];
  const endpoint = { port: 0, interface: "127.0.0.1", ...(isSecure ? { tls } : {}) };
  const server = await listen(endpoint, new Echo(), { onEvent: (event) => events.push(event) });
  onTestFinished(() => server.close());
  const socket = connectSocket(server.port, "127.0.0.1").on("error", () => undefined);
  onTestFinished(() => void socket.destroy());
  await once(socket, "connect");
  if (first !== undefined) await new Promise<void>((resolve) => void socket.write(first, () => resolve()));
  close(socket);
  await until(() => events.length > 0);
  await server.close();
  return events;
}

describe.each([
  ["ws", false],
  ["wss", true],
])("at a port of %s, a peer that connects and", (_scheme, isSecure) => {
  test.each<readonly [what: string, close: (socket: Socket) => unknown]>([
    ["closes", (socket) => socket.end()],
    ["resets", (socket) => socket.resetAndDestroy()],
  ])("%s is a probe", async (_what, close) => {
    const peer = expect.stringMatching(/^tcp:/) as string;
    expect(await eventsOf(isSecure, close)).toEqual([{ kind: "probe", id: expect.any(String), peer }]);
  });

  test("closes after the start of a request is a failure", async () => {
    const start = isSecure ? Uint8Array.of(0x16, 3, 1) : new TextEncoder().encode("GET / HT");
    const events = await eventsOf(isSecure, (socket) => socket.end(), start);
    expect(events).toMatchObject([{ kind: "failed", error: { code: "CONNECT_NOT_WEBSOCKET" } }]);
  });
});

test("a server that closes ends connections that have sent nothing, and reports no probe", async () => {
  const events: ServerEvent[] = [];
  const server = await listen("ws:0:interface=127.0.0.1", new Echo(), { onEvent: (event) => events.push(event) });
  const socket = connectSocket(server.port, "127.0.0.1").on("error", () => undefined);
  await once(socket, "connect");
  const closed = once(socket, "close");
  await server.close();
  await closed;
  expect(events).toEqual([]);
});
