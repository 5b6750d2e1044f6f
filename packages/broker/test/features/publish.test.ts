// Errors of published states and their stores. The normal cases are in checklist-paging.test.ts.

import { MemoryStore, PBError, Publishable, RemotePublished, remotePublished, Root } from "@pb/broker";
import type { BrokerEvent, Connection, PublishedStore } from "@pb/broker";
import { connectedPair } from "@pb/broker/testing";
import { TypeRegistry } from "@pb/jelly-types";
import { expect, onTestFinished, test, vi } from "vitest";
import { brokerAndPeer, rejection, settled } from "../support/raw-peer.js";

class Page extends Publishable {
  static readonly remoteType = "test.Page";
  constructor(readonly state: () => unknown) {
    super("page");
  }

  override getStateToPublishFor(): unknown {
    return this.state();
  }
}

class PageCopy extends RemotePublished {
  declare title: string;
}

/** Receives a copy of `page` at an end that uses `store`. Also returns the errors that were reported as events. */
async function receive(page: Page, store: PublishedStore): Promise<[PageCopy, unknown[]]> {
  class Shelf extends Root {
    remote_page(): Page {
      return page;
    }
  }
  const failures: unknown[] = [];
  const onEvent = (event: BrokerEvent): void => {
    if (event.kind === "callback-failed") failures.push(event.error);
  };
  const types = new TypeRegistry().register(remotePublished("test.Page", PageCopy, store, "test"));
  const { client } = await connectedPair({ root: new Shelf() }, { types, onEvent });
  const shelf = await client.getRootObject<{ page(): PageCopy }>();
  return [await shelf.callRemote("page"), failures];
}

const full = new Error("disk full");

test.for<[string, PublishedStore]>([
  ["load throws", { load: fail, save: () => undefined }],
  ["load rejects", { load: async () => fail(), save: () => undefined }],
  ["save throws", { load: () => undefined, save: fail }],
  ["save rejects", { load: () => undefined, save: async () => fail() }],
])("fetches the state when %s, and reports the error", async ([, store]) => {
  const [copy, failures] = await receive(new Page(() => ({ title: "here" })), store);
  await copy.activated;
  expect(copy.title).toBe("here");
  expect(failures).toEqual([full]);
});

function fail(): never {
  throw full;
}

test("discards a stored state that cannot be read, and fetches it again", async () => {
  const store: PublishedStore = { load: () => Uint8Array.of(1, 2, 3), save: () => undefined };
  const [copy, failures] = await receive(new Page(() => ({ title: "fetched" })), store);
  await copy.activated;
  expect([copy.title, copy.wasKept, failures]).toEqual(["fetched", false, []]);
});

test("does not store a state that contains a reference, and reports the error", async () => {
  const saved: string[] = [];
  const store: PublishedStore = { load: () => undefined, save: (key) => void saved.push(key) };
  const [copy, failures] = await receive(
    new Page(() => ({ title: "with a link", link: new (class extends Root {})() })),
    store,
  );
  await copy.activated;
  expect(copy.title).toBe("with a link");
  expect(failures).toMatchObject([{ name: "JellyError" }]);
  expect(saved).toEqual([]);
});

test("rejects `activated` when the state cannot be fetched, without an unhandled rejection", async () => {
  const page = new Page(() => {
    throw new PBError("out of print");
  });
  const [copy] = await receive(page, new MemoryStore());
  await expect(copy.activated).rejects.toThrow("out of print");
});

/** A server whose page has the given id and timestamp, and may lie about both. */
class Shelf extends Root {
  constructor(readonly page: Page) {
    super();
  }
  remote_page(): Page {
    return this.page;
  }
}

/** Receives the page of a server, and returns its title and whether it came from the store. */
async function titleFrom(page: Page, types: TypeRegistry): Promise<[string, boolean]> {
  const { client } = await connectedPair({ root: new Shelf(page) }, { types });
  const copy = await (await client.getRootObject<{ page(): PageCopy }>()).callRemote("page");
  await copy.activated;
  await client.close();
  return [copy.title, copy.wasKept];
}

function pageOf(title: string, id = "page"): Page {
  return Object.assign(new Page(() => ({ title })), { publishedID: id, timestamp: 7 });
}

test("a server cannot read or replace the state of another scope, whatever it announces", async () => {
  const store = new MemoryStore();
  const typesFor = (scope: string) => new TypeRegistry().register(remotePublished("test.Page", PageCopy, store, scope));
  const [good, bad] = [typesFor("good.example alice"), typesFor("bad.example alice")];
  expect(await titleFrom(pageOf("good"), good)).toEqual(["good", false]);
  expect(await titleFrom(pageOf("bad"), bad)).toEqual(["bad", false]);
  expect(await titleFrom(pageOf("changed"), good)).toEqual(["good", true]);
  expect(await titleFrom(pageOf("changed"), bad)).toEqual(["bad", true]);
});

test("a state that was published again is fetched again, also within the same millisecond, or after a clock went back", async () => {
  const types = new TypeRegistry().register(remotePublished("test.Page", PageCopy, new MemoryStore(), "test"));
  const state = { title: "first" };
  const page = new Page(() => state);
  const now = vi.spyOn(Date, "now").mockReturnValue(page.timestamp * 1000);
  onTestFinished(() => now.mockRestore());
  const next = (title: string, seconds: number) => {
    now.mockReturnValue(page.timestamp * 1000 + seconds * 1000);
    state.title = title;
    page.republish();
    return titleFrom(page, types);
  };
  expect(await titleFrom(page, types)).toEqual(["first", false]);
  state.title = "unannounced";
  expect(await titleFrom(page, types)).toEqual(["first", true]);
  expect(await next("second", 0)).toEqual(["second", false]);
  expect(await next("third", -60)).toEqual(["third", false]);
  const before = page.timestamp;
  expect(await next("fourth", 60)).toEqual(["fourth", false]);
  expect(page.timestamp).toBeCloseTo(before + 60, 5);
  expect(await titleFrom(page, types)).toEqual(["fourth", true]);
});

test("the scope can depend on the connection, so that users do not see the states of each other", async () => {
  const store = new MemoryStore();
  let user = "alice";
  const scope = (connection: Connection) => `${user} ${String(connection.isOpen)}`;
  const types = new TypeRegistry().register(remotePublished("test.Page", PageCopy, store, scope));
  expect(await titleFrom(pageOf("of alice"), types)).toEqual(["of alice", false]);
  user = "bob";
  expect(await titleFrom(pageOf("of bob"), types)).toEqual(["of bob", false]);
  user = "alice";
  expect(await titleFrom(pageOf("of nobody"), types)).toEqual(["of alice", true]);
});

test("keys are safe names of files, and different for all ids and scopes", async () => {
  const keys: string[] = [];
  const store: PublishedStore = { load: (key) => void keys.push(key), save: () => undefined };
  const ids = ["../../../etc-x/../-passwd\0", "a", "A", "CON", "", "x".repeat(100_000), "a-b"];
  for (const scope of ["a", "a-b"]) {
    const types = new TypeRegistry().register(remotePublished("test.Page", PageCopy, store, scope));
    for (const id of ids) await titleFrom(pageOf("t", id), types);
  }
  expect(new Set(keys).size).toBe(2 * ids.length);
  for (const key of keys) expect(key).toMatch(/^[0-9a-f]{64}$/);
});

test("a scope is required", () => {
  const store = new MemoryStore();
  expect(() => remotePublished("test.Page", PageCopy, store, undefined as never)).toThrow(TypeError);
});

test("a connection without a scope keeps no state, and the error is reported", async () => {
  const failures: unknown[] = [];
  const store = new MemoryStore();
  const types = new TypeRegistry().register(
    remotePublished("test.Page", PageCopy, store, () => undefined as unknown as string),
  );
  for (const title of ["of alice", "of bob"]) {
    const onEvent = (event: BrokerEvent): void => {
      if (event.kind === "callback-failed") failures.push(event.error);
    };
    const { client } = await connectedPair({ root: new Shelf(pageOf(title)) }, { types, onEvent });
    const copy = await (await client.getRootObject<{ page(): PageCopy }>()).callRemote("page");
    await copy.activated;
    expect([copy.title, copy.wasKept]).toEqual([title, false]);
  }
  expect(failures.map(String)).toEqual(
    Array<string>(2).fill("TypeError: The scope of test.Page must be a text, not undefined"),
  );
});

test("the version of a state can be no object", async () => {
  const types = new TypeRegistry().register(remotePublished("test.Page", PageCopy, new MemoryStore(), "test"));
  for (const timestamp of [{}, [{}], new Map([[1, 2]]), null]) {
    const page = Object.assign(pageOf("t"), { timestamp: timestamp as unknown as number });
    const { client } = await connectedPair({ root: new Shelf(page) }, { types });
    const failed = (await client.getRootObject<{ page(): PageCopy }>()).callRemote("page");
    await expect(failed).rejects.toMatchObject({ code: "JELLY_MALFORMED" });
  }
});

test("the state cannot replace what the copy knows about itself", async () => {
  const dropped: BrokerEvent[] = [];
  const types = new TypeRegistry().register(remotePublished("test.Page", PageCopy, new MemoryStore(), "test"));
  const page = new Page(() => ({ title: "t", wasKept: true, activated: 1, setPublishedState: 2 }));
  const { client } = await connectedPair({ root: new Shelf(page) }, { types, onEvent: (event) => dropped.push(event) });
  const copy = await (await client.getRootObject<{ page(): PageCopy }>()).callRemote("page");
  await copy.activated;
  expect([copy.title, copy.wasKept, Object.keys(copy)]).toEqual(["t", false, ["title"]]);
  expect(dropped).toEqual([
    { kind: "state-dropped", type: "test.Page", names: ["wasKept", "activated", "setPublishedState"] },
  ]);
});

test.each(["(None)", "(dictionary)", "(list 1)", "(dictionary ((unicode remote) (remote 1)))"])(
  "refuses the announcement %s, as malformed",
  async (state) => {
    const types = new TypeRegistry().register(remotePublished("test.Page", PageCopy, new MemoryStore(), "test"));
    const { broker, peer } = await brokerAndPeer("initiator", { types });
    const page = rejection((await broker.getRootObject()).callRemote("page"));
    await settled();
    await peer.send(`(answer 1 (test.Page 1 ${state}))`);
    expect(await page).toMatchObject({ code: "JELLY_MALFORMED" });
  },
);

test("a MemoryStore keeps a limited number of bytes, and forgets the oldest states first", () => {
  const store = new MemoryStore(2 * (512 + 4));
  const sizes = () => ["a", "b", "c", "large"].map((key) => store.load(key)?.length);
  for (const key of ["a", "b", "a", "c"]) store.save(key, new Uint8Array(4));
  expect(sizes()).toEqual([4, undefined, 4, undefined]);
  store.save("large", new Uint8Array(1_000));
  expect(sizes()).toEqual([4, undefined, 4, undefined]);
  store.save("a", new Uint8Array(1_000)); // The old state is not kept in place of the new one.
  expect(sizes()).toEqual([undefined, undefined, 4, undefined]);
  for (let key = 0; key < 1_000; key++) store.save(String(key), new Uint8Array(0));
  expect(Array.from({ length: 1_000 }, (_, key) => store.load(String(key))).filter((state) => state)).toHaveLength(2);
  expect(() => new MemoryStore(Number.NaN)).toThrow(TypeError);
});
