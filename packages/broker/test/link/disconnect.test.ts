// The end of a connection: who hears of it, in which order, and what is of no use afterwards (wire specification 5.13).

import { describe, expect, test } from "vitest";
import {
  Cacheable,
  ConnectionLostError,
  DeadReferenceError,
  Referenceable,
  remoteCache,
  RemoteCache,
  Root,
} from "@pb/broker";
import type { BrokerEvent, RemoteReference } from "@pb/broker";
import { TypeRegistry } from "@pb/jelly-types";
import { connectedPair } from "@pb/broker/testing";
import { pinReceivedValues } from "../../../../tools/gc/pin-received-values.js";
import { brokerAndPeer, rejection, settled } from "../support/raw-peer.js";

let told: string[] = [];

class Thing extends Referenceable {
  override unreferenced(): void {
    told.push("the owner of a reference");
  }
}
class Live extends Cacheable {
  static readonly remoteType: string = "test.Live";
  getStateToCacheAndObserveFor(): unknown {
    return {};
  }
  override stoppedObserving(): void {
    told.push("the observed object");
  }
}
class LiveCopy extends RemoteCache {}

class Giver extends Root {
  release: ((value: unknown) => void)[] = [];

  remote_give(): unknown {
    return [new Thing(), new Live()];
  }
  remote_later(): Promise<unknown> {
    return new Promise((resolve) => this.release.push(resolve));
  }
}

const types = new TypeRegistry().register(remoteCache("test.Live", LiveCopy));

async function open() {
  told = [];
  const root = new Giver();
  const events: BrokerEvent[] = [];
  const onEvent = (event: BrokerEvent): void => void events.push(event);
  const pair = await connectedPair({ root, types, onEvent }, { types, root, onEvent });
  return { pair, root, events, remote: await pair.client.getRootObject() };
}

test("the pending calls hear first, then what was observed, then notifiers, then the owners of references", async () => {
  using _kept = pinReceivedValues();
  const { pair, events, remote } = await open();
  await remote.callRemote("give");
  const back = await pair.server.getRootObject();
  const calls = [1, 2].map((number) =>
    back.callRemote("later").catch((error: unknown) => {
      told.push(`call ${number}`);
      return error;
    }),
  );
  await pair.settled();
  pair.server.notifyOnDisconnect(() => told.push("a notifier"));
  back.notifyOnDisconnect((reference) => told.push(reference === back ? "a notifier of the reference" : "?"));
  pair.links.listener.cut(new Error("unplugged"));
  const reason = await pair.server.closed;
  const errors = await Promise.all(calls);
  // A promise tells its listeners one turn later than a callback is told; both calls were rejected before anything else.
  expect(told.filter((line) => !line.startsWith("call"))).toEqual([
    "the observed object",
    "a notifier",
    "a notifier of the reference",
    "the owner of a reference",
  ]);
  expect(errors).toEqual([reason, reason]);
  expect(events.find(({ kind }) => kind === "closed")).toEqual({ kind: "closed", reason });
  expect(reason).toMatchObject({ reason: "lost", message: "The connection was lost: unplugged" });
  expect(reason.cause).toEqual(new Error("unplugged"));
});

describe("whoever is told", () => {
  test("sees a connection that is over", async () => {
    const { pair, remote } = await open();
    const seen: unknown[] = [];
    pair.client.notifyOnDisconnect(() => {
      seen.push(pair.client.isOpen, remote.isAlive, pair.client.stats().callsWaiting);
      seen.push(pair.client.referencesTo(pair));
    });
    await pair.close();
    expect(seen).toEqual([false, false, 0, 0]);
  });

  test("may close, terminate, call, and subscribe again", async () => {
    const { pair, remote } = await open();
    const seen: unknown[] = [];
    pair.client.notifyOnDisconnect((reason) => {
      void pair.client.close();
      pair.client.terminate("limit");
      seen.push(rejection(remote.callRemote("give")));
      pair.client.notifyOnDisconnect((again) => seen.push(again === reason));
    });
    const reason = await pair.client.close().then(() => pair.client.closed);
    expect(reason.reason).toBe("closed");
    await settled();
    expect(await Promise.all(seen)).toEqual([expect.any(DeadReferenceError), true]);
  });

  test("may throw: the others hear all the same", async () => {
    const { pair, events } = await open();
    const trouble = new Error("not now");
    pair.client.notifyOnDisconnect(() => {
      throw trouble;
    });
    pair.client.notifyOnDisconnect(() => told.push("second"));
    await pair.client.close();
    expect(told).toEqual(["second"]);
    expect(events).toContainEqual({ kind: "callback-failed", error: trouble });
  });

  test("is told once, and not at all after disposing of the subscription", async () => {
    const { pair, remote } = await open();
    const callback = (): void => void told.push("again");
    const kept = pair.client.notifyOnDisconnect(callback);
    pair.client.notifyOnDisconnect(callback)[Symbol.dispose]();
    remote.notifyOnDisconnect(() => told.push("the reference"))[Symbol.dispose]();
    await pair.client.close();
    await pair.client.close();
    pair.client.terminate("closed");
    await settled();
    expect(told).toEqual(["again"]);
    kept[Symbol.dispose]();
  });

  test("is told soon when it is over already, unless it thinks better of it", async () => {
    const { pair } = await open();
    await pair.client.close();
    const reasons: ConnectionLostError[] = [];
    pair.client.notifyOnDisconnect((reason) => reasons.push(reason));
    pair.client.notifyOnDisconnect((reason) => reasons.push(reason))[Symbol.dispose]();
    expect(reasons).toEqual([]);
    await settled();
    expect(reasons).toEqual([await pair.client.closed]);
  });
});

describe("after the end", () => {
  test("references are dead, and everything else says why", async () => {
    const { pair, remote } = await open();
    const [thing, cache] = (await remote.callRemote("give")) as [RemoteReference, LiveCopy];
    await pair.client.close();
    for (const reference of [remote, thing]) {
      expect(reference.isAlive).toBe(false);
      await expect(reference.callRemote("x")).rejects.toBeInstanceOf(DeadReferenceError);
      expect(() => reference.sendRemote("x")).toThrow(DeadReferenceError);
      reference[Symbol.dispose]();
    }
    cache[Symbol.dispose]();
    const reason = await pair.client.closed;
    await expect(pair.client.getRootObject()).rejects.toSatisfy(
      (error) => error === reason || error instanceof ConnectionLostError,
    );
    await expect(pair.client.ping()).rejects.toBe(reason);
    await expect(pair.client.drained()).rejects.toBe(reason);
    await pair.client.idle();
    pair.client.keepAlive();
  });

  test("a method that finishes late is ignored, whatever it returns", async () => {
    const { pair, root, remote, events } = await open();
    const calls = [1, 2, 3, 4].map(() => rejection(remote.callRemote("later")));
    await pair.settled();
    await pair.close();
    await Promise.all(calls);
    const before = events.length;
    root.release[0]!("plain");
    root.release[1]!(new Thing());
    root.release[2]!(() => 1);
    root.release[3]!(new Live());
    await settled();
    expect(events.slice(before)).toEqual([]);
  });

  test("a method that fails late is still a fault of the program", async () => {
    const { pair, root, remote, events } = await open();
    const call = rejection(remote.callRemote("later"));
    await pair.settled();
    await pair.close();
    await call;
    root.release[0]!(Promise.reject(new Error("late")));
    await settled();
    expect(events.at(-1)).toMatchObject({ kind: "method-failed", error: new Error("late") });
  });
});

describe("closing", () => {
  test("sends what was written before", async () => {
    const { peer, broker } = await brokerAndPeer("initiator");
    const root = await broker.getRootObject();
    root.sendRemote("last", 1);
    const pending = rejection(root.callRemote("words"));
    await broker.close();
    expect(peer.heard()).toEqual([
      "(message 1 root last 0 (tuple 1) (dictionary))",
      "(message 2 root words 1 (tuple) (dictionary))",
    ]);
    expect(await pending).toMatchObject({ reason: "closed", message: "The connection was closed by this end" });
  });

  test("twice at once is closing once", async () => {
    const { pair, events } = await open();
    await Promise.all([
      pair.client.close(),
      pair.client.close(),
      pair.server.close(),
      pair.client[Symbol.asyncDispose](),
    ]);
    expect(events.filter(({ kind }) => kind === "closed")).toHaveLength(2);
    expect(await pair.client.closed).toBe(await pair.client.closed);
  });

  test("before it is ready rejects whoever waits", async () => {
    const { peer, broker } = await brokerAndPeer("initiator");
    await peer.hangUp();
    expect(await broker.closed).toMatchObject({ reason: "lost" });
  });

  test("in the middle of many calls rejects each of them with the one reason", async () => {
    const { pair, remote } = await open();
    const calls = Array.from({ length: 100 }, () => rejection(remote.callRemote("later")));
    await pair.settled();
    await pair.server.close();
    const reason = await pair.client.closed;
    expect(new Set(await Promise.all(calls))).toEqual(new Set([reason]));
    expect(reason.reason).toBe("lost");
  });
});
