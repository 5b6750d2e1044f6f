// Objects that the peer has cached: when their observers stop, and the limit of caches (wire specification 5.8).

import { describe, expect, test, vi } from "vitest";
import { garbageCollector } from "../../../../tools/gc/garbage-collector.js";
import { ExportedCaches } from "../../src/references/exported-caches.js";
import { DeadReferenceError, RemoteError, Root } from "@pb/broker";
import { connectedPair } from "@pb/broker/testing";
import { rejection } from "../support/raw-peer.js";
import { Stock, types, open, cacheOf, aboutCaches } from "../support/stock-shop.js";

describe("an update sent by stoppedObserving", () => {
  test("reaches the copy", async () => {
    const { root, stock, pair } = await open();
    const cache = await cacheOf(root);
    stock.onStopped = (observer) => observer.sendRemote("apples", -1);
    cache[Symbol.dispose]();
    await pair.expectNothingLeft();
    expect(cache.apples).toBe(-1);
    expect(
      aboutCaches(pair)
        .slice(-3)
        .map((line) => line.split(" ")[1]),
    ).toEqual(["(decache", "(cachemessage", "(uncache"]);
  });

  test("does not reach a copy that is made afterwards", async () => {
    const { root, stock, pair } = await open();
    const cache = await cacheOf(root);
    stock.onStopped = (observer) => {
      stock.onStopped = undefined;
      observer.sendRemote("apples", 0);
    };
    cache[Symbol.dispose]();
    const next = await cacheOf(root);
    expect(next).not.toBe(cache);
    stock.set(12);
    await pair.settled();
    expect(next.apples).toBe(12);
    next[Symbol.dispose]();
    await pair.expectNothingLeft();
  });

  test("is possible only if the peer released the copy", async () => {
    const { root, stock, pair } = await open();
    const alive: boolean[] = [];
    stock.onStopped = (observer) => alive.push(observer.isAlive);
    (await cacheOf(root))[Symbol.dispose]();
    await pair.settled();
    expect(alive).toEqual([true]);

    await rejection(root.callRemote("unsendable"));
    expect(alive).toEqual([true, false]);

    await cacheOf(root);
    await pair.close();
    expect(alive).toEqual([true, false, false]);
  });

  test("is reported to onEvent when it throws", async () => {
    const { root, stock, pair, events } = await open();
    const error = new Error("cannot send");
    stock.onStopped = () => {
      throw error;
    };
    (await cacheOf(root))[Symbol.dispose]();
    await pair.expectNothingLeft();
    expect(events).toEqual([{ kind: "callback-failed", error: error }]);
  });

  test("may close the connection, and stoppedObserving is not called again", async () => {
    const { root, stock, pair } = await open();
    stock.onStopped = () => void pair.server.close();
    (await cacheOf(root))[Symbol.dispose]();
    await pair.server.closed;
    expect(stock.stopped).toHaveLength(1);
  });
});

describe("stoppedObserving is called exactly once", () => {
  test.each(["cut", "closed by the client", "closed by the server"])("when the connection is %s", async (cause) => {
    const { root, stock, pair } = await open();
    await cacheOf(root);
    const [observer] = stock.observers;
    if (cause === "cut") pair.links.listener.cut();
    else await (cause === "closed by the client" ? pair.client : pair.server).close();
    await pair.server.closed;
    await pair.client.closed;
    expect(stock.stopped).toEqual([{ perspective: null, observer }]);
    expect(observer!.isAlive).toBe(false);
    await expect(observer!.callRemote("apples", 1)).rejects.toThrow(DeadReferenceError);
  });

  test("when the connection ends between decache and uncache", async () => {
    const { root, stock, pair } = await open();
    const cache = await cacheOf(root);
    pair.links.initiator.hold();
    cache[Symbol.dispose]();
    await pair.settled();
    pair.links.listener.cut();
    await pair.server.closed;
    expect(stock.stopped).toHaveLength(1);
  });

  test("when the message with the copy could not be sent", async () => {
    const { root, stock, pair } = await open();
    await expect(root.callRemote("unsendable")).rejects.toBeInstanceOf(RemoteError);
    expect(stock.stopped).toHaveLength(1);
    expect(stock.observers).toEqual([]);
    await pair.expectNothingLeft();
    const cache = await cacheOf(root);
    expect(cache.apples).toBe(3);
    await expect(root.callRemote("unsendable")).rejects.toBeInstanceOf(RemoteError);
    expect(pair.server.cachesOf(stock)).toBe(1);
    expect(stock.stopped).toHaveLength(1);
  });
});

test("the limit of caches equals the limit of references", async () => {
  class Maker extends Root {
    remote_make(count: number): Stock[] {
      return Array.from({ length: count }, () => new Stock(1));
    }
  }
  const pair = await connectedPair({ root: new Maker(), limits: { references: 3 } }, { types });
  const maker = await pair.client.getRootObject<Maker>();
  await expect(maker.callRemote("make", 4)).rejects.toThrow("Maximum PB cache count exceeded.");
  expect(pair.server.stats().cachesGiven).toBe(0);
  expect(await maker.callRemote("make", 3)).toHaveLength(3);
});

test("objects whose copies were all released can be collected while the connection lives", async () => {
  const collect = garbageCollector();
  const caches = new ExportedCaches();
  const references = [1, 2, 3].map((id) => {
    const source = { stoppedObserving: () => undefined };
    // Two perspectives see two copies of the third object.
    for (const [copy, perspective] of (id === 3 ? [null, {}] : [null]).entries()) {
      caches.add({ id: 10 * id + copy, source, perspective, observer: {}, count: 2 });
      for (const isLast of [false, true]) expect(caches.release(10 * id + copy) !== undefined).toBe(isLast);
      caches.forget(10 * id + copy);
    }
    return new WeakRef(source);
  });
  await vi.waitFor(() => {
    collect();
    expect(references.filter((reference) => reference.deref() !== undefined)).toHaveLength(0);
  });
  expect(caches.size).toBe(0);
});
