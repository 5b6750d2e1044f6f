// Listening: limits, events, draining and closing.

import { getEventListeners, once } from "node:events";
import { connect as connectSocket, createServer } from "node:net";
import type { AddressInfo, Socket } from "node:net";
import { connect as connectTls, createServer as createTlsServer } from "node:tls";
import type { TLSSocket } from "node:tls";
import { expect, onTestFinished, test } from "vitest";
import type { Broker, Peer, RemoteReference, RootSource } from "@pb/broker";
import { connect, listen } from "@pb/node-transport";
import type { ListenOptions, Server, ServerEvent } from "@pb/node-transport";
import { Authority } from "../support/certificates.js";
import { streams } from "../support/socket-pairs.js";
import { echo, Echo, folder, sleep, until } from "../support/echo.js";

const here = "tcp:0:interface=127.0.0.1";

function to(server: Server): string {
  return `tcp:127.0.0.1:${server.port}`;
}

/** A client that sends nothing. */
async function connectSilently(server: Server): Promise<Socket> {
  const socket = connectSocket(server.port, "127.0.0.1").on("error", () => undefined);
  await once(socket, "connect");
  return socket.resume();
}

async function listenWatched(
  options: ListenOptions = {},
  root: RootSource = new Echo(),
): Promise<[Server, ServerEvent[]]> {
  const events: ServerEvent[] = [];
  return [await listen(here, root, { ...options, onEvent: (event) => events.push(event) }), events];
}

test("has the actual port, and reports its connections", async () => {
  const [server, events] = await listenWatched();
  expect(server.address).toEqual({ host: "127.0.0.1", port: server.port });
  expect(server.port).toBeGreaterThan(0);
  const connection = await connect(to(server));
  expect(await echo(connection, 1)).toBe(1);
  expect(server.connections.size).toBe(1);
  await connection.close();
  await until(() => server.connections.size === 0, "the connection is removed");
  await until(() => events.length === 2, "two events");
  expect(events).toMatchObject([{ kind: "connection" }, { kind: "closed", reason: { reason: "lost" } }]);
  await server.close();
});

test("reports a watcher that throws, and does not call one that was disposed of", async () => {
  const faults: unknown[] = [];
  await using server = await listen(here, new Echo(), { broker: { onEvent: (event) => faults.push(event.kind) } });
  using _bad = server.onEvent(() => {
    throw new Error("bug");
  });
  const kinds: string[] = [];
  const subscription = server.onEvent(({ kind }) => kinds.push(kind));
  await using first = await connect(to(server));
  await until(() => kinds.length === 1, "the connection is reported");
  subscription[Symbol.dispose]();
  await first.close();
  await until(() => server.connections.size === 0, "it is removed");
  expect(kinds).toEqual(["connection"]);
  expect(faults).toContain("callback-failed");
});

test("rejects with EADDRINUSE if the address is in use", async () => {
  await using server = await listen(here, new Echo());
  await expect(listen(`tcp:${server.port}:interface=127.0.0.1`, new Echo())).rejects.toMatchObject({
    code: "EADDRINUSE",
  });
});

test("refuses connections beyond the limit, until one is closed", async () => {
  const [server, events] = await listenWatched({ limits: { connections: 2 } });
  const first = await connect(to(server));
  await using _second = await connect(to(server));
  await expect(connect(to(server))).rejects.toMatchObject({ code: "SERVER_BUSY", limit: "connections" });
  expect(events.at(-1)).toMatchObject({ kind: "refused", limit: "connections" });
  await first.close();
  await until(() => server.connections.size === 1, "the first is closed");
  await using third = await connect(to(server));
  expect(await echo(third, 3)).toBe(3);
  await server.close();
});

test("refuses connections from one address beyond the limit", async () => {
  const [server, events] = await listenWatched({ limits: { connectionsPerAddress: 1 } });
  const first = await connect(to(server));
  await expect(connect(to(server))).rejects.toThrow();
  expect(events.at(-1)).toMatchObject({
    kind: "refused",
    limit: "connectionsPerAddress",
    peer: expect.stringContaining("tcp:127.0.0.1:"),
  });
  // Another address of this machine, if it has one.
  const other = await connect(`${to(server)}:bindAddress=127.0.0.2`).catch(() => undefined);
  if (other !== undefined) expect(await echo(other, "other")).toBe("other");
  await first.close();
  await server.close();
});

test("refuses connections from an address with too many newcomers, and admits those from others", async () => {
  const [server, events] = await listenWatched({ limits: { newcomersPerAddress: 2 } });
  await using connection = await connect(to(server));
  const silent = [await connectSilently(server), await connectSilently(server)];
  await until(() => server.connections.size === 3, "all are connected");
  const third = await connectSilently(server);
  await once(third, "close");
  expect(events.at(-1)).toMatchObject({ kind: "refused", limit: "newcomersPerAddress" });
  expect(await echo(connection, "established")).toBe("established");
  const other = await connect(`${to(server)}:bindAddress=127.0.0.2`).catch(() => undefined);
  if (other !== undefined) expect(await echo(other, "other")).toBe("other");
  silent[0]!.destroy();
  await until(() => server.connections.size === (other === undefined ? 2 : 3), "one is closed");
  await using next = await connect(to(server));
  expect(await echo(next, "now")).toBe("now");
  await server.close();
});

test("refuses connections while too many negotiate, and closes those after their time", async () => {
  const [server, events] = await listenWatched({
    limits: { negotiating: 2 },
    broker: { limits: { negotiationMs: 3_600_000 } },
  });
  const silent = [await connectSilently(server), await connectSilently(server)];
  await until(() => server.connections.size === 2, "both are connected");
  await once(await connectSilently(server), "close");
  expect(events).toMatchObject([{ kind: "refused", limit: "negotiating" }]);
  for (const socket of silent) socket.destroy();
  await until(() => server.connections.size === 0, "both are removed");
  await using connection = await connect(to(server));
  expect(await echo(connection, "now")).toBe("now");
  await server.close();

  const [hasty, timeouts] = await listenWatched({
    limits: { negotiating: 1 },
    broker: { limits: { negotiationMs: 20 } },
  });
  for (let round = 1; round <= 2; round++) {
    connectSocket(hasty.port, "127.0.0.1")
      .on("error", () => undefined)
      .resume();
    await until(() => timeouts.length === round && hasty.connections.size === 0, "its time is over");
  }
  const timeout = { kind: "failed", error: { cause: { code: "PROTOCOL_NEGOTIATION_TIMEOUT" } } };
  expect(timeouts).toMatchObject([timeout, timeout]);
  await hasty.close();
});

test("with required logins, limits the connections without a login and their time", async () => {
  const root: RootSource = { requiresLogin: true, rootObject: (connection) => new Guarded(connection) };
  class Guarded extends Echo {
    constructor(readonly connection: Parameters<RootSource["rootObject"]>[0]) {
      super();
    }
    async remote_login(name: string): Promise<void> {
      await this.connection.admitLogin(name);
    }
  }
  const [server, events] = await listenWatched({ limits: { strangers: 2 } }, root);
  await using first = await connect(to(server));
  await using _second = await connect(to(server));
  await until(() => events.length === 2, "both are connected");
  await expect(connect(to(server))).rejects.toThrow();
  expect(events.at(-1)).toMatchObject({ kind: "refused", limit: "strangers" });
  await (await first.getRootObject<Guarded>()).callRemote("login", "alice");
  expect(events.at(-1)).toMatchObject({ kind: "login", who: "alice" });
  await using _third = await connect(to(server));
  await server.close();

  const [hasty, timeouts] = await listenWatched({ limits: { loginMs: 300 } }, root);
  const logIn = async (): Promise<RemoteReference<Guarded>> => {
    const guarded = await (await connect(to(hasty))).getRootObject<Guarded>();
    await guarded.callRemote("login", "alice");
    return guarded;
  };
  // On a busy machine, the time of some attempts is over before they log in.
  let user: RemoteReference<Guarded> | undefined;
  while (user === undefined) user = await logIn().catch(() => undefined);
  timeouts.length = 0;
  const stranger = await connect(to(hasty));
  expect((await stranger.closed).reason).toBe("lost");
  await until(() => timeouts.some(({ kind }) => kind === "closed"), "it is reported");
  expect(timeouts.filter(({ kind }) => kind === "closed")).toMatchObject([
    { reason: { reason: "limit", cause: { message: "no login within 300 ms" } } },
  ]);
  expect(await user.callRemote("echo", "still here")).toBe("still here");
  await hasty.close();
});

test("close ends connections after everything that is queued was sent", async () => {
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

/** A server, and a connection with a call that runs until `root.answerAll()`. */
async function serveRunningCall(): Promise<{
  root: Echo;
  server: Server;
  connection: Broker;
  answer: Promise<string>;
}> {
  const root = new Echo();
  const server = await listen(here, root);
  const connection = await connect(to(server));
  onTestFinished(() => connection.close());
  const answer = (await connection.getRootObject<Echo>()).callRemote("wait", "finished") as Promise<string>;
  answer.catch(() => undefined);
  await until(() => root.waiting.length === 1, "the call runs");
  return { root, server, connection, answer };
}

test("draining refuses connections and lets calls finish", async () => {
  const { root, server, connection, answer } = await serveRunningCall();
  const closing = server.close({ drainMs: 20_000 });
  await expect(connect(to(server))).rejects.toMatchObject({ code: "ECONNREFUSED" });
  expect(await echo(connection, "still served")).toBe("still served");
  root.answerAll();
  expect(await answer).toBe("finished");
  await closing;
  expect((await connection.closed).reason).toBe("lost");
});

test("draining can have no time limit", async () => {
  const { root, server, answer } = await serveRunningCall();
  const closing = server.close({ drainMs: Infinity });
  await sleep(50);
  root.answerAll();
  expect(await answer).toBe("finished");
  await closing;
});

test("draining ends after drainMs", async () => {
  const { server, answer } = await serveRunningCall();
  await server.close({ drainMs: 100 });
  await expect(answer).rejects.toMatchObject({ code: "CONNECTION_LOST" });
});

test("destroy ends all connections at once, also while draining", async () => {
  const { server, answer } = await serveRunningCall();
  const silent = await connectSilently(server);
  const closing = server.close({ drainMs: 60_000 });
  await server.destroy();
  await closing;
  await expect(answer).rejects.toMatchObject({ code: "CONNECTION_LOST" });
  expect(silent.closed || (await once(silent, "close"))).toBeTruthy();
});

test("a signal closes the server, or rejects listen if it is already aborted", async () => {
  const controller = new AbortController();
  const server = await listen(here, new Echo(), { signal: controller.signal });
  await using connection = await connect(to(server));
  controller.abort();
  await connection.closed;
  await until(() => server.connections.size === 0, "all are closed");
  await expect(connect(to(server))).rejects.toMatchObject({ code: "ECONNREFUSED" });
  await expect(listen(here, new Echo(), { signal: controller.signal })).rejects.toMatchObject({ name: "AbortError" });
});

test("a closed server removes its listener from the signal", async () => {
  const { signal } = new AbortController();
  const server = await listen(here, new Echo(), { signal });
  expect(getEventListeners(signal, "abort")).toHaveLength(1);
  await server.close();
  expect(getEventListeners(signal, "abort")).toEqual([]);
});

test("serves a stream that is passed to accept", async () => {
  const [server, events] = await listenWatched();
  const [near, far] = streams();
  server.accept(near);
  await using connection = await connect(far);
  expect(await echo(connection, "hi")).toBe("hi");
  expect(server.connections.size).toBe(1);
  expect(events).toMatchObject([{ kind: "connection" }]);
  await server.close();
  expect((await connection.closed).reason).toBe("lost");
});

test("describes a stream that is passed to accept, not the socket that the server listens on", async () => {
  using place = folder();
  const peers: Peer[] = [];
  const server = await listen(`unix:${place.file("pb")}`, new Echo(), { onConnection: ({ peer }) => peers.push(peer) });
  const tcp = createServer((socket) => server.accept(socket)).listen(0, "127.0.0.1");
  await once(tcp, "listening");
  const clients = [await connect(`tcp:127.0.0.1:${(tcp.address() as AddressInfo).port}`)];
  const [near, far] = streams();
  server.accept(near);
  clients.push(await connect(far), await connect(`unix:${place.file("pb")}`));
  await until(() => peers.length === 3, "all are connected");
  // `onConnection` runs when the server is ready, which may be after the next client is connected.
  peers.sort((one, other) => (one.description < other.description ? -1 : 1));
  expect(peers).toEqual([
    { description: "stream", isEncrypted: false },
    { description: expect.stringMatching(/^tcp:127\.0\.0\.1:\d+$/), isEncrypted: false, address: "127.0.0.1" },
    { description: `unix:${place.file("pb")}`, isEncrypted: true },
  ]);
  await Promise.all(clients.map((client) => client.close()));
  tcp.close();
  await server.close();
});

test("a TLS stream of a client that is passed to accept counts as encrypted only if its server was verified", async () => {
  const authority = new Authority("A test authority");
  const tls = createTlsServer(authority.issue("pb.example")).listen(0, "127.0.0.1");
  await once(tls, "listening");
  const { port } = tls.address() as AddressInfo;
  const server = await listen(here, new Echo());
  const found: boolean[] = [];
  for (const options of [{ rejectUnauthorized: false }, { ca: authority.cert }]) {
    const far = once(tls, "secureConnection");
    const near = connectTls({ port, host: "127.0.0.1", servername: "pb.example", ...options });
    await once(near, "secureConnect");
    server.accept(near);
    const [stream] = (await far) as [TLSSocket];
    await using connection = await connect(stream);
    expect(await echo(connection, 1)).toBe(1);
    const [{ peer }] = [...server.connections] as [Broker];
    found.push(peer.isEncrypted);
    // Both ends agree which of them is the server.
    const bindings = [peer, connection.peer].map((end) => end.channelBinding?.("tls-server-end-point"));
    expect(bindings[0]).toEqual(bindings[1]);
    await connection.close();
    await until(() => server.connections.size === 0, "it is removed");
  }
  expect(found).toEqual([false, true]);
  tls.close();
  await server.close();
});

test("counts a socket that is passed to accept by its address, also on a server with a UNIX socket", async () => {
  using place = folder();
  const events: ServerEvent[] = [];
  const onEvent = (event: ServerEvent): void => void events.push(event);
  const server = await listen(`unix:${place.file("pb")}`, new Echo(), {
    onEvent,
    limits: { connectionsPerAddress: 1 },
  });
  const tcp = createServer((socket) => server.accept(socket)).listen(0, "127.0.0.1");
  await once(tcp, "listening");
  const endpoint = `tcp:127.0.0.1:${(tcp.address() as AddressInfo).port}`;
  await using first = await connect(endpoint);
  await expect(connect(endpoint)).rejects.toThrow();
  await using other = await connect(`${endpoint}:bindAddress=127.0.0.2`);
  expect([await echo(first, 1), await echo(other, 2)]).toEqual([1, 2]);
  expect(events.filter(({ kind }) => kind === "refused")).toMatchObject([{ limit: "connectionsPerAddress" }]);
  tcp.close();
  await server.close();
});

test("reports a closed stream as a probe, and leaves nothing behind", async () => {
  const [server, events] = await listenWatched({ limits: { connections: 2 } });
  for (let round = 0; round < 3; round++) {
    const [near] = streams();
    near.destroy();
    await once(near, "close");
    server.accept(near);
    await until(() => server.connections.size === 0, "it is removed");
  }
  expect(events).toMatchObject([{ kind: "probe" }, { kind: "probe" }, { kind: "probe" }]);
  await server.close();
});

test("leaves nothing behind of clients that disconnect at once", async () => {
  const [server] = await listenWatched({ limits: { connections: 50 } });
  for (let round = 0; round < 100; round++) {
    const socket = await connectSilently(server);
    if (round % 2 === 0) socket.destroy();
    else socket.resetAndDestroy();
    if (round % 25 === 0) await sleep(20);
  }
  await until(() => server.connections.size === 0, "all are closed");
  await using connection = await connect(to(server));
  expect(await echo(connection, "hi")).toBe("hi");
  await server.close();
});
