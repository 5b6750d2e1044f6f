// References to objects of the peer: calling, returning, counting and releasing them (wire specification 5.5, 5.6).

import { beforeAll, describe, expect, test } from "vitest";
import { Broker, DeadReferenceError, NoSuchMethod, RemoteReference } from "@pb/broker";
import { JellyError, tuple } from "@pb/jelly-types";
import { garbageCollector } from "../../../../tools/gc/garbage-collector.js";
import { brokerAndPeer, rejection, settled } from "../support/raw-peer.js";
import { Item, Shop, open, collected } from "../support/item-shop.js";

beforeAll(() => void garbageCollector());

describe.each([
  ["in one piece", undefined],
  ["byte by byte", 1],
])("%s", (_how, chunkBytes) => {
  test("a reference can be called, and returns to its owner as the object itself", async () => {
    const { pair, remote } = await open({}, chunkBytes);
    const thing = await remote.callRemote("thing");
    expect(thing).toBeInstanceOf(RemoteReference);
    expect(await thing.callRemote("name")).toBe("thing");
    expect(await remote.callRemote("isThing", thing)).toBe(true);
    expect(await remote.callRemote("isRoot", remote)).toBe(true);
    thing[Symbol.dispose]();
    await pair.expectNothingLeft();
  });

  test("an argument can be called by the peer, and returns to the caller as the object itself", async () => {
    const { pair, root, remote } = await open({}, chunkBytes);
    const argument = new Item("argument");
    expect(await remote.callRemote("nameOf", argument)).toBe("argument");
    await remote.callRemote("take", argument);
    expect(root.taken[0]).toBeInstanceOf(RemoteReference);
    expect(await remote.callRemote("give")).toBe(argument);
    await pair.expectNothingLeft();
  });

  test("every arrival of a reference counts, and dispose releases all of them", async () => {
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

test("a reference that arrives while its release is in flight counts again", async () => {
  // The server sends the object again before it receives the release: the id stays the same and the count is right.
  const { peer, broker } = await brokerAndPeer("initiator");
  const root = await broker.getRootObject();
  const calls = [root.callRemote("a"), root.callRemote("b")];
  await settled();
  peer.takeExpressions();
  await peer.send("(answer 1 (remote 7))");
  const first = (await calls[0]) as RemoteReference;
  first[Symbol.dispose]();
  await peer.send("(answer 2 (remote 7))");
  const second = (await calls[1]) as RemoteReference;
  expect(second).not.toBe(first);
  expect(second.isAlive).toBe(true);
  second[Symbol.dispose]();
  await settled();
  expect(peer.received()).toEqual(["(decref 7)", "(decref 7)"]);
  expect(broker.stats().referencesHeld).toBe(0);
});

describe("a released reference", () => {
  test("can be released again, but not called and not sent", async () => {
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

  test("does not cancel calls in flight", async () => {
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

  test("can be requested again if it was the root", async () => {
    const { pair } = await open();
    {
      using root = await pair.client.getRootObject<Shop>();
      await root.callRemote("isRoot", root);
    }
    const root = await pair.client.getRootObject<Shop>();
    expect(await root.callRemote("isRoot", root)).toBe(true);
    expect(pair.transcript().filter((line) => line.includes("decref"))).toEqual([]);
    await pair.expectNothingLeft();
  });
});

describe("a reference that the program dropped", () => {
  test("is released when it is collected", async () => {
    const { pair, remote } = await open();
    expect(await (await remote.callRemote("thing")).callRemote("name")).toBe("thing");
    await remote.callRemote("things");
    await pair.expectNothingLeft();
  });

  test("is kept while a call is pending", async () => {
    const { pair, remote } = await open();
    const call = remote.callRemote("thing").then((thing) => thing.callRemote("name"));
    for (let turn = 0; turn < 5; turn++) {
      await new Promise((resolve) => setTimeout(resolve, 1));
      (globalThis as { gc?: () => void }).gc?.();
    }
    expect(await call).toBe("thing");
    await pair.expectNothingLeft();
  });

  test("is released when it arrived as an argument of a method that does not exist", async () => {
    const { peer, broker } = await brokerAndPeer("listener", { root: new Shop() });
    await peer.send("(message 1 root nothing 0 (tuple (remote 3)) (dictionary))");
    await collected(() => broker.stats().referencesHeld === 0);
    expect(peer.received().filter((line) => line !== "(decref 3)")).toEqual([]);
  });

  test("is released when it arrives after the timeout or cancellation of its call", async () => {
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

test("a reference cannot be sent to another peer", async () => {
  const [one, other] = [await open(), await open()];
  const thing = await one.remote.callRemote("thing");
  await expect(other.remote.callRemote("take", thing)).rejects.toThrow("only to the peer it came from");
  expect(other.root.taken).toEqual([]);
  await one.pair.close();
  await other.pair.close();
});

test("a reference has the id, the connection and the methods of its object", async () => {
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
