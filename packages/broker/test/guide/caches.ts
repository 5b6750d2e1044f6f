import { broadcast, Cacheable, RemoteCache, remoteCache, Root } from "@pb/broker";
import type { CacheObserver, Perspective } from "@pb/broker";
import { connectedPair } from "@pb/broker/testing";
import { TypeRegistry } from "@pb/jelly-types";

class Stock extends Cacheable {
  static readonly remoteType = "shop.Stock";
  readonly #observers = new Set<CacheObserver>();
  #apples = 5;

  // The state as it is now; from now on the observer is told of every change.
  getStateToCacheAndObserveFor(_perspective: Perspective, observer: CacheObserver) {
    this.#observers.add(observer);
    return { apples: this.#apples };
  }

  override stoppedObserving(_perspective: Perspective, observer: CacheObserver) {
    this.#observers.delete(observer);
    console.log(`${this.#observers.size} observers`);
  }

  sell(count: number) {
    this.#apples -= count;
    broadcast(this.#observers, "apples", this.#apples);
  }
}

class StockCopy extends RemoteCache {
  declare apples: number;

  observe_apples(apples: number) {
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
const stock = await shop.callRemote("stock");
console.log(stock.apples);
await shop.callRemote("buy", 2);
console.log(stock.apples); // the update came before the answer
console.log((await shop.callRemote("stock")) === stock); // sent once, then only referred to
stock[Symbol.dispose](); // no more updates, please
await client.ping();
