// Received states whose entries have the names of members of the class: they do not replace them.

import { expect, test } from "vitest";
import { Copyable, RemoteCache, remoteCache, RemoteCopy, remoteCopy, Root } from "@pb/broker";
import type { BrokerEvent } from "@pb/broker";
import { TypeRegistry } from "@pb/jelly-types";
import { brokerAndPeer } from "../support/raw-peer.js";

class Order extends RemoteCopy {
  declare items: number[];
  get total(): number {
    return this.items.reduce((sum, price) => sum + price, 0);
  }
  label(): string {
    return `${this.items.length} items`;
  }
}

/** Reads its state itself, also the entry that is named like its accessor. */
class Invoice extends RemoteCopy {
  sum = 0;
  get total(): number {
    return this.sum;
  }
  override setCopyableState(state: unknown): void {
    this.sum = (state as { total: number }).total;
  }
}

/** Keeps everything that the peer sends. */
class Assigned extends RemoteCache {
  static readonly parameters = { set: ["price"] };
  declare price: number;
  override setCopyableState(state: unknown): void {
    for (const [key, value] of Object.entries(state as object)) Object.defineProperty(this, key, { value });
  }
  observe_set(price: number): void {
    this.price = price;
  }
}

class Stock extends RemoteCache {
  static readonly parameters = { set: ["price"] };
  declare price: number;
  observe_set(price: number, ...more: unknown[]): void {
    this.price = price + more.length;
  }
}

class PlainOrder {
  declare items: number[];
  get total(): number {
    return this.items.length;
  }
}

class Desk extends Root {
  received: unknown[] = [];
  remote_take(value: unknown): void {
    this.received.push(value);
  }
}

async function open() {
  const events: BrokerEvent[] = [];
  const desk = new Desk();
  const types = new TypeRegistry()
    .register(remoteCopy("shop.Order", Order))
    .register(remoteCopy("shop.Invoice", Invoice))
    .register(remoteCache("shop.Stock", Stock))
    .register(remoteCache("shop.Assigned", Assigned))
    .registerCopy("shop.PlainOrder", PlainOrder);
  const { peer, broker } = await brokerAndPeer("listener", {
    root: desk,
    types,
    onEvent: (event) => void events.push(event),
  });
  const send = (value: string) => peer.send(`(message 1 root take 0 (tuple ${value}) (dictionary))`);
  return { send, peer, broker, desk, events };
}

const state = (...entries: string[]) =>
  `(dictionary ${entries.map((entry) => entry.replace(/^(\w+) /, "((unicode $1) ") + ")").join(" ")})`;

test("a getter, a method or a member of Object is not replaced, and the dropped entries are reported once", async () => {
  const { send, desk, events } = await open();
  const hostile = state(
    ...["items (list 1 2 3)", "total 0", "label 1", "toString 2", "constructor 3", "__proto__ 4", "valueOf 5"],
    ...["hasOwnProperty 6", "setCopyableState 7", "note 8"],
  );
  for (let round = 0; round < 3; round++) await send(`(shop.Order ${hostile})`);
  await send(`(shop.PlainOrder ${hostile})`);
  const [order, , , plain] = desk.received as [Order, Order, Order, PlainOrder];
  expect([order.total, order.label(), Object.hasOwn(order, "toString")]).toEqual([6, "3 items", false]);
  expect(Object.keys(order)).toEqual(["items", "note"]);
  expect(order).toBeInstanceOf(Order);
  expect(plain.total).toBe(3);
  const names = ["total", "toString", "constructor", "__proto__", "valueOf", "hasOwnProperty"];
  expect(events).toEqual([
    { kind: "state-dropped", type: "shop.Order", names: ["total", "label", ...names.slice(1), "setCopyableState"] },
    { kind: "state-dropped", type: "shop.PlainOrder", names },
  ]);
});

test("an entry that the class reads itself is not dropped", async () => {
  const { send, desk, events } = await open();
  await send(`(shop.Invoice ${state("total 7")})`);
  expect((desk.received[0] as Invoice).total).toBe(7);
  expect(events).toEqual([]);
});

test("updates of a cache, and its declared parameters, work whatever its state contains", async () => {
  for (const name of ["Stock", "Assigned"]) {
    const { send, peer, desk } = await open();
    await send(`(shop.${name} 1 ${state("constructor 1", ...(name === "Stock" ? ["observe_set 2"] : []))})`);
    await peer.send("(cachemessage 2 1 set 1 (tuple 5) (dictionary))");
    await peer.send("(cachemessage 3 1 set 1 (tuple 5 6) (dictionary))");
    expect((desk.received[0] as Stock).price).toBe(5);
    const [answer, error] = peer.received();
    expect(answer).toBe("(answer 2 (None))");
    expect(error).toContain("set() takes 1 positional arguments but 2 were given");
  }
});

test("a Copyable is sent under the name of its class, whatever its properties are", async () => {
  class Note extends Copyable {
    static readonly remoteType = "shop.Note";
  }
  class Shop extends Root {
    remote_note(): Note {
      return Object.assign(new Note(), { constructor: { remoteType: "os.system" } });
    }
  }
  const { peer } = await brokerAndPeer("listener", { root: new Shop() });
  await peer.send("(message 1 root note 1 (tuple) (dictionary))");
  expect(peer.received()[0]).toMatch(/^\(answer 1 \(shop\.Note /);
});
