// Broadcast: the arguments are written once for all targets with the same perspective, and each target gets the same
// call as with `sendRemote`.

import { describe, expect, test, vi } from "vitest";
import {
  asLocal,
  Avatar,
  broadcast,
  Cacheable,
  Copyable,
  kwargs,
  Referenceable,
  RemoteCache,
  remoteCache,
  RemoteCopy,
  remoteCopy,
  Root,
} from "@pb/broker";
import { BrokerConfig } from "@pb/broker/extension";
import type { CacheObserver, Kwargs, Perspective, RemoteReference } from "@pb/broker";
import { connectedPair } from "@pb/broker/testing";
import type { ConnectedPair } from "@pb/broker/testing";
import { BananaWriter, none, pb } from "@pb/banana";
import { JellyError, TypeRegistry } from "@pb/jelly-types";

/** Records the calls that a peer receives. */
class Listener extends Referenceable {
  readonly received: unknown[] = [];

  remote_notify(...args: unknown[]): void {
    this.received.push(args.length === 1 ? args[0] : args);
  }
}

class Hall extends Root {
  readonly guests: RemoteReference<Listener>[] = [];

  remote_enter(guest: RemoteReference<Listener>): void {
    this.guests.push(guest);
  }
}

/** Creates a hall with guests, each with a connection of its own. */
async function hallOf(
  guests: number,
  config: (root: Hall) => BrokerConfig = (root) => new BrokerConfig({ root }),
  types?: TypeRegistry,
): Promise<{ hall: Hall; listeners: Listener[]; pairs: ConnectedPair[]; settled: () => Promise<void> }> {
  const hall = new Hall();
  const shared = config(hall);
  const pairs: ConnectedPair[] = [];
  const listeners: Listener[] = [];
  for (let made = 0; made < guests; made++) {
    const pair = await connectedPair(shared, { types });
    const listener = new Listener();
    await (await pair.client.getRootObject<Hall>()).callRemote("enter", listener);
    pairs.push(pair);
    listeners.push(listener);
  }
  const settled = async (): Promise<void> => {
    for (const pair of pairs) await pair.settled();
  };
  return { hall, listeners, pairs, settled };
}

/** Records the perspectives for which it is written. */
class Invoice extends Copyable {
  static readonly remoteType = "shop.Invoice";
  readonly asked: Perspective[] = [];

  override getStateToCopyFor(perspective: Perspective): unknown {
    this.asked.push(perspective);
    return { sum: 12, for: perspective instanceof Member ? perspective.name : null };
  }
}

class InvoiceCopy extends RemoteCopy {
  declare sum: number;
  declare for: string | null;
}

class Member extends Avatar {
  constructor(
    readonly name: string,
    readonly hall: Hall,
  ) {
    super();
  }

  perspective_enter(guest: RemoteReference<Listener>): void {
    this.hall.guests.push(guest);
  }
}

const invoices = new TypeRegistry().register(remoteCopy("shop.Invoice", InvoiceCopy));

test.each([
  [1, 0],
  [2, 1],
  [10, 1],
])("for %i targets, the written arguments are copied %i times", async (targets, copies) => {
  const { hall, listeners, settled } = await hallOf(targets);
  const since = vi.spyOn(BananaWriter.prototype, "since");
  broadcast(hall.guests, "notify", "hello");
  expect(since).toHaveBeenCalledTimes(copies);
  since.mockRestore();
  await settled();
  expect(listeners.map(({ received }) => received)).toEqual(listeners.map(() => ["hello"]));
});

describe("the calls that arrive", () => {
  test("have the same arguments for all targets, with values of every kind", async () => {
    const { hall, listeners, settled } = await hallOf(3);
    const shared = { of: "all" };
    const cycle: unknown[] = [1];
    cycle.push(cycle);
    broadcast(hall.guests, "notify", shared, [shared, "häß"], cycle, 2n ** 80n, new Uint8Array([1, 2]), null);
    await settled();
    for (const { received } of listeners) {
      const [first, [again, text], cycleCopy, large, bytes, nothing] = received[0] as [
        object,
        [object, string],
        unknown[],
        bigint,
        Uint8Array,
        null,
      ];
      expect(first).toEqual(shared);
      expect(again).toBe(first); // sharing is kept
      expect([text, large, bytes, nothing]).toEqual(["häß", 2n ** 80n, new Uint8Array([1, 2]), null]);
      expect(cycleCopy[1]).toBe(cycleCopy);
    }
  });

  test("have keyword arguments", async () => {
    const { hall, listeners, settled } = await hallOf(2);
    broadcast(hall.guests as unknown as RemoteReference[], "notify", 1, kwargs({ loud: true }));
    await settled();
    for (const { received } of listeners) {
      const [[one, words]] = received as [[number, Kwargs & { loud: boolean }]];
      expect([one, words.loud]).toEqual([1, true]);
    }
  });

  test("keep the order of all calls, and leave in one chunk with the other calls of the turn", async () => {
    const { hall, listeners, pairs, settled } = await hallOf(2);
    await settled();
    const before = pairs.map(({ links }) => links.listener.sent.length);
    hall.guests[0]!.sendRemote("notify", "before");
    broadcast(hall.guests, "notify", "to all");
    broadcast(hall.guests, "notify", "again");
    hall.guests[0]!.sendRemote("notify", "after");
    await settled();
    expect(listeners.map(({ received }) => received)).toEqual([
      ["before", "to all", "again", "after"],
      ["to all", "again"],
    ]);
    expect(pairs.map(({ links }, index) => links.listener.sent.length - before[index]!)).toEqual([1, 1]);
  });

  test("are encoded for the dialect of each connection", async () => {
    const hall = new Hall();
    const configs = [pb, none, pb].map((dialect) => new BrokerConfig({ root: hall, dialects: [dialect] }));
    const listeners: Listener[] = [];
    const pairs: ConnectedPair[] = [];
    for (const config of configs) {
      const pair = await connectedPair(config);
      listeners.push(new Listener());
      await (await pair.client.getRootObject<Hall>()).callRemote("enter", listeners.at(-1)!);
      pairs.push(pair);
    }
    broadcast(hall.guests, "notify", { list: [true, null] });
    for (const pair of pairs) await pair.settled();
    for (const { received } of listeners) expect(received).toEqual([{ list: [true, null] }]);
  });

  test("contain references to a local object, counted for each connection", async () => {
    const { hall, listeners, pairs, settled } = await hallOf(3);
    const local = new Listener();
    broadcast(hall.guests, "notify", local);
    await settled();
    for (const [index, { received }] of listeners.entries()) {
      await (received[0] as RemoteReference<Listener>).callRemote("notify", index);
      expect(pairs[index]!.server.referencesTo(local)).toBe(1);
    }
    expect(local.received).toEqual([0, 1, 2]);
  });
});

describe("the arguments are written", () => {
  test("once for all targets with the same perspective", async () => {
    const { hall, listeners, settled } = await hallOf(5, undefined, invoices);
    const invoice = new Invoice();
    broadcast(hall.guests, "notify", invoice);
    await settled();
    expect(invoice.asked).toEqual([null]);
    for (const { received } of listeners)
      expect(received).toEqual([Object.assign(new InvoiceCopy(), { sum: 12, for: null })]);
  });

  test("once for each perspective", async () => {
    const hall = new Hall();
    const [ann, bob] = [new Member("Ann", hall), new Member("Bob", hall)];
    const listeners: Listener[] = [];
    let current = ann;
    class Door extends Root {
      remote_login(): Member {
        return current;
      }
    }
    const config = new BrokerConfig({ root: new Door() });
    const pairs: ConnectedPair[] = [];
    for (current of [ann, bob, ann, bob]) {
      const pair = await connectedPair(config, { types: invoices });
      const member = await (await pair.client.getRootObject<Door>()).callRemote("login");
      listeners.push(new Listener());
      await member.callRemote("enter", listeners.at(-1)!);
      pairs.push(pair);
    }
    const invoice = new Invoice();
    broadcast(hall.guests, "notify", invoice);
    for (const pair of pairs) await pair.settled();
    expect(invoice.asked).toEqual([ann, bob]);
    expect(listeners.map(({ received }) => (received[0] as InvoiceCopy).for)).toEqual(["Ann", "Bob", "Ann", "Bob"]);
  });
});

describe("observers of a cacheable", () => {
  class Stock extends Cacheable {
    static readonly remoteType = "shop.Stock";
    readonly observers = new Set<CacheObserver>();

    getStateToCacheAndObserveFor(_perspective: Perspective, observer: CacheObserver): unknown {
      this.observers.add(observer);
      return {};
    }

    override stoppedObserving(_perspective: Perspective, observer: CacheObserver): void {
      this.observers.delete(observer);
    }
  }

  class StockCopy extends RemoteCache {
    declare apples?: unknown;

    observe_apples(apples: unknown): void {
      this.apples = apples;
    }
  }

  test("are called together, and those whose connection has ended are skipped", async () => {
    const stock = new Stock();
    class Shop extends Root {
      remote_stock(): Stock {
        return stock;
      }
    }
    const types = new TypeRegistry()
      .register(remoteCache("shop.Stock", StockCopy))
      .register(remoteCopy("shop.Invoice", InvoiceCopy));
    const config = new BrokerConfig({ root: new Shop() });
    const pairs = await Promise.all([1, 2, 3].map(() => connectedPair(config, { types })));
    const copies: StockCopy[] = [];
    for (const { client } of pairs) {
      const shop = await client.getRootObject<{ stock(): StockCopy }>();
      copies.push(await shop.callRemote("stock"));
    }
    const invoice = new Invoice();
    broadcast(stock.observers, "apples", invoice);
    for (const pair of pairs) await pair.settled();
    expect(copies.map(({ apples }) => (apples as InvoiceCopy).sum)).toEqual([12, 12, 12]);
    expect(invoice.asked).toEqual([null]);

    const observers = [...stock.observers];
    await pairs[1]!.close();
    broadcast(observers, "apples", 7);
    for (const pair of [pairs[0]!, pairs[2]!]) await pair.settled();
    expect([copies[0]!.apples, copies[2]!.apples]).toEqual([7, 7]);
  });
});

describe("errors", () => {
  test("throws the error of sendRemote when the arguments cannot be sent, and sends nothing", async () => {
    const { hall, pairs, listeners, settled } = await hallOf(2);
    await settled();
    const before = pairs.map(({ links }) => links.listener.sent.length);
    const wrong = (): void => broadcast(hall.guests, "notify", [1, () => 1]);
    expect(wrong).toThrow(JellyError);
    expect(wrong).toThrow("$.args[0][1]");
    await settled();
    expect(pairs.map(({ links }) => links.listener.sent.length)).toEqual(before);
    expect(listeners.map(({ received }) => received)).toEqual([[], []]);
  });

  test("throws an AggregateError after calling the other targets when some cannot be called", async () => {
    const { hall, listeners, settled } = await hallOf(3);
    // A reference can be sent only to the peer that it came from.
    const own = hall.guests[1]!;
    expect(() => broadcast(hall.guests, "notify", own)).toThrow(
      expect.objectContaining({
        name: "AggregateError",
        message: "2 of 3 targets could not be called",
        errors: [expect.any(JellyError), expect.any(JellyError)],
      }),
    );
    await settled();
    expect(listeners.map(({ received }) => received)).toEqual([[], [listeners[1]], []]);
  });

  test("does nothing without targets", () => {
    broadcast([] as RemoteReference[], "notify", 1);
  });
});

test("calls local references like remote ones", async () => {
  const { hall, listeners, settled } = await hallOf(1);
  const here = new Listener();
  broadcast([...hall.guests, asLocal(here)], "notify", "hello");
  await settled();
  expect([here.received, listeners[0]!.received]).toEqual([["hello"], ["hello"]]);
});
