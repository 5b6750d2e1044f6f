// Caches of objects of the peer: their handles, their release, and messages that cross in flight (wire specification
// 5.8).

import { beforeAll, describe, expect, onTestFinished, test, vi } from "vitest";
import { DeadReferenceError } from "@pb/broker";
import { JellyError, Tuple } from "@pb/jelly-types";
import { garbageCollector } from "../../../../tools/gc/garbage-collector.js";
import { ImportedCaches } from "../../src/references/imported-caches.js";
import { brokerAndPeer, rejection, settled } from "../support/raw-peer.js";
import { StockCopy, types, open, cacheOf } from "../support/stock-shop.js";

beforeAll(() => void garbageCollector());

test("a cache that was released arrives as a new object with a new id", async () => {
  const { root, stock, pair } = await open();
  const first = await cacheOf(root);
  first[Symbol.dispose]();
  await pair.settled();
  const second = await cacheOf(root);
  expect(second).not.toBe(first);
  stock.set(9);
  await pair.settled();
  expect([first.apples, second.apples]).toEqual([3, 9]);
  second[Symbol.dispose]();
  await pair.expectNothingLeft();
  expect(stock.stopped).toHaveLength(2);
});

test("a cache is released when the program dropped it, and not before", async () => {
  const { root, stock, pair } = await open();
  const holder = { cache: (await cacheOf(root)) as StockCopy | undefined };
  await cacheOf(root);
  for (let turn = 0; turn < 3; turn++) {
    (globalThis as { gc?: () => void }).gc?.();
    await pair.settled();
  }
  expect(pair.server.stats().cachesGiven).toBe(1);
  stock.set(8);
  await pair.settled();
  expect(holder.cache?.apples).toBe(8);
  holder.cache = undefined;
  await pair.expectNothingLeft();
  expect(stock.stopped).toHaveLength(1);
});

describe("messages that cross in flight", () => {
  test("an update that crosses a decache is applied, without any event", async () => {
    const { root, stock, pair, events } = await open();
    const cache = await cacheOf(root);
    pair.links.listener.hold();
    cache[Symbol.dispose]();
    const answer = stock.observers[0]!.callRemote("apples", 10);
    await pair.settled();
    pair.links.listener.release();
    expect(await answer).toBe(10);
    expect(cache.apples).toBe(10);
    expect(events).toEqual([]);
    await pair.expectNothingLeft();
  });

  test("a cache that is sent again while its decache is in flight keeps its id and its observer", async () => {
    const { root, stock, pair } = await open();
    const first = await cacheOf(root);
    pair.links.initiator.hold();
    const again = cacheOf(root);
    await pair.settled();
    first[Symbol.dispose]();
    await pair.settled();
    pair.links.initiator.release();
    const second = await again;
    expect(second).not.toBe(first);
    stock.set(11);
    await pair.settled();
    expect(second.apples).toBe(11);
    expect(stock.stopped).toEqual([]);
    expect(await root.callRemote("isStock", second)).toBe(true);
    second[Symbol.dispose]();
    await pair.expectNothingLeft();
  });

  test("an update after the uncache rejects with DeadReferenceError", async () => {
    const { root, stock, pair } = await open();
    const observer = (await cacheOf(root), stock.observers[0]!);
    (await cacheOf(root))[Symbol.dispose]();
    await pair.settled();
    expect(observer.isAlive).toBe(false);
    await expect(observer.callRemote("apples", 1)).rejects.toThrow(DeadReferenceError);
    expect(() => observer.sendRemote("apples", 1)).toThrow(DeadReferenceError);
  });

  test("a cache that is returned and then released arrives at its owner", async () => {
    const { root, pair } = await open();
    const cache = await cacheOf(root);
    const home = root.callRemote("isStock", cache);
    cache[Symbol.dispose]();
    expect(await home).toBe(true);
    await pair.expectNothingLeft();
  });
});

describe("the handle of a cache", () => {
  test("has the methods, accessors, private fields and prototype of the cache", async () => {
    const { root } = await open();
    const cache = await cacheOf(root);
    expect(cache.own()).toBe(cache);
    cache.apples = 100;
    expect(cache.own().apples).toBe(100);
    expect(Object.keys(cache)).toEqual(["apples", "seenBy"]);
    expect("apples" in cache).toBe(true);
    expect(cache.constructor).toBe(StockCopy);
    expect(Object.getPrototypeOf(cache)).toBe(StockCopy.prototype);
    expect(JSON.stringify(cache)).toBe('{"apples":100,"seenBy":null}');
  });

  test("can be returned by an update, where `this` is the cache itself", async () => {
    const { root, stock } = await open();
    const cache = await cacheOf(root);
    expect(await stock.observers[0]!.callRemote("self")).toBe(stock);
    expect(await root.callRemote("isStock", cache)).toBe(true);
  });

  test("can be released twice, and cannot be sent afterwards", async () => {
    const { root, pair } = await open();
    const cache = await cacheOf(root);
    cache[Symbol.dispose]();
    cache[Symbol.dispose]();
    await expect(root.callRemote("isStock", cache)).rejects.toBeInstanceOf(JellyError);
    await pair.expectNothingLeft();
  });

  test("cannot be sent to another peer, nor can a cache that was not received", async () => {
    const [one, other] = [await open(), await open()];
    const cache = await cacheOf(one.root);
    await expect(other.root.callRemote("take", cache)).rejects.toBeInstanceOf(JellyError);
    await expect(other.root.callRemote("take", new StockCopy())).rejects.toBeInstanceOf(JellyError);
  });
});

test("an answer with a duplicate or an unknown cache rejects only its own call", async () => {
  const { peer, broker } = await brokerAndPeer("initiator", { types });
  const root = await broker.getRootObject();
  const calls = ["a", "b", "c"].map((name) => rejection(root.callRemote(name)));
  const good = root.callRemote("d");
  await settled();
  await peer.send("(answer 4 (shop.Stock 5 (dictionary)))", "(answer 1 (shop.Stock 5 (dictionary)))");
  await peer.send("(answer 2 (cached 6))", "(answer 3 (shop.Stock (dictionary)))");
  expect(await good).toBeInstanceOf(StockCopy);
  for (const call of calls) expect(await call).toBeInstanceOf(Error);
  expect(broker.stats().cachesHeld).toBe(1);
  expect(Tuple).toBeDefined();
});

describe("searches for cycles", () => {
  /** A table with a cache that mentions others. `searches` counts the searches that were scheduled. */
  function table() {
    const caches = new ImportedCaches<object>(() => undefined);
    let id = 0;
    const add = (): { id: number; handle: object } => ({ id: ++id, handle: caches.add(id, {}) });
    const schedule = vi.spyOn(globalThis, "queueMicrotask");
    onTestFinished(() => schedule.mockRestore());
    const hub = add();
    const mention = (count: number): object[] =>
      Array.from({ length: count }, () => {
        const { handle } = add();
        caches.mention(hub.handle, handle);
        return handle;
      });
    return { caches, hub, add, mention, searches: () => schedule.mock.calls.length };
  }

  test("wait until one of 64 mentions is new, and are scheduled once", async () => {
    const { mention, searches } = table();
    mention(640);
    expect(searches()).toBe(1);
    await settled();
    for (let one = 0; one < 10; one++) {
      mention(1);
      await settled();
    }
    expect(searches()).toBe(1);
    mention(1);
    await settled();
    expect(searches()).toBe(2);
    mention(11);
    expect(searches(), "the new mentions are counted from the last search").toBe(3);
  });

  test("do not wait because of mentions in caches that the peer has forgotten", async () => {
    const { caches, hub, add, mention, searches } = table();
    mention(640);
    await settled();
    caches.forget(hub.id);
    caches.mention(add().handle, add().handle);
    expect(searches()).toBe(2);
  });

  test("do not wait because of mentioned caches that do not exist anymore", async () => {
    const { caches, hub, add, searches } = table();
    for (let one = 0; one < 640; one++) {
      const { id, handle } = add();
      caches.mention(hub.handle, handle);
      caches.forget(id);
    }
    await settled();
    const before = searches();
    caches.mention(add().handle, add().handle);
    expect(searches()).toBe(before + 1);
  });

  test("count a mention once, and only of caches of the connection", async () => {
    const { caches, hub, mention, searches } = table();
    const [known] = mention(128);
    await settled();
    for (let round = 0; round < 10; round++) {
      for (const value of [known, {}, null, 5, undefined]) caches.mention(hub.handle, value);
      caches.mention({}, known);
    }
    expect(searches()).toBe(1);
    mention(3);
    expect(searches()).toBe(2);
  });
});
