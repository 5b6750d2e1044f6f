// Twisted's own tests of published states and of paging (twisted.spread.test.test_pb) under the names that they have
// there.

import {
  getAllPages,
  MemoryStore,
  PageCollector,
  pagesOf,
  Publishable,
  RemotePublished,
  remotePublished,
  sendPages,
} from "@pb/broker";
import type { RemoteReference } from "@pb/broker";
import { connectedPair } from "@pb/broker/testing";
import { TypeRegistry } from "@pb/jelly-types";
import { beforeAll, expect, test } from "vitest";
import { garbageCollector } from "../../../../tools/gc/garbage-collector.js";
import { Desk, open } from "../support/checklist-desk.js";

beforeAll(() => void garbageCollector());

test("BrokerTests.test_publishable: a published state is fetched once, and not again over the next connection", async () => {
  class Page extends Publishable {
    static readonly remoteType = "test.Page";
    fetched = 0;
    override getStateToPublishFor(): object {
      this.fetched++;
      return { title: "first" };
    }
  }
  class PageCopy extends RemotePublished {
    declare title: string;
  }
  const page = new Page("id");
  const store = new MemoryStore();
  const registry = new TypeRegistry().register(remotePublished("test.Page", PageCopy, store, "test"));
  const get = async () => {
    const pair = await connectedPair({ root: new Desk({ get: () => page }) }, { types: registry });
    const copy = (await (await pair.client.getRootObject()).callRemote("get")) as PageCopy;
    await copy.activated;
    await pair.close();
    return [copy.title, copy.wasKept, page.fetched];
  };
  expect(await get()).toEqual(["first", false, 1]);
  expect(await get()).toEqual(["first", true, 1]);
});

const data = new Uint8Array(500).map((_, index) => index % 251);

/** Connects a client to a root that sends pages, and counts completed transfers. */
async function pager(pages: () => Iterable<unknown> | AsyncIterable<unknown>) {
  let done = 0;
  const { pair, desk } = await open({
    getPages: (collector: RemoteReference<never>) => {
      void sendPages(collector as never, pages()).then(() => done++);
    },
  });
  return { pair, desk, done: () => done };
}

test("PagingTests.test_pagingWithCallback: bytes arrive in pages, and the sender is told when all were sent", async () => {
  const { pair, desk, done } = await pager(() => pagesOf(data, 100));
  const pages = (await getAllPages(desk, "getPages")) as Uint8Array[];
  expect(pages.map((page) => page.length)).toEqual([100, 100, 100, 100, 100]);
  expect(Buffer.concat(pages)).toEqual(Buffer.from(data));
  await pair.settled();
  expect(done()).toBe(1);
  const said = pair.transcript().filter((line) => line.startsWith("server: (message"));
  expect(said.slice(0, 5).every((line) => line.includes(" gotPage 0 "))).toBe(true);
  expect(said.at(-1)).toMatch(/ endedPaging /);
});

test("PagingTests.test_pagingWithoutCallback: the sender does not have to wait for the end", async () => {
  const { desk } = await open({
    getPages: (collector: RemoteReference<never>) => void sendPages(collector as never, pagesOf(data, 100)),
  });
  expect(await getAllPages(desk, "getPages")).toHaveLength(5);
});

test("PagingTests.test_emptyFilePaging: an empty file has no pages and ends", async () => {
  async function* empty(): AsyncGenerator<Uint8Array> {}
  const { desk } = await pager(empty);
  expect(await getAllPages(desk, "getPages")).toEqual([]);
});

async function* file(chunks = 5): AsyncGenerator<Uint8Array> {
  for (let start = 0; start < chunks * 100; start += 100) yield data.subarray(start, start + 100);
}

test("PagingTests.test_filePagingWithCallback: a file is read page by page, and nothing is kept afterwards", async () => {
  const { pair, desk, done } = await pager(() => file());
  const collector = new PageCollector();
  await desk.callRemote("getPages", collector);
  const pages: unknown[] = [];
  for await (const page of collector) pages.push(page);
  expect(Buffer.concat(pages as Uint8Array[])).toEqual(Buffer.from(data));
  await pair.settled();
  expect(done()).toBe(1);
  await pair.expectNothingLeft();
});

test("PagingTests.test_filePagingWithoutCallback: the sender of a file does not have to wait for the end", async () => {
  const { desk } = await open({
    getPages: (collector: RemoteReference<never>) => void sendPages(collector as never, file()),
  });
  expect(Buffer.concat((await getAllPages(desk, "getPages")) as Uint8Array[])).toEqual(Buffer.from(data));
});
