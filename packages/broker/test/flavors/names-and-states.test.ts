// Names of classes, states in every form that a peer may send, and values that the peer could not send.

import { describe, expect, test } from "vitest";
import {
  Avatar, Cacheable, Copyable, Kwargs, kwargs, MemoryStore, Publishable, remoteCache, RemoteCache, remoteCopy, RemoteCopy,
  RemotePublished, remotePublished, Root,
} from "@pb/broker"; // prettier-ignore
import type { BrokerEvent, RemoteReference } from "@pb/broker";
import { connectedPair } from "@pb/broker/testing";
import { Float, JellyError, SecurityPolicy, TypeRegistry, UnknownCopy, Unpersistable } from "@pb/jelly-types";
import { brokerAndPeer, rejection } from "../support/raw-peer.js";

class Box extends Root {
  make: () => unknown = () => null;
  readonly kept: unknown[] = [];

  remote_get(): unknown {
    return this.make();
  }

  remote_keep(...values: unknown[]): void {
    this.kept.push(...values);
  }

  remote_is(value: unknown): boolean {
    return value === this.kept[0];
  }
}

async function open(server = {}, client = {}) {
  const box = new Box();
  const pair = await connectedPair({ root: box, ...server }, client);
  return { box, pair, root: await pair.client.getRootObject() };
}

describe.each(["list", "remote", "cached", "reference", "no spaces", "Früchte", ""])("the name %j", (name) => {
  class Copied extends Copyable {
    override getTypeToCopy(): string {
      return name;
    }
  }
  class Cached extends Cacheable {
    static readonly remoteType = name;
    stopped = 0;
    getStateToCacheAndObserveFor(): unknown {
      return {};
    }
    override stoppedObserving(): void {
      this.stopped++;
    }
  }

  test("is refused where a class is registered", () => {
    expect(() => remoteCopy(name, class extends RemoteCopy {})).toThrow(TypeError);
    expect(() => remoteCache(name, class extends RemoteCache {})).toThrow(TypeError);
    expect(() => remotePublished(name, class extends RemotePublished {}, new MemoryStore(), "scope")).toThrow(
      TypeError,
    );
  });

  test("is refused where an object is sent, and counts nothing", async () => {
    const { pair, root } = await open();
    expect(await rejection(root.callRemote("keep", 1, [new Copied()]))).toMatchObject({
      code: "JELLY_NOT_JELLYABLE",
      path: "$.args[1][0]",
    });
    const cached = new Cached();
    expect(await rejection(root.callRemote("keep", { cached }))).toMatchObject({ path: "$.args[0].cached" });
    expect(cached.stopped).toBe(1);
    await pair.expectNothingLeft();
  });
});

describe.each([
  ["dicts are read as maps", { exactness: { dicts: "map" } }],
  ["everything is read exactly", { exactness: { dicts: "map", integers: "bigint", floats: "exact" } }],
] as const)("where %s", (_how, options) => {
  test("the state of a cache is set, and its updates are applied", async () => {
    class Stock extends Cacheable {
      static readonly remoteType = "shop.Stock";
      getStateToCacheAndObserveFor(): unknown {
        return { name: "apples", tags: { fresh: "yes" } };
      }
    }
    class StockCopy extends RemoteCache {
      declare name: string;
      declare tags: unknown;
    }
    const { box, root } = await open(
      {},
      { ...options, types: new TypeRegistry().register(remoteCache("shop.Stock", StockCopy)) },
    );
    box.make = () => new Stock();
    const stock = (await root.callRemote("get")) as StockCopy;
    expect(stock.name).toBe("apples");
    expect(stock.tags).toEqual(new Map([["fresh", "yes"]]));
  });

  test("a published state is requested, kept, and read from the store as it was received", async () => {
    class Page extends Publishable {
      constructor(timestamp: number) {
        super("page");
        this.timestamp = timestamp;
      }
      getStateToPublishFor(): unknown {
        return { title: "news", size: 3, details: { a: 1 } };
      }
    }
    class PageCopy extends RemotePublished {
      declare title: string;
      declare size: unknown;
      declare details: unknown;
    }
    const store = new MemoryStore();
    const types = new TypeRegistry().register(remotePublished("shop.Page", PageCopy, store, "test"));
    class Pages extends Avatar {
      constructor(readonly page: Page) {
        super();
      }
      perspective_page(): Page {
        return this.page;
      }
    }
    Object.assign(Page, { remoteType: "shop.Page" });
    for (const timestamp of [1000, 1000.5, new Float(2000) as never]) {
      const seen: unknown[] = [];
      for (const wasKept of [false, true]) {
        const { box, root, pair } = await open({}, { ...options, types });
        box.make = () => new Pages(new Page(timestamp));
        const pages = (await root.callRemote("get")) as RemoteReference;
        const page = (await pages.callRemote("page")) as PageCopy;
        await page.activated;
        expect(page.wasKept).toBe(wasKept);
        expect(page.title).toBe("news");
        seen.push([page.size, page.details]);
        await pair.close();
      }
      expect(seen[1]).toEqual(seen[0]);
    }
  });
});

test("the state of a cache may have names that are bytes, as older peers send them", async () => {
  class Stock extends RemoteCache {
    declare apples: number;
    seen: unknown;
    override setCopyableState(state: unknown): void {
      super.setCopyableState(state);
      this.seen = Object.keys(state as object);
    }
  }
  const types = new TypeRegistry().register(remoteCache("shop.Stock", Stock));
  const { broker, peer } = await brokerAndPeer("initiator", { types });
  const call = (await broker.getRootObject()).callRemote("get");
  await peer.send("(answer 1 (shop.Stock 1 (dictionary (apples 3) ((unicode seen) 5))))");
  expect(await call).toMatchObject({ apples: 3, seen: ["apples", "seen"] });
  await broker.close();
});

test("an avatar that the peer sends back is the avatar itself", async () => {
  class User extends Avatar {
    perspective_name(): string {
      return "Ann";
    }
  }
  const { box, root, pair } = await open();
  const user = new User();
  box.kept.push(user);
  box.make = () => [user];
  const [reference] = (await root.callRemote("get")) as [RemoteReference];
  expect(await reference.callRemote("name")).toBe("Ann");
  expect(await root.callRemote("is", reference)).toBe(true);
  await root.callRemote("keep", { nested: [reference] });
  expect((box.kept[1] as { nested: unknown[] }).nested[0]).toBe(user);
  await pair.close();
});

describe("keyword arguments that a method has kept", () => {
  test("are sent later as a dict, and as keyword arguments where they are the last argument", async () => {
    const { box, root } = await open();
    await root.callRemote("keep", kwargs({ color: "red", size: [1] }));
    const kept = box.kept[0] as Kwargs;
    expect(kept).toBeInstanceOf(Kwargs);
    box.make = () => [kept, { again: kept }];
    const [first, { again }] = (await root.callRemote("get")) as [unknown, { again: unknown }];
    expect({ ...(first as object) }).toEqual({ color: "red", size: [1] });
    expect(again).toBe(first);
    await root.callRemote("keep", [kept], kept);
    expect(box.kept[2]).toBeInstanceOf(Kwargs);
  });

  test("are refused before other arguments, with advice", async () => {
    const { root } = await open();
    expect(await rejection(root.callRemote("keep", 1, kwargs({ a: 1 }), 2))).toMatchObject({
      code: "JELLY_NOT_JELLYABLE",
      message: "kwargs(…) must be the last argument of a call (at $.args[1])",
    });
  });
});

describe("a value that the peer could not send", () => {
  const answer =
    "(answer 1 (list (unpersistable (unicode x)) (unpersistable instance of class numpy.float64 deemed insecure)))".replaceAll(
      /instance of .* insecure/g,
      "numpy.float64",
    );

  test("is reported once for each reason", async () => {
    const events: BrokerEvent[] = [];
    const { broker, peer } = await brokerAndPeer("initiator", { onEvent: (event) => events.push(event) });
    const root = await broker.getRootObject();
    const call = root.callRemote("get");
    await peer.send(answer);
    expect(((await call) as unknown[])[1]).toEqual(new Unpersistable("numpy.float64"));
    const again = root.callRemote("get");
    await peer.send(answer.replace("answer 1", "answer 2"));
    await again;
    for (let id = 3; id < 300; id++) {
      void root.callRemote("get");
      await peer.send(`(answer ${id} (unpersistable reason${id}))`);
    }
    expect(events[1]).toEqual({ kind: "unpersistable", reason: "numpy.float64" });
    expect(events).toHaveLength(100);
    await broker.close();
  });

  test("is refused by a policy, with the reason of the peer", async () => {
    const policy = SecurityPolicy.standard.refuseTypes("unpersistable");
    const { broker, peer } = await brokerAndPeer("initiator", { policy });
    const refused = rejection((await broker.getRootObject()).callRemote("get"));
    await peer.send("(answer 1 (list 1 (unpersistable numpy.float64)))");
    const error = (await refused) as JellyError;
    expect(error).toBeInstanceOf(JellyError);
    expect(error.message).toBe("The peer could not send an object: numpy.float64 (at $[1])");
    await broker.close();
  });
});

test("an instance of an unknown class is kept where the option says so", async () => {
  const { broker, peer } = await brokerAndPeer("initiator", { unknownCopies: "keep" });
  const call = (await broker.getRootObject()).callRemote("get");
  await peer.send("(answer 1 (shop.Fruit (dictionary)))");
  expect(await call).toBeInstanceOf(UnknownCopy);
  await broker.close();
  await expect(open({ unknownCopies: "maybe" })).rejects.toThrow("unknownCopies must be one of refuse, keep");
});
