// State hooks are callbacks of the program: they may throw, and they may use the connection while a message is being
// written (wire specification 5.8, 5.14, 8).

import { describe, expect, test } from "vitest";
import {
  Avatar,
  Cacheable,
  ConnectionLostError,
  Copyable,
  DeadReferenceError,
  Referenceable,
  remoteCache,
  RemoteCache,
  remoteCopy,
  RemoteCopy,
  Root,
} from "@pb/broker";
import type { BrokerEvent, CacheObserver, Perspective, RemoteReference } from "@pb/broker";
import { JellyError, TypeRegistry } from "@pb/jelly-types";
import { connectedPair } from "@pb/broker/testing";
import { brokerAndPeer, rejection, settled as turns } from "../support/raw-peer.js";

class Thing extends Referenceable {
  released = 0;

  remote_ping(): string {
    return "pong";
  }

  override unreferenced(): void {
    this.released++;
  }
}

class Live extends Cacheable {
  static readonly remoteType: string = "test.Live";
  observed = 0;
  stopped = 0;

  getStateToCacheAndObserveFor(_perspective: Perspective, _observer: CacheObserver): unknown {
    this.observed++;
    return { here: true };
  }

  override stoppedObserving(): void {
    this.stopped++;
  }
}
class LiveCopy extends RemoteCache {}

/** Runs `act` when its state is written. */
class Hook extends Copyable {
  static readonly remoteType: string = "test.Hook";
  constructor(readonly act: (perspective: Perspective) => unknown) {
    super();
  }
  override getStateToCopyFor(perspective: Perspective): unknown {
    return { state: this.act(perspective) };
  }
}
class HookCopy extends RemoteCopy {
  declare state: unknown;
}

class NamedAvatar extends Avatar {
  constructor(
    readonly name: string,
    readonly make: () => unknown,
  ) {
    super();
  }
  perspective_make(): unknown {
    return this.make();
  }
}

class Maker extends Root {
  make: () => unknown = () => null;
  readonly received: unknown[] = [];

  remote_make(): unknown {
    return this.make();
  }
  async remote_makeLater(): Promise<unknown> {
    return this.make();
  }
  remote_take(...values: unknown[]): void {
    this.received.push(...values);
  }
  remote_login(name: string): NamedAvatar {
    return new NamedAvatar(name, () => this.make());
  }
}

const types = new TypeRegistry()
  .register(remoteCache("test.Live", LiveCopy))
  .register(remoteCopy("test.Hook", HookCopy));

async function open() {
  const maker = new Maker();
  const pair = await connectedPair({ root: maker, types }, { types });
  return { maker, pair, root: await pair.client.getRootObject() };
}

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

describe("a call made by a state hook", () => {
  test("is sent after the message that is being written, and both arrive completely", async () => {
    for (const chunkBytes of [Infinity, 1]) {
      const maker = new Maker();
      const pair = await connectedPair({ root: maker, types }, { types }, { chunkBytes });
      const root = await pair.client.getRootObject();
      let inner: Promise<unknown> | undefined;
      const hook = new Hook(() => {
        inner ??= root.callRemote("take", "inner", ["nested"]);
        return "outer";
      });
      await root.callRemote("take", "before", hook, "after");
      await inner;
      expect(maker.received).toMatchObject(["before", { state: "outer" }, "after", "inner", ["nested"]]);
      await pair.expectNothingLeft();
    }
  });

  test("is sent even if the message that was being written fails", async () => {
    const { pair, root, maker } = await open();
    let inner: Promise<unknown> | undefined;
    const hook = new Hook(() => (inner = root.callRemote("take", "inner")));
    await rejection(root.callRemote("take", hook));
    await inner;
    expect(maker.received).toEqual(["inner"]);
    await pair.expectNothingLeft();
  });

  test("rejects when it cannot be sent, and the message that was being written is sent", async () => {
    const { pair, root, maker } = await open();
    let inner: Promise<unknown> | undefined;
    const thing = new Thing();
    const hook = new Hook(() => {
      inner = rejection(root.callRemote("take", thing, () => 1));
      return thing;
    });
    await root.callRemote("take", thing, hook);
    expect(await inner).toBeInstanceOf(JellyError);
    expect(pair.client.referencesTo(thing)).toBe(2);
    expect(maker.received).toHaveLength(2);
  });

  test("does not change the perspective of the message that was being written", async () => {
    const { root, maker } = await open();
    const alice = (await root.callRemote("login", "alice")) as RemoteReference;
    await root.callRemote("take", new Thing());
    const listener = maker.received[0] as RemoteReference;
    const seen: unknown[] = [];
    const note = (perspective: Perspective): unknown => seen.push((perspective as NamedAvatar | null)?.name);
    const inner = new Hook(note);
    maker.make = () => [new Hook(note), new Hook(() => listener.sendRemote("ping", inner)), new Hook(note)];
    await alice.callRemote("make");
    await root.callRemote("make");
    // The listener arrived in a call without a perspective, so what is sent to it has none, even while a message for
    // alice is being written.
    expect(seen).toEqual(["alice", "alice", undefined, undefined, undefined, undefined]);
  });

  test("may release a reference", async () => {
    const { pair, root, maker } = await open();
    const thing = new Thing();
    maker.make = () => thing;
    const reference = (await root.callRemote("make")) as RemoteReference;
    await root.callRemote("take", new Hook(() => reference[Symbol.dispose]()));
    await pair.expectNothingLeft();
    expect(thing.released).toBe(1);
  });

  test("may send an object that the current message contains", async () => {
    const { pair, root, maker } = await open();
    const live = new Live();
    let inner: Promise<unknown> | undefined;
    const hook = new Hook(() => {
      inner ??= root.callRemote("take", live);
      return null;
    });
    await root.callRemote("take", live, hook);
    await inner;
    const [first, , again] = maker.received;
    expect(first).toBeInstanceOf(LiveCopy);
    expect(again).toBe(first);
    expect(pair.client.cachesOf(live)).toBe(2);
  });

  test("may send an object that comes later in the current message", async () => {
    const { pair, root, maker } = await open();
    const live = new Live();
    let inner: Promise<unknown> | undefined;
    const hook = new Hook(() => {
      inner = root.callRemote("take", live);
      return null;
    });
    await root.callRemote("take", hook, live);
    await inner;
    const [, first, again] = maker.received;
    expect(first).toBeInstanceOf(LiveCopy);
    expect(again).toBe(first);
    expect([pair.client.cachesOf(live), live.observed]).toEqual([2, 1]);
  });

  test("may run another hook that calls, and all calls arrive in order", async () => {
    const { root, maker, pair } = await open();
    const live = new Live();
    const innermost = new Hook(() => {
      root.sendRemote("take", "third", live);
    });
    const inner = new Hook(() => {
      root.sendRemote("take", "second", innermost, live);
    });
    await root.callRemote("take", "first", inner);
    await pair.settled();
    const copy = expect.any(LiveCopy) as unknown;
    expect(maker.received).toEqual([
      "first",
      expect.any(HookCopy),
      "second",
      expect.any(HookCopy),
      copy,
      "third",
      copy,
    ]);
  });

  test("reports to onEvent a call without an answer that cannot be sent", async () => {
    const events: BrokerEvent[] = [];
    const maker = new Maker();
    const pair = await connectedPair({ root: maker, types }, { types, onEvent: (event) => events.push(event) });
    const root = await pair.client.getRootObject();
    const hook = new Hook(() => {
      root.sendRemote("take", () => 1);
    });
    await root.callRemote("take", hook);
    expect(events).toEqual([{ kind: "callback-failed", error: expect.any(JellyError) as unknown }]);
    await pair.expectNothingLeft();
  });

  test("is stopped when it causes itself again, and the connection stays open", async () => {
    const events: BrokerEvent[] = [];
    const maker = new Maker();
    const pair = await connectedPair({ root: maker, types }, { types, onEvent: (event) => events.push(event) });
    const root = await pair.client.getRootObject();
    let asked = 0;
    const hook: Hook = new Hook(() => {
      asked++;
      root.sendRemote("take", hook);
    });
    await root.callRemote("take", hook);
    expect(asked).toBeLessThan(1000);
    expect(events).toEqual([
      {
        kind: "callback-failed",
        error: expect.objectContaining({ message: expect.stringMatching("send again") as unknown }) as unknown,
      },
    ]);
    expect(await root.callRemote("take", 1)).toBeNull();
  });

  test("is not sent to an observer whose copy was not sent", async () => {
    const { pair, root } = await open();
    let update: Promise<unknown> | undefined;
    class Hasty extends Live {
      override getStateToCacheAndObserveFor(_perspective: Perspective, observer: CacheObserver): unknown {
        update = rejection(observer.callRemote("update"));
        observer.sendRemote("update");
        throw new RangeError("after all");
      }
    }
    const before = pair.transcript().length;
    await rejection(root.callRemote("take", new Hasty()));
    expect(await update).toBeInstanceOf(DeadReferenceError);
    await pair.expectNothingLeft();
    expect(pair.transcript(before)).toEqual([]);
  });

  test("may send an object whose first message then fails", async () => {
    const { pair, root, maker } = await open();
    const live = new Live();
    let inner: Promise<unknown> | undefined;
    const hook = new Hook(() => {
      inner = root.callRemote("take", live);
      throw new RangeError("after all");
    });
    await rejection(root.callRemote("take", live, hook));
    await inner;
    expect(maker.received[0]).toBeInstanceOf(LiveCopy);
    expect(pair.client.cachesOf(live)).toBe(1);
    expect(live.observed - live.stopped).toBe(1);
  });
});

describe("a state hook that closes the connection", () => {
  test("releases every cache and reference of the messages being written", async () => {
    const { pair, root, maker } = await open();
    const [thing, live] = [new Thing(), new Live()];
    const [closing, calling] = [pair.server, pair.client].map((end) => new Hook(() => void end.close()));
    const [early, late] = [new Live(), new Thing()];
    maker.make = () => [early, closing, live, thing];
    const answer = rejection(root.callRemote("make"));
    const call = rejection(root.callRemote("take", late, calling, live));
    expect(await call).toBeInstanceOf(ConnectionLostError);
    expect(await answer).toBeInstanceOf(ConnectionLostError);
    await Promise.all([pair.server.closed, pair.client.closed]);
    expect([live.observed - live.stopped, early.observed - early.stopped]).toEqual([0, 0]);
    expect([thing.released, late.released]).toEqual([0, 1]);
  });

  test("reports only the close when the hook belongs to a result", async () => {
    const maker = new Maker();
    const events: BrokerEvent[] = [];
    const onEvent = (event: BrokerEvent): void => void events.push(event);
    const pair = await connectedPair({ root: maker, types, onEvent }, { types });
    const root = await pair.client.getRootObject();
    const live = new Live();
    maker.make = () => [new Hook(() => void pair.server.close()), live];
    expect(await rejection(root.callRemote("make"))).toBeInstanceOf(ConnectionLostError);
    expect([live.observed, live.stopped]).toEqual([0, 0]);
    expect(events.map(({ kind }) => kind)).toEqual(["closed"]);
  });

  test("sends the messages that were written before it", async () => {
    const { pair, root, maker } = await open();
    root.sendRemote("take", "before");
    expect(() => root.sendRemote("take", new Hook(() => void pair.client.close()), new Thing())).toThrow(
      "closed by this end",
    );
    await pair.server.closed;
    expect(maker.received).toEqual(["before"]);
  });
});

test("calls that a method makes before it answers arrive before the answer", async () => {
  class Caller extends Root {
    remote_count(listener: RemoteReference): string {
      for (let index = 0; index < 3; index++) listener.sendRemote("take", index);
      return "done";
    }
  }
  const pair = await connectedPair({ root: new Caller() });
  const listener = new Maker();
  const before = pair.transcript().length;
  await (await pair.client.getRootObject()).callRemote("count", listener);
  expect(listener.received).toEqual([0, 1, 2]);
  expect(pair.transcript(before).map((line) => line.split(" ")[1])).toEqual([
    "(message",
    "(message",
    "(message",
    "(message",
    "(answer",
  ]);
});
