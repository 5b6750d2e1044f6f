// Outgoing calls: their order, their answers, calls without an answer, values that cannot be sent, and errors.

import { getEventListeners } from "node:events";
import { beforeAll, describe, expect, test } from "vitest";
import { asLocal, ConnectionLostError, Copyable, PBError, Referenceable, RemoteError, Root } from "@pb/broker";
import type { Reference, RemoteReference } from "@pb/broker";
import { JellyError } from "@pb/jelly-types";
import { connectedPair } from "@pb/broker/testing";
import { garbageCollector } from "../../../../tools/gc/garbage-collector.js";
import { rejection } from "../support/raw-peer.js";
import { open } from "../support/desk.js";

beforeAll(() => void garbageCollector());

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

describe("a call without an answer", () => {
  test("gets no answer, not even for an error", async () => {
    const { desk, pair, events } = await open();
    const before = pair.transcript().length;
    desk.sendRemote("echo", 1);
    desk.sendRemote("nothing" as "echo", 1); // a mistake of the caller, of which only the callee knows
    desk.sendRemote("function");
    desk.sendRemote("fault");
    await pair.settled();
    expect(pair.transcript(before).filter((line) => line.startsWith("server"))).toEqual([]);
    expect(events.map(({ kind }) => kind)).toEqual(["method-failed", "method-failed"]);
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
        expect(error.stack).toContain("caller.test.ts");
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

describe("a call with a signal and a timeout leaves no listener on the signal", () => {
  /** A desk, and a signal to which each call adds a listener until it has ended. */
  async function openWithSignal() {
    const controller = new AbortController();
    const { desk, root, pair } = await open();
    return { controller, root, pair, caller: desk.with({ signal: controller.signal, timeoutMs: 60_000 }) };
  }
  const listenersOf = ({ signal }: AbortController): number => getEventListeners(signal, "abort").length;

  test("after its answer, its error, or arguments that cannot be sent", async () => {
    const { controller, caller, pair } = await openWithSignal();
    for (let time = 0; time < 20; time++) {
      const answer = caller.callRemote("echo", time);
      expect(listenersOf(controller)).toBe(1);
      expect(await answer).toBe(time);
      expect(listenersOf(controller)).toBe(0);
      expect(await rejection(caller.callRemote("fault"))).toBeInstanceOf(RemoteError);
      expect(listenersOf(controller)).toBe(0);
      expect(await rejection(caller.callRemote("echo", () => 1))).toBeInstanceOf(JellyError);
      expect(listenersOf(controller)).toBe(0);
    }
    await pair.close();
  });

  test("after the signal has aborted, or the connection has ended", async () => {
    const { controller, caller, pair, root } = await openWithSignal();
    const aborted = Promise.all([1, 2, 3].map(() => rejection(caller.callRemote("later"))));
    expect(listenersOf(controller)).toBe(3);
    controller.abort(new Error("enough"));
    expect(await aborted).toEqual([1, 2, 3].map(() => new Error("enough")));
    expect(listenersOf(controller)).toBe(0);
    await pair.settled();
    for (const answer of root.waiting) answer(1);
    await pair.close();
    const other = await openWithSignal();
    const lost = Promise.all([1, 2, 3].map(() => rejection(other.caller.callRemote("later"))));
    expect(listenersOf(other.controller)).toBe(3);
    await other.pair.close();
    for (const error of await lost) expect(error).toBeInstanceOf(ConnectionLostError);
    expect(listenersOf(other.controller)).toBe(0);
  });
});
