// A client that stays connected.

import { getEventListeners } from "node:events";
import { describe, expect, onTestFinished, test } from "vitest";
import { PBError, RemoteError } from "@pb/broker";
import { listen, NotConnectedError, OutcomeUnknownError, reconnecting } from "@pb/node-transport";
import type { ReconnectingClient, ReconnectOptions, ReconnectState, Server } from "@pb/node-transport";
import { BadNetwork } from "./bad-network.js";
import { Echo, sleep, until, withResolvers } from "./worlds.js";

const here = "tcp:0:interface=127.0.0.1";
const fast = { firstMs: 20, highestMs: 100 };

interface World {
  readonly root: Echo;
  readonly server: Server;
  readonly network: BadNetwork;
  readonly client: ReconnectingClient<Echo>;
  readonly states: ReconnectState<Echo>[];
}

/** A server, a network before it, and a client that stays connected. */
async function world(options: ReconnectOptions<Echo> = {}, root = new Echo()): Promise<World> {
  const server = await listen(here, root);
  const network = await BadNetwork.before(server.port);
  const states: ReconnectState<Echo>[] = [];
  const client = reconnecting<Echo>(`tcp:127.0.0.1:${network.port}`, {
    backoff: fast,
    ...options,
    onState: (state) => states.push(state),
  });
  onTestFinished(async () => {
    await client.close();
    await network[Symbol.asyncDispose]();
    await server.destroy();
  });
  return { root, server, network, client, states };
}

function names(states: readonly ReconnectState<Echo>[]): string[] {
  return states.map((state) => state.is);
}

test("connects, and tells its states from the first", async () => {
  const { client, states } = await world();
  expect(client.state.is).toBe("connecting");
  expect(client.reference).toBeUndefined();
  expect(await client.callRemote("echo", "hi")).toBe("hi");
  expect(client.state.is).toBe("ready");
  expect(await client.current()).toBe(client.reference);
  expect(client.connection!.isOpen).toBe(true);
  await client.close();
  expect(names(states)).toEqual(["connecting", "connecting", "ready", "stopped"]);
});

test("is not disturbed by a watcher that throws", async () => {
  const faults: unknown[] = [];
  const { client, network } = await world({ broker: { onEvent: (event) => faults.push(event.kind) } });
  using _bad = client.onState(() => {
    throw new Error("mine");
  });
  expect(await client.callRemote("echo", 1)).toBe(1);
  network.drop();
  await until(() => client.state.is !== "ready", "the loss is noticed");
  expect(await client.callRemote("echo", 2)).toBe(2);
  expect(faults).toContain("callback-failed");
});

test("is not disturbed by a decision that throws", async () => {
  const faults: unknown[] = [];
  const { client, network } = await world({
    broker: { onEvent: (event) => faults.push(event) },
    isFinal: () => {
      throw new Error("undecided");
    },
  });
  expect(await client.callRemote("echo", 1)).toBe(1);
  network.drop();
  await until(() => client.state.is !== "ready", "the loss is noticed");
  expect(await client.callRemote("echo", 2)).toBe(2);
  expect(faults).toContainEqual({ kind: "callback-failed", error: new Error("undecided") });
});

test("connects again when the connection is lost, and the handle has the new root", async () => {
  const { client, network, states } = await world();
  const first = await client.current();
  network.drop();
  await until(() => client.state.is !== "ready", "the loss is noticed");
  const second = await client.current();
  expect(second).not.toBe(first);
  expect(first.isAlive).toBe(false);
  expect(await client.callRemote("echo", "again")).toBe("again");
  const waiting = states.find((state) => state.is === "waiting")!;
  expect(waiting).toMatchObject({ attempt: 2, cause: { code: "CONNECTION_LOST" }, until: expect.any(Date) });
});

test("logs in anew each time, and calls go to what the login gave", async () => {
  let logins = 0;
  const { client, network } = await world({
    login: async (connection) => {
      logins++;
      const root = await connection.getRootObject<Echo>();
      expect(await root.callRemote("echo", "password")).toBe("password");
      return root;
    },
  });
  await client.callRemote("echo", 1);
  network.drop();
  await until(() => client.state.is !== "ready", "the loss is noticed");
  await client.callRemote("echo", 2);
  expect(logins).toBe(2);
});

describe("a call in flight when the connection is lost", () => {
  test("rejects, for nobody knows whether it ran", async () => {
    const { client, network, root } = await world();
    const call = client.callRemote("wait", 1);
    const outcome = call.catch((error: unknown) => error);
    await until(() => root.waiting.length === 1, "the call runs");
    network.drop();
    const error = await outcome;
    expect(error).toBeInstanceOf(OutcomeUnknownError);
    expect(error).toMatchObject({
      code: "OUTCOME_UNKNOWN",
      method: "wait",
      message: "The connection ended before wait was answered; it is not known whether it ran",
      cause: { code: "CONNECTION_LOST", reason: "lost" },
    });
    await client.current();
    expect(root.waiting).toHaveLength(1);
  });

  test("is sent again when it may run twice", async () => {
    const { client, network, root } = await world({ idempotent: ["wait"] });
    const call = client.callRemote("wait", "twice");
    await until(() => root.waiting.length === 1, "the call runs");
    network.drop();
    await until(() => root.waiting.length === 2, "the call runs again");
    root.letGo();
    expect(await call).toBe("twice");
  });

  test("may be declared so one by one", async () => {
    const { client, network, root } = await world({ idempotent: ["wait"] });
    const again = client.with({ idempotent: true }).callRemote("wait", "again");
    const once = client.with({ idempotent: false }).callRemote("wait", "once");
    const outcome = once.catch((error: unknown) => error);
    await until(() => root.waiting.length === 2, "both run");
    network.drop();
    expect(await outcome).toBeInstanceOf(OutcomeUnknownError);
    await until(() => root.waiting.length === 3, "one runs again");
    root.letGo();
    expect(await again).toBe("again");
  });
});

describe("a call made while there is no connection", () => {
  test("waits until there is one", async () => {
    const { client, network, root } = await world();
    await client.current();
    network.cut({ all: true });
    network.drop();
    await until(() => client.state.is !== "ready", "the loss is noticed");
    const call = client.callRemote("echo", "patience");
    await sleep(100);
    expect(root.seen.size).toBe(0);
    network.mend();
    network.drop();
    expect(await call).toBe("patience");
    expect(root.seen.get("patience")).toBe(1);
  });

  test("fails at once when asked to, and says that it was not sent", async () => {
    const { client, network } = await world({ whileDown: "fail", backoff: { firstMs: 60_000 } });
    await expect(client.callRemote("echo", 0)).rejects.toThrow("There is no connection yet");
    await client.current();
    network.drop();
    await until(() => client.state.is === "waiting", "the loss is noticed");
    const error: unknown = await client.callRemote("echo", 1).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(NotConnectedError);
    expect(error).toMatchObject({ code: "NOT_CONNECTED", cause: { code: "CONNECTION_LOST" } });
    expect((error as Error).message).toMatch(/^There is no connection until \d{4}-.*Z at the earliest$/);
    const patient = client.with({ whileDown: "wait" }).callRemote("echo", 2);
    client.retryNow();
    expect(await patient).toBe(2);
  });

  test("waits no longer than its time, or than its signal lets it", async () => {
    const { client, network } = await world({ backoff: { firstMs: 60_000 } });
    await client.current();
    network.drop();
    await until(() => client.state.is === "waiting", "the loss is noticed");
    await expect(client.with({ timeoutMs: 50 }).callRemote("echo", 1)).rejects.toMatchObject({ code: "CALL_TIMEOUT" });
    const reason = new Error("enough");
    const controller = new AbortController();
    const call = client.with({ signal: controller.signal }).callRemote("echo", 2);
    setTimeout(() => controller.abort(reason), 20);
    await expect(call).rejects.toBe(reason);
    await expect(client.with({ signal: AbortSignal.abort(reason) }).callRemote("echo", 3)).rejects.toBe(reason);
    await expect(client.current({ signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
  });

  test("is not sent twice because of that: its time counts from the beginning", async () => {
    const { client, root } = await world();
    await client.current();
    await expect(client.with({ timeoutMs: 500 }).callRemote("wait", 1)).rejects.toMatchObject({ code: "CALL_TIMEOUT" });
    expect(root.waiting).toHaveLength(1);
    expect(client.state.is).toBe("ready");
  });
});

test("a call may take for ever", async () => {
  const { client, root } = await world();
  await client.current();
  const answer = client.with({ timeoutMs: Infinity }).callRemote("wait", 1);
  answer.catch(() => undefined);
  await until(() => root.waiting.length === 1, "the call runs");
  await sleep(50);
  root.letGo();
  expect(await answer).toBe(1);
});

test("an error of a method is the caller's, not the connection's", async () => {
  class Failing extends Echo {
    override remote_echo(): never {
      throw new PBError("no");
    }
  }
  const { client } = await world({}, new Failing());
  await expect(client.callRemote("echo", 1)).rejects.toBeInstanceOf(RemoteError);
  expect(client.state.is).toBe("ready");
});

test("waits longer and longer while nobody answers, and gives up after so many attempts", async () => {
  const gone = await listen(here, new Echo());
  const { port } = gone;
  await gone.close();
  const states: ReconnectState[] = [];
  const stopped = withResolvers<ReconnectState>();
  const client = reconnecting(`tcp:127.0.0.1:${port}`, {
    backoff: { firstMs: 10, factor: 2, jitter: 0, attempts: 4 },
    onState: (state) => {
      states.push(state);
      if (state.is === "stopped") stopped.resolve(state);
    },
  });
  const call = client.callRemote("echo", 1);
  expect(await stopped.promise).toMatchObject({ is: "stopped", cause: { code: "ECONNREFUSED" } });
  expect(states.filter((state) => state.is === "waiting").map(({ attempt }) => attempt)).toEqual([2, 3, 4]);
  await expect(call).rejects.toMatchObject({ code: "NOT_CONNECTED", cause: { code: "ECONNREFUSED" } });
  await expect(client.current()).rejects.toBeInstanceOf(NotConnectedError);
});

test("stops when the credentials are refused, which would not get better", async () => {
  class Refused extends Error {
    static readonly remoteType = "twisted.cred.error.UnauthorizedLogin";
  }
  class Guarded extends Echo {
    override remote_echo(): never {
      throw new Refused();
    }
  }
  const { client, network } = await world(
    {
      login: async (connection) => {
        const root = await connection.getRootObject<Echo>();
        await root.callRemote("echo", "wrong password");
        return root;
      },
    },
    new Guarded(),
  );
  await expect(client.current()).rejects.toBeInstanceOf(NotConnectedError);
  expect(client.state).toMatchObject({ is: "stopped", cause: { remoteType: "twisted.cred.error.UnauthorizedLogin" } });
  expect(network.made).toBe(1);
});

test("goes on when the login fails for another reason", async () => {
  let attempts = 0;
  const { client } = await world({
    login: async (connection) => {
      if (++attempts < 3) throw new Error("the database is away");
      return connection.getRootObject<Echo>();
    },
  });
  expect(await client.callRemote("echo", "in")).toBe("in");
  expect(attempts).toBe(3);
});

test("a login that hangs on a lost connection does not keep it", async () => {
  let attempts = 0;
  const { client, network } = await world({
    login: async (connection) =>
      ++attempts === 1 ? new Promise<never>(() => undefined) : connection.getRootObject<Echo>(),
  });
  await until(() => attempts === 1, "the login hangs");
  network.drop();
  expect(await client.callRemote("echo", "in")).toBe("in");
});

test("a server that hangs up at once is not hammered", async () => {
  const { client, states, server } = await world({ backoff: { firstMs: 10, factor: 2, jitter: 0, stableMs: 60_000 } });
  server.onEvent((event) => {
    if (event.kind === "connection") event.connection.terminate("closed");
  });
  await until(() => states.filter(({ is }) => is === "waiting").length >= 5, "five waits");
  const waits = states.filter((state) => state.is === "waiting");
  expect(waits.map(({ attempt }) => attempt).slice(0, 5)).toEqual([2, 3, 4, 5, 6]);
  await client.close();
});

test("close stops it wherever it stands, and nothing happens afterwards", async () => {
  const { client, network, states } = await world({ backoff: { firstMs: 50 } });
  await client.current();
  network.drop();
  await until(() => client.state.is === "waiting", "the loss is noticed");
  const call = client.callRemote("echo", 1);
  const outcome = call.catch((error: unknown) => error);
  await client.close();
  expect(await outcome).toMatchObject({ code: "NOT_CONNECTED", message: "The client has stopped" });
  const made = network.made;
  await sleep(200);
  expect(network.made).toBe(made);
  expect(states.at(-1)).toEqual({ is: "stopped", cause: undefined });
  await client.close();
});

test("close ends the connection of a login that hangs, and resolves when it has", async () => {
  const { client, root, server } = await world({
    login: async (connection) => {
      const door = await connection.getRootObject<Echo>();
      await door.callRemote("wait", "for ever");
      return door;
    },
  });
  await until(() => root.waiting.length === 1, "the login hangs");
  const [connection] = server.connections;
  await client.close();
  expect((await connection!.closed).reason).toBe("lost");
});

test("what a watcher hears last is how it stands, whatever another one does about it", async () => {
  const { client, states, network } = await world();
  await client.current();
  using _eager = client.onState(({ is }) => {
    if (is === "waiting") client.retryNow();
    if (is === "ready") void client.close();
  });
  const heard: ReconnectState<Echo>[] = [];
  using _other = client.onState((state) => heard.push(state));
  network.drop();
  await until(() => client.state.is === "stopped", "it is closed when it is back");
  expect(names(heard)).toEqual(["connecting", "stopped"]);
  expect(names(states)).toEqual(["connecting", "connecting", "ready", "waiting", "connecting", "ready", "stopped"]);
});

test("a signal stops it, with its reason", async () => {
  const controller = new AbortController();
  const { client } = await world({ signal: controller.signal });
  await client.current();
  const connection = client.connection!;
  const reason = new Error("shutting down");
  controller.abort(reason);
  expect(client.state).toEqual({ is: "stopped", cause: reason });
  await connection.closed;
});

test("a signal forgets a client that is closed", async () => {
  const { signal } = new AbortController();
  const { client } = await world({ signal });
  await client.current();
  await client.close();
  expect(getEventListeners(signal, "abort")).toEqual([]);
});

test("notices a link that is cut without a word, and comes back over another", async () => {
  const { client, network, root } = await world({ liveness: { intervalMs: 50, answerMs: 400 }, idempotent: ["echo"] });
  await client.callRemote("echo", 1);
  network.cut();
  expect(await client.callRemote("echo", 2)).toBe(2);
  expect(network.made).toBe(2);
  expect(root.seen.get(2)).toBe(1);
});
