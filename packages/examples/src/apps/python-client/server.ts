// A shop for clients in Python.

import { PBError, Root } from "@pb/broker";
import type { Parameters, RemoteReference } from "@pb/broker";
import { TypeRegistry } from "@pb/jelly-types";
import { listen } from "@pb/node-transport";

/** Sent as a copy: the client has a class with the same name on the wire. */
class Fruit {
  constructor(
    readonly name: string,
    readonly price: number,
  ) {}
}

class SoldOut extends PBError {
  static override readonly remoteType = "shop.SoldOut";
}

class Shop extends Root {
  // As in Python: def remote_find(self, name, *, most=100)
  static readonly parameters: Parameters = { find: ["name", "*", "most?"] };
  readonly #fruits = [new Fruit("apple", 3), new Fruit("pear", 5), new Fruit("pineapple", 9)];

  remote_find(name: string, most = 100) {
    return this.#fruits.filter((fruit) => fruit.name.includes(name) && fruit.price <= most);
  }

  async remote_buy(fruit: Fruit, wallet: RemoteReference) {
    if (fruit.name === "pear") throw new SoldOut("no pears today");
    const left = await wallet.callRemote("pay", fruit.price); // an object of the Python program
    return `one ${fruit.name}, ${String(left)} left in your wallet`;
  }
}

const types = new TypeRegistry().registerCopy("shop.Fruit", Fruit);
await listen("tcp:8787:interface=127.0.0.1", new Shop(), { broker: { types } });
console.log("Listening on port 8787");
