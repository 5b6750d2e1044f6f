// Objects that stay where they are, and references to them: they go there, come home, are counted and given back (wire specification 5.5, 5.6).

import { beforeAll, describe, expect, test } from "vitest";
import {
  Broker,
  Cacheable,
  Copyable,
  DeadReferenceError,
  kwargs,
  NoSuchMethod,
  PBError,
  Referenceable,
  remoteCache,
  RemoteCache,
  RemoteError,
  RemoteReference,
  Root,
} from "@pb/broker";
import type { BrokerOptions } from "@pb/broker";
import { none } from "@pb/banana";
import { JellyError, tuple, TypeRegistry } from "@pb/jelly-types";
import { connectedPair } from "@pb/broker/testing";
import { garbageCollector } from "../../../../tools/gc/garbage-collector.js";
import { brokerAndPeer, rejection, settled } from "../support/raw-peer.js";

beforeAll(() => void garbageCollector());

class Thing extends Referenceable {
  constructor(readonly name = "thing") {
    super();
  }

  remote_name(): string {
    return this.name;
  }

  remote_me(): this {
    return this;
  }
}

class Cupboard extends Root {
  readonly thing = new Thing();
  readonly taken: unknown[] = [];

  remote_thing(): Thing {
    return this.thing;
  }

  remote_things(): Thing[] {
    return [this.thing, this.thing, this.thing];
  }

  remote_take(value: unknown): void {
    this.taken.push(value);
  }

  remote_give(): unknown {
    return this.taken.pop();
  }

  remote_isThing(value: unknown): boolean {
    return value === this.thing;
  }

  remote_isRoot(value: unknown): boolean {
    return value === this;
  }

  async remote_nameOf(thing: RemoteReference<Thing>): Promise<string> {
    return thing.callRemote("name");
  }

  remote_never(): Promise<void> {
    return new Promise(() => undefined);
  }
}

async function open(options: BrokerOptions = {}, chunkBytes?: number) {
  const root = new Cupboard();
  const pair = await connectedPair({ root, ...options }, {}, { chunkBytes });
  return { root, pair, remote: await pair.client.getRootObject<Cupboard>() };
}

describe.each([
  ["in one piece", undefined],
  ["byte by byte", 1],
])("%s", (_how, chunkBytes) => {
  test("a reference goes there, is called, and comes home as the object itself", async () => {
    const { pair, remote } = await open({}, chunkBytes);
    const thing = await remote.callRemote("thing");
    expect(thing).toBeInstanceOf(RemoteReference);
    expect(await thing.callRemote("name")).toBe("thing");
    expect(await remote.callRemote("isThing", thing)).toBe(true);
    expect(await remote.callRemote("isRoot", remote)).toBe(true);
    thing[Symbol.dispose]();
    await pair.expectNothingLeft();
  });

  test("an object of ours is called back, and comes home to us", async () => {
    const { pair, root, remote } = await open({}, chunkBytes);
    const mine = new Thing("mine");
    expect(await remote.callRemote("nameOf", mine)).toBe("mine");
    await remote.callRemote("take", mine);
    expect(root.taken[0]).toBeInstanceOf(RemoteReference);
    expect(await remote.callRemote("give")).toBe(mine);
    await pair.expectNothingLeft();
  });

  test("every arrival counts, and all are given back at once", async () => {
    const { pair, root, remote } = await open({}, chunkBytes);
    const [one, two, three] = await remote.callRemote("things");
    const four = await remote.callRemote("thing");
    expect(new Set([one, two, three, four]).size).toBe(1);
    expect(pair.server.referencesTo(root.thing)).toBe(4);
    expect(pair.client.stats()).toMatchObject({ referencesHeld: 4 });
    const before = pair.transcript().length;
    four[Symbol.dispose]();
    await pair.settled();
    expect(pair.transcript(before)).toEqual(Array<string>(4).fill("client: (decref 1)"));
    await pair.expectNothingLeft();
  });
});

test("an object that was given back gets a new number when it is sent again", async () => {
  const { pair, remote } = await open();
  const first = await remote.callRemote("thing");
  first[Symbol.dispose]();
  const second = await remote.callRemote("thing");
  expect([first.id, second.id]).toEqual([1, 2]);
  expect(second).not.toBe(first);
  second[Symbol.dispose]();
  await pair.expectNothingLeft();
});

test("an object that is sent while its last reference is given back stays known", async () => {
  const { pair, remote, root } = await open();
  const first = await remote.callRemote("thing");
  pair.links.listener.hold();
  pair.links.initiator.hold();
  first[Symbol.dispose]();
  const again = remote.callRemote("thing");
  await pair.settled();
  pair.links.listener.release();
  await pair.settled();
  pair.links.initiator.release();
  const second = await again;
  expect(await second.callRemote("name")).toBe("thing");
  expect(pair.server.referencesTo(root.thing)).toBe(1);
  second[Symbol.dispose]();
  await pair.expectNothingLeft();
});

test("a reference crossing its own release counts anew", async () => {
  // The server sends the object again before it hears that the client gave it back: the number stays, the count is right.
  const { peer, broker } = await brokerAndPeer("initiator");
  const root = await broker.getRootObject();
  const calls = [root.callRemote("a"), root.callRemote("b")];
  await settled();
  peer.take();
  await peer.say("(answer 1 (remote 7))");
  const first = (await calls[0]) as RemoteReference;
  first[Symbol.dispose]();
  await peer.say("(answer 2 (remote 7))");
  const second = (await calls[1]) as RemoteReference;
  expect(second).not.toBe(first);
  expect(second.isAlive).toBe(true);
  second[Symbol.dispose]();
  await settled();
  expect(peer.heard()).toEqual(["(decref 7)", "(decref 7)"]);
  expect(broker.stats().referencesHeld).toBe(0);
});

describe("a reference that was released", () => {
  test("can be released again, called never, and sent nowhere", async () => {
    const { pair, remote } = await open();
    const thing = await remote.callRemote("thing");
    thing[Symbol.dispose]();
    thing[Symbol.dispose]();
    expect(thing.isAlive).toBe(false);
    await expect(thing.callRemote("name")).rejects.toThrow(DeadReferenceError);
    expect(() => thing.sendRemote("name")).toThrow(DeadReferenceError);
    await expect(remote.callRemote("take", thing)).rejects.toThrow(JellyError);
    await pair.expectNothingLeft();
  });

  test("lets the call in flight finish", async () => {
    const { pair, remote } = await open();
    const thing = await remote.callRemote("thing");
    const name = thing.callRemote("name");
    const me = thing.callRemote("me");
    thing[Symbol.dispose]();
    expect(await name).toBe("thing");
    const again = await me;
    expect(again).not.toBe(thing);
    expect(await again.callRemote("name")).toBe("thing");
    again[Symbol.dispose]();
    await pair.expectNothingLeft();
  });

  test("and was the root, can be had again", async () => {
    const { pair } = await open();
    {
      using root = await pair.client.getRootObject<Cupboard>();
      await root.callRemote("isRoot", root);
    }
    const root = await pair.client.getRootObject<Cupboard>();
    expect(await root.callRemote("isRoot", root)).toBe(true);
    expect(pair.transcript().filter((line) => line.includes("decref"))).toEqual([]);
    await pair.expectNothingLeft();
  });
});

describe("a reference that nobody holds any more", () => {
  test("is given back", async () => {
    const { pair, remote } = await open();
    expect(await (await remote.callRemote("thing")).callRemote("name")).toBe("thing");
    await remote.callRemote("things");
    await pair.expectNothingLeft();
  });

  test("is held while its call is unanswered", async () => {
    const { pair, remote } = await open();
    const call = remote.callRemote("thing").then((thing) => thing.callRemote("name"));
    for (let turn = 0; turn < 5; turn++) {
      await new Promise((resolve) => setTimeout(resolve, 1));
      (globalThis as { gc?: () => void }).gc?.();
    }
    expect(await call).toBe("thing");
    await pair.expectNothingLeft();
  });

  test("is given back when it came for a method that does not exist, or with nobody waiting", async () => {
    const { peer, broker } = await brokerAndPeer("listener", { root: new Cupboard() });
    await peer.say("(message 1 root nothing 0 (tuple (remote 3)) (dictionary))");
    await collected(() => broker.stats().referencesHeld === 0);
    expect(peer.heard().filter((line) => line !== "(decref 3)")).toEqual([]);
  });

  test("is given back when its caller had given up", async () => {
    const { pair, remote } = await open();
    for (const how of [{ timeoutMs: 1 }, { signal: AbortSignal.timeout(1) }]) {
      pair.links.listener.hold();
      await rejection(remote.with(how).callRemote("thing"));
      await rejection(remote.with(how).callRemote("things"));
      pair.links.listener.release();
      await pair.settled();
    }
    await pair.expectNothingLeft();
  });
});

describe("what came in a message that cannot be read is given back at once", () => {
  class Unknown extends Copyable {
    static readonly remoteType: string = "test.Unknown";
    inside = new Thing("inside");
  }
  class Live extends Cacheable {
    static readonly remoteType: string = "test.Live";
    getStateToCacheAndObserveFor(): unknown {
      return {};
    }
  }
  class LiveCopy extends RemoteCache {}
  const types = new TypeRegistry().register(remoteCache("test.Live", LiveCopy));

  class Giver extends Root {
    readonly first = new Thing("first");
    readonly last = new Thing("last");
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

  test("in an answer, on both sides of the fault", async () => {
    const giver = new Giver();
    const { first, last, live, unknown } = giver;
    const pair = await connectedPair({ root: giver }, { types });
    const root = await pair.client.getRootObject<Giver>();
    for (let time = 0; time < 3; time++) {
      expect(await rejection(root.callRemote("bad"))).toBeInstanceOf(JellyError);
      await pair.settled();
      expect([first, last, unknown.inside].map((thing) => pair.server.referencesTo(thing))).toEqual([0, 0, 0]);
      expect(pair.leftovers()).toEqual([]);
    }

    // What the program holds already, it keeps.
    const [held, cache] = (await root.callRemote("good")) as [RemoteReference<Thing>, LiveCopy];
    await rejection(root.callRemote("bad"));
    await pair.settled();
    expect([first, last].map((thing) => pair.server.referencesTo(thing))).toEqual([1, 0]);
    expect(pair.server.cachesOf(live)).toBe(1);
    expect(pair.client.stats().referencesHeld).toBe(1);
    expect(await held.callRemote("name")).toBe("first");
    held[Symbol.dispose]();
    cache[Symbol.dispose]();
    await pair.expectNothingLeft();
  });

  test("in arguments, and in those of a call that is refused unread", async () => {
    const giver = new Giver();
    const limits = { callsRunning: 0, overload: "refuse" } as const;
    const pair = await connectedPair({ root: giver });
    const busy = await connectedPair({ root: giver, limits });
    for (const [{ client, server }, name] of [
      [pair, "root"],
      [pair, "nobody"],
      [busy, "root"],
    ] as const) {
      const remote = await client.getObject(name);
      const thing = new Thing();
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
    expect(giver.taken).toBe(0);
  });

  test.each([
    ["(list (remote 3) (os.system ls) (remote 4) (remote 3))", [3, 3, 4]],
    ["(list (os.system (remote 3)) (nosuch.Cache 7 (tuple (remote 4))))", [3, 4]],
    ["(reference 1 (list (os.system ls) (set (frozenset (remote 3)))))", [3]],
    ["(dictionary (1 (os.system ls)) ((unicode a) (remote 3)) ((tuple (remote 4)) 1))", [3, 4]],
    ["(os.system (dictionary ((unicode a) (list (remote 3)))))", [3]],
    // Not references, or not certainly.
    ["(dictionary (1 (os.system ls)) (remote 3) (cached 4))", []],
    [
      "(list (os.system ls) (remote root) (remote) (remote 3 4) (remote 1.5) (remote 170141183460469231731687303715884105728))",
      [],
    ],
    ["(list (os.system ls) (persistent (remote 3)) (whatever (remote 4)) (1 (remote 5)) () (dictionary remote 6))", []],
    ["(list (os.system ls) (cached 3) (local 4) (lcache 5))", []],
  ])("of %s", async (graph, given) => {
    const { peer, broker } = await brokerAndPeer("listener", { root: new Cupboard() });
    await peer.say(`(message 1 root take 1 (tuple ${graph}) (dictionary))`);
    const [reply, ...more] = peer.heard();
    expect(reply).toMatch(/^\(error 1 /);
    expect(more.sort()).toEqual(given.map((id) => `(decref ${id})`));

    const call = rejection((await broker.getRootObject()).callRemote("give"));
    await settled();
    peer.heard();
    await peer.say(`(answer 1 ${graph})`);
    expect(await call).toBeInstanceOf(JellyError);
    expect(peer.heard().sort()).toEqual(given.map((id) => `(decref ${id})`));
    expect(broker.stats().referencesHeld).toBe(0);
    expect(broker.isOpen).toBe(true);
  });

  test("a cache that came in full, and again behind the fault", async () => {
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

  test("however many they are", async () => {
    const target = new Thing();
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
    expect({ isOpen: pair.server.isOpen, held: pair.client.referencesTo(target) }).toEqual({ isOpen: true, held: 0 });
  });

  test("and a reference that a hook kept from it is dead", async () => {
    class Hoarder {}
    let kept: RemoteReference | undefined;
    const greedy = new TypeRegistry().registerCopy("test.Hoarder", Hoarder, {
      setState: (_hoarder, state) => (kept = (state as { thing: RemoteReference }).thing),
    });
    const { peer } = await brokerAndPeer("listener", { root: new Cupboard(), types: greedy });
    const hoarder = "(test.Hoarder (dictionary ((unicode thing) (remote 3))))";
    await peer.say(`(message 1 root take 1 (tuple ${hoarder} (os.system ls)) (dictionary))`);
    expect(peer.heard()[1]).toBe("(decref 3)");
    expect(kept?.isAlive).toBe(false);
    await expect(kept?.callRemote("name")).rejects.toThrow(DeadReferenceError);
  });
});

async function collected(isDone: () => boolean): Promise<void> {
  await expect
    .poll(() => {
      (globalThis as { gc?: () => void }).gc?.();
      return isDone();
    })
    .toBe(true);
  await settled();
}

test("a reference cannot be sent to another peer", async () => {
  const [one, other] = [await open(), await open()];
  const thing = await one.remote.callRemote("thing");
  await expect(other.remote.callRemote("take", thing)).rejects.toThrow("only to the peer it came from");
  expect(other.root.taken).toEqual([]);
  await one.pair.close();
  await other.pair.close();
});

test("an object that came home after it was forgotten is null", async () => {
  const root = new Cupboard();
  const { peer } = await brokerAndPeer("listener", { root });
  await peer.say("(message 1 root take 0 (tuple (local 12)) (dictionary))");
  expect(root.taken).toEqual([null]);
});

describe("objects published by name", () => {
  test("are had by name, exactly as written", async () => {
    const { pair } = await open();
    for (const name of ["thing", "list", "a b", "größe", "名前", "__proto__", "constructor", ""]) {
      using _published = pair.server.publish(name, new Thing(name));
      const thing = await pair.client.getObject<Thing>(name);
      expect(await thing.callRemote("name")).toBe(name);
      expect(await pair.client.getObject(name)).toBe(thing);
      expect(await thing.callRemote("me")).toBeInstanceOf(RemoteReference);
    }
    await pair.expectNothingLeft();
  });

  test("come home by name, are replaced, and are withdrawn", async () => {
    const { pair, remote, root } = await open();
    const [one, two] = [new Thing("one"), new Thing("two")];
    const first = pair.server.publish("größe", one);
    const thing = await pair.client.getObject<Thing>("größe");
    await remote.callRemote("take", thing);
    expect(root.taken.pop()).toBe(one);
    const second = pair.server.publish("größe", two);
    first[Symbol.dispose]();
    expect(await thing.callRemote("name")).toBe("two");
    second[Symbol.dispose]();
    await expect(thing.callRemote("name")).rejects.toThrow("Invalid Object ID");
  });

  test("that nobody published fail when they are called", async () => {
    const { pair } = await open();
    const nobody = await pair.client.getObject<Thing>("nobody");
    const error = (await rejection(nobody.callRemote("name"))) as RemoteError;
    expect(error).toBeInstanceOf(RemoteError);
    expect(error.is("twisted.spread.pb.Error")).toBe(true);
    expect(error.message).toBe("Invalid Object ID");
  });

  test("without a root, there is none", async () => {
    const pair = await connectedPair({});
    await expect((await pair.client.getRootObject()).callRemote("x")).rejects.toThrow("Invalid Object ID");
  });
});

describe("the limit of references", () => {
  class Maker extends Root {
    remote_make(count: number): Thing[] {
      return Array.from({ length: count }, () => new Thing());
    }
  }

  test("is 1024, and an answer that would pass it leaves nothing behind", async () => {
    const pair = await connectedPair({ root: new Maker() });
    const maker = await pair.client.getRootObject<Maker>();
    const things = await maker.callRemote("make", 1024);
    expect(pair.server.stats().referencesGiven).toBe(1024);
    for (let violation = 1; violation <= 3; violation++) {
      const error = (await rejection(maker.callRemote("make", 1))) as RemoteError;
      expect(error.remoteType).toBe("twisted.spread.pb.Error");
      expect(error.message).toBe("Maximum PB reference count exceeded.");
    }
    things[0]![Symbol.dispose]();
    expect(await maker.callRemote("make", 1)).toHaveLength(1);
    expect(pair.server.isOpen).toBe(true);
  });

  test("passed a fourth time ends the connection, after saying so", async () => {
    const pair = await connectedPair({ root: new Maker(), limits: { references: 2 } });
    const maker = await pair.client.getRootObject<Maker>();
    for (let violation = 1; violation <= 3; violation++) {
      await expect(maker.callRemote("make", 3)).rejects.toThrow(/exceeded\.$/);
      expect(pair.server.stats().referencesGiven).toBe(0);
    }
    await expect(maker.callRemote("make", 3)).rejects.toThrow("exceeded.  Goodbye.");
    const reason = await pair.server.closed;
    expect(reason.reason).toBe("limit");
    expect(reason.cause).toBeInstanceOf(PBError);
    expect(await pair.client.closed).toMatchObject({ reason: "lost" });
  });

  test("counts objects, not references", async () => {
    const { pair, remote } = await open({ limits: { references: 1 } });
    for (let round = 0; round < 5; round++) expect(await remote.callRemote("things")).toHaveLength(3);
    expect(pair.server.stats().referencesGiven).toBe(1);
  });
});

test("a reference knows its name in the peer's words, its connection, and a method as a function", async () => {
  const { pair, remote } = await open();
  expect(remote.id).toBe("root");
  const thing = await remote.callRemote("thing");
  expect(thing.id).toBe(1);
  const name = thing.call.name;
  expect(await name()).toBe("thing");
  expect(await thing.call.name()).toBe("thing");
  expect(await (thing.call as unknown as Promise<unknown>)).toBe(thing.call);
  await expect((thing as RemoteReference).callRemote("nothing")).rejects.toMatchObject({
    remoteType: NoSuchMethod.remoteType,
  });
  expect(pair.client).toBeInstanceOf(Broker);
  await remote.callRemote("take", tuple(thing, [thing]));
  await pair.close();
  expect(thing.isAlive).toBe(false);
  await expect(thing.callRemote("name")).rejects.toThrow(DeadReferenceError);
  expect(() => thing.sendRemote("name")).toThrow(DeadReferenceError);
});
