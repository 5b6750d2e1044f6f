// Connecting over TCP and UNIX sockets, errors, timeouts and signals.

import { once } from "node:events";
import { createServer as createHttpServer } from "node:http";
import { createServer } from "node:net";
import type { AddressInfo, Server as SocketServer } from "node:net";
import { expect, test, vi } from "vitest";
import { Broker } from "@pb/broker";
import { connect, listen, SocketLink } from "@pb/node-transport";
import { streams } from "../support/socket-pairs.js";
import { echo, Echo, folder, withResolvers } from "../support/echo.js";

async function listening(server: SocketServer): Promise<AsyncDisposable & { readonly port: number }> {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return { port: (server.address() as AddressInfo).port, [Symbol.asyncDispose]: async () => void server.close() };
}

test.for(["tcp:127.0.0.1:", "tcp:localhost:", "pb://127.0.0.1:", "pb://localhost:"])(
  "connects to %s",
  async (prefix) => {
    await using server = await listen("tcp:0", new Echo());
    await using connection = await connect(`${prefix}${server.port}`);
    expect(await echo(connection, "hi")).toBe("hi");
    expect(connection.peer).toMatchObject({ isEncrypted: false, description: expect.stringMatching(/^tcp:.*:\d+$/) });
  },
);

test.for(["tcp:host=\\:\\:1:port=", "pb://[::1]:"])("connects over IPv6 to %s", async (prefix) => {
  await using server = await listen("tcp:0:interface=\\:\\:1", new Echo());
  await using connection = await connect(`${prefix}${server.port}`);
  expect(await echo(connection, "hi")).toBe("hi");
  expect(connection.peer.address).toBe("::1");
});

test("tries all addresses of a host name", async () => {
  // Listens on one of the addresses of localhost, which usually are IPv4 and IPv6.
  for (const address of ["127.0.0.1", "\\:\\:1"]) {
    await using server = await listen(`tcp:0:interface=${address}`, new Echo());
    const connection = await connect(`tcp:localhost:${server.port}`).catch((error: unknown) => error);
    if (connection instanceof Broker) {
      expect(await echo(connection, "hi")).toBe("hi");
      await connection.close();
    } else {
      expect(address).toBe("\\:\\:1"); // On this machine, localhost has an IPv4 address only.
    }
  }
});

test("rejects with Node's error if the connection is refused", async () => {
  const gone = await listen("tcp:0:interface=127.0.0.1", new Echo());
  const { port } = gone;
  await gone.close();
  await expect(connect(`tcp:127.0.0.1:${port}`)).rejects.toMatchObject({ code: "ECONNREFUSED" });
  await expect(connect(`tcp:localhost:${port}`)).rejects.toMatchObject({
    code: "ECONNREFUSED",
    message: expect.stringContaining("127.0.0.1"),
  });
  using place = folder();
  await expect(connect(`unix:${place.file("none")}`)).rejects.toMatchObject({ code: "ENOENT" });
});

test("rejects after connectMs if the connection is not accepted", async () => {
  // TEST-NET-1 (RFC 5737): packets to it are lost. A machine without a network reports that at once.
  const error: unknown = await connect("tcp:192.0.2.1:8787", { connectMs: 50 }).catch((reason: unknown) => reason);
  expect(["CONNECT_TIMEOUT", "ENETUNREACH", "EHOSTUNREACH", "ECONNREFUSED"]).toContain(
    (error as { code: string }).code,
  );
});

test("rejects after negotiationMs if the peer sends nothing", async () => {
  await using silent = await listening(createServer());
  const broker = { limits: { negotiationMs: 50 } };
  await expect(connect(`tcp:127.0.0.1:${silent.port}`, { broker })).rejects.toMatchObject({
    name: "ConnectionLostError",
    reason: "negotiation",
    cause: { code: "PROTOCOL_NEGOTIATION_TIMEOUT" },
  });
});

test("rejects with the reason of the signal before and during the negotiation", async () => {
  const reason = new Error("canceled");
  await expect(connect("tcp:127.0.0.1:1", { signal: AbortSignal.abort(reason) })).rejects.toBe(reason);

  await using silent = await listening(createServer());
  const controller = new AbortController();
  const attempt = connect(`tcp:127.0.0.1:${silent.port}`, { signal: controller.signal });
  setTimeout(() => controller.abort(reason), 50);
  await expect(attempt).rejects.toBe(reason);
});

test("rejects with the reason of a signal that aborts in the turn in which the socket connects", async () => {
  const silent = createServer((socket) => socket.resume().on("error", () => undefined));
  await using address = await listening(silent);
  const controller = new AbortController();
  const { signal } = controller;
  const reason = new Error("enough");
  const remove = signal.removeEventListener.bind(signal);
  vi.spyOn(signal, "removeEventListener").mockImplementationOnce((...args) => {
    remove(...args);
    queueMicrotask(() => controller.abort(reason));
  });
  await expect(connect(`tcp:127.0.0.1:${address.port}`, { signal })).rejects.toBe(reason);
});

test("a signal has no effect on a connection that is ready", async () => {
  await using server = await listen("tcp:0:interface=127.0.0.1", new Echo());
  const controller = new AbortController();
  await using connection = await connect(`tcp:127.0.0.1:${server.port}`, { signal: controller.signal });
  controller.abort();
  expect(await echo(connection, "still")).toBe("still");
});

test("rejects if the server speaks HTTP", async () => {
  await using web = await listening(createHttpServer());
  const error: unknown = await connect(`tcp:127.0.0.1:${web.port}`, {
    broker: { limits: { negotiationMs: 100 } },
  }).catch((reason: unknown) => reason);
  expect(error).toMatchObject({ name: "ConnectionLostError", reason: "negotiation" });
});

test("a server reports an HTTP request to its watcher", async () => {
  const failed = withResolvers<Error>();
  await using server = await listen("tcp:0:interface=127.0.0.1", new Echo(), {
    onEvent: (event) => {
      if (event.kind === "failed") failed.resolve(event.error);
    },
  });
  await fetch(`http://127.0.0.1:${server.port}/`).catch(() => undefined);
  expect(await failed.promise).toMatchObject({ reason: "negotiation", cause: { code: "BANANA_NOT_BANANA" } });
});

test("rejects at once if the stream is closed", async () => {
  const [near] = streams();
  const cause = new Error("It broke");
  near.on("error", () => undefined).destroy(cause);
  await new Promise((resolve) => near.once("close", resolve));
  await expect(connect(near)).rejects.toMatchObject({ code: "CONNECTION_LOST", reason: "lost", cause });
});

test("uses a stream that is connected already", async () => {
  const [here, there] = streams();
  const server = new Broker(new SocketLink(there, "listener"), { root: new Echo() });
  await using connection = await connect(here);
  expect(await echo(connection, "hi")).toBe("hi");
  expect(connection.peer.description).toBe("stream");
  await connection.close();
  expect((await server.closed).reason).toBe("lost");
});
