// Who is calling: decides what copies show, which references an avatar gets, and never leaks from one call into another.

import { beforeAll, describe, expect, test } from "vitest";
import { Avatar, Copyable, Referenceable, remoteCopy, RemoteCopy, Root, Viewable } from "@pb/broker";
import { ViewPoint } from "@pb/broker/extension";
import type { Perspective, RemoteReference } from "@pb/broker";
import { TypeRegistry } from "@pb/jelly-types";
import { connectedPair } from "@pb/broker/testing";
import { garbageCollector } from "../../../../tools/gc/garbage-collector.js";

beforeAll(() => void garbageCollector());

/** A copy that tells for whom it was made. */
class Mirror extends Copyable {
  static readonly remoteType = "test.Mirror";
  override getStateToCopyFor(perspective: Perspective): unknown {
    return { name: nameOf(perspective) };
  }
}
class MirrorCopy extends RemoteCopy {
  declare name: string | null;
}
const types = new TypeRegistry().register(remoteCopy("test.Mirror", MirrorCopy));

function nameOf(perspective: Perspective): string | null {
  return perspective instanceof User ? perspective.name : null;
}

class Page extends Viewable {
  view_read(reader: User, ...rest: unknown[]): unknown {
    return [reader.name, ...rest];
  }
  view_mirror(_reader: User): Mirror {
    return new Mirror();
  }
  async view_slowly(reader: User, gate: Gate): Promise<unknown> {
    await gate.callRemote("wait");
    return [reader.name, new Mirror()];
  }
}

type Gate = RemoteReference<{ wait(): Promise<void> }>;

class User extends Avatar {
  kept: RemoteReference | undefined;

  constructor(
    readonly name: string,
    readonly world: World,
  ) {
    super();
  }

  perspective_mirror(): Mirror {
    return new Mirror();
  }
  perspective_page(): Page {
    return this.world.page;
  }
  async perspective_slowly(gate: Gate): Promise<Mirror> {
    await gate.callRemote("wait");
    return new Mirror();
  }
  /** Sends a copy through a reference that it was given. */
  async perspective_through(listener: RemoteReference): Promise<unknown> {
    return listener.callRemote("see", new Mirror());
  }
  async perspective_throughSlowly(listener: RemoteReference, gate: Gate): Promise<unknown> {
    await gate.callRemote("wait");
    return listener.callRemote("see", new Mirror());
  }
  perspective_hear(_listener: RemoteReference): void {}
  perspective_keep(listener: RemoteReference): void {
    this.world.kept.push(listener);
  }
  perspective_isPage(value: unknown): unknown {
    return value instanceof ViewPoint ? [value.object === this.world.page, nameOf(value.perspective)] : value;
  }
  perspective_me(): this {
    return this;
  }
  perspective_isMe(value: unknown): boolean {
    return value === this || (value as { object?: unknown }).object === this;
  }
}

class World extends Root {
  readonly page = new Page();
  readonly kept: RemoteReference[] = [];

  /** Everybody who logged in, as long as somebody else has use for them. */
  readonly users: WeakRef<User>[] = [];

  remote_login(name: string): User {
    const user = new User(name, this);
    this.users.push(new WeakRef(user));
    return user;
  }
  remote_mirror(): Mirror {
    return new Mirror();
  }
  remote_page(): Page {
    return this.page;
  }
  async remote_slowly(gate: Gate): Promise<Mirror> {
    await gate.callRemote("wait");
    return new Mirror();
  }
}

/** Lets go of whoever waits, when it is told to. */
class GateKeeper extends Referenceable {
  readonly waiting: (() => void)[] = [];
  remote_wait(): Promise<void> {
    return new Promise((resolve) => this.waiting.push(resolve));
  }
}

class Listener extends Referenceable {
  remote_see(mirror: MirrorCopy): string | null {
    return mirror.name;
  }
}

async function open() {
  const world = new World();
  const pair = await connectedPair({ root: world, types }, { types });
  const root = await pair.client.getRootObject();
  const [alice, bob] = (await Promise.all([root.callRemote("login", "alice"), root.callRemote("login", "bob")])) as [
    RemoteReference,
    RemoteReference,
  ];
  return { world, pair, root, alice, bob };
}

const named = (value: unknown): unknown => (value as MirrorCopy).name;

describe("a copy", () => {
  test("shows what its caller may see", async () => {
    const { root, alice, bob } = await open();
    expect(named(await alice.callRemote("mirror"))).toBe("alice");
    expect(named(await root.callRemote("mirror"))).toBe(null);
    expect(named(await bob.callRemote("mirror"))).toBe("bob");
  });

  test("sent through a reference is for the perspective that the reference came to", async () => {
    const { world, alice, bob } = await open();
    const listener = new Listener();
    expect(await alice.callRemote("through", listener)).toBe("alice");
    expect(await bob.callRemote("through", listener)).toBe("bob");
    await alice.callRemote("keep", listener);
    await bob.callRemote("keep", listener);
    const [hers, his] = world.kept;
    expect(hers).not.toBe(his);
    expect(await his!.callRemote("see", new Mirror())).toBe("bob");
    expect(await hers!.callRemote("see", new Mirror())).toBe("alice");
  });
});

describe("the perspective never leaks between calls that wait", () => {
  test("whatever the order in which they go on", async () => {
    const { pair, root, alice, bob } = await open();
    const keeper = new GateKeeper();
    const listener = new Listener();
    const callers = [
      [alice, "alice"],
      [bob, "bob"],
      [root, null],
    ] as const;
    let seed = 7;
    const random = (below: number): number => (seed = (seed * 1103515245 + 12345) % 2 ** 31) % below;

    const calls: Promise<unknown>[] = [];
    const expected: unknown[] = [];
    for (let index = 0; index < 120; index++) {
      const [caller, name] = callers[random(3)]!;
      if (caller === root || random(2) === 0) {
        calls.push(caller.callRemote("slowly", keeper).then(named));
      } else {
        calls.push(caller.callRemote("throughSlowly", listener, keeper));
      }
      expected.push(name);
      if (random(3) === 0) await pair.settled();
      if (random(2) === 0 && keeper.waiting.length > 0) keeper.waiting.splice(random(keeper.waiting.length), 1)[0]!();
    }
    await pair.settled();
    while (keeper.waiting.length > 0) {
      keeper.waiting.splice(random(keeper.waiting.length), 1)[0]!();
      if (random(4) === 0) await pair.settled();
    }
    expect(await Promise.all(calls)).toEqual(expected);
  });

  test("nor between two connections to one object", async () => {
    const world = new World();
    const [one, other] = [
      await connectedPair({ root: world, types }, { types }),
      await connectedPair({ root: world, types }, { types }),
    ];
    const alice = (await (await one.client.getRootObject()).callRemote("login", "alice")) as RemoteReference;
    const bob = (await (await other.client.getRootObject()).callRemote("login", "bob")) as RemoteReference;
    const keeper = new GateKeeper();
    const calls = Array.from({ length: 20 }, (_, index) =>
      (index % 2 === 0 ? alice : bob).callRemote("slowly", keeper),
    );
    await one.settled();
    await other.settled();
    for (const resolve of keeper.waiting.reverse()) resolve();
    expect((await Promise.all(calls)).map(named)).toEqual(calls.map((_, index) => (index % 2 === 0 ? "alice" : "bob")));
  });
});

describe("a view", () => {
  test("knows who looks, and answers for them", async () => {
    const { alice, bob } = await open();
    const [hers, his] = (await Promise.all([alice.callRemote("page"), bob.callRemote("page")])) as [
      RemoteReference,
      RemoteReference,
    ];
    expect(await hers.callRemote("read", 1, 2)).toEqual(["alice", 1, 2]);
    expect(await his.callRemote("read")).toEqual(["bob"]);
    expect(named(await hers.callRemote("mirror"))).toBe("alice");
    expect(named(await his.callRemote("mirror"))).toBe("bob");
    const keeper = new GateKeeper();
    const both = Promise.all([hers.callRemote("slowly", keeper), his.callRemote("slowly", keeper)]);
    await expect.poll(() => keeper.waiting.length).toBe(2);
    for (const resolve of keeper.waiting.reverse()) resolve();
    expect((await both).map((result) => [(result as unknown[])[0], named((result as unknown[])[1])])).toEqual([
      ["alice", "alice"],
      ["bob", "bob"],
    ]);
  });

  test("is one for each pair of object and looker, counted as references are", async () => {
    const { pair, world, alice, bob } = await open();
    const first = (await alice.callRemote("page")) as RemoteReference;
    const again = (await alice.callRemote("page")) as RemoteReference;
    const his = (await bob.callRemote("page")) as RemoteReference;
    expect(again).toBe(first);
    expect(his.id).not.toBe(first.id);
    expect(await alice.callRemote("isPage", first)).toEqual([true, "alice"]);
    expect(await alice.callRemote("isPage", his)).toEqual([true, "bob"]);
    expect(world.page.viewPointFor(world)).toBe(world.page.viewPointFor(world));
    for (const reference of [first, his, alice, bob]) reference[Symbol.dispose]();
    await pair.expectNothingLeft();
  });

  test("is not to be had by somebody who has not logged in", async () => {
    const { root, pair } = await open();
    await expect(root.callRemote("page")).rejects.toThrow("to a peer that has logged in");
    expect(pair.server.stats().referencesGiven).toBe(2);
  });
});

test("an avatar that is handed out by its own method is the same reference, and comes home as itself", async () => {
  const { alice, bob } = await open();
  expect(await alice.callRemote("me")).toBe(alice);
  expect(await alice.callRemote("isMe", alice)).toBe(true);
  expect(await alice.callRemote("isMe", bob)).toBe(false);
});

test("who has logged out is gone, though the connection goes on, and what they were given is given back", async () => {
  const { pair, world, root, alice, bob } = await open();
  for (const user of [alice, bob]) {
    await user.callRemote("hear", new Listener());
    user[Symbol.dispose]();
  }
  await pair.expectNothingLeft();
  await root.callRemote("mirror"); // the last message may remember for whom it was written
  await expect
    .poll(
      () => {
        (globalThis as { gc?: () => void }).gc?.();
        return world.users.filter((user) => user.deref() !== undefined).length;
      },
      { timeout: 120_000 },
    )
    .toBe(0);
});
