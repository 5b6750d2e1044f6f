// Objects that stay where they are, and references to them: they go there, come home, are counted and given back (wire specification 5.5, 5.6).

import { beforeAll, describe, expect, test } from "vitest";
import {
  Broker,
  DeadReferenceError,
  NoSuchMethod,
  PBError,
  Referenceable,
  RemoteError,
  RemoteReference,
  Root,
} from "@pb/broker";
import type { BrokerOptions } from "@pb/broker";
import { JellyError, tuple } from "@pb/jelly-types";
import { connectedPair } from "@pb/broker/testing";
import { exposeGarbageCollection } from "./support/garbage.js";
import { brokerAndPeer, rejection, settled } from "./support/raw-peer.js";

beforeAll(exposeGarbageCollection);

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

  test("is given back when it came in arguments that turned out bad", async () => {
    const { peer, broker } = await brokerAndPeer("listener", { root: new Cupboard() });
    await peer.say("(message 1 root take 1 (tuple (remote 3) (os.system ls)) (dictionary))");
    expect(peer.heard()).toHaveLength(1);
    await collected(() => broker.stats().referencesHeld === 0);
    expect(peer.heard()).toEqual(["(decref 3)"]);
  });

  test("is given back when it came for a method that does not exist, or with nobody waiting", async () => {
    const { peer, broker } = await brokerAndPeer("listener", { root: new Cupboard() });
    await peer.say("(message 1 root nothing 0 (tuple (remote 3)) (dictionary))");
    await peer.say("(message 1 77 nothing 0 (tuple (remote 4)) (dictionary))");
    await collected(() => broker.stats().referencesHeld === 0);
    expect(peer.heard().filter((line) => line !== "(decref 3)")).toEqual([]);
  });

  test("is given back when its caller had given up", async () => {
    const { pair, remote } = await open();
    for (const how of [{ timeoutMs: 1 }, { signal: AbortSignal.timeout(1) }]) {
      pair.links.listener.hold();
      await rejection(remote.callRemoteWith(how, "thing"));
      await rejection(remote.callRemoteWith(how, "things"));
      pair.links.listener.release();
      await pair.settled();
    }
    await pair.expectNothingLeft();
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
  const name = thing.remoteMethod("name");
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
