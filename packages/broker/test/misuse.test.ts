// Mistakes of a program: each is reported where it is made, and ends neither the process nor a connection.

/* eslint-disable @typescript-eslint/no-misused-promises -- the mistakes */

import {
  asLocal,
  broadcast,
  Cacheable,
  kwargs,
  pagesOf,
  RemoteCache,
  remoteCache,
  Referenceable,
  Root,
  sendPages,
} from "@pb/broker";
import type { BrokerEvent, CacheObserver, ErrorDescription, RemoteReference } from "@pb/broker";
import { connectedPair } from "@pb/broker/testing";
import { TypeRegistry } from "@pb/jelly-types";
import { describe, expect, test, vi } from "vitest";

class Session extends Referenceable {
  override async unreferenced(): Promise<void> {
    await Promise.resolve();
    throw new Error("unreferenced");
  }
}

class Stock extends Cacheable {
  static readonly remoteType = "shop.Stock";

  override getStateToCacheAndObserveFor(_perspective: unknown, _observer: CacheObserver): unknown {
    return {};
  }

  override async stoppedObserving(): Promise<void> {
    await Promise.resolve();
    throw new Error("stoppedObserving");
  }
}

class StockCopy extends RemoteCache {}

class Shop extends Root {
  remote_session(): Session {
    return new Session();
  }

  remote_stock(): Stock {
    return new Stock();
  }

  remote_fault(): void {
    throw new Error("secret");
  }
}

const types = new TypeRegistry().register(remoteCache("shop.Stock", StockCopy));

async function open(describeError?: (error: unknown) => ErrorDescription) {
  const events: BrokerEvent[] = [];
  const onEvent = (event: BrokerEvent): void => void events.push(event);
  const { client, server } = await connectedPair({ root: new Shop(), onEvent, describeError }, { types, onEvent });
  const failures = (): string[] =>
    events.flatMap((event) => (event.kind === "callback-failed" ? [String(event.error)] : []));
  return { client, server, failures, root: await client.getRootObject() };
}

describe("a callback whose promise rejects is reported, and the process lives", () => {
  test("unreferenced", async () => {
    const { root, failures } = await open();
    ((await root.callRemote("session")) as RemoteReference)[Symbol.dispose]();
    await vi.waitFor(() => expect(failures()).toEqual(["Error: unreferenced"]));
  });

  test("stoppedObserving and notifyOnDisconnect", async () => {
    const { client, root, failures } = await open();
    const stock = (await root.callRemote("stock")) as StockCopy;
    client.notifyOnDisconnect(() => Promise.reject(new Error("of the connection")));
    root.notifyOnDisconnect(() => Promise.reject(new Error("of a reference")));
    stock.notifyOnDisconnect(() => Promise.reject(new Error("of a copy")));
    await client.close();
    const all = ["of a copy", "of a reference", "of the connection", "stoppedObserving"];
    await vi.waitFor(() => expect(failures().toSorted()).toEqual(all.map((text) => `Error: ${text}`)));
  });
});

describe("describeError that fails is reported", () => {
  const rejected = (): never => Promise.reject(new Error("lookup")) as never;
  test.for<[string, () => ErrorDescription, RegExp]>([
    ["throws", () => expect.fail("lookup"), /lookup/],
    ["returns nothing", () => undefined as never, /describeError must return an object/],
    ["is async", rejected, /describeError must return an object/],
  ])("it %s", async ([, describeError, report]) => {
    const { root, failures } = await open(describeError);
    await expect(root.callRemote("fault")).rejects.toThrow("(message withheld)");
    expect(failures()).toEqual([expect.stringMatching(report)]);
  });
});

describe("names that are no text", () => {
  test.for([5, undefined, null, {}, Symbol("greet")])("%s", async (name) => {
    const { client, server, root } = await open();
    const wrong = name as string;
    const message = /must be text, not/;
    await expect(root.callRemote(wrong)).rejects.toThrow(message);
    await expect(root.with({ timeoutMs: 60_000 }).callRemote(wrong)).rejects.toThrow(message);
    await expect((asLocal(new Shop()) as unknown as typeof root).callRemote(wrong)).rejects.toThrow(message);
    await expect(client.getObject(wrong)).rejects.toThrow(message);
    expect(() => root.sendRemote(wrong)).toThrow(message);
    expect(() => server.publish(wrong, new Shop())).toThrow(message);
    expect(client.stats().callsWaiting).toBe(0);
  });
});

describe("a callback that is no function", () => {
  test.for([undefined, null, 5, {}])("%s is refused where it is given", async (given) => {
    const { client, root, failures } = await open();
    const stock = (await root.callRemote("stock")) as StockCopy;
    const wrong = given as never;
    const all = {
      client,
      root,
      stock,
      local: asLocal(new Shop()),
      result: root.pipe("session") as unknown as RemoteReference,
    };
    for (const [name, it] of Object.entries(all))
      expect(() => it.notifyOnDisconnect(wrong), name).toThrow(new TypeError("The callback must be a function"));
    await client.close();
    expect(failures()).toEqual([]);
  });
});

describe("arguments of the wrong kind", () => {
  test("broadcast calls references only", async () => {
    const { root } = await open();
    const entries = new Map([["Ann", root]]) as unknown as RemoteReference[];
    expect(() => broadcast(entries, "fault")).toThrow("not an instance of Array");
    expect(() => broadcast(root as unknown as RemoteReference[], "fault")).toThrow("must be a list or a set");
    expect(() => broadcast([undefined] as unknown as RemoteReference[], "fault")).toThrow("not undefined");
  });

  test("pages are not bytes and not text", async () => {
    const { root } = await open();
    const collector = root as unknown as Parameters<typeof sendPages>[0];
    await expect(sendPages(collector, new Uint8Array(3))).rejects.toThrow("pass pagesOf(bytes)");
    await expect(sendPages(collector, "abc")).rejects.toThrow("must be an iterable or an async iterable, not a string");
    await expect(sendPages(collector, undefined as never)).rejects.toThrow("not undefined");
    expect(() => pagesOf("abc" as unknown as Uint8Array)).toThrow("pagesOf splits a Uint8Array, not a string");
  });

  test.for([new Map([["limit", 3]]), [1], null, "limit"])("kwargs(%s)", (values) => {
    expect(() => kwargs(values as unknown as Record<string, unknown>)).toThrow("Keyword arguments are an object");
  });

  test.for([5, Shop, {}, null])("asLocal(%s)", (object) => {
    expect(() => asLocal(object as unknown as Shop)).toThrow("The object of asLocal must be a Referenceable");
  });

  test("an async rootObject", async () => {
    const events: string[] = [];
    const root = { rootObject: () => Promise.resolve(new Shop()) as never };
    const onEvent = (event: BrokerEvent): void => {
      if ("error" in event) events.push(String(event.error));
    };
    await connectedPair({ root, onEvent }, {}).catch(() => undefined);
    await vi.waitFor(() => expect(events).toEqual([expect.stringContaining("a promise: it cannot be async")]));
  });
});
