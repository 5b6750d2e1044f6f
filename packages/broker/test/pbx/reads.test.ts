// The forms of data that an end reads besides those that every peer reads (`reads` in docs/extension.md).

import { Cacheable, RemoteCache, remoteCache, Root } from "@pb/broker";
import type { CacheObserver, Perspective } from "@pb/broker";
import { connectedPair } from "@pb/broker/testing";
import { TypeRegistry } from "@pb/jelly-types";
import { expect, test } from "vitest";

/** Notes whether the peer reads a form. */
class Stock extends Cacheable {
  static readonly remoteType = "test.Stock";
  readonly known: string[] = [];

  override getStateToCacheAndObserveFor(_perspective: Perspective, observer: CacheObserver): unknown {
    this.known.push(...["one-1", "two-1", "live-packed-1"].filter((form) => observer.peerReads(form)));
    return {};
  }
}

class Shop extends Root {
  readonly stock = new Stock();

  remote_stock(): Stock {
    return this.stock;
  }
}

class StockCopy extends RemoteCache {}
class Other extends RemoteCache {}

const reading = (form?: string) => ({ ...remoteCache("test.Stock", StockCopy), ...(form !== undefined && { form }) });

/** What the server knows of a client when that asks for its first cache. */
async function knownOf(types: TypeRegistry, said?: unknown, extensions = true): Promise<readonly string[]> {
  const root = new Shop();
  const pair = await connectedPair({ root }, { types, extensions });
  const reference = await pair.client.getRootObject<Shop>();
  if (said !== undefined) {
    const pbx = await pair.client.getObject("pbx");
    pbx.sendRemote("reads", said);
  }
  await reference.callRemote("stock");
  await pair.close();
  return root.stock.known;
}

test("an end names the forms that its types read, those of parents too", async () => {
  const parent = new TypeRegistry().register({ ...remoteCache("test.Other", Other), form: "two-1" });
  expect(await knownOf(new TypeRegistry(parent).register(reading("one-1")))).toEqual(["one-1", "two-1"]);
});

test("an end without forms, or without extensions, sends nothing of it", async () => {
  const root = new Shop();
  const pair = await connectedPair({ root }, { types: new TypeRegistry().register(reading()) });
  await (await pair.client.getRootObject<Shop>()).callRemote("stock");
  expect(pair.transcript().join("\n")).not.toContain("pbx");
  expect(root.stock.known).toEqual([]);
  await pair.close();
  expect(await knownOf(new TypeRegistry().register(reading("one-1")), undefined, false)).toEqual([]);
});

test("it is the first message, which has no answer", async () => {
  const pair = await connectedPair({ root: new Shop() }, { types: new TypeRegistry().register(reading("one-1")) });
  await pair.client.getRootObject();
  const lines = pair.transcript().filter((line) => line.startsWith("client: (message"));
  expect(lines[0]).toBe("client: (message 1 pbx reads 0 (tuple (list (unicode one-1))) (dictionary))");
  expect(pair.transcript().filter((line) => line.includes("answer 1"))).toEqual([]);
  await pair.close();
});

test.each([
  ["nothing", null],
  ["a text", "one-1"],
  ["values that are no names", [1, null, "a b", "", "x".repeat(41), ["one-1"]]],
  ["too many names", [...Array.from({ length: 16 }, (_, index) => `x-${index}`), "one-1"]],
])("%s names no form", async (_what, said) => {
  expect(await knownOf(new TypeRegistry().register(reading()), said)).toEqual([]);
});

test("a peer can name forms at any time", async () => {
  expect(await knownOf(new TypeRegistry().register(reading()), ["two-1", "?"])).toEqual(["two-1"]);
});
