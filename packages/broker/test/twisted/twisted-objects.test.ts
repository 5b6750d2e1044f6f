// Objects that a stock Twisted sends back, its caches that refer to each other, and pages in both directions.

import {
  Broker,
  Cacheable,
  getAllPages,
  getPages,
  kwargs,
  pagesOf,
  Referenceable,
  RemoteCache,
  remoteCache,
  sendPages,
} from "@pb/broker";
import type { PageCollectorMethods, RemoteReference } from "@pb/broker";
import { TypeRegistry } from "@pb/jelly-types";
import { fileURLToPath } from "node:url";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, inject, test } from "vitest";
import { garbageCollector } from "../../../../tools/gc/garbage-collector.js";
import { Program, until } from "../../../../tools/process/program.js";
import { pythonEnvironment } from "../../../../tools/twisted/twisted.js";
import { TestLink } from "../support/socket-link.js";

class Thing extends Referenceable {
  remote_name(): string {
    return "thing";
  }
}

class Counter extends Cacheable {
  static readonly remoteType = "test.Counter";
  getStateToCacheAndObserveFor(): object {
    return { value: 1 };
  }
}

class ItemCopy extends RemoteCache {
  declare links: unknown;
}

/** Sends bytes in pages, and remembers the promise of the last transfer. */
class Files extends Referenceable {
  sent: Promise<void> | undefined;

  remote_read(collector: RemoteReference<PageCollectorMethods<Uint8Array>>, length: number, size: number): void {
    this.sent = sendPages(collector, pagesOf(bytes(length), size));
  }
}

function bytes(length: number): Uint8Array {
  return Uint8Array.from({ length }, (_, index) => index % 251);
}

function joined(pages: readonly unknown[]): Uint8Array {
  return new Uint8Array(Buffer.concat(pages as Uint8Array[]));
}

describe.each(inject("twisteds"))("with Twisted $version", ({ python }) => {
  let port: number;
  let server: Program;
  let connection: Broker;
  let root: RemoteReference;

  beforeAll(async () => {
    garbageCollector();
    const script = fileURLToPath(new URL("twisted_objects.py", import.meta.url));
    server = new Program("Twisted's server", [python, script], { env: pythonEnvironment() });
    port = Number(await server.nextLine());
  });
  afterAll(() => server.stop());

  beforeEach(async () => {
    const types = new TypeRegistry().register(remoteCache("test.Item", ItemCopy));
    connection = new Broker(await TestLink.connect(port), { types });
    root = await connection.getRootObject();
  });
  afterEach(() => connection.close());

  /** Fails when Twisted or this end keeps an object of this end after the last answer. */
  async function expectNothingGiven(): Promise<void> {
    await until(() => {
      const { referencesGiven, cachesGiven } = connection.stats();
      return referencesGiven + cachesGiven === 0;
    }, "Twisted to release the objects");
  }

  describe.each<[string, () => object]>([
    ["a Referenceable", () => new Thing()],
    ["a Cacheable", () => new Counter()],
  ])("%s comes back as itself", (_, make) => {
    test.each<[string, (value: object) => Promise<unknown>]>([
      ["as an argument", (value) => root.callRemote("echo", value)],
      ["as a keyword", (value) => root.callRemote("echo", kwargs({ value }))],
      ["from a Deferred", (value) => root.callRemote("echoLater", value)],
      ["in a list", async (value) => ((await root.callRemote("echo", [value])) as unknown[])[0]],
      ["in a dict", async (value) => ((await root.callRemote("echo", { value })) as { value: unknown }).value],
    ])("%s", async (_, echo) => {
      const value = make();
      expect(await echo(value)).toBe(value);
      expect(await echo(value)).toBe(value); // after Twisted has released it
      await expectNothingGiven();
    });

    test("from a hundred calls at the same time, also after a call that failed", async () => {
      const values = Array.from({ length: 100 }, make);
      const failed = root.callRemote("refuse", values);
      const echoes = values.flatMap((value) => [root.callRemote("echoLater", value), root.callRemote("echo", [value])]);
      await expect(failed).rejects.toThrow("refused");
      expect((await Promise.all(echoes)).flat().every((value, index) => value === values[index >> 1])).toBe(true);
      await expectNothingGiven();
    });
  });

  test.each([
    ["a parent and a child", "parentAndChild", [], 2],
    ["a ring of five", "ring", [5], 5],
  ])("caches that refer to each other are released when they were dropped: %s", async (_, method, args, size) => {
    const fetch = async (): Promise<ItemCopy> => (await root.callRemote(method, ...args)) as ItemCopy;
    /** Whether Twisted observes `count` items after garbage was collected. */
    const isObserved = async (count: number): Promise<boolean> => {
      garbageCollector()();
      return (await root.callRemote("observed")) === count;
    };
    const holder: { item?: ItemCopy } = {};
    const fetchAll = async (): Promise<void> => {
      holder.item = await fetch();
      for (let count = 0; count < 20; count++) await fetch();
    };
    await fetchAll();
    await until(() => isObserved(size), "Twisted to be told that all but those in use were dropped");
    expect(holder.item!.isAlive).toBe(true);
    expect(connection.stats().cachesHeld).toBe(size);
    delete holder.item;
    await until(() => isObserved(0), "Twisted to be told that the last were dropped");
    expect(connection.stats().cachesHeld).toBe(0);
  });

  test.each([
    [0, 10],
    [25, 10],
    [4000, 100], // more pages than are sent without an answer
  ])("sends %i bytes in pages of %i to getAllPages of Twisted", async (length, size) => {
    const files = new Files();
    const pages = (await root.callRemote("readAll", files, length, size)) as Uint8Array[];
    expect(pages).toHaveLength(Math.max(1, Math.ceil(length / size)));
    expect(joined(pages)).toEqual(bytes(length));
    await files.sent;
    await expectNothingGiven();
  });

  test("the end of the pages waits for no answer, as that of Twisted's Pager", async () => {
    const files = new Files();
    expect(joined((await root.callRemote("readSlowly", files)) as unknown[])).toEqual(bytes(3));
    await files.sent;
    await expectNothingGiven();
  });

  test("a page that is undefined arrives as None: the method of a collector needs its argument", async () => {
    class Lists extends Referenceable {
      remote_read(collector: RemoteReference<PageCollectorMethods>): Promise<void> {
        return sendPages(collector, [1, undefined, null, [undefined]]);
      }
    }
    expect(await root.callRemote("readAll", new Lists())).toEqual([1, null, null, [null]]);
  });

  test.each([
    ["a StringPager", "string", 10],
    ["a StringPager that begins after the answer", "stringAfterAnswer", 10],
    ["a FilePager", "file", undefined],
  ])("reads the pages of %s", async (_, method, size) => {
    for (const length of [0, 25, 200]) {
      const args = size === undefined ? [bytes(length)] : [bytes(length), size];
      expect(joined(await getAllPages(root, method, ...args))).toEqual(bytes(length));
      const pages: unknown[] = [];
      for await (const page of getPages(root, method, ...args)) pages.push(page);
      expect(joined(pages)).toEqual(bytes(length));
    }
    await expectNothingGiven();
  });
});
