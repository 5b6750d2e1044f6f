// A shop whose items are passed as references, for tests of references.

import { expect } from "vitest";
import { Referenceable, Root } from "@pb/broker";
import type { BrokerOptions, RemoteReference } from "@pb/broker";
import { connectedPair } from "@pb/broker/testing";
import { settled } from "./raw-peer.js";

export class Item extends Referenceable {
  constructor(readonly name = "thing") {
    super();
  }

  remote_name(): string {
    return this.name;
  }

  remote_me(): this {
    return this;
  }
}

export class Shop extends Root {
  readonly thing = new Item();
  readonly taken: unknown[] = [];

  remote_thing(): Item {
    return this.thing;
  }

  remote_things(): Item[] {
    return [this.thing, this.thing, this.thing];
  }

  remote_take(value: unknown): void {
    this.taken.push(value);
  }

  remote_give(): unknown {
    return this.taken.pop();
  }

  remote_isThing(value: unknown): boolean {
    return value === this.thing;
  }

  remote_isRoot(value: unknown): boolean {
    return value === this;
  }

  async remote_nameOf(thing: RemoteReference<Item>): Promise<string> {
    return thing.callRemote("name");
  }

  remote_never(): Promise<void> {
    return new Promise(() => undefined);
  }
}

export async function open(options: BrokerOptions = {}, chunkBytes?: number) {
  const root = new Shop();
  const pair = await connectedPair({ root, ...options }, {}, { chunkBytes });
  return { root, pair, remote: await pair.client.getRootObject<Shop>() };
}

export async function collected(isDone: () => boolean): Promise<void> {
  await expect
    .poll(
      () => {
        (globalThis as { gc?: () => void }).gc?.();
        return isDone();
      },
      { timeout: 120_000 },
    )
    .toBe(true);
  await settled();
}
