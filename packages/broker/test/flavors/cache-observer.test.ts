// What an observer tells of its connection: when the next message is written, and how much is queued.

import { describe, expect, test } from "vitest";
import { DeadReferenceError } from "@pb/broker";
import { sourceChanges } from "@pb/broker/extension";
import type { MessageSource } from "@pb/broker/extension";
import { cacheOf, open } from "../support/stock-shop.js";

describe("a callback before the next message", () => {
  test("runs once, and its updates arrive before the answer", async () => {
    const { root, stock, pair } = await open();
    const cache = await cacheOf(root);
    let runs = 0;
    stock.observers[0]!.beforeNextMessage(() => {
      runs++;
      stock.set(9);
    });
    await pair.settled();
    expect([runs, cache.apples]).toEqual([0, 3]); // No message was written.
    expect(await root.callRemote("isStock", cache).then(() => cache.apples)).toBe(9);
    await root.callRemote("isStock", cache);
    expect(runs).toBe(1);
  });

  test("runs before calls of this end, also before one that it adds a callback in", async () => {
    const { root, stock, pair } = await open();
    const cache = await cacheOf(root);
    const [observer] = stock.observers;
    const runs: string[] = [];
    observer!.beforeNextMessage(() => {
      runs.push("first");
      observer!.beforeNextMessage(() => runs.push("second"));
    });
    observer!.sendRemote("apples", 1);
    expect(runs).toEqual(["first"]);
    observer!.sendRemote("apples", 2);
    expect(runs).toEqual(["first", "second"]);
    await pair.settled();
    expect(cache.apples).toBe(2);
  });

  test("may throw: that is reported, and the message is sent", async () => {
    const { root, stock, pair, events } = await open();
    const cache = await cacheOf(root);
    stock.observers[0]!.beforeNextMessage(() => {
      throw new RangeError("mine");
    });
    stock.set(5);
    await pair.settled();
    expect(cache.apples).toBe(5);
    expect(events).toEqual([{ kind: "callback-failed", error: expect.any(RangeError) }]);
  });

  test("does not run when the connection has ended", async () => {
    const { root, stock, pair } = await open();
    await cacheOf(root);
    const [observer] = stock.observers;
    let runs = 0;
    observer!.beforeNextMessage(() => runs++);
    await pair.close();
    observer!.beforeNextMessage(() => runs++);
    expect(() => observer!.sendRemote("apples", 1)).toThrow(DeadReferenceError);
    expect(runs).toBe(0);
  });
});

test("an observer tells how much is queued, and when it has been sent", async () => {
  const { root, stock, pair } = await open();
  await cacheOf(root);
  const [observer] = stock.observers;
  await observer!.drained();
  expect(observer!.queuedBytes).toBe(0);
  pair.links.initiator.hold();
  stock.set(7);
  expect(observer!.queuedBytes).toBeGreaterThan(10);
  let isDrained = false;
  const drained = observer!.drained().then(() => (isDrained = true));
  await pair.settled();
  expect(isDrained).toBe(false);
  pair.links.initiator.release();
  await drained;
  expect(observer!.queuedBytes).toBe(0);
  await pair.close();
  await expect(observer!.drained()).rejects.toMatchObject({ code: "CONNECTION_LOST" });
});

describe("a source of messages", () => {
  test("is asked before the next message after changes, and flushed if it is behind", async () => {
    const { root, stock, pair, events } = await open();
    const cache = await cacheOf(root);
    const [observer] = stock.observers;
    const runs: string[] = [];
    const source = {
      isBehind: false,
      flush: (): void => {
        source.isBehind = false;
        runs.push("flushed");
        stock.set(9);
      },
    };
    const other = {
      isBehind: false,
      flush: (): void => {
        other.isBehind = false;
        throw new RangeError("mine");
      },
    };
    observer!.addSource(source);
    observer!.addSource(other);
    expect(await root.callRemote("isStock", cache).then(() => runs)).toEqual([]);
    source.isBehind = other.isBehind = true;
    sourceChanges.count++;
    expect(await root.callRemote("isStock", cache).then(() => cache.apples)).toBe(9);
    expect([runs, events]).toEqual([["flushed"], [{ kind: "callback-failed", error: expect.any(RangeError) }]]);
    source.isBehind = other.isBehind = true;
    sourceChanges.count++;
    observer!.removeSource(source);
    observer!.removeSource(other);
    await root.callRemote("isStock", cache);
    expect(runs).toEqual(["flushed"]);
    await pair.close();
  });

  test("is not asked before each of many messages, and not within the flush of another one", async () => {
    const { root, stock, pair } = await open();
    const cache = await cacheOf(root);
    const [observer] = stock.observers;
    let asked = 0;
    const sourceOf = (): MessageSource => ({
      get isBehind() {
        asked++;
        return true;
      },
      flush: () => stock.set(asked),
    });
    observer!.addSource(sourceOf());
    observer!.addSource(sourceOf());
    for (let calls = 10; calls > 0; calls--) await root.callRemote("isStock", cache);
    expect(asked).toBe(2);
    sourceChanges.count++;
    await root.callRemote("isStock", cache);
    expect(asked).toBe(4);
    await pair.close();
  });
});
