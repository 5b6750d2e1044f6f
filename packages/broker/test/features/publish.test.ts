// Published states and their stores, where something goes wrong. That all goes right: checklist-pb.test.ts.

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

/** The copy of a page that arrives where `store` is, and what the events said. */
async function arrived(page: Page, store: PublishedStore): Promise<[PageCopy, unknown[]]> {
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
])("a state is there though %s", async ([, store]) => {
  const [copy, failures] = await arrived(new Page(() => ({ title: "here" })), store);
  await copy.activated;
  expect(copy.title).toBe("here");
  expect(failures).toEqual([full]);
});

function fail(): never {
  throw full;
}

test("what a store has is thrown away when it cannot be read", async () => {
  const store = new MemoryStore();
  store.save("None-None-page", Uint8Array.of(1, 2, 3));
  const [copy, failures] = await arrived(new Page(() => ({ title: "fetched" })), store);
  await copy.activated;
  expect([copy.title, copy.wasKept, failures]).toEqual(["fetched", false, []]);
});

test("a state that no store can keep is there all the same", async () => {
  const store = new MemoryStore();
  const [copy, failures] = await arrived(
    new Page(() => ({ title: "with a link", link: new (class extends Root {})() })),
    store,
  );
  await copy.activated;
  expect(copy.title).toBe("with a link");
  expect(failures).toMatchObject([{ name: "JellyError" }]);
  expect(store.load("None-None-page")).toBeUndefined();
});

test("a state that cannot be had rejects, and nobody has to wait for it", async () => {
  const page = new Page(() => {
    throw new PBError("out of print");
  });
  const [copy] = await arrived(page, new MemoryStore());
  await expect(copy.activated).rejects.toThrow("out of print");
});
