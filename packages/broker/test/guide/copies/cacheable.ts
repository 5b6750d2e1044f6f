import { broadcast, Cacheable, RemoteCache, remoteCache, Root } from "@pb/broker";
import type { CacheObserver, Perspective } from "@pb/broker";
import { connectedPair } from "@pb/broker/testing";
import { TypeRegistry } from "@pb/jelly-types";

// The class of the sender.
class Stock extends Cacheable {
  static readonly remoteType = "shop.Stock";
  readonly #observers = new Set<CacheObserver<StockCopy>>();
  #apples = 5;

  // Returns the current state. From now on, the observer has to receive every change.
  getStateToCacheAndObserveFor(_perspective: Perspective, observer: CacheObserver<StockCopy>) {
    this.#observers.add(observer);
    return { apples: this.#apples };
  }

  override stoppedObserving(_perspective: Perspective, observer: CacheObserver<StockCopy>) {
    this.#observers.delete(observer);
    console.log(`${this.#observers.size} observers`);
  }

  sell(count: number) {
    this.#apples -= count;
    broadcast(this.#observers, "setApples", this.#apples);
  }
}

// The class of the receiver.
class StockCopy extends RemoteCache {
  declare apples: number;

  observe_setApples(apples: number) {
    this.apples = apples;
  }
}

class Shop extends Root {
  readonly #stock = new Stock();

  remote_stock() {
    return this.#stock;
  }

  remote_buy(count: number) {
    this.#stock.sell(count);
  }
}

interface ShopCalls {
  stock(): StockCopy;
  buy(count: number): void;
}

const types = new TypeRegistry().register(remoteCache("shop.Stock", StockCopy));
const { client } = await connectedPair({ root: new Shop() }, { types });
const shop = await client.getRootObject<ShopCalls>();

const stock = await shop.call.stock();
console.log(stock.apples);
await shop.call.buy(2);
console.log(stock.apples); // the update arrived before the answer of the call
console.log((await shop.call.stock()) === stock); // the second time, only an id is sent

stock[Symbol.dispose](); // unsubscribes
await client.ping();
