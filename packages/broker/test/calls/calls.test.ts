// Calls: order, timeouts, cancellation, calls without an answer, and errors.

import { beforeAll, describe, expect, test } from "vitest";
import {
  asLocal,
  CallTimeoutError,
  ConnectionLostError,
  Copyable,
  PBError,
  Referenceable,
  RemoteError,
  Root,
} from "@pb/broker";
import type { Broker, BrokerEvent, BrokerOptions, Reference, RemoteReference } from "@pb/broker";
import { JellyError } from "@pb/jelly-types";
import { connectedPair } from "@pb/broker/testing";
import { garbageCollector } from "../../../../tools/garbage/garbage.js";
import { brokerAndPeer, brokerAndUnnegotiatedPeer, rejection, settled } from "../support/raw-peer.js";

beforeAll(() => void garbageCollector());

class Desk extends Root {
  readonly waiting: ((value: unknown) => void)[] = [];
  readonly received: unknown[] = [];
  broker: Broker | undefined;

  remote_echo(value: unknown): unknown {
    this.received.push(value);
    return value;
  }

  remote_later(): Promise<unknown> {
    return new Promise((resolve) => this.waiting.push(resolve));
  }

  remote_thenable(): unknown {
    return { then: (resolve: (value: string) => void) => resolve("kept") };
  }

  remote_throwingThen(): unknown {
    return {
      get then(): never {
        throw new RangeError("from then");
      },
    };
  }

  remote_thenThatThrows(): unknown {
    return {
      then(): never {
        throw new RangeError("from then");
      },
    };
  }

  async remote_closeAndFail(): Promise<never> {
    void this.broker?.close();
    throw new Error("after the end");
  }

  remote_closeAndAnswer(): string {
    void this.broker?.close();
    return "after the end";
  }

  remote_fault(): never {
    throw new Error("a bug");
  }

  remote_function(): unknown {
    return () => 1;
  }

  async remote_functionLater(): Promise<unknown> {
    return () => 1;
  }
}

async function open(options: BrokerOptions = {}) {
  const root = new Desk();
  const events: BrokerEvent[] = [];
  const pair = await connectedPair({ root, onEvent: (event) => events.push(event), ...options });
  root.broker = pair.server;
  return { root, pair, events, desk: await pair.client.getRootObject<Desk>() };
}

test("matches answers with calls in any order", async () => {
  const { desk, root, pair } = await open();
  const order: unknown[] = [];
  const calls = ["a", "b", "c"].map((name) => desk.callRemote("later").then((value) => order.push(name, value)));
  await pair.settled();
  expect(pair.server.stats().callsRunning).toBe(3);
  for (const index of [2, 0, 1]) root.waiting[index]!(index);
  await Promise.all(calls);
  expect(order).toEqual(["c", 2, "a", 0, "b", 1]);
  await pair.expectNothingLeft();
});

test("delivers calls in the order in which they were made", async () => {
  const { desk, root, pair } = await open();
  for (let index = 0; index < 100; index++) {
    if (index % 2 === 0) desk.sendRemote("echo", index);
    else void desk.callRemote("echo", index);
  }
  await pair.settled();
  expect(root.received).toEqual(Array.from({ length: 100 }, (_, index) => index));
  await pair.expectNothingLeft();
});

test("sends a thousand calls of one turn in one chunk, and resolves each of them", async () => {
  const { desk, pair } = await open();
  const before = pair.links.listener.traffic.length;
  const answers = Array.from({ length: 1000 }, (_, index) => desk.callRemote("echo", index));
  await Promise.resolve();
  expect(pair.links.listener.traffic.length - before).toBeLessThanOrEqual(1);
  expect(await Promise.all(answers)).toEqual(Array.from({ length: 1000 }, (_, index) => index));
  await pair.expectNothingLeft();
});

describe("a call with a deadline", () => {
  test("rejects after the timeout, while the method keeps running, and discards the late answer", async () => {
    const { desk, root, pair } = await open();
    const error = await rejection(desk.with({ timeoutMs: 5 }).callRemote("later"));
    expect(error).toBeInstanceOf(CallTimeoutError);
    expect((error as Error).message).toBe("later was not answered within 5 ms");
    expect(pair.client.stats().callsWaiting).toBe(1);
    root.waiting[0]!("late");
    await pair.expectNothingLeft();
    expect(await desk.callRemote("echo", "fine")).toBe("fine");
  });

  test("discards a late error too", async () => {
    const { desk, pair, root } = await open();
    await rejection(desk.with({ timeoutMs: 5 }).callRemote("later"));
    root.waiting[0]!(Promise.reject(new Error("late")));
    await pair.expectNothingLeft();
    expect(pair.client.isOpen).toBe(true);
  });

  test("rejects with the reason of a signal that aborts", async () => {
    const { desk, pair, root } = await open();
    const controller = new AbortController();
    const call = rejection(desk.with({ signal: controller.signal }).callRemote("later"));
    await pair.settled();
    const reason = new Error("the user canceled");
    controller.abort(reason);
    expect(await call).toBe(reason);
    root.waiting[0]!("late");
    await pair.expectNothingLeft();
  });

  test("sends nothing if its signal has already aborted", async () => {
    const { desk, pair } = await open();
    const before = pair.transcript().length;
    const reason = new Error("already canceled");
    expect(await rejection(desk.with({ signal: AbortSignal.abort(reason) }).callRemote("echo", 1))).toBe(reason);
    expect(pair.transcript(before)).toEqual([]);
    await pair.expectNothingLeft();
  });

  test("rejects with the reason of a signal that aborts while the arguments are written", async () => {
    const { desk, pair, root } = await open();
    const controller = new AbortController();
    const reason = new Error("canceled by a getter");
    const argument = {
      get state(): string {
        controller.abort(reason);
        return "too late";
      },
    };
    const call = rejection(desk.with({ signal: controller.signal }).callRemote("later" as "echo", argument));
    await pair.settled();
    expect(await call).toBe(reason);
    root.waiting[0]!("late");
    await pair.expectNothingLeft();
  });

  test("resolves if the answer arrives first", async () => {
    const { desk, pair } = await open();
    const controller = new AbortController();
    const options = { signal: controller.signal, timeoutMs: 60_000 };
    expect(await desk.with(options).callRemote("echo", 1)).toBe(1);
    controller.abort();
    expect(await desk.with({}).callRemote("echo", 2)).toBe(2);
    await pair.expectNothingLeft();
  });

  test.each([Infinity, 2 ** 31, 1e12])(
    "accepts a timeout of %s ms, which is longer than a timer can be",
    async (timeoutMs) => {
      const { desk, root, pair } = await open();
      const call = desk.with({ timeoutMs }).callRemote("later");
      await pair.settled();
      await new Promise((resolve) => setTimeout(resolve, 20));
      root.waiting[0]!("in time");
      expect(await call).toBe("in time");
    },
  );

  test("accepts an infinite limit for the negotiation", async () => {
    const { peer, broker } = brokerAndUnnegotiatedPeer("listener", { limits: { negotiationMs: Infinity } });
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(broker.isOpen).toBe(true);
    await peer.send("pb");
    await broker.ready;
  });
});

describe("a call without an answer", () => {
  test("gets no answer, not even for an error", async () => {
    const { desk, pair, events } = await open();
    const before = pair.transcript().length;
    desk.sendRemote("echo", 1);
    desk.sendRemote("nothing" as "echo", 1); // a mistake of the caller, which the callee does not report
    desk.sendRemote("function");
    desk.sendRemote("fault");
    await pair.settled();
    expect(pair.transcript(before).filter((line) => line.startsWith("server"))).toEqual([]);
    expect(events.map(({ kind }) => kind)).toEqual(["method-failed"]);
    await pair.expectNothingLeft();
  });

  test("throws when its arguments cannot be sent, and sends nothing", async () => {
    const { desk, pair } = await open();
    const before = pair.transcript().length;
    expect(() => desk.sendRemote("echo", { deep: [() => 1] })).toThrow(JellyError);
    expect(() => desk.sendRemote("echo", { deep: [() => 1] })).toThrow("$.args[0].deep[0]");
    await pair.settled();
    expect(pair.transcript(before)).toEqual([]);
  });
});

describe("arguments and results that cannot be sent", () => {
  const rows: readonly (readonly [string, () => unknown])[] = [
    ["a function", () => () => 1],
    ["a symbol", () => Symbol("x")],
    ["a string with a lone surrogate", () => "\ud800"],
    ["an integer beyond 448 bits", () => 1n << 448n],
    ["a string beyond 640 KiB", () => new Uint8Array(655_361)],
    ["an instance of an unregistered class", () => new (class Stranger {})()],
    ["a promise", () => Promise.resolve(1)],
    ["a list that contains a reference and a function", () => [new (class Thing extends Referenceable {})(), () => 1]],
  ];

  test.each(rows)("%s as an argument rejects the call with the path to the value", async (_what, make) => {
    const { desk, pair, root } = await open();
    const before = pair.transcript().length;
    const error = (await rejection(desk.callRemote("echo", [make()]))) as JellyError;
    expect(error).toBeInstanceOf(JellyError);
    expect(error.path).toMatch(/^\$\.args\[0\]\[0\]/);
    expect(pair.transcript(before)).toEqual([]);
    await pair.expectNothingLeft();
    expect(await desk.callRemote("echo", "fine")).toBe("fine");
    expect(root.received).toEqual(["fine"]);
  });

  test.each(rows.filter(([what]) => what !== "a promise"))(
    "%s as a result rejects only that call",
    async (_what, make) => {
      const { desk, pair, root, events } = await open();
      const later = rejection(desk.callRemote("later"));
      await pair.settled();
      root.waiting[0]!([make()]);
      const error = (await later) as RemoteError;
      expect(error).toBeInstanceOf(RemoteError);
      expect(error.remoteType).toBe("builtins.ValueError");
      expect(events.map(({ kind }) => kind)).toEqual(["answer-failed"]);
      expect(pair.client.isOpen).toBe(true);
      await pair.expectNothingLeft();
    },
  );

  test("rejects the call whether the result is a promise or not", async () => {
    const { desk, pair } = await open();
    await expect(desk.callRemote("function")).rejects.toThrow("function");
    await expect(desk.callRemote("functionLater")).rejects.toThrow("function");
    await pair.expectNothingLeft();
  });
});

describe("a result that is a thenable", () => {
  test("is awaited", async () => {
    const { desk } = await open();
    expect(await desk.callRemote("thenable")).toBe("kept");
  });

  test.each(["throwingThen", "thenThatThrows"] as const)("rejects the call when it throws: %s", async (name) => {
    const { desk, pair } = await open();
    await expect(desk.callRemote(name)).rejects.toBeInstanceOf(RemoteError);
    expect(pair.server.isOpen).toBe(true);
    await pair.expectNothingLeft();
  });
});

describe("a method that closes its own connection", () => {
  test.each(["closeAndFail", "closeAndAnswer"] as const)(
    "rejects the call with ConnectionLostError: %s",
    async (name) => {
      const { desk, pair } = await open();
      const error = await rejection(desk.callRemote(name));
      expect(error).toBeInstanceOf(ConnectionLostError);
      expect(await pair.server.closed).toMatchObject({ reason: "closed" });
      await settled(); // an unhandled rejection would fail this test
    },
  );
});

test("a call rejects when its argument closes the connection while it is written", async () => {
  const { desk, pair } = await open();
  class Closer extends Copyable {
    static readonly remoteType = "closer";
    override getStateToCopyFor(): unknown {
      void pair.client.close();
      return {};
    }
  }
  await expect(desk.callRemote("echo", new Closer())).rejects.toBeInstanceOf(ConnectionLostError);
});

test("an error thrown by onEvent is an uncaught exception and does not affect the peer", async () => {
  const thrown: unknown[] = [];
  const listeners = process.listeners("uncaughtException");
  process.removeAllListeners("uncaughtException");
  process.on("uncaughtException", (error) => thrown.push(error));
  try {
    const error = new Error("onEvent failed");
    const onEvent = (): never => {
      throw error;
    };
    const { desk, pair } = await open({ onEvent });
    await expect(desk.callRemote("fault")).rejects.toThrow("a bug");
    await expect(desk.callRemote("functionLater")).rejects.toThrow("function");
    expect(pair.server.isOpen).toBe(true);
    expect(thrown).toEqual([error, error]);
    await pair.close();
    await settled();
  } finally {
    process.removeAllListeners("uncaughtException");
    for (const listener of listeners) process.on("uncaughtException", listener);
  }
});

test("idle resolves when all calls in both directions have finished", async () => {
  const { desk, root, pair } = await open();
  await pair.client.idle();
  const calls = [desk.callRemote("later"), desk.callRemote("later")];
  await pair.settled();
  const done: string[] = [];
  const idle = [pair.client.idle().then(() => done.push("client")), pair.server.idle().then(() => done.push("server"))];
  root.waiting[0]!(1);
  await pair.settled();
  expect(done).toEqual([]);
  root.waiting[1]!(2);
  await Promise.all([...calls, ...idle]);
  expect(done.sort()).toEqual(["client", "server"]);
});

test("idle ignores pings, and waits for other calls", async () => {
  const { desk, root, pair } = await open();
  pair.links.listener.hold();
  const first = pair.client.ping();
  await pair.client.idle();

  const call = desk.callRemote("later");
  let isIdle = false;
  const idle = pair.client.idle().then(() => (isIdle = true));
  pair.links.listener.release();
  await Promise.all([first, pair.client.ping()]); // their answers do not count for the call
  await pair.settled();
  expect(isIdle).toBe(false);
  root.waiting[0]!(1);
  await Promise.all([call, idle]);
});

test("idle resolves when the connection ends", async () => {
  const { desk, pair } = await open();
  const call = rejection(desk.callRemote("later"));
  await pair.settled();
  const idle = Promise.all([pair.client.idle(), pair.server.idle()]);
  await pair.close();
  await idle;
  await call;
});

describe("ping and keepAlive", () => {
  test("a ping is answered and measured, without an event", async () => {
    const { pair, events } = await open();
    expect(pair.client.latency()).toBeUndefined();
    for (const end of [pair.client, pair.server]) {
      expect(await end.ping()).toBeGreaterThanOrEqual(0);
      expect(end.latency()).toBeGreaterThanOrEqual(0);
    }
    expect(events).toEqual([]);
    await pair.expectNothingLeft();
  });

  test("a ping rejects when the connection ends", async () => {
    const { pair } = await open();
    pair.links.listener.hold();
    const ping = rejection(pair.client.ping());
    pair.links.listener.cut();
    expect(await ping).toBeInstanceOf(ConnectionLostError);
    await expect(pair.client.ping()).rejects.toBeInstanceOf(ConnectionLostError);
  });

  test("keepAlive sends six bytes, which are not answered", async () => {
    const { pair } = await open();
    const before = pair.transcript().length;
    pair.client.keepAlive();
    pair.server.keepAlive();
    await pair.settled();
    expect(pair.transcript(before).sort()).toEqual(["client: (version 6)", "server: (version 6)"]);
    expect(pair.links.listener.traffic.at(-1)?.bytes).toHaveLength(6);
    await pair.close();
    pair.client.keepAlive();
  });
});

test("statistics and drained before the connection is ready", async () => {
  const { broker } = brokerAndUnnegotiatedPeer("initiator");
  expect(broker.referencesTo(broker)).toBe(0);
  await expect(broker.drained()).rejects.toThrow(TypeError);
  expect(broker.stats()).toMatchObject({ callsWaiting: 0 });
  const { broker: ready } = await brokerAndPeer("initiator");
  expect(ready.dialect?.name).toBe("pb");
});

/** In Safari's engine, which Bun uses, stack traces end where a promise is awaited. */
const hasAsyncStacks = !("Bun" in globalThis);

describe("the error of a call", () => {
  class TestError extends PBError {
    static override readonly remoteType = "test.TestError";
  }
  class LocalError extends Error {}
  class Source extends Root {
    remote_fail(): never {
      throw new TestError("on purpose");
    }
    async remote_pass(other: RemoteReference): Promise<unknown> {
      return other.callRemote("fail");
    }
  }
  async function callByName(reference: Reference): Promise<unknown> {
    await Promise.resolve();
    return await reference.callRemote("fail");
  }
  async function callAsFunction(reference: Reference): Promise<unknown> {
    return await reference.call.fail!();
  }

  test.skipIf(!hasAsyncStacks).each([callByName, callAsFunction])(
    "has the name of the method, and a stack that contains the caller: %o",
    async (caller) => {
      const pair = await connectedPair({ root: new Source() });
      const root = await pair.client.getRootObject();
      for (const reference of [root, asLocal(new Source()) as unknown as Reference]) {
        const error = (await rejection(caller(reference))) as RemoteError;
        expect(error).toBeInstanceOf(RemoteError);
        expect(error.method).toBe("fail");
        expect(error.stack).toMatch(/^RemoteError: on purpose\n/);
        expect(error.stack).toContain(` ${caller.name} `);
        expect(error.stack).toContain("calls.test.ts");
        expect(error.stack).not.toContain("unjelly");
      }
    },
  );

  test.skipIf(!hasAsyncStacks)("has the same stack when it arrives as a class of the caller", async () => {
    const pair = await connectedPair({ root: new Source() }, { errorClasses: { "test.TestError": LocalError } });
    const error = (await rejection(callByName(await pair.client.getRootObject()))) as LocalError;
    expect(error).toBeInstanceOf(LocalError);
    expect(error.stack).toContain(" callByName ");
    expect(error.cause).toMatchObject({ method: "fail" });
  });

  test("has the method that the caller called, not one that was called on the way", async () => {
    const pair = await connectedPair({ root: new Source() });
    const root = await pair.client.getRootObject();
    const error = (await rejection(root.callRemote("pass", new Source()))) as RemoteError;
    expect([error.remoteType, error.method]).toEqual(["test.TestError", "pass"]);
  });
});
