// The end of a connection: the order of notifications, and the state of everything that belonged to it (wire
// specification 5.13).

import { describe, expect, test } from "vitest";
import {
  Cacheable,
  Copyable,
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
import { pinReceivedValues } from "../../../tools/gc/pin-received-values.js";
import { brokerAndPeer, rejection, settled } from "./support/raw-peer.js";

let log: string[] = [];

class Thing extends Referenceable {
  override unreferenced(): void {
    log.push("unreferenced");
  }
}
class Live extends Cacheable {
  static readonly remoteType: string = "test.Live";
  getStateToCacheAndObserveFor(): unknown {
    return {};
  }
  override stoppedObserving(): void {
    log.push("stoppedObserving");
  }
}
class LiveCopy extends RemoteCache {}

class Source extends Root {
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
  log = [];
  const root = new Source();
  const events: BrokerEvent[] = [];
  const onEvent = (event: BrokerEvent): void => void events.push(event);
  const pair = await connectedPair({ root, types, onEvent }, { types, root, onEvent });
  return { pair, root, events, remote: await pair.client.getRootObject() };
}

test("notifies in order: pending calls, observed objects, subscribers, owners of references", async () => {
  using _kept = pinReceivedValues();
  const { pair, events, remote } = await open();
  await remote.callRemote("give");
  const back = await pair.server.getRootObject();
  const calls = [1, 2].map((number) =>
    back.callRemote("later").catch((error: unknown) => {
      log.push(`call ${number}`);
      return error;
    }),
  );
  await pair.settled();
  pair.server.notifyOnDisconnect(() => log.push("subscriber of the connection"));
  back.notifyOnDisconnect((reference) => log.push(reference === back ? "subscriber of the reference" : "?"));
  pair.links.listener.cut(new Error("network failure"));
  const reason = await pair.server.closed;
  const errors = await Promise.all(calls);
  // Reactions to a rejected promise run later than callbacks. Both calls were rejected before anything else.
  expect(log.filter((line) => !line.startsWith("call"))).toEqual([
    "stoppedObserving",
    "subscriber of the connection",
    "subscriber of the reference",
    "unreferenced",
  ]);
  expect(errors).toEqual([reason, reason]);
  const closed = events.find((event) => event.kind === "closed" && event.reason === reason);
  expect(closed).toMatchObject({ users: [], stats: { callsWaiting: 2 } });
  expect(pair.server.ended).toMatchObject({ reason, stats: { referencesGiven: 1, cachesGiven: 1 } });
  expect(reason).toMatchObject({ reason: "lost", message: "The connection was lost: network failure" });
  expect(reason.cause).toEqual(new Error("network failure"));
});

describe("a callback of notifyOnDisconnect", () => {
  test("runs when the connection has ended", async () => {
    const { pair, remote } = await open();
    const seen: unknown[] = [];
    pair.client.notifyOnDisconnect(() => {
      seen.push(pair.client.isOpen, remote.isAlive, pair.client.stats().callsWaiting);
      seen.push(pair.client.referencesTo(pair));
    });
    await pair.close();
    expect(seen).toEqual([false, false, 0, 0]);
  });

  test("may close, terminate, call and subscribe again", async () => {
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

  test("may throw, and the other callbacks run", async () => {
    const { pair, events } = await open();
    const error = new Error("from the callback");
    pair.client.notifyOnDisconnect(() => {
      throw error;
    });
    pair.client.notifyOnDisconnect(() => log.push("second"));
    await pair.client.close();
    expect(log).toEqual(["second"]);
    expect(events).toContainEqual({ kind: "callback-failed", error: error });
  });

  test("runs once, and not after it was unsubscribed", async () => {
    const { pair, remote } = await open();
    const callback = (): void => void log.push("again");
    const kept = pair.client.notifyOnDisconnect(callback);
    pair.client.notifyOnDisconnect(callback)[Symbol.dispose]();
    remote.notifyOnDisconnect(() => log.push("the reference"))[Symbol.dispose]();
    await pair.client.close();
    await pair.client.close();
    pair.client.terminate("closed");
    await settled();
    expect(log).toEqual(["again"]);
    kept[Symbol.dispose]();
  });

  test("runs in a later microtask when the connection has already ended, unless it is unsubscribed first", async () => {
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
  test("references are dead, and other operations reject with the reason", async () => {
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

  test("the result of a method that finishes late is ignored", async () => {
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

  test("the error of a method that fails late is reported", async () => {
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

describe("close", () => {
  test("sends the messages that were written before", async () => {
    const { peer, broker } = await brokerAndPeer("initiator");
    const root = await broker.getRootObject();
    root.sendRemote("last", 1);
    const pending = rejection(root.callRemote("words"));
    await broker.close();
    expect(peer.received()).toEqual([
      "(message 1 root last 0 (tuple 1) (dictionary))",
      "(message 2 root words 1 (tuple) (dictionary))",
    ]);
    expect(await pending).toMatchObject({ reason: "closed", message: "The connection was closed by this end" });
  });

  test("can be called several times", async () => {
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

  test("resolves `closed` when the peer closes the connection", async () => {
    const { peer, broker } = await brokerAndPeer("initiator");
    await peer.close();
    expect(await broker.closed).toMatchObject({ reason: "lost" });
  });

  test("rejects all pending calls with the same reason", async () => {
    const { pair, remote } = await open();
    const calls = Array.from({ length: 100 }, () => rejection(remote.callRemote("later")));
    await pair.settled();
    await pair.server.close();
    const reason = await pair.client.closed;
    expect(new Set(await Promise.all(calls))).toEqual(new Set([reason]));
    expect(reason).toMatchObject({
      reason: "lost",
      message: "The connection was lost. The peer closed it while calls waited for an answer: its log may say why",
    });
  });
});

describe("the reason of a connection that the peer closes", () => {
  class Fruit extends Copyable {
    static readonly remoteType = "shop.Fruit";
  }
  class Shop extends Root {
    remote_fruit() {
      return [new Fruit()];
    }
    remote_count() {
      return 3;
    }
  }

  test.for([
    [
      "fruit",
      "",
      "The connection was lost. The peer closed it after the answer to fruit: it may not know the class shop.Fruit",
    ],
    ["fruit", "(message 2 root count 1 (tuple) (dictionary))", "The connection was lost"],
    ["fruit", "(version 6)", "The connection was lost"],
    ["count", "", "The connection was lost"],
  ] as const)("says after an answer to %s and then %s: %s", async ([method, then, message]) => {
    const { broker, peer } = await brokerAndPeer("listener", { root: new Shop() });
    await peer.send(`(message 1 root ${method} 1 (tuple) (dictionary))`);
    if (then !== "") await peer.send(then);
    await peer.close();
    expect((await broker.closed).message).toBe(message);
  });
});
