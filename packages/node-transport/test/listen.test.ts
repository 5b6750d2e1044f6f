// Taking connections: limits, events, and the end.

import { getEventListeners, once } from "node:events";
import { connect as connectSocket } from "node:net";
import type { Socket } from "node:net";
import { expect, test } from "vitest";
import type { RootSource } from "@pb/broker";
import { connect, listen } from "@pb/node-transport";
import type { ListenOptions, Server, ServerEvent } from "@pb/node-transport";
import { streams } from "./links.js";
import { echo, Echo, sleep, until } from "./worlds.js";

const here = "tcp:0:interface=127.0.0.1";

function to(server: Server): string {
  return `tcp:127.0.0.1:${server.port}`;
}

/** A connection that says nothing. */
async function stranger(server: Server): Promise<Socket> {
  const socket = connectSocket(server.port, "127.0.0.1").on("error", () => undefined);
  await once(socket, "connect");
  return socket.resume();
}

async function watched(options: ListenOptions = {}, root: RootSource = new Echo()): Promise<[Server, ServerEvent[]]> {
  const events: ServerEvent[] = [];
  return [await listen(here, root, { ...options, onEvent: (event) => events.push(event) }), events];
}

test("tells the real port, and what happens", async () => {
  const [server, events] = await watched();
  expect(server.address).toEqual({ host: "127.0.0.1", port: server.port });
  expect(server.port).toBeGreaterThan(0);
  const connection = await connect(to(server));
  expect(await echo(connection, 1)).toBe(1);
  expect(server.connections.size).toBe(1);
  await connection.close();
  await until(() => server.connections.size === 0, "the connection is forgotten");
  await until(() => events.length === 2, "two events");
  expect(events).toMatchObject([{ kind: "connection" }, { kind: "closed", reason: { reason: "lost" } }]);
  await server.close();
});

test("a watcher that throws hurts nobody, and one that is disposed of hears nothing", async () => {
  const faults: unknown[] = [];
  await using server = await listen(here, new Echo(), { broker: { onEvent: (event) => faults.push(event.kind) } });
  using _bad = server.onEvent(() => {
    throw new Error("mine");
  });
  const heard: string[] = [];
  const ear = server.onEvent(({ kind }) => heard.push(kind));
  await using first = await connect(to(server));
  await until(() => heard.length === 1, "the connection is told");
  ear[Symbol.dispose]();
  await first.close();
  await until(() => server.connections.size === 0, "it is gone");
  expect(heard).toEqual(["connection"]);
  expect(faults).toContain("callback-failed");
});

test("refuses an address that is taken", async () => {
  await using server = await listen(here, new Echo());
  await expect(listen(`tcp:${server.port}:interface=127.0.0.1`, new Echo())).rejects.toMatchObject({
    code: "EADDRINUSE",
  });
});

test("takes so many connections, and more when one has gone", async () => {
  const [server, events] = await watched({ limits: { connections: 2 } });
  const first = await connect(to(server));
  await using _second = await connect(to(server));
  await expect(connect(to(server))).rejects.toMatchObject({ name: "ConnectionLostError" });
  expect(events.at(-1)).toMatchObject({ kind: "refused", limit: "connections" });
  await first.close();
  await until(() => server.connections.size === 1, "the first is gone");
  await using third = await connect(to(server));
  expect(await echo(third, 3)).toBe(3);
  await server.close();
});

test("takes so many connections from one address", async () => {
  const [server, events] = await watched({ limits: { connectionsPerAddress: 1 } });
  const first = await connect(to(server));
  await expect(connect(to(server))).rejects.toThrow();
  expect(events.at(-1)).toMatchObject({
    kind: "refused",
    limit: "connectionsPerAddress",
    peer: expect.stringContaining("tcp:127.0.0.1:"),
  });
  // Another address of this machine, where it has one.
  const other = await connect(`${to(server)}:bindAddress=127.0.0.2`).catch(() => undefined);
  if (other !== undefined) expect(await echo(other, "other")).toBe("other");
  await first.close();
  await server.close();
});

test("takes so many newcomers from one address, and still those from others", async () => {
  const [server, events] = await watched({ limits: { newcomersPerAddress: 2 } });
  await using connection = await connect(to(server));
  const silent = [await stranger(server), await stranger(server)];
  await until(() => server.connections.size === 3, "all are there");
  const third = await stranger(server);
  await once(third, "close");
  expect(events.at(-1)).toMatchObject({ kind: "refused", limit: "newcomersPerAddress" });
  expect(await echo(connection, "no longer new")).toBe("no longer new");
  const other = await connect(`${to(server)}:bindAddress=127.0.0.2`).catch(() => undefined);
  if (other !== undefined) expect(await echo(other, "other")).toBe("other");
  silent[0]!.destroy();
  await until(() => server.connections.size === (other === undefined ? 2 : 3), "one has gone");
  await using next = await connect(to(server));
  expect(await echo(next, "now")).toBe("now");
  await server.close();
});

test("takes so many that have not negotiated, for so long", async () => {
  const [server, events] = await watched({ limits: { negotiating: 2 }, broker: { limits: { negotiationMs: 3000 } } });
  const silent = [await stranger(server), await stranger(server)];
  await until(() => server.connections.size === 2, "both are there");
  const third = await stranger(server);
  await once(third, "close");
  expect(events).toMatchObject([{ kind: "refused", limit: "negotiating" }]);
  await Promise.all(silent.map((socket) => once(socket, "close")));
  await until(() => server.connections.size === 0, "both are forgotten");
  await using connection = await connect(to(server));
  expect(await echo(connection, "now")).toBe("now");
  await until(() => events.length === 4, "four events");
  expect(events.slice(1, 3)).toMatchObject([
    { kind: "failed", error: { cause: { code: "PROTOCOL_NEGOTIATION_TIMEOUT" } } },
    { kind: "failed" },
  ]);
  await server.close();
});

test("where one has to log in, keeps so many strangers, for so long", async () => {
  const root: RootSource = { requiresLogin: true, rootObject: (connection) => new Guarded(connection) };
  class Guarded extends Echo {
    constructor(readonly connection: Parameters<RootSource["rootObject"]>[0]) {
      super();
    }
    async remote_login(name: string): Promise<void> {
      await this.connection.admitLogin(name);
    }
  }
  const [server, events] = await watched({ limits: { strangers: 2, loginMs: 4000 } }, root);
  const [first, second] = [await connect(to(server)), await connect(to(server))];
  await until(() => events.length === 2, "both are there");
  await expect(connect(to(server))).rejects.toThrow();
  expect(events.at(-1)).toMatchObject({ kind: "refused", limit: "strangers" });

  const guarded = await first.getRootObject<Guarded>();
  await guarded.callRemote("login", "alice");
  expect(events.at(-1)).toMatchObject({ kind: "login", who: "alice" });
  await using third = await connect(to(server));
  expect((await second.closed).reason).toBe("lost");
  expect((await third.closed).reason).toBe("lost");
  const closed = (): ServerEvent[] => events.filter(({ kind }) => kind === "closed");
  await until(() => closed().length === 2, "both are told");
  expect(closed()).toMatchObject([
    { reason: { reason: "limit", cause: { message: "it did not log in within 4000 ms" } } },
    { reason: { reason: "limit" } },
  ]);
  expect(await guarded.callRemote("echo", "still here")).toBe("still here");
  await server.close();
});

test("close ends connections after what is written has left", async () => {
  const server = await listen(here, new Echo());
  await using connection = await connect(to(server));
  const root = await connection.getRootObject<Echo>();
  const waiting = root.callRemote("wait", 1);
  waiting.catch(() => undefined);
  await echo(connection, "there");
  await server.close();
  await expect(waiting).rejects.toMatchObject({ code: "CONNECTION_LOST", reason: "lost" });
  await expect(connect(to(server))).rejects.toMatchObject({ code: "ECONNREFUSED" });
});

test("draining takes no more connections, and lets calls finish", async () => {
  const root = new Echo();
  const server = await listen(here, root);
  await using connection = await connect(to(server));
  const reference = await connection.getRootObject<Echo>();
  const answer = reference.callRemote("wait", "finished");
  await until(() => root.waiting.length === 1, "the call runs");
  const closing = server.close({ drainMs: 20_000 });
  await expect(connect(to(server))).rejects.toMatchObject({ code: "ECONNREFUSED" });
  expect(await echo(connection, "still served")).toBe("still served");
  root.letGo();
  expect(await answer).toBe("finished");
  await closing;
  expect((await connection.closed).reason).toBe("lost");
});

test("draining may take for ever", async () => {
  const root = new Echo();
  const server = await listen(here, root);
  await using connection = await connect(to(server));
  const reference = await connection.getRootObject<Echo>();
  const answer = reference.callRemote("wait", "finished");
  answer.catch(() => undefined);
  await until(() => root.waiting.length === 1, "the call runs");
  const closing = server.close({ drainMs: Infinity });
  await sleep(50);
  root.letGo();
  expect(await answer).toBe("finished");
  await closing;
});

test("draining ends when its time is over", async () => {
  const root = new Echo();
  const server = await listen(here, root);
  await using connection = await connect(to(server));
  const reference = await connection.getRootObject<Echo>();
  const answer = reference.callRemote("wait", "never");
  answer.catch(() => undefined);
  await until(() => root.waiting.length === 1, "the call runs");
  await server.close({ drainMs: 100 });
  await expect(answer).rejects.toMatchObject({ code: "CONNECTION_LOST" });
});

test("destroy ends everything at once, draining too", async () => {
  const root = new Echo();
  const server = await listen(here, root);
  await using connection = await connect(to(server));
  const reference = await connection.getRootObject<Echo>();
  const answer = reference.callRemote("wait", "never");
  answer.catch(() => undefined);
  await until(() => root.waiting.length === 1, "the call runs");
  const silent = await stranger(server);
  const closing = server.close({ drainMs: 60_000 });
  await server.destroy();
  await closing;
  await expect(answer).rejects.toMatchObject({ code: "CONNECTION_LOST" });
  expect(silent.closed || (await once(silent, "close"))).toBeTruthy();
});

test("a signal closes the server, or keeps it from listening", async () => {
  const controller = new AbortController();
  const server = await listen(here, new Echo(), { signal: controller.signal });
  await using connection = await connect(to(server));
  controller.abort();
  await connection.closed;
  await until(() => server.connections.size === 0, "all are gone");
  await expect(connect(to(server))).rejects.toMatchObject({ code: "ECONNREFUSED" });
  await expect(listen(here, new Echo(), { signal: controller.signal })).rejects.toMatchObject({ name: "AbortError" });
});

test("a signal forgets a server that is closed", async () => {
  const { signal } = new AbortController();
  const server = await listen(here, new Echo(), { signal });
  expect(getEventListeners(signal, "abort")).toHaveLength(1);
  await server.close();
  expect(getEventListeners(signal, "abort")).toEqual([]);
});

test("serves a stream that was connected by other means", async () => {
  const [server, events] = await watched();
  const [near, far] = streams();
  server.accept(near);
  await using connection = await connect(far);
  expect(await echo(connection, "hi")).toBe("hi");
  expect(server.connections.size).toBe(1);
  expect(events).toMatchObject([{ kind: "connection" }]);
  await server.close();
  expect((await connection.closed).reason).toBe("lost");
});

test("a stream that is over when it is handed over is told as failed, and leaves nothing behind", async () => {
  const [server, events] = await watched({ limits: { connections: 2 } });
  for (let round = 0; round < 3; round++) {
    const [near] = streams();
    near.destroy();
    await once(near, "close");
    server.accept(near);
    await until(() => server.connections.size === 0, "it is gone");
  }
  expect(events).toMatchObject([{ kind: "failed" }, { kind: "failed" }, { kind: "failed" }]);
  await server.close();
});

test("a peer that comes and goes at once leaves nothing behind", async () => {
  const [server] = await watched({ limits: { connections: 50 } });
  for (let round = 0; round < 100; round++) {
    const socket = await stranger(server);
    if (round % 2 === 0) socket.destroy();
    else socket.resetAndDestroy();
    if (round % 25 === 0) await sleep(20);
  }
  await until(() => server.connections.size === 0, "all are gone");
  await using connection = await connect(to(server));
  expect(await echo(connection, "hi")).toBe("hi");
  await server.close();
});
