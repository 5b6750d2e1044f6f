/** The objects that the fuzzed broker offers: one of each kind that can be sent over a connection. */

import {
  Cacheable,
  Copyable,
  MemoryStore,
  PBError,
  Publishable,
  Referenceable,
  RemoteCache,
  remoteCache,
  RemoteCopy,
  remoteCopy,
  RemotePublished,
  remotePublished,
  RemoteReference,
  Root,
  Viewable,
} from "@pb/broker";
import type { CacheObserver, Perspective } from "@pb/broker";
import { TypeRegistry } from "@pb/jelly-types";

/** The root object. It keeps what it passes to the peer. */
export class World extends Root {
  readonly given: Counted[] = [];
  readonly stock = new Stock();
  readonly view = new View();
  readonly page = new Page("page");
  kept: unknown;

  remote_echo(...values: unknown[]): unknown {
    return values[0];
  }
  remote_give(): Counted {
    if (this.given.length === 0) this.given.push(new Counted());
    return this.given[0]!;
  }
  remote_giveNew(): Counted {
    this.given.push(new Counted());
    return this.given.at(-1)!;
  }
  remote_stock(): unknown[] {
    return [this.stock, this.stock];
  }
  remote_update(value: unknown): void {
    this.stock.set(value);
  }
  remote_view(): View {
    return this.view;
  }
  remote_page(): Page {
    return this.page;
  }
  remote_copy(value: unknown): Parcel {
    return new Parcel(value);
  }
  async remote_later(value: unknown): Promise<unknown> {
    await Promise.resolve();
    return [value, Promise.resolve(this.remote_give())];
  }
  /** Returns references followed by a function, which cannot be sent: the references must be taken back. */
  remote_tangle(): unknown[] {
    return [this.remote_give(), this.stock, () => undefined];
  }
  remote_fail(): never {
    throw new PBError("no");
  }
  remote_break(value: unknown): unknown {
    return (value as { no: { such: object } }).no.such;
  }
  remote_keep(value: unknown): void {
    this.kept = value;
  }
  remote_release(): void {
    const { kept } = this;
    this.kept = undefined;
    if (kept instanceof RemoteReference || kept instanceof RemoteCache) kept[Symbol.dispose]();
  }
  /** Calls every reference in a value. The peer may answer or not. */
  remote_call(value: unknown): void {
    const calls = [value, ...(Array.isArray(value) ? (value as unknown[]) : [])];
    for (const reference of calls)
      if (reference instanceof RemoteReference)
        reference.callRemote("x", this.remote_give(), this.stock).catch(() => undefined);
  }
}

export class Counted extends Referenceable {
  remote_echo(value: unknown): unknown {
    return value;
  }
}

class View extends Viewable {
  view_who(perspective: Perspective): string {
    return typeof perspective;
  }
}

class Parcel extends Copyable {
  static readonly remoteType = "fuzz.Parcel";
  constructor(readonly content: unknown) {
    super();
  }
}

class ParcelCopy extends RemoteCopy {}

class Stock extends Cacheable {
  static readonly remoteType = "fuzz.Stock";
  value: unknown = 1;
  readonly observers = new Map<CacheObserver, number>();

  override getStateToCacheAndObserveFor(_perspective: Perspective, observer: CacheObserver): unknown {
    this.observers.set(observer, 0);
    return { value: this.value };
  }
  override stoppedObserving(_perspective: Perspective, observer: CacheObserver): void {
    this.observers.set(observer, this.observers.get(observer)! + 1);
  }
  set(value: unknown): void {
    this.value = value;
    for (const [observer, stops] of this.observers) if (stops === 0) observer.sendRemote("set", value);
  }
}

class StockCache extends RemoteCache {
  observe_set(value: unknown): unknown {
    return Object.assign(this, { value });
  }
}

class Page extends Publishable {
  static readonly remoteType = "fuzz.Page";
  override getStateToPublishFor(): unknown {
    return { text: "…" };
  }
}

class PageCopy extends RemotePublished {}

/** The types of the world, for values that the peer sends. */
export function typesOfWorld(): TypeRegistry {
  return new TypeRegistry()
    .register(remoteCopy("fuzz.Parcel", ParcelCopy))
    .register(remoteCache("fuzz.Stock", StockCache))
    .register(remotePublished("fuzz.Page", PageCopy, new MemoryStore()));
}
