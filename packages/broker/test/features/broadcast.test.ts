// One call to many: written once for all to whom it looks the same, and otherwise what `sendRemote` does with each.

import { describe, expect, test } from "vitest";
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
import { none, pb } from "@pb/banana";
import { JellyError, TypeRegistry } from "@pb/jelly-types";

/** What a peer hears. */
class Ear extends Referenceable {
  readonly heard: unknown[] = [];

  remote_hear(...args: unknown[]): void {
    this.heard.push(args.length === 1 ? args[0] : args);
  }
}

class Hall extends Root {
  readonly guests: RemoteReference<Ear>[] = [];

  remote_enter(guest: RemoteReference<Ear>): void {
    this.guests.push(guest);
  }
}

/** A hall with guests, each over a connection of its own. */
async function hallOf(
  guests: number,
  config: (root: Hall) => BrokerConfig = (root) => new BrokerConfig({ root }),
  types?: TypeRegistry,
): Promise<{ hall: Hall; ears: Ear[]; pairs: ConnectedPair[]; settled: () => Promise<void> }> {
  const hall = new Hall();
  const shared = config(hall);
  const pairs: ConnectedPair[] = [];
  const ears: Ear[] = [];
  for (let made = 0; made < guests; made++) {
    const pair = await connectedPair(shared, { types });
    const ear = new Ear();
    await (await pair.client.getRootObject<Hall>()).callRemote("enter", ear);
    pairs.push(pair);
    ears.push(ear);
  }
  const settled = async (): Promise<void> => {
    for (const pair of pairs) await pair.settled();
  };
  return { hall, ears, pairs, settled };
}

/** Counts how often its state is asked for: how often it is written. */
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

  perspective_enter(guest: RemoteReference<Ear>): void {
    this.hall.guests.push(guest);
  }
}

const invoices = new TypeRegistry().register(remoteCopy("shop.Invoice", InvoiceCopy));

describe("what arrives", () => {
  test("is the same for everybody, whatever it is made of", async () => {
    const { hall, ears, settled } = await hallOf(3);
    const shared = { of: "all" };
    const cycle: unknown[] = [1];
    cycle.push(cycle);
    broadcast(hall.guests, "hear", shared, [shared, "häß"], cycle, 2n ** 80n, new Uint8Array([1, 2]), null);
    await settled();
    for (const { heard } of ears) {
      const [first, [again, text], round, large, bytes, nothing] = heard[0] as [
        object,
        [object, string],
        unknown[],
        bigint,
        Uint8Array,
        null,
      ];
      expect(first).toEqual(shared);
      expect(again).toBe(first); // what is shared stays shared
      expect([text, large, bytes, nothing]).toEqual(["häß", 2n ** 80n, new Uint8Array([1, 2]), null]);
      expect(round[1]).toBe(round);
    }
  });

  test("has keyword arguments", async () => {
    const { hall, ears, settled } = await hallOf(2);
    broadcast(hall.guests as unknown as RemoteReference[], "hear", 1, kwargs({ loud: true }));
    await settled();
    for (const { heard } of ears) {
      const [[one, words]] = heard as [[number, Kwargs & { loud: boolean }]];
      expect([one, words.loud]).toEqual([1, true]);
    }
  });

  test("comes in the order of all calls, and in one piece with those of the same turn", async () => {
    const { hall, ears, pairs, settled } = await hallOf(2);
    await settled();
    const before = pairs.map(({ links }) => links.listener.sent.length);
    hall.guests[0]!.sendRemote("hear", "before");
    broadcast(hall.guests, "hear", "to all");
    broadcast(hall.guests, "hear", "again");
    hall.guests[0]!.sendRemote("hear", "after");
    await settled();
    expect(ears.map(({ heard }) => heard)).toEqual([
      ["before", "to all", "again", "after"],
      ["to all", "again"],
    ]);
    expect(pairs.map(({ links }, index) => links.listener.sent.length - before[index]!)).toEqual([1, 1]);
  });

  test("is right for connections with other settings", async () => {
    const hall = new Hall();
    const configs = [pb, none, pb].map((dialect) => new BrokerConfig({ root: hall, dialects: [dialect] }));
    const ears: Ear[] = [];
    const pairs: ConnectedPair[] = [];
    for (const config of configs) {
      const pair = await connectedPair(config);
      ears.push(new Ear());
      await (await pair.client.getRootObject<Hall>()).callRemote("enter", ears.at(-1)!);
      pairs.push(pair);
    }
    broadcast(hall.guests, "hear", { list: [true, null] });
    for (const pair of pairs) await pair.settled();
    for (const { heard } of ears) expect(heard).toEqual([{ list: [true, null] }]);
  });

  test("may be an object that stays here: everybody gets a reference, which is counted", async () => {
    const { hall, ears, pairs, settled } = await hallOf(3);
    const bell = new Ear();
    broadcast(hall.guests, "hear", bell);
    await settled();
    for (const [index, { heard }] of ears.entries()) {
      await (heard[0] as RemoteReference<Ear>).callRemote("hear", index);
      expect(pairs[index]!.server.referencesTo(bell)).toBe(1);
    }
    expect(bell.heard).toEqual([0, 1, 2]);
  });
});

describe("the arguments are written", () => {
  test("once for all whose perspective is the same", async () => {
    const { hall, ears, settled } = await hallOf(5, undefined, invoices);
    const invoice = new Invoice();
    broadcast(hall.guests, "hear", invoice);
    await settled();
    expect(invoice.asked).toEqual([null]);
    for (const { heard } of ears) expect(heard).toEqual([Object.assign(new InvoiceCopy(), { sum: 12, for: null })]);
  });

  test("once for each perspective", async () => {
    const hall = new Hall();
    const [ann, bob] = [new Member("Ann", hall), new Member("Bob", hall)];
    const ears: Ear[] = [];
    let who = ann;
    class Door extends Root {
      remote_login(): Member {
        return who;
      }
    }
    const config = new BrokerConfig({ root: new Door() });
    const pairs: ConnectedPair[] = [];
    for (who of [ann, bob, ann, bob]) {
      const pair = await connectedPair(config, { types: invoices });
      const member = await (await pair.client.getRootObject<Door>()).callRemote("login");
      ears.push(new Ear());
      await member.callRemote("enter", ears.at(-1)!);
      pairs.push(pair);
    }
    const invoice = new Invoice();
    broadcast(hall.guests, "hear", invoice);
    for (const pair of pairs) await pair.settled();
    expect(invoice.asked).toEqual([ann, bob]);
    expect(ears.map(({ heard }) => (heard[0] as InvoiceCopy).for)).toEqual(["Ann", "Bob", "Ann", "Bob"]);
  });
});

describe("observers", () => {
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

  test("are told together, and those that are gone are passed over", async () => {
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

describe("trouble", () => {
  test("with the arguments is what sendRemote throws, and nobody hears anything", async () => {
    const { hall, pairs, ears, settled } = await hallOf(2);
    await settled();
    const before = pairs.map(({ links }) => links.listener.sent.length);
    const wrong = (): void => broadcast(hall.guests, "hear", [1, () => 1]);
    expect(wrong).toThrow(JellyError);
    expect(wrong).toThrow("$.args[0][1]");
    await settled();
    expect(pairs.map(({ links }) => links.listener.sent.length)).toEqual(before);
    expect(ears.map(({ heard }) => heard)).toEqual([[], []]);
  });

  test("with one is told when the others have heard", async () => {
    const { hall, ears, settled } = await hallOf(3);
    // A reference can go home, and nowhere else.
    const own = hall.guests[1]!;
    expect(() => broadcast(hall.guests, "hear", own)).toThrow(
      expect.objectContaining({
        name: "AggregateError",
        message: "2 of 3 targets could not be called",
        errors: [expect.any(JellyError), expect.any(JellyError)],
      }),
    );
    await settled();
    expect(ears.map(({ heard }) => heard)).toEqual([[], [ears[1]], []]);
  });

  test("there is none where nobody is left", () => {
    broadcast([] as RemoteReference[], "hear", 1);
  });
});

test("an object of this process can be told like others", async () => {
  const { hall, ears, settled } = await hallOf(1);
  const here = new Ear();
  broadcast([...hall.guests, asLocal(here)], "hear", "hello");
  await settled();
  expect([here.heard, ears[0]!.heard]).toEqual([["hello"], ["hello"]]);
});
