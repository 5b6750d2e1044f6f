// Calls: giving up on them, not wanting an answer, answers in any order, and a program that does odd things while it is called.

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
import { garbageCollector } from "../../../../tools/gc/garbage-collector.js";
import { brokerAndPeer, brokerAndStranger, rejection, settled } from "../support/raw-peer.js";

beforeAll(() => void garbageCollector());

class Desk extends Root {
  readonly waiting: ((value: unknown) => void)[] = [];
  readonly heard: unknown[] = [];
  broker: Broker | undefined;

  remote_echo(value: unknown): unknown {
    this.heard.push(value);
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
        throw new RangeError("no, thanks");
      },
    };
  }

  remote_thenThatThrows(): unknown {
    return {
      then(): never {
        throw new RangeError("no, thanks");
      },
    };
  }

  async remote_closeAndFail(): Promise<never> {
    void this.broker?.close();
    throw new Error("too late to tell");
  }

  remote_closeAndAnswer(): string {
    void this.broker?.close();
    return "too late to tell";
  }

  remote_fault(): never {
    throw new Error("a fault");
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

test("answers come in any order", async () => {
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

test("calls are heard in the order they were made", async () => {
  const { desk, root, pair } = await open();
  for (let index = 0; index < 100; index++) {
    if (index % 2 === 0) desk.sendRemote("echo", index);
    else void desk.callRemote("echo", index);
  }
  await pair.settled();
  expect(root.heard).toEqual(Array.from({ length: 100 }, (_, index) => index));
  await pair.expectNothingLeft();
});

test("a thousand calls of one turn leave in one piece, and each gets its answer", async () => {
  const { desk, pair } = await open();
  const before = pair.links.listener.traffic.length;
  const answers = Array.from({ length: 1000 }, (_, index) => desk.callRemote("echo", index));
  await Promise.resolve();
  expect(pair.links.listener.traffic.length - before).toBeLessThanOrEqual(1);
  expect(await Promise.all(answers)).toEqual(Array.from({ length: 1000 }, (_, index) => index));
  await pair.expectNothingLeft();
});

describe("giving up", () => {
  test("after a time: rejects, the method runs all the same, the late answer is taken", async () => {
    const { desk, root, pair } = await open();
    const error = await rejection(desk.with({ timeoutMs: 5 }).callRemote("later"));
    expect(error).toBeInstanceOf(CallTimeoutError);
    expect((error as Error).message).toBe("later was not answered within 5 ms");
    expect(pair.client.stats().callsWaiting).toBe(1);
    root.waiting[0]!("late");
    await pair.expectNothingLeft();
    expect(await desk.callRemote("echo", "fine")).toBe("fine");
  });

  test("on a late error too", async () => {
    const { desk, pair, root } = await open();
    await rejection(desk.with({ timeoutMs: 5 }).callRemote("later"));
    root.waiting[0]!(Promise.reject(new Error("late")));
    await pair.expectNothingLeft();
    expect(pair.client.isOpen).toBe(true);
  });

  test("by a signal: rejects with its reason", async () => {
    const { desk, pair, root } = await open();
    const controller = new AbortController();
    const call = rejection(desk.with({ signal: controller.signal }).callRemote("later"));
    await pair.settled();
    const reason = new Error("changed my mind");
    controller.abort(reason);
    expect(await call).toBe(reason);
    root.waiting[0]!("late");
    await pair.expectNothingLeft();
  });

  test("by a signal that was given before: nothing is sent", async () => {
    const { desk, pair } = await open();
    const before = pair.transcript().length;
    const reason = new Error("never mind");
    expect(await rejection(desk.with({ signal: AbortSignal.abort(reason) }).callRemote("echo", 1))).toBe(reason);
    expect(pair.transcript(before)).toEqual([]);
    await pair.expectNothingLeft();
  });

  test("by a signal that is given while the arguments are written: rejects with its reason", async () => {
    const { desk, pair, root } = await open();
    const controller = new AbortController();
    const reason = new Error("looked too closely");
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

  test("does not happen when the answer comes first", async () => {
    const { desk, pair } = await open();
    const controller = new AbortController();
    const how = { signal: controller.signal, timeoutMs: 60_000 };
    expect(await desk.with(how).callRemote("echo", 1)).toBe(1);
    controller.abort();
    expect(await desk.with({}).callRemote("echo", 2)).toBe(2);
    await pair.expectNothingLeft();
  });

  test.each([Infinity, 2 ** 31, 1e12])("does not happen at once after %s milliseconds", async (timeoutMs) => {
    const { desk, root, pair } = await open();
    const call = desk.with({ timeoutMs }).callRemote("later");
    await pair.settled();
    await new Promise((resolve) => setTimeout(resolve, 20));
    root.waiting[0]!("in time");
    expect(await call).toBe("in time");
  });

  test("on a dialect can be switched off", async () => {
    const { peer, broker } = brokerAndStranger("listener", { limits: { negotiationMs: Infinity } });
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(broker.isOpen).toBe(true);
    await peer.say("pb");
    await broker.ready;
  });
});

describe("a call that wants no answer", () => {
  test("gets none, not even of its failure", async () => {
    const { desk, pair, events } = await open();
    const before = pair.transcript().length;
    desk.sendRemote("echo", 1);
    desk.sendRemote("nothing" as "echo", 1); // a mistake of the peer's: nothing to report
    desk.sendRemote("function");
    desk.sendRemote("fault");
    await pair.settled();
    expect(pair.transcript(before).filter((line) => line.startsWith("server"))).toEqual([]);
    expect(events.map(({ kind }) => kind)).toEqual(["method-failed"]);
    await pair.expectNothingLeft();
  });

  test("throws when its arguments cannot travel, and sends nothing", async () => {
    const { desk, pair } = await open();
    const before = pair.transcript().length;
    expect(() => desk.sendRemote("echo", { deep: [() => 1] })).toThrow(JellyError);
    expect(() => desk.sendRemote("echo", { deep: [() => 1] })).toThrow("$.args[0].deep[0]");
    await pair.settled();
    expect(pair.transcript(before)).toEqual([]);
  });
});

describe("arguments and results that cannot travel", () => {
  const rows: readonly (readonly [string, () => unknown])[] = [
    ["a function", () => () => 1],
    ["a symbol", () => Symbol("x")],
    ["text with half a character", () => "\ud800"],
    ["an integer beyond 448 bits", () => 1n << 448n],
    ["a string beyond 640 KiB", () => new Uint8Array(655_361)],
    ["an instance of a class that nobody registered", () => new (class Stranger {})()],
    ["a promise", () => Promise.resolve(1)],
    ["a reference inside something that cannot", () => [new (class Thing extends Referenceable {})(), () => 1]],
  ];

  test.each(rows)("%s as an argument rejects that call, and says where", async (_what, make) => {
    const { desk, pair, root } = await open();
    const before = pair.transcript().length;
    const error = (await rejection(desk.callRemote("echo", [make()]))) as JellyError;
    expect(error).toBeInstanceOf(JellyError);
    expect(error.path).toMatch(/^\$\.args\[0\]\[0\]/);
    expect(pair.transcript(before)).toEqual([]);
    await pair.expectNothingLeft();
    expect(await desk.callRemote("echo", "fine")).toBe("fine");
    expect(root.heard).toEqual(["fine"]);
  });

  test.each(rows.filter(([what]) => what !== "a promise"))(
    "%s as a result is an error of that call, sooner or later",
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

  test("a result at once is the same", async () => {
    const { desk, pair } = await open();
    await expect(desk.callRemote("function")).rejects.toThrow("function");
    await expect(desk.callRemote("functionLater")).rejects.toThrow("function");
    await pair.expectNothingLeft();
  });
});

describe("a method's result that is a promise in its own way", () => {
  test("is waited for", async () => {
    const { desk } = await open();
    expect(await desk.callRemote("thenable")).toBe("kept");
  });

  test.each(["throwingThen", "thenThatThrows"] as const)("is an error when it throws: %s", async (name) => {
    const { desk, pair } = await open();
    await expect(desk.callRemote(name)).rejects.toBeInstanceOf(RemoteError);
    expect(pair.server.isOpen).toBe(true);
    await pair.expectNothingLeft();
  });
});

describe("a method that closes its own connection", () => {
  test.each(["closeAndFail", "closeAndAnswer"] as const)("ends in peace: %s", async (name) => {
    const { desk, pair } = await open();
    const error = await rejection(desk.callRemote(name));
    expect(error).toBeInstanceOf(ConnectionLostError);
    expect(await pair.server.closed).toMatchObject({ reason: "closed" });
    await settled(); // an unhandled rejection would fail this test
  });
});

test("a call whose argument closes the connection while it is written rejects", async () => {
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

test("a watcher that throws is not the peer's fault", async () => {
  const thrown: unknown[] = [];
  const listeners = process.listeners("uncaughtException");
  process.removeAllListeners("uncaughtException");
  process.on("uncaughtException", (error) => thrown.push(error));
  try {
    const trouble = new Error("the log is full");
    const onEvent = (): never => {
      throw trouble;
    };
    const { desk, pair } = await open({ onEvent });
    await expect(desk.callRemote("fault")).rejects.toThrow("a fault");
    await expect(desk.callRemote("functionLater")).rejects.toThrow("function");
    expect(pair.server.isOpen).toBe(true);
    expect(thrown).toEqual([trouble, trouble]);
    await pair.close();
    await settled();
  } finally {
    process.removeAllListeners("uncaughtException");
    for (const listener of listeners) process.on("uncaughtException", listener);
  }
});

test("idle resolves when neither end has work left", async () => {
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

test("idle does not wait for pings, and waits for the calls beside them", async () => {
  const { desk, root, pair } = await open();
  pair.links.listener.hold();
  const first = pair.client.ping();
  await pair.client.idle();

  const call = desk.callRemote("later");
  let isIdle = false;
  const idle = pair.client.idle().then(() => (isIdle = true));
  pair.links.listener.release();
  await Promise.all([first, pair.client.ping()]); // their answers leave the call alone
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

describe("signs of life", () => {
  test("a ping is answered, counted, and told to nobody", async () => {
    const { pair, events } = await open();
    expect(pair.client.latency()).toBeUndefined();
    for (const end of [pair.client, pair.server]) {
      expect(await end.ping()).toBeGreaterThanOrEqual(0);
      expect(end.latency()).toBeGreaterThanOrEqual(0);
    }
    expect(events).toEqual([]);
    await pair.expectNothingLeft();
  });

  test("a ping rejects when the connection is over", async () => {
    const { pair } = await open();
    pair.links.listener.hold();
    const ping = rejection(pair.client.ping());
    pair.links.listener.cut();
    expect(await ping).toBeInstanceOf(ConnectionLostError);
    await expect(pair.client.ping()).rejects.toBeInstanceOf(ConnectionLostError);
  });

  test("keepAlive is six bytes that nobody answers", async () => {
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

test("a peer that is not ready cannot be called yet", async () => {
  const { broker } = brokerAndStranger("initiator");
  expect(broker.referencesTo(broker)).toBe(0);
  await expect(broker.drained()).rejects.toThrow(TypeError);
  expect(broker.stats()).toMatchObject({ callsWaiting: 0 });
  const { broker: ready } = await brokerAndPeer("initiator");
  expect(ready.dialect?.name).toBe("pb");
});

/** Stacks of Safari's engine, which is Bun's, end where a promise is awaited. */
const tracesAwaits = !("Bun" in globalThis);

describe("the error of a call", () => {
  class Trouble extends PBError {
    static override readonly remoteType = "test.Trouble";
  }
  class Troubled extends Error {}
  class Source extends Root {
    remote_fail(): never {
      throw new Trouble("on purpose");
    }
    async remote_pass(other: RemoteReference): Promise<unknown> {
      return other.callRemote("fail");
    }
  }
  async function findMe(reference: Reference): Promise<unknown> {
    await Promise.resolve();
    return await reference.callRemote("fail");
  }
  async function findMeToo(reference: Reference): Promise<unknown> {
    return await reference.call.fail!();
  }

  test.skipIf(!tracesAwaits).each([findMe, findMeToo])(
    "names the method, and in its stack who called it: %o",
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

  test.skipIf(!tracesAwaits)("says so, too, as a class of the caller's", async () => {
    const pair = await connectedPair({ root: new Source() }, { errorClasses: { "test.Trouble": Troubled } });
    const error = (await rejection(findMe(await pair.client.getRootObject()))) as Troubled;
    expect(error).toBeInstanceOf(Troubled);
    expect(error.stack).toContain(" findMe ");
    expect(error.cause).toMatchObject({ method: "fail" });
  });

  test("is the call that failed, not those on the way", async () => {
    const pair = await connectedPair({ root: new Source() });
    const root = await pair.client.getRootObject();
    const error = (await rejection(root.callRemote("pass", new Source()))) as RemoteError;
    expect([error.remoteType, error.method]).toEqual(["test.Trouble", "pass"]);
  });
});
