// Objects that are copied once and then kept up to date, from the first copy to its release (wire specification 5.8).

import { describe, expect, test } from "vitest";
import { Cacheable, Copyable, remoteCache, RemoteCache, Root } from "@pb/broker";
import type { Perspective, RemoteReference, CacheObserver, RemoteError } from "@pb/broker";
import { TypeRegistry } from "@pb/jelly-types";
import { connectedPair } from "@pb/broker/testing";
import { rejection } from "../support/raw-peer.js";
import { Stock, StockCopy, Shop, types, open, cacheOf, aboutCaches } from "../support/stock-shop.js";
import type { Shopper, NamedAvatar } from "../support/stock-shop.js";

describe.each([
  ["in one piece", undefined],
  ["byte by byte", 1],
])("a cache, delivered %s,", (_how, chunkBytes) => {
  test("arrives with its state, applies every update, returns to its owner as the object itself, and is released", async () => {
    const { root, stock, pair } = await open(chunkBytes);
    const cache = await cacheOf(root);
    expect(cache).toBeInstanceOf(StockCopy);
    expect(cache.apples).toBe(3);
    stock.set(4);
    stock.set(5);
    await pair.settled();
    expect(cache.apples).toBe(5);
    expect(await stock.observers[0]!.callRemote("apples", 6)).toBe(6);
    expect(await root.callRemote("isStock", cache)).toBe(true);
    expect(pair.server.cachesOf(stock)).toBe(1);

    cache[Symbol.dispose]();
    await pair.settled();
    expect(stock.stopped).toHaveLength(1);
    expect(stock.observers).toEqual([]);
    await pair.expectNothingLeft();
    stock.set(7);
    await pair.settled();
    expect(cache.apples).toBe(6);
    expect(aboutCaches(pair).slice(-2)).toEqual(["client: (decache 1)", "server: (uncache 1)"]);
  });

  test("is one object however often it arrives, and every arrival is released", async () => {
    const { root, stock, pair } = await open(chunkBytes);
    const [one, two] = (await root.callRemote("twice")) as StockCopy[];
    expect(pair.server.cachesOf(stock)).toBe(1); // sent once in full, and once as a back-reference
    const [three, four] = (await root.callRemote("twice")) as StockCopy[];
    const five = await cacheOf(root);
    expect(new Set([one, two, three, four, five]).size).toBe(1);
    expect(pair.server.cachesOf(stock)).toBe(4);
    expect(stock.observers).toHaveLength(1);
    five[Symbol.dispose]();
    await pair.settled();
    expect(aboutCaches(pair).filter((line) => line === "client: (decache 1)")).toHaveLength(4);
    expect(stock.stopped).toHaveLength(1);
    await pair.expectNothingLeft();
  });
});

describe("a cache for two perspectives of one connection", () => {
  test("has a state and an observer for each perspective", async () => {
    const { root, stock, pair } = await open();
    const alice = (await root.callRemote("login", "alice")) as RemoteReference<Shopper>;
    const bob = (await root.callRemote("login", "bob")) as RemoteReference<Shopper>;
    const [aliceCache, bobCache, anonymous] = [
      await alice.callRemote("stock"),
      await bob.callRemote("stock"),
      await cacheOf(root),
    ];
    expect([aliceCache.seenBy, bobCache.seenBy, anonymous.seenBy]).toEqual(["alice", "bob", null]);
    expect(new Set([aliceCache, bobCache, anonymous]).size).toBe(3);
    stock.set(20);
    await pair.settled();
    expect([aliceCache.apples, bobCache.apples, anonymous.apples]).toEqual([20, 20, 20]);
    for (const cache of [aliceCache, bobCache, anonymous]) {
      expect(await alice.callRemote("isStock", cache)).toBe(true);
      expect(await root.callRemote("isStock", cache)).toBe(true);
    }
    aliceCache[Symbol.dispose]();
    await pair.settled();
    expect(stock.stopped.map(({ perspective }) => (perspective as NamedAvatar).name)).toEqual(["alice"]);
    bobCache[Symbol.dispose]();
    anonymous[Symbol.dispose]();
    alice[Symbol.dispose]();
    bob[Symbol.dispose]();
    await pair.expectNothingLeft();
  });
});

describe("the state of a cache", () => {
  class Ring extends Cacheable {
    static readonly remoteType: string = "shop.Stock";
    constructor(readonly state: (ring: Ring) => unknown) {
      super();
    }
    getStateToCacheAndObserveFor(): unknown {
      return this.state(this);
    }
  }

  test.each([
    ["directly", (ring: Ring) => ({ self: ring })],
    ["in a list", (ring: Ring) => ({ self: [ring] })],
  ])("may refer to its own object %s", async (_how, state) => {
    class RingShop extends Root {
      remote_ring(): Ring {
        return new Ring(state);
      }
    }
    const pair = await connectedPair({ root: new RingShop() }, { types });
    const cache = (await (await pair.client.getRootObject()).callRemote("ring")) as StockCopy;
    expect(Array.isArray(cache.self) ? cache.self[0] : cache.self).toBe(cache);
    cache[Symbol.dispose]();
    await pair.expectNothingLeft();
  });

  test("releases the cache when setCopyableState throws, so that it can be sent again", async () => {
    let rejects = true;
    class RejectingCopy extends RemoteCache {
      override setCopyableState(state: unknown): void {
        if (rejects) throw new RangeError("not this one");
        super.setCopyableState(state);
      }
    }
    const shop = new Shop();
    const rejectingTypes = new TypeRegistry().register(remoteCache("shop.Stock", RejectingCopy));
    const pair = await connectedPair({ root: shop }, { types: rejectingTypes });
    const root = await pair.client.getRootObject();
    await expect(root.callRemote("stock")).rejects.toThrow("not this one");
    await pair.expectNothingLeft();
    expect(shop.stock.stopped).toHaveLength(1);
    rejects = false;
    expect(await root.callRemote("stock")).toBeInstanceOf(RejectingCopy);
  });

  test("may contain a copy and a reference", async () => {
    class Label extends Copyable {
      static readonly remoteType = "shop.Label";
      text = "apples";
    }
    class Label2 {}
    class LabelledShop extends Root {
      remote_ring(): Ring {
        return new Ring(() => ({ label: new Label(), shop: this }));
      }
      remote_ping(): string {
        return "pong";
      }
    }
    const labelled = new TypeRegistry(types).registerCopy("shop.Label", Label2);
    const pair = await connectedPair({ root: new LabelledShop() }, { types: labelled });
    const cache = (await (await pair.client.getRootObject()).callRemote("ring")) as StockCopy & {
      label: Label;
      shop: RemoteReference;
    };
    expect(cache.label.text).toBe("apples");
    expect(await cache.shop.callRemote("ping")).toBe("pong");
    cache.shop[Symbol.dispose]();
    cache[Symbol.dispose]();
    await pair.expectNothingLeft();
  });
});

describe("an update", () => {
  test("rejects with the error of the observe_ method", async () => {
    const { root, stock, events, pair } = await open();
    await cacheOf(root);
    const error = (await rejection(stock.observers[0]!.callRemote("fail"))) as RemoteError;
    expect(error).toMatchObject({ remoteType: "builtins.ValueError", message: "(message withheld)" });
    expect(await rejection(stock.observers[0]!.callRemote("nothing"))).toMatchObject({
      remoteType: "builtins.AttributeError",
    });
    expect(events.every(({ kind }) => kind === "method-failed")).toBe(true);
    expect(pair.client.isOpen).toBe(true);
  });

  test("cannot call other methods of the copy", async () => {
    const { root, stock } = await open();
    await cacheOf(root);
    for (const name of ["own", "constructor", "__proto__", "setCopyableState", "updates"]) {
      await expect(stock.observers[0]!.callRemote(name)).rejects.toThrow(`No such method: observe_${name}`);
    }
  });

  test("sent by getStateToCacheAndObserveFor arrives after the state", async () => {
    class EarlyUpdate extends Stock {
      override getStateToCacheAndObserveFor(perspective: Perspective, observer: CacheObserver): unknown {
        const state = super.getStateToCacheAndObserveFor(perspective, observer);
        observer.sendRemote("apples", 30);
        return state;
      }
    }
    class EarlyUpdateShop extends Root {
      readonly stock = new EarlyUpdate(3);
      remote_stock(): Stock {
        return this.stock;
      }
    }
    const pair = await connectedPair({ root: new EarlyUpdateShop() }, { types });
    const cache = (await (await pair.client.getRootObject()).callRemote("stock")) as StockCopy;
    await pair.settled();
    expect(cache.apples).toBe(30);
  });
});

describe("the class of a cache", () => {
  test("may have fields, private members and accessors", async () => {
    class Counter extends RemoteCache {
      static made = 0;
      readonly log: number[] = [];
      #sum = 0;
      observe_apples = (apples: number): number => this.#add(apples);
      constructor() {
        super();
        Counter.made++;
      }
      #add(apples: number): number {
        this.log.push(apples);
        return (this.#sum += apples);
      }
      get sum(): number {
        return this.#sum;
      }
    }
    const shop = new Shop();
    const counting = new TypeRegistry().register(remoteCache("shop.Stock", Counter));
    const pair = await connectedPair({ root: shop }, { types: counting });
    const cache = (await (await pair.client.getRootObject()).callRemote("stock")) as Counter;
    shop.stock.set(4);
    expect(await shop.stock.observers[0]!.callRemote("apples", 5)).toBe(9);
    expect([cache.log, cache.sum, Counter.made]).toEqual([[4, 5], 9, 1]);
  });

  test("is refused with private members and a constructor with parameters, which does not run", async () => {
    class Named extends RemoteCache {
      #name: string;
      constructor(name: string) {
        super();
        this.#name = name;
      }
      get name(): string {
        return this.#name;
      }
    }
    expect(() => remoteCache("shop.Named", Named)).toThrow("let it take none");
    class Public extends RemoteCache {
      constructor(readonly name: string) {
        super();
        throw new Error("does not run");
      }
    }
    const pair = await connectedPair(
      { root: new Shop() },
      { types: new TypeRegistry().register(remoteCache("shop.Stock", Public)) },
    );
    expect(await (await pair.client.getRootObject()).callRemote("stock")).toBeInstanceOf(Public);
  });

  test("releases the cache when its constructor throws", async () => {
    class Broken extends RemoteCache {
      constructor() {
        super();
        throw new RangeError("not today");
      }
    }
    const pair = await connectedPair(
      { root: new Shop() },
      { types: new TypeRegistry().register(remoteCache("shop.Stock", Broken)) },
    );
    await expect((await pair.client.getRootObject()).callRemote("stock")).rejects.toThrow("not today");
    await pair.expectNothingLeft();
  });
});
