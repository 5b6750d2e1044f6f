// Caches that refer to each other: they are collected when the program has dropped all of them, and not before.

import { beforeAll, describe, expect, test } from "vitest";
import { Cacheable, Copyable, remoteCache, RemoteCache, Root, UnknownCacheError } from "@pb/broker";
import type { CacheObserver, Perspective } from "@pb/broker";
import { connectedPair } from "@pb/broker/testing";
import type { ConnectedPair } from "@pb/broker/testing";
import { tuple, TypeRegistry } from "@pb/jelly-types";
import { garbageCollector } from "../../../../tools/gc/garbage-collector.js";
import { until } from "../../../../tools/process/program.js";
import { nodesInCycles } from "../../src/references/cache-cycles.js";
import { brokerAndPeer, rejection, settled } from "../support/raw-peer.js";
import type { RawPeer } from "../support/raw-peer.js";

beforeAll(() => void garbageCollector());

class Item extends Cacheable {
  static readonly remoteType = "test.Item";
  links: unknown = null;
  readonly observers = new Set<CacheObserver>();

  getStateToCacheAndObserveFor(_perspective: Perspective, observer: CacheObserver): unknown {
    this.observers.add(observer);
    return { links: this.links };
  }

  override stoppedObserving(_perspective: Perspective, observer: CacheObserver): void {
    this.observers.delete(observer);
  }
}

class ItemCopy extends RemoteCache {
  declare links: unknown;
  kept: unknown = null;
  readonly #loads: unknown[] = [];

  observe_link(value: unknown): void {
    this.links = value;
  }

  observe_keep(value: unknown): void {
    this.kept = value;
  }

  get self(): this {
    return this;
  }

  async loaded(): Promise<this> {
    await Promise.resolve();
    this.#loads.push(this);
    return this;
  }
}

class Note extends Copyable {
  static readonly remoteType = "test.Note";
  constructor(readonly about: unknown) {
    super();
  }
}

const types = new TypeRegistry()
  .register(remoteCache("test.Item", ItemCopy))
  .registerCopy("test.Note", class NoteCopy {});

/** Makes items that refer to each other. Each call makes new ones. */
const shapes: Record<string, () => Item> = {
  "a parent and a child": () => linked((parent, child) => ((parent.links = child), (child.links = parent))),
  "a parent and children in a list": () => {
    const parent = new Item();
    parent.links = Array.from({ length: 5 }, () => linkTo([parent]));
    return parent;
  },
  "an item that refers to itself": () => linked((item) => (item.links = { me: [item] })),
  "a ring of five": () => {
    const items = Array.from({ length: 5 }, () => new Item());
    items.forEach((item, index) => (item.links = items[(index + 1) % 5]));
    return items[0]!;
  },
  "two rings with a common item": () =>
    linked((a, b, c) => ((a.links = [b, c]), (b.links = new Map([[1, a]])), (c.links = new Set([a])))),
  "a ring that leads to an item outside of it": () =>
    linked((a, b, c) => ((a.links = tuple(b, c)), (b.links = { deep: { deeper: [a] } }))),
  "a ring through a copy": () => linked((a, b) => ((a.links = new Note(b)), (b.links = [new Note([a])]))),
};

function linked(link: (a: Item, b: Item, c: Item) => unknown): Item {
  const [a, b, c] = [new Item(), new Item(), new Item()];
  link(a, b, c);
  return a;
}

function linkTo(links: unknown): Item {
  return Object.assign(new Item(), { links });
}

class Items extends Root {
  make: () => unknown = () => null;

  remote_item(): unknown {
    return this.make();
  }

  remote_isItem(value: unknown): boolean {
    return value instanceof Item;
  }
}

async function open() {
  const items = new Items();
  const pair = await connectedPair({ root: items, types }, { types });
  return { items, pair, root: await pair.client.getRootObject() };
}

async function collect(pair: ConnectedPair): Promise<void> {
  for (let turn = 0; turn < 3; turn++) {
    (globalThis as { gc?: () => void }).gc?.();
    await pair.settled();
  }
}

describe.each(Object.keys(shapes))("%s", (shape) => {
  test("stays in use while the program holds one of them, and is collected then", async () => {
    const { items, pair, root } = await open();
    items.make = shapes[shape]!;
    const holder = { item: (await root.callRemote("item")) as ItemCopy | undefined };
    const count = pair.client.stats().cachesHeld;
    const others: unknown = holder.item!.links;
    await collect(pair);
    expect(pair.client.stats().cachesHeld).toBe(count);
    expect(holder.item!.links).toBe(others);
    expect(holder.item!.isAlive).toBe(true);
    holder.item = undefined;
  });

  test("is collected however many of them there were", async () => {
    const { items, pair, root } = await open();
    items.make = shapes[shape]!;
    for (let round = 0; round < 20; round++) await root.callRemote("item");
    await pair.expectNothingLeft();
  });
});

describe("a cycle that is closed later", () => {
  test("by updates is collected", async () => {
    const { items, pair, root } = await open();
    for (let round = 0; round < 5; round++) {
      const [a, b] = [new Item(), new Item()];
      items.make = () => [a, b];
      await root.callRemote("item");
      for (const observer of a.observers) await observer.callRemote("link", b);
      for (const observer of b.observers) await observer.callRemote("keep", { a: [a] });
    }
    await pair.expectNothingLeft();
  });

  test("by the program is collected, and a property shows the same object as before", async () => {
    const { items, pair, root } = await open();
    items.make = () => linkTo([new Item(), new Item()]);
    const link = (parent: ItemCopy): void => {
      for (const child of parent.links as ItemCopy[]) child.links = parent;
      expect((parent.links as ItemCopy[])[0]!.links).toBe(parent);
    };
    for (let round = 0; round < 5; round++) link((await root.callRemote("item")) as ItemCopy);
    await pair.expectNothingLeft();
  });

  test("by setCopyableState is collected, and a property shows the handle", async () => {
    class Parent extends RemoteCache {
      declare links: Parent[];
      parent?: Parent;
      override setCopyableState(state: unknown): void {
        super.setCopyableState(state);
        for (const child of this.links) child.parent = this;
      }
    }
    const items = new Items();
    items.make = () => linkTo([linkTo([]), linkTo([])]);
    const parents = new TypeRegistry().register(remoteCache("test.Item", Parent));
    const pair = await connectedPair({ root: items }, { types: parents });
    const root = await pair.client.getRootObject();
    const check = (parent: Parent): void => expect(parent.links[1]!.parent).toBe(parent);
    for (let round = 0; round < 5; round++) check((await root.callRemote("item")) as Parent);
    await pair.expectNothingLeft();
  });
});

test("a thousand cycles are collected while the program continues to receive more", async () => {
  const { items, pair, root } = await open();
  items.make = shapes["a parent and a child"]!;
  for (let round = 0; round < 1200; round++) {
    await root.callRemote("item");
    if (round % 100 === 0) await collect(pair);
  }
  await pair.expectNothingLeft();
});

describe("what crosses the release of a cycle", () => {
  /** A cycle that this end has collected, and whose release the peer has not read yet. */
  async function collected() {
    const { broker, peer } = await brokerAndPeer("initiator", { types });
    const root = await broker.getRootObject();
    const call = root.callRemote("item");
    await settled();
    const child = "(test.Item 2 (dictionary ((unicode links) (dereference 1))))";
    await peer.send(`(answer 1 (reference 1 (test.Item 1 (dictionary ((unicode links) ${child})))))`);
    expect(await call).toBeInstanceOf(ItemCopy);
    return { broker, peer, root };
  }

  /** Collects garbage until the peer has received so many messages. Returns them. */
  async function collectUntil(peer: RawPeer, count: number): Promise<string[]> {
    const received: string[] = [];
    await until(async () => {
      garbageCollector()();
      await settled();
      received.push(...peer.received());
      return received.length >= count;
    }, "the release of a cycle");
    return received;
  }

  test("an update is answered and ignored, and a repeated cache fails its own message only", async () => {
    const { broker, peer, root } = await collected();
    peer.received();
    expect((await collectUntil(peer, 2)).sort()).toEqual(["(decache 1)", "(decache 2)"]);
    await peer.send(
      "(cachemessage 7 1 link 1 (tuple 5) (dictionary))",
      "(cachemessage 8 2 link 0 (tuple 5) (dictionary))",
    );
    expect(peer.received()).toEqual(["(answer 7 (None))"]);
    const again = rejection(root.callRemote("item"));
    const other = root.callRemote("other");
    await peer.send("(answer 2 (list (cached 1) 5))", "(answer 3 6)");
    const error = await again;
    expect(error).toBeInstanceOf(UnknownCacheError);
    expect(String(error)).toContain("repeat the call");
    expect(await other).toBe(6);
    // The repeated arrival is released too, so that the peer forgets the cache and sends it with its state again.
    expect(peer.received().slice(-1)).toEqual(["(decache 1)"]);
    await peer.send("(uncache 2)", "(uncache 1)");
    expect(broker.stats().cachesHeld).toBe(0);
    expect(broker.isOpen).toBe(true);
  });
});

test("the cache is the same object, whether a property, a getter, a method or an async method returns it", async () => {
  const { items, pair, root } = await open();
  items.make = () => new Item();
  const item = (await root.callRemote("item")) as ItemCopy;
  expect(item.self).toBe(item);
  expect(await item.loaded()).toBe(item);
  item.links = item;
  expect(item.links).toBe(item);
  const late = ((await root.callRemote("item")) as ItemCopy).loaded();
  await collect(pair);
  expect((await late).isAlive).toBe(true);
});

test("a cache tells when it is not updated anymore", async () => {
  const { items, pair, root } = await open();
  items.make = () => new Item();
  const [released, lost] = [(await root.callRemote("item")) as ItemCopy, (await root.callRemote("item")) as ItemCopy];
  const told: unknown[] = [];
  lost.notifyOnDisconnect((cache) => told.push(cache));
  lost.notifyOnDisconnect(() => told.push("unsubscribed"))[Symbol.dispose]();
  released[Symbol.dispose]();
  expect([released.isAlive, lost.isAlive]).toEqual([false, true]);
  await pair.close();
  expect(lost.isAlive).toBe(false);
  expect(told).toEqual([lost]);
  expect(new ItemCopy().isAlive).toBe(false);
});

test("finds the members of cycles in a graph", () => {
  interface Node {
    readonly name: string;
    readonly mentions: Set<Node>;
  }
  const graph = (...edges: string[]): Map<string, Node> => {
    const nodes = new Map<string, Node>();
    const at = (name: string): Node => {
      if (!nodes.has(name)) nodes.set(name, { name, mentions: new Set() });
      return nodes.get(name)!;
    };
    for (const edge of edges) at(edge[0]!).mentions.add(at(edge[1]!));
    return nodes;
  };
  const found = (...edges: string[]): string =>
    nodesInCycles(graph(...edges).values())
      .map(({ name }) => name)
      .sort()
      .join("");
  expect(found("ab", "bc")).toBe("");
  expect(found("aa", "ab")).toBe("a");
  expect(found("ab", "ba", "bc")).toBe("ab");
  expect(found("ab", "ac", "bd", "cd")).toBe("");
  expect(found("ab", "bc", "cd", "db", "ae", "ef", "fe")).toBe("bcdef");
  expect(found("ab", "bc", "ca", "cd", "de", "ed")).toBe("abcde");
  const chain = Array.from({ length: 100_000 }, (_, index) => ({ name: String(index), mentions: new Set<Node>() }));
  chain.forEach((node, index) => node.mentions.add(chain[(index + 1) % chain.length]!));
  expect(nodesInCycles([chain[0]!])).toHaveLength(chain.length);
});
