// Flow control of pages: a slow reader, a reader that leaves, a sender that stops, and a sender that does not wait.

import {
  asLocal,
  CallTimeoutError,
  getAllPages,
  getPages,
  LimitError,
  PageCollector,
  Referenceable,
  Root,
  sendPages,
} from "@pb/broker";
import type { PageCollectorMethods, Reference, RemoteReference } from "@pb/broker";
import { connectedPair } from "@pb/broker/testing";
import { describe, expect, onTestFinished, test } from "vitest";

type Collector = RemoteReference<PageCollectorMethods>;

const PAGES = 100;
const PAGE_BYTES = 100_000;

/** Pages by which the sender may be ahead: 4 MiB, and one at each end that was sent or read below its bound. */
const MOST_AHEAD = Math.ceil((4 * 1024 * 1024) / PAGE_BYTES) + 2;

class Library extends Root {
  produced = 0;
  isClosed = false;
  /** Whether the last transfer has ended. */
  isDone = false;

  async remote_fetch(collector: Collector): Promise<void> {
    this.isDone = false;
    await sendPages(collector, this.#produce());
    this.isDone = true;
  }

  async remote_fetchLater(collector: Collector): Promise<void> {
    await sendPages(collector, this.#produceLater());
    this.isDone = true;
  }

  /** As a stock Pager does: sends without waiting for anything. */
  remote_push(collector: Collector, count: number, page: unknown): void {
    for (let left = count; left > 0; left--) collector.sendRemote("gotPage", page);
    collector.sendRemote("endedPaging");
  }

  /** Sends one page, then nothing. */
  remote_stall(collector: Collector): Promise<void> {
    collector.sendRemote("gotPage", "first");
    return new Promise(() => undefined);
  }

  remote_echo(value: unknown): unknown {
    return value;
  }

  /** Small pages. */
  async remote_count(collector: Collector, to: number): Promise<void> {
    await sendPages(collector, this.#numbers(to));
  }

  *#numbers(to: number): Generator<number> {
    while (this.produced < to) yield this.produced++;
  }

  *#produce(): Generator<Uint8Array> {
    try {
      for (let page = 0; page < PAGES; page++) {
        this.produced++;
        yield new Uint8Array(PAGE_BYTES).fill(page);
      }
    } finally {
      this.isClosed = true;
    }
  }

  async *#produceLater(): AsyncGenerator<Uint8Array> {
    await Promise.resolve();
    yield* this.#produce();
  }
}

async function open(kind: "over a connection" | "locally" = "over a connection") {
  const library = new Library();
  const pair = await connectedPair({ root: library });
  const remote = await pair.client.getRootObject();
  const root = kind === "locally" ? (asLocal(library) as unknown as RemoteReference) : remote;
  return { library, pair, root };
}

const pause = (ms = 0): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

describe.each([
  ["over a connection", "fetch"],
  ["over a connection", "fetchLater"],
  ["locally", "fetch"],
  ["locally", "fetchLater"],
] as const)("pages %s, from %s", (kind, method) => {
  test("are produced a few at a time for a slow reader", async () => {
    const { library, pair, root } = await open(kind);
    let read = 0;
    let ahead = 0;
    for await (const page of getPages(root, method)) {
      expect((page as Uint8Array)[0]).toBe(read++);
      if (read < 50) await pause(1);
      ahead = Math.max(ahead, library.produced - read);
    }
    expect(read).toBe(PAGES);
    expect(ahead).toBeLessThanOrEqual(MOST_AHEAD);
    await pair.close();
  });

  test("are not produced anymore when the reader has left", async () => {
    const { library, pair, root } = await open(kind);
    let read = 0;
    for await (const _page of getPages(root, method)) if (++read === 3) break;
    await expect.poll(() => library.isDone).toBe(true);
    expect(library.isClosed).toBe(true);
    expect(library.produced).toBeLessThanOrEqual(3 + MOST_AHEAD);
    if (kind === "over a connection") {
      await expect.poll(() => pair.client.stats().referencesGiven).toBe(0);
      await expect.poll(() => pair.server.stats().callsRunning).toBe(0);
    }
    await pair.close();
  });

  test("of which the program reads none before the call is answered are not held back", async () => {
    const { pair, root } = await open(kind);
    const collector = new PageCollector();
    await root.callRemote(method, collector);
    let read = 0;
    for await (const _page of collector) read++;
    expect(read).toBe(PAGES);
    await pair.close();
  });
});

test("more small pages are on the way than large ones, and they are bounded too", async () => {
  const { library, pair, root } = await open();
  const COUNT = 2000;
  let read = 0;
  let ahead = 0;
  for await (const page of getPages(root, "count", COUNT)) {
    if (page === read) read++;
    if (read === 1) await expect.poll(() => library.produced).toBeGreaterThan(500);
    ahead = Math.max(ahead, library.produced - read);
  }
  expect(read).toBe(COUNT);
  expect(ahead).toBeLessThanOrEqual(16 + 256 + 256 + 2);
  await pair.close();
});

describe("a transfer that stands still", () => {
  test("ends at once when the reader leaves, also while it waits for a page", async () => {
    const { pair, root } = await open();
    const pages = getPages(root, "stall");
    expect(await pages.next()).toEqual({ done: false, value: "first" });
    const waiting = pages.next();
    expect(await pages.return!()).toEqual({ done: true, value: undefined });
    expect(await waiting).toEqual({ done: true, value: undefined });
    expect(await pages.next()).toEqual({ done: true, value: undefined });
    await pair.close();
  });

  test("ends with its timeout, or when its signal aborts", async () => {
    const { pair, root } = await open();
    await expect(getAllPages(root.with({ timeoutMs: 20 }), "stall")).rejects.toBeInstanceOf(CallTimeoutError);
    const controller = new AbortController();
    const pages = getPages(root.with({ signal: controller.signal }), "stall");
    await pages.next();
    const waiting = pages.next();
    controller.abort(new Error("given up"));
    await expect(waiting).rejects.toThrow("given up");
    await pair.close();
  });
});

describe("a sender that does not wait", () => {
  test("is held to 64 MiB: then the iteration fails, the pages are forgotten, and the connection goes on", async () => {
    const { pair, root } = await open();
    const pages = getPages(root, "push", 130, new Uint8Array(600_000));
    expect(await pages.next()).toMatchObject({ done: false });
    await pair.settled();
    await expect(pages.next()).rejects.toBeInstanceOf(LimitError);
    expect(await root.callRemote("echo", "alive")).toBe("alive");
    await pair.close();
  });

  test("is held by what is in its pages, where an object that occurs often counts once", async () => {
    const large = new PageCollector();
    for (let page = 0; page < 130; page++) large.remote_gotPage([{ bytes: new Uint8Array(600_000) }]);
    await expect(large[Symbol.asyncIterator]().next()).rejects.toBeInstanceOf(LimitError);
    let nested: unknown = "leaf";
    for (let depth = 0; depth < 60; depth++) nested = [nested, nested];
    const small = new PageCollector();
    small.remote_gotPage(nested);
    expect(await small[Symbol.asyncIterator]().next()).toMatchObject({ done: false });
  });

  test("may be far ahead with small pages", async () => {
    const collector = new PageCollector();
    const COUNT = 200_000;
    for (let page = 0; page < COUNT; page++) collector.remote_gotPage(page);
    collector.remote_endedPaging();
    let read = 0;
    for await (const page of collector) if (page === read) read++;
    expect(read).toBe(COUNT);
  });
});

describe("a transfer that does not start", () => {
  class Idle extends Root {
    readonly kept: unknown[] = [];
    /** Keeps the collector, as a method that sends pages later. */
    remote_later(collector: RemoteReference<PageCollectorMethods>): number {
      return this.kept.push(collector);
    }
    /** Not a collector. */
    async remote_send(target: RemoteReference<PageCollectorMethods>, pages: number): Promise<void> {
      await sendPages(target, new Array(pages).fill("page"));
    }
  }
  class NoCollector extends Referenceable {}
  const ways = async (): Promise<[string, Reference][]> => {
    const pair = await connectedPair({ root: new Idle(), onEvent: () => undefined });
    onTestFinished(() => pair.close());
    return [
      ["remote", await pair.client.getRootObject()],
      ["local", asLocal(new Idle(), { onEvent: () => undefined })],
      ["copy", asLocal(new Idle(), { copy: {}, onEvent: () => undefined })],
    ];
  };

  test("ends with the time limit or the signal of the transfer, after the answer of the call", async () => {
    for (const [, root] of await ways()) {
      await expect(getAllPages(root.with({ timeoutMs: 30 }), "later")).rejects.toBeInstanceOf(CallTimeoutError);
      const controller = new AbortController();
      const pages = getPages(root.with({ signal: controller.signal }), "later");
      const first = pages.next();
      await root.callRemote("later"); // The call before was answered.
      controller.abort(new Error("enough"));
      await expect(first).rejects.toThrow("enough");
    }
  });

  test("rejects the sender, if the object is not a collector, and says what to do", async () => {
    // The first 16 pages and the end want no answer, as those of a stock Pager.
    for (const [, root] of await ways())
      await expect(root.callRemote("send", new NoCollector(), 40)).rejects.toMatchObject({
        remoteType: "builtins.TypeError",
        message: "The object that was passed for the pages is not a collector: pass a PageCollector, or use getPages",
      });
  });

  test.each([undefined, new PageCollector(), { gotPage: () => undefined }])("sendPages refuses %o", async (target) => {
    const sent = sendPages(target as unknown as RemoteReference<PageCollectorMethods>, [1]);
    await expect(sent).rejects.toThrow("sendPages takes the reference to a collector");
  });
});
