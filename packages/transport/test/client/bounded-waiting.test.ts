// Nothing of a reconnecting client waits or grows without bound: logins, calls that break each connection, and calls
// while there is no connection.

import { LimitError } from "@pb/broker";
import type { RemoteReference } from "@pb/broker";
import { NotConnectedError, OutcomeUnknownError, ReconnectingClient } from "@pb/transport";
import type { ReconnectingClientOptions, ReconnectState } from "@pb/transport";
import { describe, expect, onTestFinished, test, vi } from "vitest";
import { garbageCollector } from "../../../../tools/gc/garbage-collector.js";
import { Echo, until } from "../support/echo.js";
import { serve } from "../support/memory-network.js";

const fast = { firstMs: 20, highestMs: 50 };

/** A server whose method `fall` breaks the connection before its answer is sent. */
class Falling extends Echo {
  falls = 0;
  fall: (() => void) | undefined;

  remote_fall(): string {
    this.falls++;
    this.fall?.();
    return "never arrives";
  }
}

function start(options: ReconnectingClientOptions<Falling> = {}, callsWaiting?: number) {
  const root = new Falling();
  const { connections, network, events } = serve(root);
  root.fall = () => network.drop();
  const states: ReconnectState<Falling>[] = [];
  const onState = (state: ReconnectState<Falling>): void => void states.push(state);
  const hooks = { callsWaiting };
  const client = new ReconnectingClient<Falling>(network.dial(), { backoff: fast, ...options, onState }, hooks);
  onTestFinished(() => client.close());
  return { root, connections, network, client, states, events };
}

describe("a login that is never answered", () => {
  test("ends after its time, and the next attempt follows", async () => {
    const signals: AbortSignal[] = [];
    const { client, states } = start({
      loginMs: 100,
      login: (connection, signal) => {
        signals.push(signal);
        return signals.length === 1
          ? new Promise<RemoteReference<Falling>>(() => undefined)
          : connection.getRootObject<Falling>();
      },
    });
    expect(await client.callRemote("echo", "hi")).toBe("hi");
    expect(signals.map((signal) => signal.aborted)).toEqual([true, false]);
    const failed = states.find((state) => state.is === "waiting");
    expect(failed).toMatchObject({ cause: { code: "CONNECT_LOGIN_TIMEOUT" } });
  });

  test.each([-1, Number.NaN, "soon"])("a time of %s is refused", (loginMs) => {
    expect(() => start({ loginMs: loginMs as number })).toThrow(TypeError);
  });
});

test("an idempotent call that breaks each connection rejects after it was sent three times", async () => {
  const { root, client } = start({ idempotent: ["fall"] });
  const error = await client.callRemote("fall").catch((reason: unknown) => reason);
  expect(error).toBeInstanceOf(OutcomeUnknownError);
  expect(root.falls).toBe(3);
  expect(await client.callRemote("echo", "after it")).toBe("after it");
});

describe("calls while there is no connection", () => {
  test("over the limit reject at once, and those before are sent in their order", async () => {
    const { root, network, client } = start({}, 1000);
    await client.current();
    network.cut({ all: true });
    network.drop();
    await until(() => client.state.is === "waiting", "the loss is noticed");
    const calls = Array.from({ length: 1000 }, (_, index) => client.callRemote("echo", index));
    const error = await client.callRemote("echo", "one more").catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(LimitError);
    expect(error).toMatchObject({ limit: "callsWaiting" });
    network.mend();
    network.drop();
    expect(await Promise.all(calls)).toEqual(Array.from({ length: 1000 }, (_, index) => index));
    expect([...root.seen.keys()]).toEqual(Array.from({ length: 1000 }, (_, index) => index));
    expect(await client.callRemote("echo", "again")).toBe("again");
  });

  test("that were given up are forgotten, with their arguments", async () => {
    const { network, client } = start({ backoff: { firstMs: 3_600_000, highestMs: 3_600_000 } });
    await client.current();
    network.drop();
    await until(() => client.state.is === "waiting", "the loss is noticed");
    const collectGarbage = garbageCollector();
    const argument = await (async () => {
      const value = ["large"];
      const giveUp = new AbortController();
      const call = client.with({ signal: giveUp.signal }).callRemote("echo", value);
      giveUp.abort(new Error("given up"));
      await expect(call).rejects.toThrow("given up");
      return new WeakRef(value);
    })();
    await until(() => {
      collectGarbage();
      return argument.deref() === undefined;
    }, "the argument is collected");
  });

  test("reject when the client is closed, and may be given up", async () => {
    const { network, client } = start();
    await client.current();
    network.cut({ all: true });
    network.drop();
    const controller = new AbortController();
    const aborted = client.with({ signal: controller.signal }).callRemote("echo", 1);
    const waiting = client.callRemote("echo", 2);
    const failed = expect(waiting).rejects.toBeInstanceOf(NotConnectedError);
    controller.abort(new Error("given up"));
    await expect(aborted).rejects.toThrow("given up");
    await client.close();
    await failed;
  });
});

describe("a server that is about to close", () => {
  test("loses no call of its clients, which connect again meanwhile", async () => {
    const { root, connections, client, states } = start();
    await client.current();
    const inFlight = client.callRemote("wait", "in flight");
    await until(() => root.waiting.length === 1, "the call runs");
    const closing = connections.close({ drainMs: 60_000 });
    await until(() => client.state.is !== "ready", "the client was told");
    // Attempts that the server refuses, because it is closing, may have followed.
    const afterwards = states.find((state) => state.is === "waiting");
    expect(afterwards).toMatchObject({ cause: new Error("The server is about to close") });
    const next = client.callRemote("echo", "next").catch((error: unknown) => error);
    root.answerAll();
    expect(await inFlight).toBe("in flight");
    await closing;
    await client.close(); // This server admits no further connection.
    expect(await next).toBeInstanceOf(NotConnectedError);
  });

  test("and its connection is closed with the client, also while it is left", async () => {
    const { root, connections, client } = start();
    await client.current();
    const outcome = client.callRemote("wait", 1).catch((error: unknown) => error);
    await until(() => root.waiting.length === 1, "the call runs");
    const closing = connections.close({ drainMs: 60_000 });
    await until(() => client.state.is !== "ready", "the client was told");
    await client.close();
    await closing;
    expect(await outcome).toBeInstanceOf(OutcomeUnknownError);
  });

  test("and its connection is forgotten when it has closed", async () => {
    const { connections, client } = start();
    await client.current();
    const { connection } = client;
    await connections.close({ drainMs: 60_000 });
    await connection!.closed;
    const close = vi.spyOn(connection!, "close");
    await client.close();
    expect(close).not.toHaveBeenCalled();
  });

  test("says when calls were cut off because the time was over", async () => {
    const { root, connections, client, events } = start();
    await client.current();
    const outcome = client.callRemote("wait", 1).catch((error: unknown) => error);
    await until(() => root.waiting.length === 1, "the call runs");
    await connections.close({ drainMs: 50 });
    expect(events).toContainEqual(expect.objectContaining({ kind: "cut", calls: 1 }));
    expect(await outcome).toBeInstanceOf(OutcomeUnknownError);
  });
});
