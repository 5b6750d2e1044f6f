// An error that no caller receives is reported once, at the end whose program can correct it.

import {
  asLocal,
  broadcast,
  Cacheable,
  Copyable,
  getAllPages,
  getPages,
  kwargs,
  PBError,
  remoteCache,
  RemoteCache,
  RemoteError,
  Root,
  sendPages,
} from "@pb/broker";
import type { BrokerEvent, CacheObserver, PageCollectorMethods, RemoteReference } from "@pb/broker";
import { connectedPair } from "@pb/broker/testing";
import { TypeRegistry } from "@pb/jelly-types";
import { describe, expect, test, vi } from "vitest";

class Doc extends Cacheable {
  static readonly remoteType = "shop.Doc";
  readonly observers = new Set<CacheObserver>();

  override getStateToCacheAndObserveFor(_perspective: unknown, observer: CacheObserver): unknown {
    this.observers.add(observer);
    return {};
  }

  override stoppedObserving(_perspective: unknown, observer: CacheObserver): void {
    this.observers.delete(observer);
  }
}

class DocCopy extends RemoteCache {
  observe_title(title: string): void {
    if (title === "") throw new PBError("empty");
  }
}

type Collector = RemoteReference<PageCollectorMethods>;

class Desk extends Root {
  readonly doc = new Doc();

  remote_doc(): Doc {
    return this.doc;
  }

  remote_fault(): void {
    throw new TypeError("oops");
  }

  remote_refuse(): void {
    throw new PBError("no");
  }

  remote_echo<T>(value: T): T {
    return value;
  }

  async remote_pages(collector: Collector, kind: string): Promise<void> {
    await sendPages(collector, sources[kind]!());
  }

  /** As Twisted's pagers: the call is answered before the pages are sent. */
  remote_pagesLater(collector: Collector, kind: string): void {
    sendPages(collector, sources[kind]!()).catch(() => undefined);
  }
}

class DiskError extends PBError {
  static override readonly remoteType = "shop.DiskError";
}

const sources: Record<string, () => Iterable<unknown> | AsyncIterable<unknown>> = {
  *sync() {
    yield 1;
    throw new DiskError("the disk is full");
  },
  async *async() {
    yield 1;
    throw new DiskError("the disk is full");
  },
  *first() {
    if (Object.keys(sources).length > 0) throw new DiskError("the disk is full");
    yield 1;
  },
  *late() {
    for (let page = 0; page < 100; page++) yield page;
    throw new DiskError("the disk is full");
  },
  *unsendable() {
    yield () => 1;
  },
};

async function open() {
  const events: [string, BrokerEvent][] = [];
  const types = new TypeRegistry().register(remoteCache("shop.Doc", DocCopy));
  const desk = new Desk();
  const pair = await connectedPair(
    { root: desk, onEvent: (event) => events.push(["server", event]) },
    { types, onEvent: (event) => events.push(["client", event]) },
  );
  return { pair, desk, events, root: await pair.client.getRootObject<Desk>() };
}

describe("a call without an answer", () => {
  test.each<[string, unknown[], string]>([
    ["nn", [], "No such method: observe_nn"],
    ["title", [""], "empty"],
  ])("to the method %s of a copy with %o is reported where it fails", async (name, args, message) => {
    const { pair, desk, events, root } = await open();
    const copy = await root.callRemote("doc");
    for (const call of [
      () => broadcast(desk.doc.observers, name, ...args),
      () => [...desk.doc.observers][0]!.sendRemote(name, ...args),
    ]) {
      events.length = 0;
      call();
      await pair.settled();
      expect(events).toMatchObject([
        [
          "client",
          { kind: "method-failed", method: name, error: { message: expect.stringContaining(message) as string } },
        ],
      ]);
    }
    expect(copy).toBeInstanceOf(DocCopy);
  });

  test.each<[string, unknown[]]>([
    ["nothing", []],
    ["refuse", []],
    ["fault", []],
  ])("to the method %s of an object is reported once where it fails", async (name, args) => {
    const { pair, events, root } = await open();
    (root as unknown as RemoteReference).sendRemote(name, ...args);
    await pair.settled();
    expect(events).toMatchObject([["server", { kind: "method-failed", method: name }]]);
  });

  test("that has an answer is reported to the caller only", async () => {
    const { events, root } = await open();
    await expect(root.callRemote("refuse")).rejects.toThrow("no");
    await expect((root as unknown as RemoteReference).callRemote("nothing")).rejects.toThrow(RemoteError);
    expect(events).toEqual([]);
  });

  test("cannot fill a log", async () => {
    const { pair, events, root } = await open();
    for (let index = 0; index < 1_000; index++) (root as unknown as RemoteReference).sendRemote(`nothing${index}`);
    await pair.settled();
    expect(events.length).toBeGreaterThanOrEqual(20);
    expect(events.length).toBeLessThan(40);
  });

  test.each(["sendRemote", "broadcast"] as const)(
    "is not said to be sent when its own hook closes: %s",
    async (how) => {
      const { pair, root } = await open();
      class Closing extends Copyable {
        static readonly remoteType = "shop.Closing";
        override getStateToCopyFor(): unknown {
          void pair.client.close();
          return {};
        }
      }
      const call = (): void =>
        how === "broadcast" ? broadcast([root], "echo", new Closing()) : root.sendRemote("echo", new Closing());
      expect(call).toThrow(expect.objectContaining({ code: "CONNECTION_LOST", reason: "closed" }));
      // Dead targets of a broadcast are skipped.
      if (how === "sendRemote") expect(call).toThrow(expect.objectContaining({ code: "REFERENCE_DEAD" }));
    },
  );
});

describe("a source of pages that fails", () => {
  test.each(["sync", "async", "first", "late"])("%s: arrives as its error, and the connection stays", async (kind) => {
    const { pair, events, root } = await open();
    for (const method of ["pages", "pagesLater"]) {
      await expect(getAllPages(root as unknown as RemoteReference, method, kind)).rejects.toMatchObject({
        name: "RemoteError",
        remoteType: "shop.DiskError",
        message: "the disk is full",
      });
    }
    expect(pair.client.isOpen).toBe(true);
    expect(events).toEqual([]);
    await pair.expectNothingLeft();
  });

  test("locally arrives in the same way", async () => {
    for (const local of [asLocal(new Desk()), asLocal(new Desk(), { copy: {} })])
      for (const method of ["pages", "pagesLater"])
        await expect(getAllPages(local as unknown as RemoteReference, method, "sync")).rejects.toThrow(
          "the disk is full",
        );
  });

  test("gives the pages before it first", async () => {
    const { root } = await open();
    const seen: unknown[] = [];
    const read = async (): Promise<void> => {
      for await (const page of getPages(root as unknown as RemoteReference, "pagesLater", "late")) seen.push(page);
    };
    await expect(read()).rejects.toThrow("the disk is full");
    expect(seen).toHaveLength(100);
  });

  test("because a page cannot be sent says so", async () => {
    const { root } = await open();
    await expect(getAllPages(root as unknown as RemoteReference, "pagesLater", "unsendable")).rejects.toThrow(
      "a function cannot be sent",
    );
  });

  test("because the connection was lost is still a lost connection", async () => {
    const { pair, root } = await open();
    const pages = getPages(root as unknown as RemoteReference, "pagesLater", "late");
    await pages.next();
    pair.server.terminate("closed");
    const rest = async (): Promise<void> => {
      for await (const _page of pages);
    };
    await expect(rest()).rejects.toMatchObject({ code: "CONNECTION_LOST" });
  });
});

test("connectedPair prints errors of methods and callbacks when nothing observes them", async () => {
  const warn = vi.spyOn(console, "warn").mockImplementation(() => undefined);
  const { client, server } = await connectedPair({ root: new Desk() });
  const root = await client.getRootObject<Desk>();
  await expect(root.callRemote("fault")).rejects.toThrow(RemoteError);
  expect(warn).toHaveBeenCalledTimes(1);
  expect(warn.mock.calls[0]![0]).toMatch(/The remote method fault failed .*: TypeError: oops\n +at /);
  server.notifyOnDisconnect(() => {
    throw new Error("callback");
  });
  await client.close();
  await server.closed;
  await vi.waitFor(() => expect(warn).toHaveBeenCalledTimes(2));
  expect(warn.mock.calls[1]![0]).toContain("Error: callback");
  warn.mockRestore();
});

test("misplaced keyword arguments are refused, also locally", async () => {
  const { root } = await open();
  for (const reference of [root, asLocal(new Desk())]) {
    const call = (reference as unknown as RemoteReference).callRemote("echo", kwargs({ value: 1 }), 5);
    await expect(call).rejects.toMatchObject({
      code: "JELLY_NOT_JELLYABLE",
      message: "kwargs(…) must be the last argument of a call (at $.args[0])",
    });
  }
});
