import { getEventListeners } from "node:events";
import { PBError, RemoteError } from "@pb/broker";
import type { BrokerEvent } from "@pb/broker";
import { NotConnectedError, OutcomeUnknownError, ReconnectingClient, ServerBusyError } from "@pb/transport";
import type { Dial, ReconnectingClientHooks, ReconnectingClientOptions, ReconnectState } from "@pb/transport";
import { describe, expect, onTestFinished, test, vi } from "vitest";
import { Echo, sleep, until } from "../support/echo.js";
import { serve } from "../support/memory-network.js";
import type { MemoryNetwork } from "../support/memory-network.js";

const fast = { firstMs: 20, highestMs: 100 };

/** A server in memory, the network in front of it, and a client that reconnects. */
function start(
  options: ReconnectingClientOptions<Echo> = {},
  { root = new Echo(), hooks = {} }: { root?: Echo; hooks?: ReconnectingClientHooks } = {},
) {
  const { connections, network } = serve(root);
  const states: ReconnectState<Echo>[] = [];
  const onState = (state: ReconnectState<Echo>): void => void states.push(state);
  const client = new ReconnectingClient<Echo>(network.dial(), { backoff: fast, ...options, onState }, hooks);
  onTestFinished(() => client.close());
  return { root, connections, network, client, states };
}

test("does not return to a busy server before the time that it asks for", async () => {
  const dials: number[] = [];
  const busy: Dial = () => {
    dials.push(performance.now());
    return Promise.reject(new ServerBusyError("connections", 300));
  };
  const client = new ReconnectingClient(busy, { backoff: { firstMs: 1, highestMs: 1 } });
  onTestFinished(() => client.close());
  await until(() => dials.length === 3, "three attempts");
  expect(dials[1]! - dials[0]!).toBeGreaterThan(295);
  expect(dials[2]! - dials[1]!).toBeGreaterThan(295);
  expect(client.state).toMatchObject({ cause: { code: "SERVER_BUSY" } });
});

/** A transport whose server cannot be reached. */
const refused: Dial = () => Promise.reject(Object.assign(new Error("refused"), { code: "ECONNREFUSED" }));

function names(states: readonly ReconnectState<Echo>[]): string[] {
  return states.map((state) => state.is);
}

/** Drops all connections and resolves when the client has noticed it: its state is `waiting` then. */
async function drop(network: MemoryNetwork, { connection }: ReconnectingClient<Echo>): Promise<void> {
  network.drop();
  await connection!.closed;
}

test("connects at once and reports its states from the first", async () => {
  const { client, states } = start();
  expect(client.state.is).toBe("connecting");
  expect(client.reference).toBeUndefined();
  expect(await client.callRemote("echo", "hi")).toBe("hi");
  expect(client.state.is).toBe("ready");
  expect(await client.current()).toBe(client.reference);
  expect(client.connection!.isOpen).toBe(true);
  await client.close();
  expect(names(states)).toEqual(["connecting", "ready", "stopped"]);
});

test("reports what a watcher throws, and goes on", async () => {
  const events: BrokerEvent[] = [];
  const { client, network } = start({}, { hooks: { onEvent: (event) => events.push(event) } });
  using _throwing = client.onState(() => {
    throw new Error("bug");
  });
  expect(await client.callRemote("echo", 1)).toBe(1);
  await drop(network, client);
  expect(await client.callRemote("echo", 2)).toBe(2);
  expect(events).toContainEqual({ kind: "callback-failed", error: new Error("bug") });
});

test("reports a watcher whose promise rejects, and goes on", async () => {
  const events: BrokerEvent[] = [];
  const { client } = start({}, { hooks: { onEvent: (event) => events.push(event) } });
  // eslint-disable-next-line @typescript-eslint/no-misused-promises -- the mistake
  client.onState(() => Promise.reject(new Error("of a watcher")));
  expect(await client.callRemote("echo", "hi")).toBe("hi");
  await until(() => events.length === 1, "the report");
  expect(events).toMatchObject([{ kind: "callback-failed", error: { message: "of a watcher" } }]);
});

test.for<[string, (connection: unknown) => unknown]>([
  ["nothing", () => undefined],
  ["the connection", (connection) => connection],
])("stops when its login resolves with %s", async ([, result]) => {
  const login = (connection: unknown): Promise<never> => Promise.resolve(result(connection) as never);
  const { client, states } = start({ login });
  await expect(client.callRemote("echo", "hi")).rejects.toThrow(NotConnectedError);
  expect(names(states)).toEqual(["connecting", "stopped"]);
  expect(client.state).toMatchObject({
    cause: new TypeError("The option login must resolve with a reference, such as that of login() or getRootObject()"),
  });
});

test("reports what `isFinal` throws, and goes on", async () => {
  const events: BrokerEvent[] = [];
  const isFinal = (): never => {
    throw new Error("undecided");
  };
  const { client, network } = start({ isFinal }, { hooks: { onEvent: (event) => events.push(event) } });
  expect(await client.callRemote("echo", 1)).toBe(1);
  await drop(network, client);
  expect(await client.callRemote("echo", 2)).toBe(2);
  expect(events).toContainEqual({ kind: "callback-failed", error: new Error("undecided") });
});

test("warns of what a watcher throws if no `onEvent` is given", async () => {
  const warnings: string[] = [];
  const platform = {
    unref: () => undefined,
    afterTurn: (callback: () => void) => void setTimeout(callback, 0),
    warn: (message: string) => void warnings.push(message),
  };
  const onState = (): never => {
    throw new Error("bug");
  };
  await new ReconnectingClient(refused, { onState, signal: AbortSignal.abort() }, { platform }).close();
  expect(warnings.map((message) => message.split("\n")[0])).toContain("A callback of a connection failed: Error: bug");
});

test("connects again when the connection is lost, and then has the new root object", async () => {
  const { client, network, states } = start();
  const first = await client.current();
  await drop(network, client);
  const second = await client.current();
  expect(second).not.toBe(first);
  expect(first.isAlive).toBe(false);
  expect(await client.callRemote("echo", "again")).toBe("again");
  const waiting = states.find((state) => state.is === "waiting")!;
  expect(waiting).toMatchObject({ attempt: 2, cause: { code: "CONNECTION_LOST" }, until: expect.any(Date) });
});

test("logs in on every connection and calls the result of the login", async () => {
  let logins = 0;
  const { client, network } = start({
    login: async (connection) => {
      logins++;
      const root = await connection.getRootObject<Echo>();
      expect(await root.callRemote("echo", "password")).toBe("password");
      return root;
    },
  });
  await client.callRemote("echo", 1);
  await drop(network, client);
  await client.callRemote("echo", 2);
  expect(logins).toBe(2);
});

describe("a call in flight when the connection is lost", () => {
  test("rejects with OutcomeUnknownError and is not sent again", async () => {
    const { client, network, root } = start();
    const outcome = client.callRemote("wait", 1).catch((error: unknown) => error);
    await until(() => root.waiting.length === 1, "the call runs");
    network.drop();
    const error = await outcome;
    expect(error).toBeInstanceOf(OutcomeUnknownError);
    expect(error).toMatchObject({
      code: "CALL_OUTCOME_UNKNOWN",
      method: "wait",
      message: "The connection ended before wait was answered; the method may or may not have run",
      cause: { code: "CONNECTION_LOST", reason: "lost" },
    });
    await client.current();
    expect(root.waiting).toHaveLength(1);
  });

  test("is sent again if its method is idempotent", async () => {
    const { client, network, root } = start({ idempotent: ["wait"] });
    const call = client.callRemote("wait", "twice");
    await until(() => root.waiting.length === 1, "the call runs");
    network.drop();
    await until(() => root.waiting.length === 2, "the call runs again");
    root.answerAll();
    expect(await call).toBe("twice");
  });

  test("follows its own option `idempotent` rather than that of the client", async () => {
    const { client, network, root } = start({ idempotent: ["wait"] });
    const again = client.with({ idempotent: true }).callRemote("wait", "again");
    const once = client.with({ idempotent: false }).callRemote("wait", "once");
    const outcome = once.catch((error: unknown) => error);
    await until(() => root.waiting.length === 2, "both calls run");
    network.drop();
    expect(await outcome).toBeInstanceOf(OutcomeUnknownError);
    await until(() => root.waiting.length === 3, "one call runs again");
    root.answerAll();
    expect(await again).toBe("again");
  });
});

describe("a call while there is no connection", () => {
  test("waits for the next connection", async () => {
    const { client, network, root } = start();
    await client.current();
    network.cut({ all: true });
    await drop(network, client);
    const call = client.callRemote("echo", "patience");
    await sleep(100);
    expect(root.seen.size).toBe(0);
    network.mend();
    network.drop();
    expect(await call).toBe("patience");
    expect(root.seen.get("patience")).toBe(1);
  });

  test("rejects at once with `whileDown: fail`, without being sent", async () => {
    const { client, network } = start({ whileDown: "fail", backoff: { firstMs: 60_000 } });
    await expect(client.callRemote("echo", 0)).rejects.toThrow("There is no connection yet");
    await client.current();
    await drop(network, client);
    const error: unknown = await client.callRemote("echo", 1).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(NotConnectedError);
    expect(error).toMatchObject({ code: "CALL_NOT_CONNECTED", cause: { code: "CONNECTION_LOST" } });
    expect((error as Error).message).toMatch(/^There is no connection\. The next attempt is at \d{4}-.*Z$/);
    const patient = client.with({ whileDown: "wait" }).callRemote("echo", 2);
    client.retryNow();
    expect(await patient).toBe(2);
  });

  test("stops waiting after its timeout, or when its signal aborts", async () => {
    const { client, network } = start({ backoff: { firstMs: 60_000 } });
    await client.current();
    await drop(network, client);
    await expect(client.with({ timeoutMs: 50 }).callRemote("echo", 1)).rejects.toMatchObject({ code: "CALL_TIMEOUT" });
    await expect(client.current({ timeoutMs: 50 })).rejects.toMatchObject({
      code: "CALL_NOT_CONNECTED",
      message: "There was no connection within 50 ms",
    });
    const reason = new Error("enough");
    const controller = new AbortController();
    const call = client.with({ signal: controller.signal }).callRemote("echo", 2);
    const reference = client.current({ signal: controller.signal });
    setTimeout(() => controller.abort(reason), 20);
    await expect(call).rejects.toBe(reason);
    await expect(reference).rejects.toBe(reason);
    await expect(client.with({ signal: AbortSignal.abort(reason) }).callRemote("echo", 3)).rejects.toBe(reason);
    await expect(client.current({ signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
  });

  test("counts the time of its timeout from the call, and is sent once", async () => {
    const { client, root } = start();
    await client.current();
    await expect(client.with({ timeoutMs: 500 }).callRemote("wait", 1)).rejects.toMatchObject({ code: "CALL_TIMEOUT" });
    expect(root.waiting).toHaveLength(1);
    expect(client.state.is).toBe("ready");
  });
});

test("a call with an infinite timeout waits for its answer", async () => {
  const { client, root } = start();
  await client.current();
  const answer = client.with({ timeoutMs: Infinity }).callRemote("wait", 1);
  answer.catch(() => undefined);
  await until(() => root.waiting.length === 1, "the call runs");
  await sleep(50);
  root.answerAll();
  expect(await answer).toBe(1);
});

test("an error of a method rejects the call and leaves the connection alone", async () => {
  class Failing extends Echo {
    override remote_echo(): never {
      throw new PBError("no");
    }
  }
  const { client } = start({}, { root: new Failing() });
  await expect(client.callRemote("echo", 1)).rejects.toBeInstanceOf(RemoteError);
  expect(client.state.is).toBe("ready");
});

test("stops after the given number of failed attempts", async () => {
  const states: ReconnectState<Echo>[] = [];
  const client = new ReconnectingClient<Echo>(refused, {
    backoff: { firstMs: 10, factor: 2, jitter: 0, attempts: 4 },
    onState: (state) => states.push(state),
  });
  await expect(client.callRemote("echo", 1)).rejects.toMatchObject({
    code: "CALL_NOT_CONNECTED",
    cause: { code: "ECONNREFUSED" },
  });
  expect(client.state).toMatchObject({ is: "stopped", cause: { code: "ECONNREFUSED" } });
  expect(states.filter((state) => state.is === "waiting").map(({ attempt }) => attempt)).toEqual([2, 3, 4]);
  await expect(client.current()).rejects.toBeInstanceOf(NotConnectedError);
});

test("stops when a login is refused because of its credentials", async () => {
  class Refused extends Error {
    static readonly remoteType = "twisted.cred.error.UnauthorizedLogin";
  }
  class Guarded extends Echo {
    override remote_echo(): never {
      throw new Refused();
    }
  }
  const { client, network } = start(
    {
      login: async (connection) => {
        const root = await connection.getRootObject<Echo>();
        await root.callRemote("echo", "wrong password");
        return root;
      },
    },
    { root: new Guarded() },
  );
  await expect(client.current()).rejects.toBeInstanceOf(NotConnectedError);
  expect(client.state).toMatchObject({ is: "stopped", cause: { remoteType: "twisted.cred.error.UnauthorizedLogin" } });
  expect(network.made).toBe(1);
});

test.each<[boolean, string, readonly string[]]>([
  [true, "twisted.cred.error.UnauthorizedLogin", ["twisted.cred.error.Unauthorized"]],
  [true, "twisted.cred.error.LoginDenied", ["twisted.cred.error.LoginFailed"]],
  [true, "shop.Banned", ["twisted.cred.error.LoginDenied", "twisted.cred.error.LoginFailed"]],
  [true, "twisted.cred.error.UnhandledCredentials", []],
  [false, "twisted.cred.error.LoginDenied", ["pb.LoginThrottled", "twisted.cred.error.LoginFailed"]],
  [false, "pb.DuplicateLogin", ["twisted.cred.error.LoginDenied"]],
  [false, "twisted.cred.error.LoginFailed", []],
  [false, "builtins.RuntimeError", []],
])("%s: stops after a login that is refused with %s, derived from %o", async (isFinal, type, parents) => {
  const error = new RemoteError({ type, message: "no", parents: [type, ...parents] });
  for (const thrown of [error, new Error("converted by a library for logins", { cause: error })]) {
    const { client, network } = start({ login: () => Promise.reject(thrown), backoff: { attempts: 3, firstMs: 1 } });
    await expect(client.current()).rejects.toMatchObject({ cause: thrown });
    expect(network.made).toBe(isFinal ? 1 : 3);
  }
});

test("an option decides otherwise about refusals", async () => {
  const denied = new RemoteError({ type: "twisted.cred.error.LoginDenied", message: "no", parents: [] });
  const login = (): Promise<never> => Promise.reject(denied);
  const { client, network } = start({ login, isFinal: () => false, backoff: { attempts: 3, firstMs: 1 } });
  await expect(client.current()).rejects.toMatchObject({ cause: denied });
  expect(network.made).toBe(3);
});

test("tries again when a login fails for another reason", async () => {
  let attempts = 0;
  const { client } = start({
    login: async (connection) => {
      if (++attempts < 3) throw new Error("the database is down");
      return connection.getRootObject<Echo>();
    },
  });
  expect(await client.callRemote("echo", "in")).toBe("in");
  expect(attempts).toBe(3);
});

test("tries again when the connection ends during a login that never finishes", async () => {
  let attempts = 0;
  const { client, network } = start({
    login: async (connection) =>
      ++attempts === 1 ? new Promise<never>(() => undefined) : connection.getRootObject<Echo>(),
  });
  await until(() => attempts === 1, "the login has started");
  network.drop();
  expect(await client.callRemote("echo", "in")).toBe("in");
});

test("waits longer each time when connections are not stable", async () => {
  const { client, states, connections } = start({
    backoff: { firstMs: 10, factor: 2, jitter: 0, stableMs: 60_000 },
  });
  connections.onEvent((event) => {
    if (event.kind === "connection") event.connection.terminate("closed");
  });
  await until(() => states.filter(({ is }) => is === "waiting").length >= 5, "five delays");
  const waits = states.filter((state) => state.is === "waiting");
  expect(waits.map(({ attempt }) => attempt).slice(0, 5)).toEqual([2, 3, 4, 5, 6]);
  await client.close();
});

test.each([
  ["goes on with the delays after a connection that was not stable", 3_600_000, [2, 3, 4]],
  ["starts again at the first delay after a stable connection", 0, [2, 2, 2]],
])("%s", async (_, stableMs, attempts) => {
  // The process has run for longer than `stableMs`: only the age of the connection counts.
  const now = performance.now.bind(performance);
  const clock = vi.spyOn(performance, "now").mockImplementation(() => now() + 2 * 3_600_000);
  onTestFinished(() => clock.mockRestore());
  const { client, network } = start({ backoff: { firstMs: 50, stableMs } });
  for (const attempt of attempts) {
    await client.current();
    await drop(network, client);
    expect(client.state).toMatchObject({ is: "waiting", attempt });
  }
});

test("close stops a waiting client for good", async () => {
  const { client, network, states } = start({ backoff: { firstMs: 50 } });
  await client.current();
  await drop(network, client);
  const outcome = client.callRemote("echo", 1).catch((error: unknown) => error);
  await client.close();
  expect(await outcome).toMatchObject({ code: "CALL_NOT_CONNECTED", message: "The client has stopped" });
  const { made } = network;
  await sleep(200);
  expect(network.made).toBe(made);
  expect(states.at(-1)).toEqual({ is: "stopped", cause: undefined });
  await client.close();
});

test("close ends the connection of a login that does not finish, and resolves when it is closed", async () => {
  const { client, root, connections } = start({
    login: async (connection) => {
      const reference = await connection.getRootObject<Echo>();
      await reference.callRemote("wait", "forever");
      return reference;
    },
  });
  await until(() => root.waiting.length === 1, "the login has started");
  const [connection] = connections.all;
  await client.close();
  expect((await connection!.closed).reason).toBe("lost");
});

test("close cancels an attempt to connect", async () => {
  let signal: AbortSignal | undefined;
  const dial: Dial = (stop) => {
    signal = stop;
    return new Promise((_resolve, reject) => stop.addEventListener("abort", () => reject(stop.reason as Error)));
  };
  const client = new ReconnectingClient<Echo>(dial);
  const outcome = client.current().catch((error: unknown) => error);
  await client.close();
  expect(signal!.reason).toMatchObject({ code: "CALL_NOT_CONNECTED", message: "The client was closed" });
  expect(await outcome).toMatchObject({ message: "The client has stopped" });
  expect(client.state).toEqual({ is: "stopped", cause: undefined });
});

test("a watcher is not called with a state that another watcher has already ended", async () => {
  const { client, states, network } = start();
  await client.current();
  using _first = client.onState(({ is }) => {
    if (is === "waiting") client.retryNow();
    if (is === "ready") void client.close();
  });
  const seen: ReconnectState<Echo>[] = [];
  using _second = client.onState((state) => seen.push(state));
  network.drop();
  await until(() => client.state.is === "stopped", "the client is closed after it has reconnected");
  expect(names(seen)).toEqual(["connecting", "stopped"]);
  expect(names(states)).toEqual(["connecting", "ready", "waiting", "connecting", "ready", "stopped"]);
});

test("a signal stops the client with its reason", async () => {
  const controller = new AbortController();
  const { client } = start({ signal: controller.signal });
  await client.current();
  const connection = client.connection!;
  const reason = new Error("shutting down");
  controller.abort(reason);
  expect(client.state).toEqual({ is: "stopped", cause: reason });
  await connection.closed;
});

test("a closed client removes its listener from the signal", async () => {
  const { signal } = new AbortController();
  const { client } = start({ signal });
  await client.current();
  await client.close();
  expect(getEventListeners(signal, "abort")).toEqual([]);
});

test("notices a connection that was cut silently, and connects again", async () => {
  const { client, network, root } = start({ liveness: { intervalMs: 50, answerMs: 400 }, idempotent: ["echo"] });
  await client.callRemote("echo", 1);
  network.cut();
  expect(await client.callRemote("echo", 2)).toBe(2);
  expect(network.made).toBe(2);
  expect(root.seen.get(2)).toBe(1);
});

test("retryNow stops the timer of the attempt that it replaces", async () => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
  onTestFinished(() => void vi.useRealTimers());
  const { network } = serve(new Echo(), { liveness: false });
  const dial = network.dial();
  let isUp = false;
  const options = { backoff: { firstMs: 60_000 }, liveness: false } as const;
  const client = new ReconnectingClient(async (signal) => {
    if (!isUp) throw new Error("down");
    return dial(signal);
  }, options);
  onTestFinished(() => client.close());
  const reach = async (state: string): Promise<void> => {
    while (client.state.is !== state) await new Promise((resolve) => setImmediate(resolve));
  };
  await reach("waiting");
  expect(vi.getTimerCount()).toBe(1);
  isUp = true;
  client.retryNow();
  await reach("ready");
  expect(vi.getTimerCount()).toBe(0);
  expect(network.made).toBe(1);
});
