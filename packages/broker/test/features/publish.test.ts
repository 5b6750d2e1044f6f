// Errors of published states and their stores. The normal cases are in checklist-paging.test.ts.

import { MemoryStore, PBError, Publishable, RemotePublished, remotePublished, Root } from "@pb/broker";
import type { BrokerEvent, PublishedStore } from "@pb/broker";
import { connectedPair } from "@pb/broker/testing";
import { TypeRegistry } from "@pb/jelly-types";
import { expect, test } from "vitest";

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
  const types = new TypeRegistry().register(remotePublished("test.Page", PageCopy, store));
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
  const store = new MemoryStore();
  store.save("None-None-page", Uint8Array.of(1, 2, 3));
  const [copy, failures] = await receive(new Page(() => ({ title: "fetched" })), store);
  await copy.activated;
  expect([copy.title, copy.wasKept, failures]).toEqual(["fetched", false, []]);
});

test("does not store a state that contains a reference, and reports the error", async () => {
  const store = new MemoryStore();
  const [copy, failures] = await receive(
    new Page(() => ({ title: "with a link", link: new (class extends Root {})() })),
    store,
  );
  await copy.activated;
  expect(copy.title).toBe("with a link");
  expect(failures).toMatchObject([{ name: "JellyError" }]);
  expect(store.load("None-None-page")).toBeUndefined();
});

test("rejects `activated` when the state cannot be fetched, without an unhandled rejection", async () => {
  const page = new Page(() => {
    throw new PBError("out of print");
  });
  const [copy] = await receive(page, new MemoryStore());
  await expect(copy.activated).rejects.toThrow("out of print");
});
