// Paging: pages arrive in order until the last one or an error (wire specification 7).

import { beforeAll, describe, expect, test } from "vitest";
import {
  Copyable,
  getAllPages,
  getPages,
  PageCollector,
  pagesOf,
  PBError,
  RemoteCopy,
  remoteCopy,
  RemoteError,
  Root,
  sendPages,
} from "@pb/broker";
import type { BrokerEvent, PageCollectorMethods, RemoteReference } from "@pb/broker";
import { JellyError, TypeRegistry } from "@pb/jelly-types";
import { connectedPair } from "@pb/broker/testing";
import { garbageCollector } from "../../../../tools/gc/garbage-collector.js";
import { brokerAndPeer, rejection } from "../support/raw-peer.js";

beforeAll(() => void garbageCollector());

type Collector = RemoteReference<PageCollectorMethods>;

class Library extends Root {
  /** Resolves when the current pages have been sent. */
  sending: Promise<void> | undefined;

  remote_read(collector: Collector, text: string, pageBytes: number): string {
    this.sending = sendPages(collector, pagesOf(new TextEncoder().encode(text), pageBytes));
    return "started";
  }

  remote_readAll(collector: Collector, count: number): Promise<void> {
    return sendPages(
      collector,
      Array.from({ length: count }, (_, index) => index),
    );
  }

  remote_async(collector: Collector, count: number): Promise<void> {
    return sendPages(collector, numbers(count));
  }

  remote_failInPages(collector: Collector): Promise<void> {
    return sendPages(collector, failing());
  }

  async remote_failAfterPages(collector: Collector): Promise<void> {
    await sendPages(collector, [1, 2]);
    throw new PBError("the binding broke");
  }

  remote_failAtOnce(_collector: Collector): never {
    throw new PBError("closed today");
  }

  remote_forget(collector: Collector): void {
    collector.sendRemote("gotPage", 1);
    collector[Symbol.dispose]();
  }

  remote_unsendable(collector: Collector): Promise<void> {
    return sendPages(collector, [1, () => 2]);
  }

  remote_echo(value: unknown): unknown {
    return value;
  }
}

async function* numbers(count: number): AsyncGenerator<number> {
  for (let index = 0; index < count; index++) {
    await Promise.resolve();
    yield index;
  }
}

function* failing(): Generator<number> {
  yield 1;
  yield 2;
  throw new PBError("page 3 is missing");
}

const text = (pages: unknown[]): string[] => pages.map((page) => new TextDecoder().decode(page as Uint8Array));

async function open(chunkBytes?: number) {
  const library = new Library();
  const pair = await connectedPair({ root: library }, {}, { chunkBytes });
  return { library, pair, root: await pair.client.getRootObject() };
}

test("pagesOf splits bytes into pages", () => {
  const pages = (length: number, size: number): number[] =>
    [...pagesOf(new Uint8Array(length), size)].map((page) => page.length);
  expect(pages(25, 10)).toEqual([10, 10, 5]);
  expect(pages(20, 10)).toEqual([10, 10]);
  expect(pages(0, 10)).toEqual([0]);
  expect(pages(1, 10)).toEqual([1]);
});

describe.each([
  ["in one piece", undefined],
  ["byte by byte", 1],
])("pages delivered %s", (_how, chunkBytes) => {
  test("arrive completely and in order, and the collector is released", async () => {
    const { root, pair } = await open(chunkBytes);
    expect(text(await getAllPages(root, "read", "abcdefghijklmnopqrstuvwxy", 10))).toEqual([
      "abcdefghij",
      "klmnopqrst",
      "uvwxy",
    ]);
    expect(text(await getAllPages(root, "read", "", 10))).toEqual([""]);
    expect(await getAllPages(root, "readAll", 50)).toEqual(Array.from({ length: 50 }, (_, index) => index));
    expect(await getAllPages(root, "readAll", 0)).toEqual([]);
    expect(await getAllPages(root, "async", 5)).toEqual([0, 1, 2, 3, 4]);
    await pair.expectNothingLeft();
  });
});

test("pages can be read one at a time", async () => {
  const { root, pair } = await open();
  const seen: unknown[] = [];
  for await (const page of getPages(root, "readAll", 3)) seen.push(page);
  expect(seen).toEqual([0, 1, 2]);
  await pair.expectNothingLeft();
});

test("several transfers and other calls can overlap", async () => {
  const { root, pair } = await open();
  const [one, other, echo] = await Promise.all([
    getAllPages(root, "readAll", 30),
    getAllPages(root, "async", 30),
    root.callRemote("echo", "between"),
  ]);
  expect([one.length, other.length, echo]).toEqual([30, 30, "between"]);
  await pair.expectNothingLeft();
});

test("releases the collector when the reader stops", async () => {
  const { root, pair } = await open();
  for await (const page of getPages(root, "readAll", 20)) if (page === 3) break;
  await pair.expectNothingLeft();
});

test("discards pages that arrive after the reader stopped", async () => {
  let finish!: () => void;
  const sendingEnds = new Promise<void>((resolve) => (finish = resolve));
  class Slow extends Root {
    async remote_read(collector: Collector): Promise<void> {
      for (let page = 0; page < 20; page++) collector.sendRemote("gotPage", new Page());
      await sendingEnds;
      collector.sendRemote("endedPaging");
    }
  }
  class Page extends Copyable {
    static readonly remoteType = "test.Page";
  }
  const pages: WeakRef<PageCopy>[] = [];
  class PageCopy extends RemoteCopy {
    override setCopyableState(): void {
      pages.push(new WeakRef(this));
    }
  }
  const pair = await connectedPair(
    { root: new Slow() },
    { types: new TypeRegistry().register(remoteCopy("test.Page", PageCopy)) },
  );
  const root = await pair.client.getRootObject();
  await takeOne(getPages(root, "read"));
  await expect.poll(() => pages.length, poll).toBe(20);
  const collectGarbage = garbageCollector();
  const pagesInMemory = (): number => {
    collectGarbage();
    return pages.filter((page) => page.deref() !== undefined).length;
  };
  await expect.poll(pagesInMemory, poll).toBe(0);
  finish();
  await pair.expectNothingLeft();
});

/** Only ends a hang. */
const poll = { timeout: 120_000 };

async function takeOne(pages: AsyncIterable<unknown>): Promise<void> {
  for await (const _page of pages) break;
}

describe("pages that end with an error", () => {
  test.each([
    ["failInPages", "page 3 is missing"],
    ["failAfterPages", "the binding broke"],
    ["failAtOnce", "closed today"],
    ["unsendable", "function"],
    ["nothing", "No such method: remote_nothing"],
  ])("throw the error of the call: %s", async (method, message) => {
    const { root, pair } = await open();
    const error = (await rejection(getAllPages(root, method))) as RemoteError;
    expect(error).toBeInstanceOf(RemoteError);
    expect(error.message).toContain(message);
    await pair.expectNothingLeft();
  });

  test("yield the pages that arrived before the error", async () => {
    const { root } = await open();
    const seen: unknown[] = [];
    await expect(
      (async () => {
        for await (const page of getPages(root, "failInPages")) seen.push(page);
      })(),
    ).rejects.toThrow("page 3 is missing");
    expect(seen).toEqual([1, 2]);
  });

  test("reject when the arguments cannot be sent", async () => {
    const { root, pair } = await open();
    expect(await rejection(getAllPages(root, "read", () => 1))).toBeInstanceOf(JellyError);
    await pair.expectNothingLeft();
  });

  test("reject when the peer releases the collector before the end", async () => {
    const { root, pair } = await open();
    await expect(getAllPages(root, "forget")).rejects.toThrow("The pages stopped before their end");
    await pair.expectNothingLeft();
  });

  test("reject at both ends when the connection ends", async () => {
    const { root, pair, library } = await open();
    pair.links.initiator.hold();
    const pages = rejection(getAllPages(root, "read", "x".repeat(100), 10));
    await pair.settled();
    const sending = rejection(library.sending!);
    pair.links.listener.cut();
    expect(await pages).toMatchObject({ name: "ConnectionLostError" });
    expect(await sending).toBeInstanceOf(Error);
  });
});

test("a collector that is filled by other code is an async iterable", async () => {
  const collector = new PageCollector();
  const read = (async () => {
    const pages: unknown[] = [];
    for await (const page of collector) pages.push(page);
    return pages;
  })();
  collector.remote_gotPage("a");
  await Promise.resolve();
  collector.remote_gotPage("b");
  collector.remote_endedPaging();
  collector.remote_gotPage("too late");
  collector.unreferenced();
  expect((await read).slice(0, 2)).toEqual(["a", "b"]);
});

test("a failure without texts ends the pages as well, and is no fault of the collector", async () => {
  class Shop extends Root {
    readonly pages = new PageCollector();
    remote_pages(): PageCollector {
      return this.pages;
    }
  }
  const nothing = "(dictionary ((unicode toString) 1))";
  for (const words of [`${nothing} (unicode x)`, `(unicode x) ${nothing}`, "(None) 7", "(list (list 1)) (list)"]) {
    const shop = new Shop();
    const events: BrokerEvent[] = [];
    const { peer } = await brokerAndPeer("listener", { root: shop, onEvent: (event) => void events.push(event) });
    await peer.send("(message 1 root pages 1 (tuple) (dictionary))");
    await peer.send(`(message 2 1 failedPaging 1 (tuple ${words}) (dictionary))`);
    await expect(shop.pages[Symbol.asyncIterator]().next()).rejects.toBeInstanceOf(RemoteError);
    expect(events).toEqual([]);
  }
});
