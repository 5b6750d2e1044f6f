// A `Live` with wide dicts: random updates in comparison with plain objects, and what an update looks at.

import { isDeepStrictEqual } from "node:util";
import { Avatar, Root } from "@pb/broker";
import type { Perspective } from "@pb/broker";
import { connectedPair } from "@pb/broker/testing";
import { TypeRegistry } from "@pb/jelly-types";
import { Live, LiveView, liveView } from "@pb/live";
import type { LiveError } from "@pb/live";
import { describe, expect, onTestFinished, test, vi } from "vitest";
import { changeRandomly, firstState, randomOf } from "../support/random-recipes.js";

type State = Record<string, unknown>;

const clone = (value: unknown): State => JSON.parse(JSON.stringify(value)) as State;

class Viewed extends Avatar {
  constructor(
    readonly key: string,
    readonly board: Live<State>,
  ) {
    super();
  }

  perspective_board(): Live<State> {
    return this.board;
  }
}

/** The key of a viewer says what it sees: all, the part at a path, or what a function returns. */
class Board extends Live<State> {
  readonly errors: LiveError[] = [];

  constructor(state: State, queuedBytes?: number) {
    const errors: LiveError[] = [];
    super(state, { onError: (error) => errors.push(error), queuedBytes });
    this.errors = errors;
  }

  override viewKey(viewer: Perspective): string {
    return (viewer as Viewed).key;
  }

  override viewPath(key: string): readonly (string | number)[] | undefined {
    if (key === "whole") return [];
    return key.startsWith("path ") ? key.slice(5).split(" ") : undefined;
  }

  override viewOf(key: string, state: State): State {
    if (key === "function part") return state.wide as State;
    return { copy: { ...(state.wide as State) }, count: Object.keys(state.deep as State).length };
  }
}

function seenBy(key: string, state: State): unknown {
  if (key === "whole") return state;
  if (key === "function part") return state.wide;
  if (key === "function copy") return { copy: state.wide, count: Object.keys(state.deep as State).length };
  return key.slice(5).split(" ").reduce<unknown>((part, name) => (part as State)[name], state); // prettier-ignore
}

async function viewerOf(board: Board, key: string) {
  class Door extends Root {
    remote_login(): Viewed {
      return new Viewed(key, board);
    }
  }
  const pair = await connectedPair({ root: new Door() }, { types: new TypeRegistry().register(liveView()) });
  const member = await (await pair.client.getRootObject<Door>()).callRemote("login");
  const view: unknown = await member.callRemote("board");
  if (!(view instanceof LiveView)) throw new TypeError("A LiveView should have arrived");
  return { key, pair, view };
}

/** Views that are made without a copy of all entries, and those that need one. */
const lazy = ["whole", "path wide", "path deep", "path lists"];
const functions = ["function part", "function copy"];

test.each([
  [1, lazy],
  [2, lazy],
  [3, [...lazy, ...functions]],
])("viewers of all kinds follow random updates (seed %i)", async (seed, keys) => {
  const random = randomOf(seed);
  let model = firstState(random);
  const board = new Board(clone(model), 2000);
  const viewers = await Promise.all([...keys, "whole"].map((key) => viewerOf(board, key)));
  const slow = viewers.at(-1)!;
  const read: [state: State, text: string][] = [];
  for (let turn = 0; turn < 12; turn++) {
    if (turn === 2) slow.pair.links.initiator.hold();
    if (turn === 6) slow.pair.links.initiator.release();
    for (let updates = random(4); updates >= 0; updates--) {
      const steps = 1 + random(1_000_000);
      const end = ["fine", "fine", "fine", "throws", "wrong"][random(5)]!;
      const { revision } = board;
      const change = (): void =>
        board.update((draft) => {
          changeRandomly(draft, randomOf(steps), () => undefined);
          if (end === "throws") throw new RangeError("stop");
          if (end === "wrong") (draft.wide as State).k3 = { at: [new Date(0)] };
        });
      if (end === "throws") expect(change).toThrow(RangeError);
      else if (end === "wrong") expect(change).toThrow("(at $.wide.k3.at[0])");
      else {
        change();
        const next = clone(model);
        changeRandomly(next, randomOf(steps), () => undefined);
        model = clone(next);
      }
      if (end !== "fine") expect(board.revision).toBe(revision);
      if (random(10) === 0) {
        expect(JSON.stringify(board.state)).toBe(JSON.stringify(model));
        expect(board.state).toBe(board.state);
        read.push([board.state, JSON.stringify(model)]);
      }
    }
    if (random(8) === 0) {
      board.replace({ ...board.state, f: turn, wide: clone(board.state.wide) });
      model = clone(board.state);
    }
    await Promise.all(viewers.map(({ pair }) => pair.settled()));
    for (const { key, view } of viewers)
      if (!(view === slow.view && turn >= 2 && turn < 6))
        expect([key, isDeepStrictEqual(view.getSnapshot(), seenBy(key, model))]).toEqual([key, true]);
  }
  for (const [state, text] of read) expect(JSON.stringify(state)).toBe(text);
  expect(board.errors).toEqual([]);
  await Promise.all(viewers.map(({ pair }) => pair.close()));
});

describe("a wide dict", () => {
  const wide = (): State => Object.fromEntries(Array.from({ length: 5000 }, (_, at) => [`k${at}`, { x: at }]));

  /** Returns how many keys the widest dict has that the server looks at as a whole from now on. */
  function mostKeysRead(): () => number {
    let most = 0;
    for (const name of ["keys", "values", "entries", "freeze"] as const) {
      const original = Object[name].bind(Object) as (object: object) => object;
      vi.spyOn(Object, name).mockImplementation(((object: object) => {
        const count = Array.isArray(object) ? 0 : Reflect.ownKeys(object).length;
        // The copy of the viewer is as wide.
        if (count > most && !new Error("").stack!.includes("/client/")) most = count;
        return original(object);
      }) as never);
    }
    onTestFinished(() => void vi.restoreAllMocks());
    return () => most;
  }

  test.each(["whole", "path wide"])("of which one entry changes is not looked at as a whole, for %s", async (key) => {
    const board = new Board({ wide: wide(), list: Array.from({ length: 5000 }, (_, x) => ({ x })) });
    const { pair, view } = await viewerOf(board, key);
    const entry = (at: number): Record<string, number> => (board.state.wide as Record<string, never>)[`k${at}`]!;
    const set = (at: number, x: number): void =>
      board.update((draft) => {
        (draft.wide as Record<string, { x: number }>)[`k${at}`]!.x = x;
        (draft.list as { x: number }[])[at]!.x = x;
      });
    board.replace({ ...board.state });
    set(0, -1);
    board.replace({ ...board.state });
    set(0, -2);
    await pair.settled();
    const most = mostKeysRead();
    const get = vi.spyOn(WeakMap.prototype, "get");
    for (let at = 1; at <= 20; at++) set(at, -at);
    const looks = get.mock.calls.length;
    await Promise.resolve();
    vi.restoreAllMocks();
    expect(most()).toBeLessThan(100);
    expect(looks).toBeLessThan(2000);
    expect([entry(20), entry(21)]).toEqual([{ x: -20 }, { x: 21 }]);
    await pair.settled();
    const seen = view.getSnapshot() as State;
    expect((key === "whole" ? (seen.wide as State) : seen).k20).toEqual({ x: -20 });
    await pair.close();
  });

  test("of which entries become other objects that are equal is not looked at as a whole", async () => {
    const board = new Board({ wide: wide() });
    const { pair, view } = await viewerOf(board, "path wide");
    const set = async (key: string, x: number): Promise<void> => {
      board.update((draft) => void ((draft.wide as State)[key] = { x }));
      await pair.settled();
    };
    await set("k0", -1);
    const { revision } = view;
    const most = mostKeysRead();
    // More updates than its history remembers.
    for (let at = 1; at < 300; at++) await set(`k${at}`, at);
    expect([view.revision, most() < 100]).toEqual([revision, true]);
    await set("k1", -2);
    expect([most() < 100, (view.getSnapshot() as State).k1]).toEqual([true, { x: -2 }]);
    await pair.close();
  });

  test("is a frozen plain object for programs, and the same one until it changes", () => {
    const board = new Board({ wide: wide(), other: 1 });
    const first = board.state.wide;
    board.update((draft) => void (draft.other = 2));
    expect(board.state.wide).toBe(first);
    board.update((draft) => void ((draft.wide as State).k7 = "new"));
    const second = board.state.wide as State;
    expect(second).not.toBe(first);
    expect(board.state.wide).toBe(second);
    expect([Object.isFrozen(second), Object.getPrototypeOf(second)]).toEqual([true, Object.prototype]);
    expect(structuredClone(second)).toEqual({ ...wide(), k7: "new" });
    expect(Object.keys(second)).toEqual(Object.keys(wide()));
    expect(second.k8).toBe((first as State).k8);
    const { revision } = board;
    board.replace(board.state);
    expect(board.revision).toBe(revision);
  });

  test("keeps the order of its keys: those that are removed and added again come last", () => {
    const board = new Board(wide());
    const model = wide();
    const recipes: ((dict: State) => unknown)[] = [
      (dict) => ((dict.new = 1), (dict["12"] = 1), (dict["3"] = 1)),
      (dict) => (delete dict.k1, delete dict.new, (dict.k1 = 2)),
      (dict) => ((dict.new = 3), delete dict.k2),
      (dict) => ((dict.k2 = 4), delete dict.k2),
    ];
    for (const recipe of recipes) {
      board.update(recipe);
      recipe(model);
    }
    expect(JSON.stringify(board.state)).toBe(JSON.stringify(model));
  });

  test("counts as before for the limits of a state", () => {
    const board = new Board({ wide: wide() });
    let deep: unknown = 1;
    for (let level = 0; level < 98; level++) deep = [deep];
    const set = (value: unknown): void => board.update((draft) => void ((draft.wide as State).k5 = value));
    set(deep);
    expect(() => set([deep])).toThrow("nested more than 100 deep");
    set(1);
    board.update((draft) => void (draft.wide = [[draft.wide]])); // It is not as deep anymore.
    expect(() => board.update((draft) => void (draft.wide = Array.from({ length: 300 }, () => draft.wide)))).not.toThrow(); // prettier-ignore
    expect(() => board.update((draft) => void (draft.more = [draft.wide, draft.wide]))).toThrow("more than 4000000 values"); // prettier-ignore
  });
});

test.each<[what: string, path: unknown]>([
  ["text", "wide"],
  ["null", null],
  ["a promise", Promise.resolve(["wide"])],
  ["a list with undefined", ["undefined"].map(() => undefined)],
  ["a list with a list", [["wide"]]],
  ["a list with a symbol", [Symbol("wide")]],
])("a viewPath that is %s ends the view, and tells what it must be", async (_what, path) => {
  const board = new Board({ wide: { a: 1 }, undefined: {} });
  const { pair, view } = await viewerOf(board, "path wide");
  vi.spyOn(board, "viewPath").mockReturnValue(path as never);
  onTestFinished(() => void vi.restoreAllMocks());
  board.update((draft) => ((draft.wide as State).a = 2));
  await pair.settled();
  expect([view.status, board.errors[0]?.code]).toEqual(["gone", "LIVE_VIEW_FAILED"]);
  expect(board.errors[0]!.cause).toEqual(
    new TypeError("viewPath must return a list of texts and numbers, or undefined"),
  );
  await pair.close();
});

test("a viewPath that leads nowhere ends the view", async () => {
  const board = new Board({ wide: { a: 1 }, deep: { inner: { wide: {} } } });
  const { pair, view } = await viewerOf(board, "path deep inner");
  board.update((draft) => delete (draft.deep as State).inner);
  await pair.settled();
  expect([view.status, board.errors.map(({ code, cause }) => [code, cause])]).toEqual([
    "gone",
    [["LIVE_VIEW_FAILED", new RangeError("There is nothing at the viewPath $.deep.inner")]],
  ]);
  await expect(viewerOf(board, "path wide a b")).rejects.toMatchObject({ name: "RemoteError" });
  await pair.close();
});
