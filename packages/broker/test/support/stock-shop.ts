// A shop whose stock is cached by clients, for tests of caches.

import { Avatar, Cacheable, remoteCache, RemoteCache, Root } from "@pb/broker";
import type { BrokerEvent, Perspective, RemoteReference, CacheObserver } from "@pb/broker";
import type { Tuple } from "@pb/jelly-types";
import { tuple, TypeRegistry } from "@pb/jelly-types";
import { connectedPair } from "@pb/broker/testing";
import type { ConnectedPair } from "@pb/broker/testing";

export class Stock extends Cacheable {
  static readonly remoteType: string = "shop.Stock";
  readonly observers: CacheObserver[] = [];
  readonly stopped: { perspective: Perspective; observer: CacheObserver }[] = [];
  /** Called by `stoppedObserving`. */
  onStopped: ((observer: CacheObserver) => void) | undefined;

  constructor(public apples: number) {
    super();
  }

  getStateToCacheAndObserveFor(perspective: Perspective, observer: CacheObserver): unknown {
    this.observers.push(observer);
    const seenBy = perspective instanceof NamedAvatar ? perspective.name : null;
    return { apples: this.apples, seenBy };
  }

  override stoppedObserving(perspective: Perspective, observer: CacheObserver): void {
    this.stopped.push({ perspective, observer });
    this.observers.splice(this.observers.indexOf(observer), 1);
    this.onStopped?.(observer);
  }

  set(apples: number): void {
    this.apples = apples;
    for (const observer of this.observers) observer.sendRemote("apples", apples);
  }
}

export class StockCopy extends RemoteCache {
  declare apples: number;
  declare seenBy: string | null;
  declare self?: unknown;
  #updates = 0;

  get updates(): number {
    return this.#updates;
  }

  override setCopyableState(state: unknown): void {
    super.setCopyableState(state);
  }

  observe_apples(apples: number): number {
    this.apples = apples;
    return apples;
  }

  observe_fail(): never {
    throw new RangeError("secret");
  }

  observe_self(): this {
    return this;
  }

  own(): this {
    return this;
  }
}

export class NamedAvatar extends Avatar {
  constructor(
    readonly name: string,
    readonly stock: Stock,
  ) {
    super();
  }

  perspective_stock(): Stock {
    return this.stock;
  }

  perspective_isStock(value: unknown): boolean {
    return value === this.stock;
  }
}

export class Shop extends Root {
  readonly stock = new Stock(3);
  readonly taken: unknown[] = [];

  remote_stock(): Stock {
    return this.stock;
  }

  remote_twice(): Tuple {
    return tuple(this.stock, this.stock);
  }

  remote_isStock(value: unknown): boolean {
    return value === this.stock;
  }

  remote_login(name: string): NamedAvatar {
    return new NamedAvatar(name, this.stock);
  }

  remote_unsendable(): unknown {
    return [this.stock, () => 1];
  }

  remote_take(value: unknown): void {
    this.taken.push(value);
  }
}

export interface Shopper {
  stock(): StockCopy;
  isStock(value: unknown): boolean;
}

export const types = new TypeRegistry().register(remoteCache("shop.Stock", StockCopy));

export async function open(chunkBytes?: number) {
  const shop = new Shop();
  const events: BrokerEvent[] = [];
  const onEvent = (event: BrokerEvent): void => void events.push(event);
  const pair = await connectedPair({ root: shop, types, onEvent }, { types, onEvent }, { chunkBytes });
  return { shop, stock: shop.stock, pair, events, root: await pair.client.getRootObject() };
}

export async function cacheOf(root: RemoteReference, method = "stock"): Promise<StockCopy> {
  return (await root.callRemote(method)) as StockCopy;
}

/** The exchanged messages about caches. */
export function aboutCaches(pair: ConnectedPair): string[] {
  return pair.transcript().filter((line) => line.includes("cache"));
}
