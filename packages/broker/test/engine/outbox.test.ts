// The outbox: messages that a state hook sends while another message is written, and the time at which messages leave
// (wire specification 5.8, 5.14, 8).

import { describe, expect, test } from "vitest";
import { Broker, ConnectionLostError, DeadReferenceError, Root } from "@pb/broker";
import type { BrokerEvent, CacheObserver, Perspective, RemoteReference } from "@pb/broker";
import { JellyError } from "@pb/jelly-types";
import { connectedPair, MemoryLink } from "@pb/broker/testing";
import { rejection, settled as turns } from "../support/raw-peer.js";
import type { NamedAvatar } from "../support/state-hooks.js";
import { Thing, Live, LiveCopy, Hook, HookCopy, Maker, types, open } from "../support/state-hooks.js";

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
        error: expect.objectContaining({
          message: expect.stringMatching("runs the same hook again") as unknown,
        }) as unknown,
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

/** A link that keeps the flushes that the broker schedules, once the test asks for it. */
class FlushLink extends MemoryLink {
  readonly scheduled: (() => void)[] = [];
  isManual = false;

  scheduleFlush(flush: () => void): void {
    if (this.isManual) this.scheduled.push(flush);
    else queueMicrotask(flush);
  }
}

describe("a link with scheduleFlush", () => {
  async function openWithFlushLink() {
    const link = new FlushLink("initiator");
    const peerLink = new MemoryLink("listener");
    MemoryLink.join(link, peerLink);
    const maker = new Maker();
    const [server, client] = [new Broker(peerLink, { root: maker }), new Broker(link)];
    const root = await client.getRootObject();
    await client.ping();
    link.isManual = true;
    const before = link.sent.length;
    return { link, maker, server, client, root, chunks: () => link.sent.length - before };
  }

  test("decides when the messages of a turn leave, and is asked once for all of them", async () => {
    const { link, maker, client, root, chunks } = await openWithFlushLink();
    for (const value of [1, 2, 3]) root.sendRemote("take", value);
    expect(link.scheduled).toHaveLength(1);
    await turns();
    root.sendRemote("take", 4);
    expect([link.scheduled.length, chunks(), maker.received]).toEqual([1, 0, []]);
    expect(client.queuedBytes).toBeGreaterThan(0);

    link.scheduled[0]!();
    expect(chunks()).toBe(1);
    await turns();
    expect(maker.received).toEqual([1, 2, 3, 4]);
    expect(client.queuedBytes).toBe(0);
  });

  test("is asked again for the messages after a flush", async () => {
    const { link, maker, root, chunks } = await openWithFlushLink();
    root.sendRemote("take", 1);
    link.scheduled.shift()!();
    root.sendRemote("take", 2);
    expect([link.scheduled.length, chunks()]).toEqual([1, 1]);
    link.scheduled.shift()!();
    await turns();
    expect([chunks(), maker.received]).toEqual([2, [1, 2]]);
  });

  test("does not delay messages when 256 KiB are written", async () => {
    const { link, maker, root, chunks } = await openWithFlushLink();
    const value = new Uint8Array(200_000);
    root.sendRemote("take", value);
    expect(chunks()).toBe(0);
    root.sendRemote("take", value);
    expect(chunks()).toBe(1);
    for (const flush of link.scheduled) flush();
    expect(chunks()).toBe(1);
    await turns();
    expect(maker.received.map((bytes) => Buffer.compare(bytes as Uint8Array, value))).toEqual([0, 0]);
  });

  test("does not hold messages back when the connection closes", async () => {
    const { link, maker, server, client, root } = await openWithFlushLink();
    root.sendRemote("take", 1);
    void client.close();
    await server.closed;
    expect(maker.received).toEqual([1]);
    for (const flush of link.scheduled) flush();
  });
});
