// Arguments of calls that a state hook makes: the hook may release them at once.

import { Cacheable, kwargs, remoteCache, RemoteCache, Root } from "@pb/broker";
import type { RemoteReference } from "@pb/broker";
import { connectedPair } from "@pb/broker/testing";
import { TypeRegistry } from "@pb/jelly-types";
import { describe, expect, test } from "vitest";
import { Hook, Thing, types as hookTypes } from "../support/state-hooks.js";

class Stock extends Cacheable {
  static readonly remoteType = "test.Stock";
  getStateToCacheAndObserveFor(): unknown {
    return {};
  }
}

class Server extends Root {
  readonly thing = new Thing();
  readonly stock = new Stock();
  readonly taken: unknown[] = [];

  remote_thing(): Thing {
    return this.thing;
  }

  remote_stock(): Stock {
    return this.stock;
  }

  remote_take(...values: unknown[]): number {
    this.taken.push(...values);
    return this.taken.length;
  }
}

async function open() {
  const server = new Server();
  const types = new TypeRegistry(hookTypes).register(remoteCache("test.Stock", class extends RemoteCache {}));
  const pair = await connectedPair({ root: server, types }, { types });
  const root: RemoteReference = await pair.client.getRootObject();
  const thing = (await root.callRemote("thing")) as RemoteReference;
  const stock = (await root.callRemote("stock")) as RemoteCache;
  return { server, pair, root, thing, stock };
}

describe.each([
  ["an argument", (value: unknown) => [value]],
  ["an item of a list", (value: unknown) => [[1, [value]]]],
  ["an entry of a map", (value: unknown) => [new Map([["it", value]])]],
  ["a member of a set", (value: unknown) => [{ deep: new Set([value]) }]],
  ["a keyword argument", (value: unknown) => [kwargs({ value })]],
])("%s of a call of a state hook", (_where, args) => {
  test.each(["reference", "cache"] as const)("is a %s that the hook releases at once", async (kind) => {
    const { server, pair, root, thing, stock } = await open();
    const value: Disposable = kind === "reference" ? thing : stock;
    let answer: Promise<unknown> | undefined;
    const hook = new Hook(() => {
      answer = root.callRemote("take", ...args(value));
      root.sendRemote("take", ...args(value));
      value[Symbol.dispose]();
      return "state";
    });
    await root.callRemote("take", hook);
    expect(await answer).toBe(2);
    await pair.settled();
    const mine = kind === "reference" ? server.thing : server.stock;
    expect(contains(server.taken[1], mine)).toBe(true);
    expect(contains(server.taken[2], mine)).toBe(true);
    for (const left of [thing, stock]) left[Symbol.dispose]();
    await pair.expectNothingLeft();
  });
});

test("a reference that was released before the call is refused", async () => {
  const { root, thing } = await open();
  let answer: Promise<unknown> | undefined;
  const hook = new Hook(() => {
    thing[Symbol.dispose]();
    answer = root.callRemote("take", thing).catch(String);
    return 1;
  });
  await root.callRemote("take", hook);
  expect(await answer).toContain("A reference that was released cannot be sent");
});

function contains(value: unknown, wanted: object): boolean {
  if (value === wanted) return true;
  if (typeof value !== "object" || value === null) return false;
  const parts: unknown[] =
    value instanceof Map || value instanceof Set ? [...(value.values() as Iterable<unknown>)] : Object.values(value);
  return parts.some((part) => contains(part, wanted));
}
