// Views of cached objects that send updates of their own.

import { Cacheable, Root } from "@pb/broker";
import type { BrokerEvent, CacheObserver, Perspective } from "@pb/broker";
import { connectedPair } from "@pb/broker/testing";
import { TypeRegistry } from "@pb/jelly-types";
import type { DateTime } from "@pb/jelly-types";
import { LiveView, mapUpdates } from "@pb/live";
import { expect, test } from "vitest";

interface Game {
  readonly players: Readonly<Record<string, { readonly x: number }>>;
  readonly chat: readonly string[];
}

class GameServer extends Cacheable {
  static readonly remoteType = "game.Game";
  readonly observers: CacheObserver[] = [];
  state: unknown = { players: { ann: { x: 1 }, bob: { x: 2 } }, chat: [] };

  override getStateToCacheAndObserveFor(_perspective: Perspective, observer: CacheObserver): unknown {
    this.observers.push(observer);
    return this.state;
  }
}

class GameRoot extends Root {
  readonly game = new GameServer();
  remote_game(): GameServer {
    return this.game;
  }
}

const game = mapUpdates<Game>("game.Game", {
  moved(draft, name: string, x: number) {
    draft.players[name]!.x = x;
  },
  said: (draft, text: string) => draft.chat.push(text),
  dated(draft) {
    (draft as unknown as { at: Date }).at = new Date(0);
  },
});

async function open(types: TypeRegistry = new TypeRegistry().register(game), root = new GameRoot()) {
  const events: BrokerEvent[] = [];
  const pair = await connectedPair({ root }, { types, onEvent: (event) => events.push(event) });
  const view = (await (await pair.client.getRootObject()).callRemote("game")) as LiveView<Game>;
  return { view, pair, events, observer: root.game.observers[0]! };
}

test.each(["text", 5, null])(
  "a state that is no list or dict, such as %j, cannot be changed by a recipe",
  async (state) => {
    const root = new GameRoot();
    root.game.state = state;
    const { view, pair, observer } = await open(undefined, root);
    expect(view.getSnapshot()).toBe(state);
    observer.sendRemote("dated");
    await pair.settled();
    expect([view.status, view.getSnapshot()]).toEqual(["stale", state]);
    expect(view.error).toMatchObject({ code: "LIVE_UPDATE_FAILED", cause: new TypeError("A recipe can only change a list or a dict") }); // prettier-ignore
  },
);

test("updates are recipes, of which immutable snapshots are made", async () => {
  const { view, pair, observer } = await open();
  expect(view).toBeInstanceOf(LiveView);
  const before = view.getSnapshot();
  let calls = 0;
  view.subscribe(() => calls++);
  observer.sendRemote("moved", "ann", 5);
  observer.sendRemote("said", "hi");
  await pair.settled();
  const after = view.getSnapshot();
  expect(after).toStrictEqual({ players: { ann: { x: 5 }, bob: { x: 2 } }, chat: ["hi"] });
  expect(after.players.bob).toBe(before.players.bob);
  expect([Object.isFrozen(after), Object.isFrozen(after.chat), calls, view.revision]).toEqual([true, true, 1, 2]);
  expect(await observer.callRemote("said", "answered")).toBeNull();
});

test.each<[what: string, update: string, args: unknown[]]>([
  ["throws", "moved", ["nobody", 5]],
  ["makes a state that is not plain", "dated", []],
])("a recipe that %s makes the view stale, and the server gets an error", async (_what, update, args) => {
  const { view, pair, observer, events } = await open();
  const before = view.getSnapshot();
  await expect(observer.callRemote(update, ...args)).rejects.toMatchObject({ name: "RemoteError" });
  expect([view.status, view.error?.code, view.getSnapshot()]).toEqual(["stale", "LIVE_UPDATE_FAILED", before]);
  expect(events.map(({ kind }) => kind)).toEqual(["method-failed"]);
  observer.sendRemote("said", "later");
  await pair.settled();
  expect(view.getSnapshot()).toBe(before);
});

test.each(["renamed", "toString", "getSnapshot", "naïve\n"])(
  "an update %j, for which there is no recipe, makes the view stale, and is reported",
  async (update) => {
    const { view, pair, observer, events } = await open();
    let calls = 0;
    view.subscribe(() => calls++);
    await expect(observer.callRemote(update, "ann")).rejects.toMatchObject({ name: "RemoteError" });
    expect([view.status, view.error?.code, calls]).toEqual(["stale", "LIVE_UPDATE_FAILED", 1]);
    expect(String((view.error as Error).cause)).toMatch(/There is no recipe for the update /);
    observer.sendRemote(update, "ann");
    await pair.settled();
    expect([calls, events.map(({ kind }) => kind)]).toEqual([1, ["method-failed"]]);
  },
);

test("a first state of other types is converted by the program", async () => {
  const root = new GameRoot();
  root.game.state = { started: new Date(Date.UTC(2020, 0, 1)) };
  const types = new TypeRegistry().register(
    mapUpdates<{ readonly year: number }>("game.Game", {}, (state) => ({
      year: (state as { readonly started: DateTime }).started.year,
    })),
  );
  const { view } = await open(types, root);
  expect(view.getSnapshot()).toEqual({ year: 2020 });
  await expect(open(undefined, root)).rejects.toMatchObject({ code: "LIVE_NOT_PLAIN" });
});

test("a recipe must be a function, and not async", async () => {
  expect(() => mapUpdates("x.Y", { moved: 5 as never })).toThrow(TypeError);
  const types = new TypeRegistry().register(mapUpdates<Game>("game.Game", { said: async () => undefined }));
  const { view, observer } = await open(types);
  await expect(observer.callRemote("said", "x")).rejects.toMatchObject({ name: "RemoteError" });
  expect(view.error?.code).toBe("LIVE_UPDATE_FAILED");
});
