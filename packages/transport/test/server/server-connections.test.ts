import { Broker, Root } from "@pb/broker";
import type { RootSource } from "@pb/broker";
import type { ServerEvent } from "@pb/transport";
import { BrokerConfig } from "@pb/broker/extension";
import { linkPair } from "@pb/broker/testing";
import { ServerConnections } from "@pb/transport";
import { describe, expect, onTestFinished, test, vi } from "vitest";
import { echo, Echo, until } from "../support/echo.js";
import { connectTo, PulsedLink, serve } from "../support/memory-network.js";

/** A connection that is accepted and does nothing. */
function incoming(address = "192.0.2.1") {
  return { address, peer: `test:${address}`, destroy: vi.fn<() => void>() };
}

test("serves connections and reports their beginning and end", async () => {
  const { connections, network, events } = serve(new Echo());
  const client = await connectTo(network);
  expect(await echo(client, 1)).toBe(1);
  expect(connections.all.size).toBe(1);
  await client.close();
  await until(() => events.length === 2, "the end is reported");
  expect(events).toMatchObject([{ kind: "connection" }, { kind: "closed", reason: { reason: "lost" } }]);
  expect(connections.all.size).toBe(0);
});

test("reports the end of a connection that a watcher of its beginning has ended", async () => {
  const { connections, network, events } = serve(new Echo());
  connections.onEvent((event) => {
    if (event.kind === "connection") event.connection.terminate("closed");
  });
  await Promise.allSettled([connectTo(network)]);
  await until(() => events.length === 2, "the end is reported");
  expect(events).toMatchObject([{ kind: "connection" }, { kind: "closed", reason: { reason: "closed" } }]);
});

test("refuses a connection beyond a limit, reports it, and admits the next one after another has closed", async () => {
  const { connections, events, network } = serve(new Echo(), { limits: { connections: 1 } });
  const first = await connectTo(network);
  await expect(connectTo(network)).rejects.toMatchObject({
    code: "SERVER_BUSY",
    limit: "connections",
    retryAfterMs: 10_000,
  });
  expect(events).toMatchObject([{ kind: "connection" }, { kind: "refused", peer: "memory", limit: "connections" }]);
  expect(connections.all.size).toBe(1);
  await first.close();
  await until(() => connections.all.size === 0, "the first is closed");
  expect(await echo(await connectTo(network), 1)).toBe(1);
});

test("destroys a connection without a word when too many are being refused, or were within a second", () => {
  vi.useFakeTimers();
  onTestFinished(() => void vi.useRealTimers());
  const { connections, events } = serve(new Echo(), { limits: { connections: 1 } });
  connections.admit(incoming());
  const refused = Array.from({ length: 300 }, () => incoming());
  const told = refused.map((connection) => connections.admit(connection)).filter((result) => result !== undefined);
  expect(told).toHaveLength(256);
  expect(refused.at(-1)!.destroy).toHaveBeenCalledOnce();
  for (const connection of told) connection.closed();
  expect(refused[0]!.destroy).not.toHaveBeenCalled();
  expect(connections.admit(incoming())).toBeUndefined();
  vi.advanceTimersByTime(10);
  expect(connections.admit(incoming())).toBeDefined();
  expect(events).toHaveLength(100);
  vi.advanceTimersByTime(1_000);
  connections.admit(incoming());
  expect(events[100]).toMatchObject({ kind: "refused", omitted: 202 });
});

test("destroys a refused connection when its time is over, and when the server closes", async () => {
  vi.useFakeTimers();
  onTestFinished(() => void vi.useRealTimers());
  const { connections } = serve(new Echo(), { limits: { connections: 1 } });
  connections.admit(incoming());
  const [first, second] = [incoming(), incoming()];
  connections.admit(first);
  vi.advanceTimersByTime(1_999);
  expect(first.destroy).not.toHaveBeenCalled();
  vi.advanceTimersByTime(1);
  expect(first.destroy).toHaveBeenCalledOnce();
  connections.admit(second);
  await connections.close();
  expect(second.destroy).toHaveBeenCalledOnce();
});

test("closes the oldest stranger of an address for one of another address", async () => {
  const root: RootSource = { requiresLogin: true, rootObject: () => new Echo() };
  const { connections, events, network } = serve(root, { limits: { strangers: 2 } });
  const [first, second] = [await connectTo(network), await connectTo(network)];
  const during = incoming("192.0.2.2");
  const handshake = connections.admit(during)!;
  expect(await first.closed).toMatchObject({
    reason: "busy",
    cause: { code: "SERVER_BUSY", limit: "strangers", retryAfterMs: 1_000 },
  });
  expect(second.isOpen).toBe(true);
  await until(() => events.length === 3, "the end is reported");
  expect(events[2]).toMatchObject({
    kind: "closed",
    reason: {
      reason: "limit",
      message: expect.stringContaining("another address needed its place: the limit strangers was reached"),
    },
  });
  handshake.closed();
});

test("closes a connection during its handshake for one of another address, and reports it once", () => {
  const { connections, events } = serve(new Echo(), { limits: { negotiating: 2 } });
  const [first, second] = [incoming(), incoming()];
  const handshake = connections.admit(first)!;
  connections.admit(second);
  connections.admit(incoming("192.0.2.2"));
  expect(first.destroy).toHaveBeenCalledOnce();
  expect(second.destroy).not.toHaveBeenCalled();
  handshake.fail(new Error("closed"));
  expect(events).toEqual([{ kind: "refused", id: expect.any(String), peer: "test:192.0.2.1", limit: "negotiating" }]);
});

test("counts a connection as negotiating until it is ready", async () => {
  const { connections, network } = serve(new Echo(), { limits: { negotiating: 1 } });
  await connectTo(network);
  await connectTo(network);
  expect(connections.all.size).toBe(2);
  connections.admit(incoming());
  await expect(connectTo(network)).rejects.toMatchObject({ code: "SERVER_BUSY", limit: "negotiating" });
});

test("reports a connection that failed before it had a link", () => {
  const { connections, events } = serve(new Echo());
  const error = new Error("no handshake");
  connections.admit(incoming())!.fail(error);
  expect(events).toEqual([{ kind: "failed", id: expect.any(String), peer: "test:192.0.2.1", error }]);
});

test("reports a connection whose negotiation failed", async () => {
  const { connections, events } = serve(new Echo());
  const { listener, initiator } = linkPair();
  connections.admit(incoming())!.serve(new PulsedLink(listener));
  initiator.start({ received: () => undefined, drained: () => undefined, lost: () => undefined });
  initiator.send(Uint8Array.of(0xff));
  await until(() => events.length > 0, "the failure is reported");
  expect(events).toMatchObject([{ kind: "failed", peer: "memory", error: { reason: "negotiation" } }]);
});

test.each<[string, RootSource["rootObject"]]>([
  [
    "throws",
    () =>
      ((): never => {
        throw new Error("no root");
      })(),
  ],
  [
    "ends the connection",
    (connection) => {
      connection.terminate("closed", new Error("no root"));
      return new Echo();
    },
  ],
])("reports a connection as failed, and not as closed, when the root source %s", async (_, rootObject) => {
  const { connections, network, events } = serve({ rootObject });
  await Promise.allSettled([connectTo(network)]);
  await until(() => connections.all.size === 0 && events.length > 0, "the failure is reported");
  expect(events).toMatchObject([{ kind: "failed", peer: "memory", error: { cause: { message: "no root" } } }]);
});

test("reports a login, and ends a connection without a login after its time", async () => {
  class Login extends Echo {
    constructor(readonly connection: Parameters<RootSource["rootObject"]>[0]) {
      super();
    }
    async remote_login(name: string): Promise<void> {
      await this.connection.admitLogin(name);
    }
  }
  const root: RootSource = { requiresLogin: true, rootObject: (connection) => new Login(connection) };
  const { network, events } = serve(root, { limits: { loginMs: 100, strangers: 1 } });
  const first = await connectTo(network);
  await expect(connectTo(network)).rejects.toMatchObject({ code: "SERVER_BUSY", limit: "strangers" });
  await (await first.getRootObject<Login>()).callRemote("login", "alice");
  const second = await connectTo(network);
  expect((await second.closed).reason).toBe("lost");
  await until(() => events.some(({ kind }) => kind === "closed"), "the end is reported");
  expect(events).toMatchObject([
    { kind: "connection" },
    { kind: "refused", limit: "strangers" },
    { kind: "login", who: "alice" },
    { kind: "connection" },
    { kind: "closed", reason: { reason: "limit", cause: { message: "no login within 100 ms" } } },
  ]);
  expect(await echo(first, "still here")).toBe("still here");
});

test("joins the events of a connection by its id, in their order, with its users and its last statistics", async () => {
  const log: unknown[] = [];
  class Login extends Echo {
    #admission: Disposable | undefined;
    constructor(readonly connection: Parameters<RootSource["rootObject"]>[0]) {
      super();
    }
    async remote_login(name: string): Promise<void> {
      log.push(["method", this.connection.id]);
      this.#admission = await this.connection.admitLogin(name);
      this.connection.notifyOnDisconnect(() => this.#admission?.[Symbol.dispose]());
    }
  }
  const { network, connections } = serve({ rootObject: (connection) => new Login(connection) });
  connections.onEvent((event) => {
    if (!("connection" in event)) return;
    expect(event.id).toBe(event.connection.id);
    log.push([event.kind, event.id, event.users.join()]);
  });
  const ended = new Promise<ServerEvent>((resolve) => {
    connections.onEvent((event) => event.kind === "closed" && resolve(event));
  });
  const client = await connectTo(network);
  await (await client.getRootObject<Login>()).callRemote("login", "alice");
  const [{ id } = client] = connections.all;
  expect(id).toMatch(/^[0-9a-f]{12}-[0-9a-z]+$/);
  expect(id).not.toBe(client.id);
  await client.close();
  const end = (await ended) as Extract<ServerEvent, { kind: "closed" }>;
  expect(end.stats.bytesReceived).toBeGreaterThan(0);
  expect(end.openMs).toBeGreaterThanOrEqual(0);
  expect(log).toEqual([
    ["connection", id, ""],
    ["method", id],
    ["login", id, "alice"],
    ["logout", id, ""],
    ["closed", id, "alice"],
  ]);
});

test("reports a connection before a method that it has called in its first bytes", async () => {
  const log: string[] = [];
  class Fast extends Root {
    remote_go(): void {
      log.push("method");
    }
  }
  const { connections } = serve(new Fast());
  connections.onEvent(({ kind }) => log.push(kind));
  const { listener, initiator } = linkPair();
  connections.admit(incoming())!.serve(new PulsedLink(listener));
  initiator.start({ received: () => undefined, drained: () => undefined, lost: () => undefined });
  const word = (text: string) => [text.length, 0x82, ...Buffer.from(text)];
  const list = (...items: number[][]) => [items.length, 0x80, ...items.flat()];
  const integer = (value: number) => [value, 0x81];
  const call = [word("message"), integer(1), word("root"), word("go"), integer(0)];
  const bytes = [...word("none"), ...list(...call, list(word("tuple")), list(word("dictionary")))];
  initiator.send(Uint8Array.from(bytes));
  await until(() => log.length > 1, "the method has run");
  expect(log).toEqual(["connection", "method"]);
});

test("reports what a watcher throws, and calls the other watchers", async () => {
  const errors: unknown[] = [];
  const config = new BrokerConfig({ root: new Echo(), onEvent: (event) => errors.push(event) });
  const connections = new ServerConnections({ config });
  connections.onEvent(() => {
    throw new Error("bug");
  });
  const kinds: string[] = [];
  const subscription = connections.onEvent(({ kind }) => kinds.push(kind));
  connections.report({ kind: "error", error: new Error("EMFILE") });
  subscription[Symbol.dispose]();
  connections.report({ kind: "error", error: new Error("EMFILE") });
  expect(kinds).toEqual(["error"]);
  expect(errors).toEqual(Array(2).fill({ kind: "callback-failed", error: new Error("bug") }));
});

test("watches over each connection with the functions of the platform", async () => {
  const unref = vi.fn<() => void>();
  const platform = { unref, afterTurn: (callback: () => void) => setTimeout(callback, 0), warn: () => undefined };
  const { listener, initiator } = linkPair();
  const { connections } = serve(new Echo(), { platform, liveness: { intervalMs: 10, answerMs: 50 } });
  const broker = connections.admit(incoming())!.serve(new PulsedLink(listener));
  const client = new Broker(initiator);
  await client.ready;
  await until(() => broker.latency() !== undefined, "a ping was answered");
  expect(unref).toHaveBeenCalled();
  initiator.hold();
  expect((await broker.closed).reason).toBe("unresponsive");
});

test("counts a connection that is relayed as a guest, and leaves its end to the relay", async () => {
  const { connections } = serve(new Echo(), { limits: { negotiating: 1, connectionsPerAddress: 2 } });
  const relayed = [incoming(), incoming()];
  for (const connection of relayed) connections.admit(connection)!.relay({ lastReceived: 0 });
  expect(connections.admit(incoming())).toMatchObject({ isRefused: true });
  await connections.close();
  for (const { destroy } of relayed) expect(destroy).not.toHaveBeenCalled();
});

describe("closing", () => {
  test("counts all calls that it cuts off: those that run, and those that wait for their turn", async () => {
    const root = new Echo();
    const { connections, network, events } = serve(root, { broker: { limits: { callsRunning: 1 } } });
    const reference = await (await connectTo(network)).getRootObject<Echo>();
    const outcomes = [1, 2, 3].map((value) => reference.callRemote("wait", value).catch((error: unknown) => error));
    const [server] = connections.all;
    await until(() => server!.stats().callsHeld > 0, "calls are held");
    expect(root.waiting).toHaveLength(1);
    const held = server!.stats().callsHeld;
    await connections.close({ drainMs: 20 });
    expect(events).toContainEqual(expect.objectContaining({ kind: "cut", calls: 1 + held }));
    for (const outcome of outcomes) expect(await outcome).toMatchObject({ code: "CONNECTION_LOST" });
  });

  test("lets calls in flight finish and admits no new connections", async () => {
    const root = new Echo();
    const { connections, network } = serve(root);
    const client = await connectTo(network);
    const reference = await client.getRootObject<Echo>();
    const answer = reference.callRemote("wait", "finished");
    await until(() => root.waiting.length === 1, "the call runs");
    const unready = incoming();
    connections.admit(unready);
    const closing = connections.close({ drainMs: 20_000 });
    expect(unready.destroy).toHaveBeenCalledOnce();
    const late = incoming();
    expect(connections.admit(late)).toBeUndefined();
    expect(late.destroy).toHaveBeenCalledOnce();
    expect(await echo(client, "still served")).toBe("still served");
    root.answerAll();
    expect(await answer).toBe("finished");
    await closing;
    expect((await client.closed).reason).toBe("lost");
  });

  test("stops waiting after `drainMs`", async () => {
    const root = new Echo();
    const { connections, network } = serve(root);
    const reference = await (await connectTo(network)).getRootObject<Echo>();
    const answer = reference.callRemote("wait", "never");
    const outcome = answer.catch((error: unknown) => error);
    await until(() => root.waiting.length === 1, "the call runs");
    await connections.close({ drainMs: 50 });
    expect(await outcome).toMatchObject({ code: "CONNECTION_LOST" });
    expect(connections.all.size).toBe(0);
  });

  test("ends at once with destroy, also while it drains", async () => {
    const root = new Echo();
    const { connections, network } = serve(root);
    const reference = await (await connectTo(network)).getRootObject<Echo>();
    const outcome = reference.callRemote("wait", "never").catch((error: unknown) => error);
    await until(() => root.waiting.length === 1, "the call runs");
    const closing = connections.close({ drainMs: 60_000 });
    connections.destroy();
    await closing;
    expect(await outcome).toMatchObject({ code: "CONNECTION_LOST" });
  });

  test.each([[{}], [{ drainMs: 60_000 }]])(
    "with %j leaves no timer when all connections have closed",
    async (options) => {
      const { connections, network } = serve(new Echo());
      const client = await connectTo(network);
      vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
      onTestFinished(() => void vi.useRealTimers());
      const closing = connections.close(options);
      void client.close();
      await closing;
      await client.closed;
      expect(vi.getTimerCount()).toBe(0);
    },
  );
});

test("a refused connection that has closed, however often it says so, leaves no timer", () => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
  onTestFinished(() => void vi.useRealTimers());
  const { connections } = serve(new Echo(), { limits: { connections: 1 } });
  const first = connections.admit(incoming());
  for (let time = 0; time < 3; time++) {
    const refused = connections.admit(incoming());
    expect(vi.getTimerCount()).toBe(1);
    refused!.closed();
    refused!.closed();
    expect(vi.getTimerCount()).toBe(0);
  }
  first!.closed();
});
