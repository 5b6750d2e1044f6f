// Making connections, and failing to.

import { once } from "node:events";
import { createServer as createHttpServer } from "node:http";
import { createServer } from "node:net";
import type { AddressInfo, Server as SocketServer } from "node:net";
import { expect, test, vi } from "vitest";
import { Broker } from "@pb/broker";
import { connect, listen, SocketLink } from "@pb/node-transport";
import { streams } from "./links.js";
import { echo, Echo, folder, withResolvers } from "./worlds.js";

async function on(server: SocketServer): Promise<AsyncDisposable & { readonly port: number }> {
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

test("tries all addresses of a name", async () => {
  // Listens on one of the two that localhost has, where it has two.
  for (const address of ["127.0.0.1", "\\:\\:1"]) {
    await using server = await listen(`tcp:0:interface=${address}`, new Echo());
    const connection = await connect(`tcp:localhost:${server.port}`).catch((error: unknown) => error);
    if (connection instanceof Broker) {
      expect(await echo(connection, "hi")).toBe("hi");
      await connection.close();
    } else {
      expect(address).toBe("\\:\\:1"); // a machine whose localhost is IPv4 only
    }
  }
});

test("says who does not answer", async () => {
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

test("gives up connecting after its time", async () => {
  // TEST-NET-1: packets to it go nowhere. A machine without a network says so at once.
  const error: unknown = await connect("tcp:192.0.2.1:8787", { connectMs: 50 }).catch((reason: unknown) => reason);
  expect(["CONNECT_TIMEOUT", "ENETUNREACH", "EHOSTUNREACH", "ECONNREFUSED"]).toContain(
    (error as { code: string }).code,
  );
});

test("gives up on a peer that says nothing, after its time", async () => {
  await using silent = await on(createServer());
  const broker = { limits: { negotiationMs: 50 } };
  await expect(connect(`tcp:127.0.0.1:${silent.port}`, { broker })).rejects.toMatchObject({
    name: "ConnectionLostError",
    reason: "negotiation",
    cause: { code: "PROTOCOL_NEGOTIATION_TIMEOUT" },
  });
});

test("gives up when it is told to, wherever it stands", async () => {
  const reason = new Error("changed my mind");
  await expect(connect("tcp:127.0.0.1:1", { signal: AbortSignal.abort(reason) })).rejects.toBe(reason);

  await using silent = await on(createServer());
  const controller = new AbortController();
  const attempt = connect(`tcp:127.0.0.1:${silent.port}`, { signal: controller.signal });
  setTimeout(() => controller.abort(reason), 50);
  await expect(attempt).rejects.toBe(reason);
});

test("gives up when it is told to in the turn in which the socket is there", async () => {
  const silent = createServer((socket) => socket.resume().on("error", () => undefined));
  await using place = await on(silent);
  const controller = new AbortController();
  const { signal } = controller;
  const reason = new Error("enough");
  const forget = signal.removeEventListener.bind(signal);
  vi.spyOn(signal, "removeEventListener").mockImplementationOnce((...args) => {
    forget(...args);
    queueMicrotask(() => controller.abort(reason));
  });
  await expect(connect(`tcp:127.0.0.1:${place.port}`, { signal })).rejects.toBe(reason);
});

test("a signal has no effect on a connection that is ready", async () => {
  await using server = await listen("tcp:0:interface=127.0.0.1", new Echo());
  const controller = new AbortController();
  await using connection = await connect(`tcp:127.0.0.1:${server.port}`, { signal: controller.signal });
  controller.abort();
  expect(await echo(connection, "still")).toBe("still");
});

test("says what it has reached instead of Perspective Broker", async () => {
  await using web = await on(createHttpServer());
  const error: unknown = await connect(`tcp:127.0.0.1:${web.port}`, {
    broker: { limits: { negotiationMs: 100 } },
  }).catch((reason: unknown) => reason);
  expect(error).toMatchObject({ name: "ConnectionLostError", reason: "negotiation" });
});

test("tells a browser's request to the server's watcher", async () => {
  const failed = withResolvers<Error>();
  await using server = await listen("tcp:0:interface=127.0.0.1", new Echo(), {
    onEvent: (event) => {
      if (event.kind === "failed") failed.resolve(event.error);
    },
  });
  await fetch(`http://127.0.0.1:${server.port}/`).catch(() => undefined);
  expect(await failed.promise).toMatchObject({ reason: "negotiation", cause: { code: "BANANA_NOT_BANANA" } });
});

test("says at once that a stream is over", async () => {
  const [near] = streams();
  const cause = new Error("It broke");
  near.on("error", () => undefined).destroy(cause);
  await new Promise((resolve) => near.once("close", resolve));
  await expect(connect(near)).rejects.toMatchObject({ code: "CONNECTION_LOST", reason: "lost", cause });
});

test("takes a stream that is connected already", async () => {
  const [here, there] = streams();
  const server = new Broker(new SocketLink(there, "listener"), { root: new Echo() });
  await using connection = await connect(here);
  expect(await echo(connection, "by hand")).toBe("by hand");
  expect(connection.peer.description).toBe("stream");
  await connection.close();
  expect((await server.closed).reason).toBe("lost");
});
