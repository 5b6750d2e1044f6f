// The release of references and caches in messages that cannot be read.

import { beforeAll, describe, expect, test } from "vitest";
import type { RemoteReference } from "@pb/broker";
import {
  Cacheable,
  Copyable,
  DeadReferenceError,
  kwargs,
  remoteCache,
  RemoteCache,
  RemoteError,
  Root,
} from "@pb/broker";
import { none } from "@pb/banana";
import { JellyError, tuple, TypeRegistry } from "@pb/jelly-types";
import { connectedPair } from "@pb/broker/testing";
import { garbageCollector } from "../../../../tools/gc/garbage-collector.js";
import { brokerAndPeer, rejection, settled } from "../support/raw-peer.js";
import { Item, Shop } from "../support/item-shop.js";

beforeAll(() => void garbageCollector());

describe("references and caches in a message that cannot be read are released at once", () => {
  class Unknown extends Copyable {
    static readonly remoteType: string = "test.Unknown";
    inside = new Item("inside");
  }
  class Live extends Cacheable {
    static readonly remoteType: string = "test.Live";
    getStateToCacheAndObserveFor(): unknown {
      return {};
    }
  }
  class LiveCopy extends RemoteCache {}
  const types = new TypeRegistry().register(remoteCache("test.Live", LiveCopy));

  class Source extends Root {
    readonly first = new Item("first");
    readonly last = new Item("last");
    readonly live = new Live();
    readonly unknown = new Unknown();
    taken = 0;

    remote_good(): unknown {
      return [this.first, this.live];
    }
    remote_bad(): unknown {
      const { first, last, live, unknown } = this;
      return [first, live, { first: tuple(first) }, unknown, new Map([[1, [last]]]), { live, last }, new Set([last])];
    }
    remote_badError(): never {
      throw Object.assign(new Error("no"), { first: this.first });
    }
    remote_take(): void {
      this.taken++;
    }
  }

  test("in an answer, before and after the unreadable value", async () => {
    const source = new Source();
    const { first, last, live, unknown } = source;
    const pair = await connectedPair({ root: source }, { types });
    const root = await pair.client.getRootObject<Source>();
    for (let time = 0; time < 3; time++) {
      expect(await rejection(root.callRemote("bad"))).toBeInstanceOf(JellyError);
      await pair.settled();
      expect([first, last, unknown.inside].map((thing) => pair.server.referencesTo(thing))).toEqual([0, 0, 0]);
      expect(pair.leftovers()).toEqual([]);
    }

    // References that the program already holds stay valid.
    const [kept, cache] = (await root.callRemote("good")) as [RemoteReference<Item>, LiveCopy];
    await rejection(root.callRemote("bad"));
    await pair.settled();
    expect([first, last].map((thing) => pair.server.referencesTo(thing))).toEqual([1, 0]);
    expect(pair.server.cachesOf(live)).toBe(1);
    expect(pair.client.stats().referencesHeld).toBe(1);
    expect(await kept.callRemote("name")).toBe("first");
    kept[Symbol.dispose]();
    cache[Symbol.dispose]();
    await pair.expectNothingLeft();
  });

  test("in arguments, also of a call that is rejected without reading them", async () => {
    const source = new Source();
    const limits = { callsRunning: 0, overload: "refuse" } as const;
    const pair = await connectedPair({ root: source });
    const busy = await connectedPair({ root: source, limits });
    for (const [{ client, server }, name] of [
      [pair, "root"],
      [pair, "nobody"],
      [busy, "root"],
    ] as const) {
      const remote = await client.getObject(name);
      const thing = new Item();
      expect(await rejection(remote.callRemote("take", thing, new Unknown(), [thing]))).toBeInstanceOf(RemoteError);
      expect(await rejection(remote.callRemote("take", kwargs({ thing, bad: new Unknown() })))).toBeInstanceOf(
        RemoteError,
      );
      remote.sendRemote("take", thing, new Unknown(), kwargs({ thing }));
      await settled();
      expect(server.stats().referencesHeld).toBe(0);
      expect(client.referencesTo(thing)).toBe(0);
      expect(client.stats().referencesGiven).toBe(0);
    }
    expect(source.taken).toBe(0);
  });

  test.each([
    ["(list (remote 3) (os.system ls) (remote 4) (remote 3))", [3, 3, 4]],
    ["(list (os.system (remote 3)) (nosuch.Cache 7 (tuple (remote 4))))", [3, 4]],
    ["(reference 1 (list (os.system ls) (set (frozenset (remote 3)))))", [3]],
    ["(dictionary (1 (os.system ls)) ((unicode a) (remote 3)) ((tuple (remote 4)) 1))", [3, 4]],
    ["(os.system (dictionary ((unicode a) (list (remote 3)))))", [3]],
    // Values that are not references, or that cannot be recognized as such without knowing their type.
    ["(dictionary (1 (os.system ls)) (remote 3) (cached 4))", []],
    [
      "(list (os.system ls) (remote root) (remote) (remote 3 4) (remote 1.5) (remote 170141183460469231731687303715884105728))",
      [],
    ],
    ["(list (os.system ls) (persistent (remote 3)) (whatever (remote 4)) (1 (remote 5)) () (dictionary remote 6))", []],
    ["(list (os.system ls) (cached 3) (local 4) (lcache 5))", []],
  ])("of %s", async (graph, released) => {
    const { peer, broker } = await brokerAndPeer("listener", { root: new Shop() });
    await peer.send(`(message 1 root take 1 (tuple ${graph}) (dictionary))`);
    const [reply, ...more] = peer.received();
    expect(reply).toMatch(/^\(error 1 /);
    expect(more.sort()).toEqual(released.map((id) => `(decref ${id})`));

    const call = rejection((await broker.getRootObject()).callRemote("give"));
    await settled();
    peer.received();
    await peer.send(`(answer 1 ${graph})`);
    expect(await call).toBeInstanceOf(JellyError);
    expect(peer.received().sort()).toEqual(released.map((id) => `(decref ${id})`));
    expect(broker.stats().referencesHeld).toBe(0);
    expect(broker.isOpen).toBe(true);
  });

  test("a cache whose state arrived, and which occurs again after the unreadable value", async () => {
    class Live extends Cacheable {
      static readonly remoteType = "test.Live";
      stopped = 0;

      getStateToCacheAndObserveFor(): unknown {
        return {};
      }

      override stoppedObserving(): void {
        this.stopped++;
      }
    }
    class LiveCopy extends RemoteCache {}
    class Unknown extends Copyable {
      static readonly remoteType = "test.Unknown";
    }
    class Taker extends Root {
      remote_take(..._values: unknown[]): void {}
    }
    const types = new TypeRegistry().register(remoteCache("test.Live", LiveCopy));
    await using pair = await connectedPair({ root: new Taker(), types });
    const taker = await pair.client.getRootObject();
    const live = new Live();
    await rejection(taker.callRemote("take", live, new Unknown(), kwargs({ live })));
    await pair.settled();
    expect({ caches: pair.client.cachesOf(live), stopped: live.stopped }).toEqual({ caches: 0, stopped: 1 });
  });

  test("when there are 800 of them", async () => {
    const target = new Item();
    class Taker extends Root {
      remote_take(..._values: unknown[]): void {}
    }
    const limits = { messageBytes: 10_000 };
    const options = { limits, dialects: [none] };
    await using pair = await connectedPair({ ...options, root: new Taker() }, options);
    const taker = await pair.client.getRootObject();
    const many = Array.from({ length: 800 }, () => target);
    class Unknown extends Copyable {
      static readonly remoteType = "U";
    }
    await rejection(taker.callRemote("take", new Unknown(), many));
    await pair.settled();
    expect({ isOpen: pair.server.isOpen, kept: pair.client.referencesTo(target) }).toEqual({ isOpen: true, kept: 0 });
  });

  test("even if a state hook kept one: it is dead", async () => {
    class Hoarder {}
    let kept: RemoteReference | undefined;
    const hoarderTypes = new TypeRegistry().registerCopy("test.Hoarder", Hoarder, {
      setState: (_hoarder, state) => (kept = (state as { thing: RemoteReference }).thing),
    });
    const { peer } = await brokerAndPeer("listener", { root: new Shop(), types: hoarderTypes });
    const hoarder = "(test.Hoarder (dictionary ((unicode thing) (remote 3))))";
    await peer.send(`(message 1 root take 1 (tuple ${hoarder} (os.system ls)) (dictionary))`);
    expect(peer.received()[1]).toBe("(decref 3)");
    expect(kept?.isAlive).toBe(false);
    await expect(kept?.callRemote("name")).rejects.toThrow(DeadReferenceError);
  });
});
