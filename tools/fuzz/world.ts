/** The objects that the fuzzed broker offers: one of each kind that can be sent over a connection. */

import * as pb from "@pb/broker";
import { TypeRegistry } from "@pb/jelly-types";
import { Stock, StockCopy } from "../../packages/broker/test/support/stock-shop.js";

/** The root object. It keeps what it passes to the peer. */
export class World extends pb.Root {
  readonly given: Counted[] = [];
  readonly stock = new Stock(1);
  readonly view = new View();
  readonly page = new Page("page");
  kept: unknown;

  remote_echo = (...values: unknown[]): unknown => values[0];
  remote_give = (): Counted => this.given[0] ?? this.remote_giveNew();
  remote_giveNew(): Counted {
    this.given.push(new Counted());
    return this.given.at(-1)!;
  }
  remote_stock = (): unknown[] => [this.stock, this.stock];
  remote_update = (value: unknown): void => this.stock.set(value as number);
  remote_view = (): View => this.view;
  remote_page = (): Page => this.page;
  remote_copy = (value: unknown): Parcel => new Parcel(value);
  async remote_later(value: unknown): Promise<unknown> {
    await Promise.resolve();
    return [value, Promise.resolve(this.remote_give())];
  }
  /** Returns references followed by a function, which cannot be sent: the references must be taken back. */
  remote_tangle = (): unknown[] => [this.remote_give(), this.stock, () => undefined];
  remote_fail(): never {
    throw new pb.PBError("no");
  }
  remote_break = (value: unknown): unknown => (value as { no: { such: object } }).no.such;
  remote_keep = (value: unknown): void => void (this.kept = value);
  remote_release(): void {
    const { kept } = this;
    this.kept = undefined;
    if (kept instanceof pb.RemoteReference || kept instanceof pb.RemoteCache) kept[Symbol.dispose]();
  }
  /** Calls every reference in a value. The peer may answer or not. */
  remote_call(value: unknown): void {
    for (const reference of [value, ...(Array.isArray(value) ? (value as unknown[]) : [])])
      if (reference instanceof pb.RemoteReference)
        reference.callRemote("x", this.remote_give(), this.stock).catch(() => undefined);
  }
}

export class Counted extends pb.Referenceable {
  remote_echo = (value: unknown): unknown => value;
}

class View extends pb.Viewable {
  view_who = (perspective: pb.Perspective): string => typeof perspective;
}

class Parcel extends pb.Copyable {
  static readonly remoteType = "fuzz.Parcel";
  constructor(readonly content: unknown) {
    super();
  }
}

class Page extends pb.Publishable {
  static readonly remoteType = "fuzz.Page";
  override getStateToPublishFor(): unknown {
    return { text: "…" };
  }
}

/** The types of the world, for values that the peer sends. */
export function typesOfWorld(): TypeRegistry {
  return new TypeRegistry()
    .register(pb.remoteCopy("fuzz.Parcel", class extends pb.RemoteCopy {}))
    .register(pb.remoteCache("shop.Stock", StockCopy))
    .register(pb.remotePublished("fuzz.Page", class extends pb.RemotePublished {}, new pb.MemoryStore(), "fuzz"));
}
