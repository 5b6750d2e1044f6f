// A `Live` and its viewers, over connections in memory.

import { describe, expect, test, vi } from "vitest";
import { LiveError } from "@pb/live";
import { askedTypes, Board, BoardRoot, first, nameOf, patchesOf, sentBy, viewerOf } from "../support/boards.js";
import type { BoardState } from "../support/boards.js";

function codeOf(run: () => unknown): unknown {
  try {
    run();
  } catch (error) {
    return error instanceof LiveError ? error.code : error;
  }
  return "no error";
}

function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

describe("a view", () => {
  test("arrives with the state, and follows it in frozen snapshots that share what has not changed", async () => {
    const board = new Board();
    const { pair, view } = await viewerOf(new BoardRoot(board));
    expect(view.getSnapshot()).toStrictEqual(first);
    expect([view.status, view.revision, board.viewers]).toEqual(["live", 0, 1]);
    const before = view.getSnapshot();
    board.update((draft) => {
      draft.cards.a!.done = true;
      draft.log.push("a");
    });
    await pair.settled();
    const after = view.getSnapshot();
    expect(after).toStrictEqual(board.state);
    expect(after.cards.b).toBe(before.cards.b);
    expect(before.cards.a!.done).toBe(false);
    expect([after, after.cards, after.cards.a, after.log].every(Object.isFrozen)).toBe(true);
    expect(view.getSnapshot()).toBe(after);
    expect(view.revision).toBe(1);
    view[Symbol.dispose]();
    await pair.expectNothingLeft();
    expect([board.viewers, view.status]).toEqual([0, "gone"]);
  });

  test("gets one patch per turn, and its listeners are called once for all of a turn", async () => {
    const board = new Board();
    const viewing = await viewerOf(new BoardRoot(board));
    const { pair, view } = viewing;
    let calls = 0;
    const unsubscribe = view.subscribe(() => calls++);
    for (let turn = 1; turn <= 3; turn++) {
      for (let step = 0; step < 5; step++) board.update((draft) => void draft.log.push(`${turn}.${step}`));
      await pair.settled();
      expect([patchesOf(viewing).length, calls]).toEqual([turn, turn]);
    }
    expect(view.getSnapshot().log).toHaveLength(15);
    unsubscribe();
    unsubscribe();
    board.update((draft) => void draft.log.push("more"));
    await pair.settled();
    expect(calls).toBe(3);
  });

  test("has what a method has changed before the answer of the method", async () => {
    const board = new Board({ intervalMs: 1e9 });
    const { pair, root, view } = await viewerOf(new BoardRoot(board));
    board.update((draft) => void draft.log.push("the first patch starts the interval"));
    for (const card of ["a", "b"]) {
      await root.callRemote("finish", card);
      expect(view.getSnapshot().cards[card]!.done).toBe(true);
    }
    await pair.close(); // stops the timer of the interval
  });

  test("waits for the interval when nothing else is sent", async () => {
    const board = new Board({ intervalMs: 1e9 });
    const viewing = await viewerOf(new BoardRoot(board));
    for (const line of ["1", "2"]) {
      board.update((draft) => void draft.log.push(line));
      await viewing.pair.settled();
    }
    expect([viewing.view.getSnapshot().log, patchesOf(viewing).length]).toEqual([["1"], 1]);
    await viewing.pair.close();
  });

  test("is updated when the interval has passed", async () => {
    const board = new Board({ intervalMs: 2 });
    const { pair, view } = await viewerOf(new BoardRoot(board));
    for (const line of ["1", "2", "3"]) {
      const changed = new Promise<void>((resolve) => view.subscribe(resolve));
      board.update((draft) => void draft.log.push(line));
      await changed;
    }
    expect(view.getSnapshot().log).toEqual(["1", "2", "3"]);
    await pair.close();
  });

  test("that comes in the middle of a turn starts with the state of that moment", async () => {
    const board = new Board();
    const root = new BoardRoot(board);
    const old = await viewerOf(root);
    board.update((draft) => void draft.log.push("1"));
    const asked = viewerOf(root);
    board.update((draft) => void draft.log.push("2"));
    const fresh = await asked;
    board.update((draft) => void draft.log.push("3"));
    await Promise.all([old.pair.settled(), fresh.pair.settled()]);
    for (const { view } of [old, fresh]) expect(view.getSnapshot()).toStrictEqual(board.state);
  });

  test("is one object on a connection, and each connection has its own", async () => {
    const root = new BoardRoot(new Board());
    const one = await viewerOf(root);
    const other = await viewerOf(root);
    expect(await one.root.callRemote("board")).toBe(one.view);
    expect(other.view).not.toBe(one.view);
    expect(root.board.viewers).toBe(2);
  });

  test("is stale when its connection has ended, and tells its listeners", async () => {
    const { pair, view } = await viewerOf(new BoardRoot(new Board()));
    const told = new Promise<void>((resolve) => view.subscribe(resolve));
    await pair.close();
    await told;
    expect([view.status, view.error, view.getSnapshot().title]).toEqual(["stale", undefined, "Shop"]);
  });

  test("can be replaced by a state from elsewhere, and gets what differs", async () => {
    const board = new Board();
    const viewing = await viewerOf(new BoardRoot(board), undefined, askedTypes());
    const { pair, view } = viewing;
    const { cards } = view.getSnapshot();
    board.replace({ ...structuredClone(first), title: "Market" });
    await pair.settled();
    expect(view.getSnapshot()).toStrictEqual({ ...first, title: "Market" });
    expect(view.getSnapshot().cards).toBe(cards);
    expect(patchesOf(viewing)[0]).toContain("(list (list (unicode /title) (unicode Market)))");
    board.replace(structuredClone<BoardState>(board.state));
    await pair.settled();
    expect(patchesOf(viewing)).toHaveLength(1);
  });
});

describe("a part of a view", () => {
  test("tells its listeners only when it has changed", async () => {
    const board = new Board();
    const { pair, view } = await viewerOf(new BoardRoot(board));
    const counts = { card: 0, number: 0 };
    const card = view.select(({ cards }) => cards.a);
    const number = view.select(
      ({ cards }) => ({ number: Object.keys(cards).length }),
      (one, other) => one.number === other.number,
    );
    card.subscribe(() => counts.card++);
    const unsubscribe = number.subscribe(() => counts.number++);
    const initial = number.getSnapshot();
    board.update((draft) => void (draft.cards.b!.done = true));
    await pair.settled();
    expect([counts, number.getSnapshot()]).toEqual([{ card: 0, number: 0 }, initial]);
    expect(number.getSnapshot()).toBe(initial);
    board.update((draft) => {
      draft.cards.a!.done = true;
      draft.cards.c = { text: "cheese", done: false };
    });
    await pair.settled();
    expect([counts, number.getSnapshot()]).toEqual([{ card: 1, number: 1 }, { number: 3 }]);
    unsubscribe();
    await pair.close();
    expect([counts, card.status]).toEqual([{ card: 2, number: 1 }, "stale"]);
  });

  test("whose selector throws tells its listeners, which then get the error", async () => {
    const board = new Board();
    const { pair, view } = await viewerOf(new BoardRoot(board));
    const part = view.select(({ cards }) => cards.a!.text);
    let calls = 0;
    part.subscribe(() => calls++);
    board.update((draft) => delete draft.cards.a);
    await pair.settled();
    expect(calls).toBe(1);
    expect(() => part.getSnapshot()).toThrow(TypeError);
  });
});

describe("an update", () => {
  const board = new Board();
  const before = board.state;
  test.each<[what: string, run: () => void, code: unknown]>([
    ["that throws", () => board.update((draft) => { draft.title = "x"; throw new RangeError("stop"); }), RangeError], // prettier-ignore
    ["that is async", () => board.update(async (draft) => { draft.title = "x"; }), "LIVE_ASYNC_RECIPE"], // prettier-ignore
    ["inside an update", () => board.update(() => board.update((draft) => void (draft.title = "x"))), "LIVE_NESTED_UPDATE"], // prettier-ignore
    ["of a state that cannot travel", () => board.update((draft) => void ((draft as unknown as { at: Date }).at = new Date())), "LIVE_NOT_PLAIN"], // prettier-ignore
    ["that sets a prototype", () => board.update((draft) => void ((draft.cards as Record<string, unknown>).__proto__ = { x: 1 })), Error], // prettier-ignore
    ["to undefined", () => board.update((draft) => void ((draft as { title?: unknown }).title = undefined)), "LIVE_NOT_PLAIN"], // prettier-ignore
    ["to a value that is no object", () => board.replace(7 as never), "LIVE_NOT_PLAIN"],
    ["to null", () => board.replace(null as never), "LIVE_NOT_PLAIN"],
  ])("%s changes nothing", (_what, run, code) => {
    const thrown = codeOf(run);
    if (typeof code === "string") expect(thrown).toBe(code);
    else expect(thrown).toBeInstanceOf(code);
    expect([board.state, board.revision]).toEqual([before, 0]);
    expect(board.state).toBe(before);
  });

  test("that changes nothing is none", () => {
    board.update((draft) => void (draft.title = "Shop"));
    expect([board.revision, board.state]).toEqual([0, before]);
  });

  test("of a draft that was kept has no effect", () => {
    let kept: { title: string } | undefined;
    const own = new Board();
    own.update((draft) => void (kept = draft as never));
    own.update((draft) => void (draft.title = "Market"));
    expect(() => (kept!.title = "x")).toThrow();
    expect(own.state.title).toBe("Market");
  });
});

describe("viewers in groups", () => {
  class Rooms extends Board {
    computed = 0;
    failing: string | undefined;

    override viewKey(perspective: object | null): string {
      return nameOf(perspective).slice(0, 1);
    }

    override viewOf(key: string, state: BoardState): BoardState {
      this.computed++;
      if (key === this.failing) throw new RangeError("the secret reason");
      return { title: key, cards: {}, log: state.log.filter((line) => line.startsWith(key)) };
    }
  }

  test("get what their group sees, which is computed once, and nothing of the others is sent to them", async () => {
    const board = new Rooms();
    const root = new BoardRoot(board);
    const viewings = await Promise.all(["ann", "anton", "bob"].map((name) => viewerOf(root, name)));
    board.computed = 0;
    board.update((draft) => void draft.log.push("a: secret of a", "b: secret of b"));
    await Promise.all(viewings.map(({ pair }) => pair.settled()));
    expect(board.computed).toBe(2);
    expect(viewings.map(({ view }) => view.getSnapshot().log)).toEqual([
      ["a: secret of a"],
      ["a: secret of a"],
      ["b: secret of b"],
    ]);
    for (const [index, viewing] of viewings.entries()) {
      const [own, other] = index < 2 ? ["secret of a", "secret of b"] : ["secret of b", "secret of a"];
      expect(sentBy(viewing)).toContain(own);
      expect(sentBy(viewing)).not.toContain(other);
    }
    board.update((draft) => void draft.log.push("b: only b"));
    await Promise.all(viewings.map(({ pair }) => pair.settled()));
    expect(viewings.map((viewing) => patchesOf(viewing).length)).toEqual([1, 1, 2]);
    expect(sentBy(viewings[0]!)).not.toContain("only b");
  });

  test("lose their view when its function throws, and the other groups do not", async () => {
    const board = new Rooms();
    const root = new BoardRoot(board);
    const [ann, bob] = [await viewerOf(root, "ann"), await viewerOf(root, "bob")];
    board.failing = "a";
    board.update((draft) => void draft.log.push("a1", "b1"));
    await Promise.all([ann.pair.settled(), bob.pair.settled()]);
    expect([ann.view.status, ann.view.error?.code, ann.view.getSnapshot().log]).toEqual(["gone", "LIVE_ENDED", []]);
    expect([bob.view.status, bob.view.getSnapshot().log]).toEqual(["live", ["b1"]]);
    expect(board.errors.map(({ code, cause }) => [code, cause])).toEqual([
      ["LIVE_VIEW_FAILED", expect.any(RangeError)],
    ]);
    expect(sentBy(ann)).not.toContain("the secret reason");
    expect(board.viewers).toBe(1);

    board.failing = undefined;
    ann.view[Symbol.dispose]();
    await ann.pair.settled();
    const again = await viewerOf(root, "ann");
    expect(again.view.getSnapshot().log).toEqual(["a1"]);
  });

  test("get an error for the call when their first view fails", async () => {
    const board = new Rooms();
    board.failing = "a";
    await expect(viewerOf(new BoardRoot(board), "ann")).rejects.toMatchObject({ name: "RemoteError" });
    expect(board.viewers).toBe(0);
    const { view } = await viewerOf(new BoardRoot(board), "bob");
    expect(view.status).toBe("live");
  });

  test("cannot update the state in a view function", async () => {
    class Bad extends Board {
      override viewOf(_key: string, state: BoardState): BoardState {
        this.update((draft) => void (draft.title = "x"));
        return state;
      }
    }
    await expect(viewerOf(new BoardRoot(new Bad()))).rejects.toMatchObject({ name: "RemoteError" });
  });

  test("are refused a view that cannot travel", async () => {
    class Bad extends Board {
      override viewOf(_key: string, state: BoardState): BoardState {
        return state.title === "Shop" ? state : ({ at: new Date() } as never);
      }
    }
    const board = new Bad();
    const { pair, view } = await viewerOf(new BoardRoot(board));
    board.update((draft) => void (draft.title = "x"));
    await pair.settled();
    expect([view.status, board.errors[0]?.code]).toEqual(["gone", "LIVE_NOT_PLAIN"]);
  });
});

describe("a viewer that does not read", () => {
  test("gets one patch for all that it has missed, and others do not wait", async () => {
    const board = new Board({ queuedBytes: 1_000 });
    const root = new BoardRoot(board);
    const [slow, fast] = [await viewerOf(root), await viewerOf(root)];
    slow.pair.links.initiator.hold();
    for (let turn = 0; turn < 50; turn++) {
      board.update((draft) => void draft.log.push(`${turn} ${"x".repeat(100)}`));
      await nextTurn();
    }
    expect(fast.view.getSnapshot().log).toHaveLength(50);
    expect(slow.pair.server.queuedBytes).toBeLessThan(2_000);
    slow.pair.links.initiator.release();
    await slow.pair.settled();
    expect(slow.view.getSnapshot()).toStrictEqual(board.state);
    expect(patchesOf(slow).length).toBeLessThan(20);
    expect(patchesOf(fast)).toHaveLength(50);
  });

  test("has at most 64 KiB and one patch in its queue by default", async () => {
    const board = new Board();
    const { pair } = await viewerOf(new BoardRoot(board));
    pair.links.initiator.hold();
    for (let turn = 0; turn < 20; turn++) {
      board.update((draft) => void draft.log.push("x".repeat(10_000)));
      await nextTurn();
    }
    expect(pair.server.queuedBytes).toBeGreaterThan(60_000);
    expect(pair.server.queuedBytes).toBeLessThan(80_000);
    pair.links.initiator.release();
    await pair.settled();
  });

  test("for long gets the whole state, of which equal parts stay the same objects", async () => {
    const board = new Board({ queuedBytes: 0 });
    const slow = await viewerOf(new BoardRoot(board));
    const { cards } = slow.view.getSnapshot();
    slow.pair.links.initiator.hold();
    for (let turn = 0; turn < 100; turn++) {
      board.update((draft) => void draft.log.push(`${turn}`));
      await nextTurn();
    }
    slow.pair.links.initiator.release();
    await slow.pair.settled();
    expect(slow.view.getSnapshot()).toStrictEqual(board.state);
    expect(slow.view.getSnapshot().cards).toBe(cards);
    expect(patchesOf(slow).at(-1)).toContain("(list (list (unicode '') ");
  });

  test("has everything before the answer of its next call", async () => {
    const board = new Board({ queuedBytes: 0 });
    const { pair, root, view } = await viewerOf(new BoardRoot(board));
    pair.links.initiator.hold();
    for (const line of ["1", "2", "3"]) {
      board.update((draft) => void draft.log.push(line));
      await pair.settled();
    }
    const answer = root.callRemote("finish", "a");
    await pair.settled();
    pair.links.initiator.release();
    await answer;
    expect(view.getSnapshot().log).toEqual(["1", "2", "3", "a done"]);
  });
});

test("options are checked", () => {
  expect(() => new Board({ intervalMs: -1 })).toThrow(TypeError);
  expect(() => new Board({ interval: 1 } as never)).toThrow("interval");
});

test("a listener that is no function is refused, and subscribes to nothing", async () => {
  const { pair, view } = await viewerOf(new BoardRoot(new Board()));
  const subscribe = pair.client.notifyOnDisconnect.bind(pair.client);
  let disposed = 0;
  const subscribed = vi.spyOn(pair.client, "notifyOnDisconnect").mockImplementation((callback) => {
    const subscription = subscribe(callback);
    return {
      [Symbol.dispose]() {
        disposed++;
        subscription[Symbol.dispose]();
      },
    };
  });
  const titles = view.select(({ title }) => title);
  for (const wrong of [undefined, null, 5, {}])
    for (const source of [view, titles]) expect(() => source.subscribe(wrong as never)).toThrow(TypeError);
  expect(subscribed).not.toHaveBeenCalled();
  const unsubscribe = titles.subscribe(() => undefined);
  expect([subscribed.mock.calls.length, disposed]).toEqual([1, 0]);
  unsubscribe();
  unsubscribe();
  expect([subscribed.mock.calls.length, disposed]).toEqual([1, 1]);
  view[Symbol.dispose]();
  await pair.expectNothingLeft();
});

test("a viewer gets patches although the last one before it left while a patch was waiting", async () => {
  const board = new Board({ intervalMs: 300 });
  const root = new BoardRoot(board);
  const leaving = await viewerOf(root);
  const say = (text: string): void => board.update((draft) => void draft.log.push(text));
  say("at once");
  await expect.poll(() => leaving.view.getSnapshot().log).toEqual(["at once"]);
  say("waits");
  leaving.view[Symbol.dispose]();
  await leaving.pair.settled();
  await expect.poll(() => board.viewers).toBe(0);
  const { view } = await viewerOf(root);
  say("for the next viewer");
  await expect.poll(() => view.getSnapshot().log).toEqual(["at once", "waits", "for the next viewer"]);
});
