// Rollback: a message that is not sent releases the references and caches that were written into it (wire specification
// 5.8, 5.14, 8).

import { describe, expect, test } from "vitest";
import type { RemoteReference } from "@pb/broker";
import { JellyError, TypeRegistry } from "@pb/jelly-types";
import { connectedPair } from "@pb/broker/testing";
import { brokerAndPeer, rejection, settled as turns } from "../support/raw-peer.js";
import { Thing, Live, LiveCopy, Hook, Maker, types, open } from "../support/state-hooks.js";

const failing = new Hook(() => {
  throw new RangeError("half-way");
});

describe("a message that fails while it is written releases all of its references and caches", () => {
  test.each([
    ["an argument", async (root: RemoteReference, value: unknown) => rejection(root.callRemote("take", value))],
    [
      "a keyword argument",
      async (root: RemoteReference, value: unknown) => rejection(root.callRemote("take", 1, value)),
    ],
    [
      "an argument of a call without an answer",
      async (root: RemoteReference, value: unknown) => {
        expect(() => root.sendRemote("take", value)).toThrow();
        return new JellyError("JELLY_NOT_JELLYABLE", "");
      },
    ],
  ])("in %s", async (_what, send) => {
    const { pair, root, maker } = await open();
    const [thing, live] = [new Thing(), new Live()];
    for (const invalid of [() => 1, failing, "\ud800"]) {
      expect(await send(root, [thing, live, { thing, live }, invalid])).toBeInstanceOf(Error);
      expect(pair.leftovers()).toEqual([]);
    }
    expect(live.stopped).toBe(live.observed);
    expect(thing.released).toBe(3);
    expect(pair.client.referencesTo(thing)).toBe(0);
    expect(maker.received).toEqual([]);

    // The tables of both ends agree: both objects are now sent as if for the first time.
    await root.callRemote("take", thing, live);
    expect(maker.received[1]).toBeInstanceOf(LiveCopy);
    expect(pair.client.referencesTo(thing)).toBe(1);
  });

  test.each(["make", "makeLater"])("in a result of %s", async (method) => {
    const { pair, root, maker } = await open();
    const [thing, live] = [new Thing(), new Live()];
    maker.make = () => [thing, live, [thing, live], () => 1];
    await rejection(root.callRemote(method));
    expect(pair.leftovers()).toEqual([]);
    maker.make = () => [thing, live, failing];
    await rejection(root.callRemote(method));
    expect(pair.leftovers()).toEqual([]);
    expect([live.observed, live.stopped]).toEqual([2, 2]);

    maker.make = () => [thing, live];
    const [reference, cache] = (await root.callRemote(method)) as [RemoteReference, LiveCopy];
    expect(await reference.callRemote("ping")).toBe("pong");
    expect(cache).toBeInstanceOf(LiveCopy);
    reference[Symbol.dispose]();
    cache[Symbol.dispose]();
    await pair.expectNothingLeft();
  });

  test("in an error that is sent as a copy", async () => {
    class Refusal extends Error {
      parts: unknown[] = [];
    }
    const both = new TypeRegistry(types).registerCopy("test.Refusal", Refusal);
    const maker = new Maker();
    const pair = await connectedPair({ root: maker, types: both }, { types: both });
    const [thing, live] = [new Thing(), new Live()];
    maker.make = () => {
      throw Object.assign(new Refusal("no"), { parts: [thing, live, () => 1] });
    };
    await expect((await pair.client.getRootObject()).callRemote("make")).rejects.toThrow("no");
    expect(pair.leftovers()).toEqual([]);
    expect([live.observed, live.stopped]).toEqual([1, 1]);
  });

  test("keeps the counts of objects that were sent before", async () => {
    const { pair, root } = await open();
    const [thing, live] = [new Thing(), new Live()];
    await root.callRemote("take", thing, live);
    await rejection(root.callRemote("take", thing, live, failing));
    expect(pair.client.referencesTo(thing)).toBe(1);
    expect(pair.client.cachesOf(live)).toBe(1);
    expect([live.observed, live.stopped]).toEqual([1, 0]);
  });
});

// A result that contains promises is written until the first promise, rolled back, and written again when all promises
// have settled.
describe("an object in a result that waits for a promise", () => {
  test("is released once", async () => {
    const { pair, root, maker } = await open();
    const thing = new Thing();
    maker.make = () => [thing, Promise.resolve(1)];
    const [reference] = (await root.callRemote("make")) as [RemoteReference];
    expect(thing.released).toBe(0);
    expect(pair.server.referencesTo(thing)).toBe(1);
    reference[Symbol.dispose]();
    await pair.expectNothingLeft();
    expect(thing.released).toBe(1);
  });

  test.each([
    ["that rejects", () => Promise.reject(new Error("no"))],
    ["that resolves with a value that cannot be sent", () => Promise.resolve(() => 1)],
  ])("%s is not exported, and unreferenced is called once", async (_how, promise) => {
    const { pair, root, maker } = await open();
    const thing = new Thing();
    maker.make = () => [thing, promise(), thing];
    await rejection(root.callRemote("make"));
    expect(pair.leftovers()).toEqual([]);
    expect(thing.released).toBe(1);
  });

  test("is unreferenced once when the connection ends first", async () => {
    const { pair, root, maker } = await open();
    const thing = new Thing();
    let resolvePromise: ((value: unknown) => void) | undefined;
    maker.make = () => [thing, new Promise((resolve) => (resolvePromise = resolve))];
    const call = rejection(root.callRemote("make"));
    await pair.settled();
    expect(thing.released).toBe(0);
    await pair.close();
    await call;
    resolvePromise!(1);
    await pair.settled();
    expect(thing.released).toBe(1);
  });

  test("can be sent and released in the meantime", async () => {
    const { pair, root, maker } = await open();
    const thing = new Thing();
    let resolvePromise: ((value: unknown) => void) | undefined;
    maker.make = () => [thing, new Promise((resolve) => (resolvePromise = resolve))];
    const call = root.callRemote("make");
    await pair.settled();
    maker.make = () => thing;
    ((await root.callRemote("make")) as RemoteReference)[Symbol.dispose]();
    await pair.settled();
    expect(thing.released).toBe(0);
    resolvePromise!(1);
    const [reference] = (await call) as [RemoteReference];
    expect(await reference.callRemote("ping")).toBe("pong");
  });

  test("gets a new id when the peer guesses its id and releases it", async () => {
    const maker = new Maker();
    const { peer, broker } = await brokerAndPeer("listener", { root: maker });
    const thing = new Thing();
    let resolvePromise: ((value: unknown) => void) | undefined;
    maker.make = () => [thing, new Promise((resolve) => (resolvePromise = resolve))];
    await peer.send("(message 1 root make 1 (tuple) (dictionary))", "(decref 1)");
    resolvePromise!(1);
    await turns();
    expect(broker.isOpen).toBe(true);
    expect(peer.received()).toEqual(["(answer 1 (list (remote 2) 1))"]);
    expect(broker.referencesTo(thing)).toBe(1);
  });
});
