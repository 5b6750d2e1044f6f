// Objects that are copied once and kept up to date, through their whole life (wire specification 5.8).

import { beforeAll, describe, expect, test } from "vitest";
import {
  Avatar,
  Cacheable,
  Copyable,
  DeadReferenceError,
  remoteCache,
  RemoteCache,
  RemoteError,
  Root,
} from "@pb/broker";
import type { BrokerEvent, Perspective, RemoteReference, CacheObserver } from "@pb/broker";
import { JellyError, Tuple, tuple, TypeRegistry } from "@pb/jelly-types";
import { connectedPair } from "@pb/broker/testing";
import type { ConnectedPair } from "@pb/broker/testing";
import { garbageCollector } from "../../../../tools/gc/garbage-collector.js";
import { brokerAndPeer, rejection, settled } from "../support/raw-peer.js";

beforeAll(() => void garbageCollector());

class Stock extends Cacheable {
  static readonly remoteType: string = "shop.Stock";
  readonly observers: CacheObserver[] = [];
  readonly stopped: { perspective: Perspective; observer: CacheObserver }[] = [];
  /** Runs when nobody observes any more. */
  lastWords: ((observer: CacheObserver) => void) | undefined;

  constructor(public apples: number) {
    super();
  }

  getStateToCacheAndObserveFor(perspective: Perspective, observer: CacheObserver): unknown {
    this.observers.push(observer);
    const seenBy = perspective instanceof Someone ? perspective.name : null;
    return { apples: this.apples, seenBy };
  }

  override stoppedObserving(perspective: Perspective, observer: CacheObserver): void {
    this.stopped.push({ perspective, observer });
    this.observers.splice(this.observers.indexOf(observer), 1);
    this.lastWords?.(observer);
  }

  set(apples: number): void {
    this.apples = apples;
    for (const observer of this.observers) observer.sendRemote("apples", apples);
  }
}

class StockCopy extends RemoteCache {
  declare apples: number;
  declare seenBy: string | null;
  declare self?: unknown;
  #updates = 0;

  get updates(): number {
    return this.#updates;
  }

  override setCopyableState(state: unknown): void {
    super.setCopyableState(state);
  }

  observe_apples(apples: number): number {
    this.apples = apples;
    return apples;
  }

  observe_fail(): never {
    throw new RangeError("secret");
  }

  observe_self(): this {
    return this;
  }

  own(): this {
    return this;
  }
}

class Someone extends Avatar {
  constructor(
    readonly name: string,
    readonly stock: Stock,
  ) {
    super();
  }

  perspective_stock(): Stock {
    return this.stock;
  }

  perspective_isStock(value: unknown): boolean {
    return value === this.stock;
  }
}

class Shop extends Root {
  readonly stock = new Stock(3);
  readonly taken: unknown[] = [];

  remote_stock(): Stock {
    return this.stock;
  }

  remote_twice(): Tuple {
    return tuple(this.stock, this.stock);
  }

  remote_isStock(value: unknown): boolean {
    return value === this.stock;
  }

  remote_login(name: string): Someone {
    return new Someone(name, this.stock);
  }

  remote_unsendable(): unknown {
    return [this.stock, () => 1];
  }

  remote_take(value: unknown): void {
    this.taken.push(value);
  }
}

interface Shopper {
  stock(): StockCopy;
  isStock(value: unknown): boolean;
}

const types = new TypeRegistry().register(remoteCache("shop.Stock", StockCopy));

async function open(chunkBytes?: number) {
  const shop = new Shop();
  const events: BrokerEvent[] = [];
  const onEvent = (event: BrokerEvent): void => void events.push(event);
  const pair = await connectedPair({ root: shop, types, onEvent }, { types, onEvent }, { chunkBytes });
  return { shop, stock: shop.stock, pair, events, root: await pair.client.getRootObject() };
}

async function cacheOf(root: RemoteReference, method = "stock"): Promise<StockCopy> {
  return (await root.callRemote(method)) as StockCopy;
}

/** What was said, without the calls that asked for it. */
function aboutCaches(pair: ConnectedPair): string[] {
  return pair.transcript().filter((line) => line.includes("cache"));
}

describe.each([
  ["in one piece", undefined],
  ["byte by byte", 1],
])("a cache, delivered %s,", (_how, chunkBytes) => {
  test("arrives with its state, follows every change, comes home as the object itself, and is given back", async () => {
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

  test("is one object however often it arrives, and each arrival is given back", async () => {
    const { root, stock, pair } = await open(chunkBytes);
    const [one, two] = (await root.callRemote("twice")) as StockCopy[];
    expect(pair.server.cachesOf(stock)).toBe(1); // one full form, one dereference
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

test("a cache that was given back arrives anew under another number", async () => {
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

test("a cache that nobody holds any more is given back, and not before", async () => {
  const { root, stock, pair } = await open();
  const held = { cache: (await cacheOf(root)) as StockCopy | undefined };
  await cacheOf(root);
  for (let turn = 0; turn < 3; turn++) {
    (globalThis as { gc?: () => void }).gc?.();
    await pair.settled();
  }
  expect(pair.server.stats().cachesGiven).toBe(1);
  stock.set(8);
  await pair.settled();
  expect(held.cache?.apples).toBe(8);
  held.cache = undefined;
  await pair.expectNothingLeft();
  expect(stock.stopped).toHaveLength(1);
});

describe("crossing each other", () => {
  test("an update and a decache: the update is heard, and nothing else happens", async () => {
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

  test("a new sending and a decache: the cache lives on with its number", async () => {
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

  test("an uncache and an update of ours: the object is told that it was too late", async () => {
    const { root, stock, pair } = await open();
    const observer = (await cacheOf(root), stock.observers[0]!);
    (await cacheOf(root))[Symbol.dispose]();
    await pair.settled();
    expect(observer.isAlive).toBe(false);
    await expect(observer.callRemote("apples", 1)).rejects.toThrow(DeadReferenceError);
    expect(() => observer.sendRemote("apples", 1)).toThrow(DeadReferenceError);
  });

  test("a cache on its way home and its decache: the object arrives", async () => {
    const { root, pair } = await open();
    const cache = await cacheOf(root);
    const home = root.callRemote("isStock", cache);
    cache[Symbol.dispose]();
    expect(await home).toBe(true);
    await pair.expectNothingLeft();
  });
});

describe("the last word", () => {
  test("of an object that stopped being observed still finds the copy", async () => {
    const { root, stock, pair } = await open();
    const cache = await cacheOf(root);
    stock.lastWords = (observer) => observer.sendRemote("apples", -1);
    cache[Symbol.dispose]();
    await pair.expectNothingLeft();
    expect(cache.apples).toBe(-1);
    expect(
      aboutCaches(pair)
        .slice(-3)
        .map((line) => line.split(" ")[1]),
    ).toEqual(["(decache", "(cachemessage", "(uncache"]);
  });

  test("that sends the object anew starts a new copy", async () => {
    const { root, stock, pair } = await open();
    const cache = await cacheOf(root);
    stock.lastWords = (observer) => {
      stock.lastWords = undefined;
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

  test("can be said when the copy was given back, and in no other case", async () => {
    const { root, stock, pair } = await open();
    const alive: boolean[] = [];
    stock.lastWords = (observer) => alive.push(observer.isAlive);
    (await cacheOf(root))[Symbol.dispose]();
    await pair.settled();
    expect(alive).toEqual([true]);

    await rejection(root.callRemote("unsendable"));
    expect(alive).toEqual([true, false]);

    await cacheOf(root);
    await pair.close();
    expect(alive).toEqual([true, false, false]);
  });

  test("that throws is reported, and hurts nobody", async () => {
    const { root, stock, pair, events } = await open();
    const trouble = new Error("no last words");
    stock.lastWords = () => {
      throw trouble;
    };
    (await cacheOf(root))[Symbol.dispose]();
    await pair.expectNothingLeft();
    expect(events).toEqual([{ kind: "callback-failed", error: trouble }]);
  });

  test("that closes the connection is the last: it is not asked twice", async () => {
    const { root, stock, pair } = await open();
    stock.lastWords = () => void pair.server.close();
    (await cacheOf(root))[Symbol.dispose]();
    await pair.server.closed;
    expect(stock.stopped).toHaveLength(1);
  });
});

describe("stoppedObserving is called exactly once", () => {
  test.each(["cut", "closed by the client", "closed by the server"])("when the connection is %s", async (how) => {
    const { root, stock, pair } = await open();
    await cacheOf(root);
    const [observer] = stock.observers;
    if (how === "cut") pair.links.listener.cut();
    else await (how === "closed by the client" ? pair.client : pair.server).close();
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

  test("when the sending failed", async () => {
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

describe("a cache for two perspectives of one connection", () => {
  test("shows each of them its own state, and is given back by each", async () => {
    const { root, stock, pair } = await open();
    const alice = (await root.callRemote("login", "alice")) as RemoteReference<Shopper>;
    const bob = (await root.callRemote("login", "bob")) as RemoteReference<Shopper>;
    const [hers, his, nobodys] = [await alice.callRemote("stock"), await bob.callRemote("stock"), await cacheOf(root)];
    expect([hers.seenBy, his.seenBy, nobodys.seenBy]).toEqual(["alice", "bob", null]);
    expect(new Set([hers, his, nobodys]).size).toBe(3);
    stock.set(20);
    await pair.settled();
    expect([hers.apples, his.apples, nobodys.apples]).toEqual([20, 20, 20]);
    for (const cache of [hers, his, nobodys]) {
      expect(await alice.callRemote("isStock", cache)).toBe(true);
      expect(await root.callRemote("isStock", cache)).toBe(true);
    }
    hers[Symbol.dispose]();
    await pair.settled();
    expect(stock.stopped.map(({ perspective }) => (perspective as Someone).name)).toEqual(["alice"]);
    his[Symbol.dispose]();
    nobodys[Symbol.dispose]();
    alice[Symbol.dispose]();
    bob[Symbol.dispose]();
    await pair.expectNothingLeft();
  });
});

describe("what the program holds", () => {
  test("behaves as the cache: methods, getters, setters, private fields, instanceof", async () => {
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

  test("can be sent home from within an update, where `this` is the cache itself", async () => {
    const { root, stock } = await open();
    const cache = await cacheOf(root);
    expect(await stock.observers[0]!.callRemote("self")).toBe(stock);
    expect(await root.callRemote("isStock", cache)).toBe(true);
  });

  test("can be given back twice, and then not be sent", async () => {
    const { root, pair } = await open();
    const cache = await cacheOf(root);
    cache[Symbol.dispose]();
    cache[Symbol.dispose]();
    await expect(root.callRemote("isStock", cache)).rejects.toBeInstanceOf(JellyError);
    await pair.expectNothingLeft();
  });

  test("cannot be sent to another peer, and a cache that never arrived not at all", async () => {
    const [one, other] = [await open(), await open()];
    const cache = await cacheOf(one.root);
    await expect(other.root.callRemote("take", cache)).rejects.toBeInstanceOf(JellyError);
    await expect(other.root.callRemote("take", new StockCopy())).rejects.toBeInstanceOf(JellyError);
  });
});

describe("a state", () => {
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
  ])("may mention its own object %s", async (_how, state) => {
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

  test("that the receiver refuses is given back at once, so that it can be sent again", async () => {
    let isRefused = true;
    class Choosy extends RemoteCache {
      override setCopyableState(state: unknown): void {
        if (isRefused) throw new RangeError("not this one");
        super.setCopyableState(state);
      }
    }
    const shop = new Shop();
    const choosy = new TypeRegistry().register(remoteCache("shop.Stock", Choosy));
    const pair = await connectedPair({ root: shop }, { types: choosy });
    const root = await pair.client.getRootObject();
    await expect(root.callRemote("stock")).rejects.toThrow("not this one");
    await pair.expectNothingLeft();
    expect(shop.stock.stopped).toHaveLength(1);
    isRefused = false;
    expect(await root.callRemote("stock")).toBeInstanceOf(Choosy);
  });

  test("that contains a copy and a reference brings both", async () => {
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
  test("that fails is an error for the object, and no more", async () => {
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

  test("reaches no other method of the copy", async () => {
    const { root, stock } = await open();
    await cacheOf(root);
    for (const name of ["own", "constructor", "__proto__", "setCopyableState", "updates"]) {
      await expect(stock.observers[0]!.callRemote(name)).rejects.toThrow(`No such method: observe_${name}`);
    }
  });

  test("from within the method that takes the state follows the state", async () => {
    class Eager extends Stock {
      override getStateToCacheAndObserveFor(perspective: Perspective, observer: CacheObserver): unknown {
        const state = super.getStateToCacheAndObserveFor(perspective, observer);
        observer.sendRemote("apples", 30);
        return state;
      }
    }
    class EagerShop extends Root {
      readonly stock = new Eager(3);
      remote_stock(): Stock {
        return this.stock;
      }
    }
    const pair = await connectedPair({ root: new EagerShop() }, { types });
    const cache = (await (await pair.client.getRootObject()).callRemote("stock")) as StockCopy;
    await pair.settled();
    expect(cache.apples).toBe(30);
  });
});

test("a peer that sends one cache twice in full, or an unknown one, fails that call only", async () => {
  const { peer, broker } = await brokerAndPeer("initiator", { types });
  const root = await broker.getRootObject();
  const calls = ["a", "b", "c"].map((name) => rejection(root.callRemote(name)));
  const good = root.callRemote("d");
  await settled();
  await peer.say("(answer 4 (shop.Stock 5 (dictionary)))", "(answer 1 (shop.Stock 5 (dictionary)))");
  await peer.say("(answer 2 (cached 6))", "(answer 3 (shop.Stock (dictionary)))");
  expect(await good).toBeInstanceOf(StockCopy);
  for (const call of calls) expect(await call).toBeInstanceOf(Error);
  expect(broker.stats().cachesHeld).toBe(1);
  expect(Tuple).toBeDefined();
});

test("the limit of caches is the limit of references", async () => {
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
