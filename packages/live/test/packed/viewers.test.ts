// Which viewers get packed patches, and that all of them see the same.

import { LimitError, Referenceable, remoteCache, RemoteCache, Root } from "@pb/broker";
import { connectedPair } from "@pb/broker/testing";
import { TypeRegistry } from "@pb/jelly-types";
import { describe, expect, test, vi } from "vitest";
import { garbageCollector } from "../../../../tools/gc/garbage-collector.js";
import { until } from "../../../../tools/process/program.js";
import { askedTypes, Board, BoardRoot, first, patchesOf, sentBy, viewerOf } from "../support/boards.js";
import type { Viewing } from "../support/boards.js";

/** What the last messages about views were. */
const methodsOf = (viewing: Viewing): string[] =>
  patchesOf(viewing).map((line) => / (patch|p|gone) [01] /.exec(line)![1]!);

async function settle(viewings: readonly Viewing[]): Promise<void> {
  for (const { pair } of viewings) await pair.settled();
}

/** A board, and a view of it that is received as `View`. */
async function boardSeenAs(
  View: new () => RemoteCache,
): Promise<{ readonly board: Board; readonly pair: Viewing["pair"]; readonly view: unknown }> {
  const board = new Board();
  const types = new TypeRegistry().register(remoteCache("pb.Live", View));
  const pair = await connectedPair({ root: new BoardRoot(board) }, { types });
  const root = await pair.client.getRootObject<BoardRoot>();
  return { board, pair, view: await root.callRemote("board") };
}

test("a viewer that names the packed form gets the state and all patches packed", async () => {
  const board = new Board({}, { ...first, log: ["hé", "x".repeat(300)] });
  const viewing = await viewerOf(new BoardRoot(board));
  expect(viewing.view.getSnapshot()).toStrictEqual(board.state);
  expect(Object.isFrozen(viewing.view.getSnapshot().cards.a)).toBe(true);
  expect(sentBy(viewing)).toContain("packed");
  for (const line of ["1", "2"]) {
    board.update((draft) => void draft.log.push(line));
    await viewing.pair.settled();
  }
  expect(methodsOf(viewing)).toEqual(["p", "p"]);
  expect(viewing.view.getSnapshot()).toStrictEqual(board.state);
  viewing.view[Symbol.dispose]();
  await viewing.pair.expectNothingLeft();
});

test("a state that is too large to be packed is sent as jelly, and its patches packed", async () => {
  const board = new Board({}, { ...first, title: "x".repeat(70_000) });
  const viewing = await viewerOf(new BoardRoot(board));
  expect(sentBy(viewing)).not.toContain("packed");
  board.update((draft) => void (draft.title = "short"));
  await viewing.pair.settled();
  expect(methodsOf(viewing)).toEqual(["p"]);
  expect(viewing.view.getSnapshot()).toStrictEqual(board.state);
  await viewing.pair.close();
});

test("a state in jelly and a packed one make the same view", async () => {
  const board = new Board({}, { ...first, log: ["", "ü\u{1f600}"], title: "\ufeff" });
  const root = new BoardRoot(board);
  const [packed, jelly] = [await viewerOf(root), await viewerOf(root, undefined, askedTypes())];
  expect(sentBy(jelly)).not.toContain("packed");
  expect(packed.view.getSnapshot()).toStrictEqual(jelly.view.getSnapshot());
  await packed.pair.close();
  await jelly.pair.close();
});

test("a viewer that does not name the packed form gets packed patches when it has answered the first one", async () => {
  const board = new Board();
  const viewing = await viewerOf(new BoardRoot(board), undefined, askedTypes());
  for (const line of ["1", "2", "3"]) {
    board.update((draft) => void draft.log.push(line));
    await viewing.pair.settled();
  }
  expect(methodsOf(viewing)).toEqual(["patch", "p", "p"]);
  expect(viewing.view.getSnapshot()).toStrictEqual(board.state);
  viewing.view[Symbol.dispose]();
  await viewing.pair.expectNothingLeft();
});

test("viewers of an older version get jelly only", async () => {
  const revisions: unknown[] = [];
  class OldView extends RemoteCache {
    observe_patch(revision: unknown): void {
      revisions.push(revision);
    }
  }
  const { board, pair, view } = await boardSeenAs(OldView);
  for (let turn = 0; turn < 3; turn++) {
    board.update((draft) => void draft.log.push("x"));
    await pair.settled();
  }
  expect([view instanceof RemoteCache, revisions]).toEqual([true, [1, 2, 3]]);
  await pair.close();
});

test.each([{}, [], "1", null, NaN, 2n ** 70n, new Error("no")])(
  "a viewer that answers %o gets jelly, and the server goes on",
  async (answer) => {
    const revisions: unknown[] = [];
    class OddView extends RemoteCache {
      observe_patch(revision: unknown): unknown {
        revisions.push(revision);
        if (answer instanceof Error) throw answer;
        return answer;
      }
    }
    const { board, pair, view } = await boardSeenAs(OddView);
    for (let turn = 0; turn < 3; turn++) {
      board.update((draft) => void draft.log.push("x"));
      await pair.settled();
    }
    expect([view instanceof RemoteCache, revisions]).toEqual([true, [1, 2, 3]]);
    await pair.close();
  },
);

test("a viewer that never answers gets jelly, and does not keep its connection from being idle", async () => {
  const revisions: unknown[] = [];
  class SilentView extends RemoteCache {
    observe_patch(revision: unknown): Promise<never> {
      revisions.push(revision);
      return new Promise(() => undefined);
    }
  }
  const { board, pair, view } = await boardSeenAs(SilentView);
  for (let turn = 0; turn < 3; turn++) {
    board.update((draft) => void draft.log.push("x"));
    await new Promise((resolve) => setImmediate(resolve));
  }
  await pair.server.idle();
  expect([view instanceof RemoteCache, revisions]).toEqual([true, [1, 2, 3]]);

  // The question, which stays open, does not keep what the viewer has seen.
  const seen = new WeakRef(board.state);
  (view as RemoteCache)[Symbol.dispose]();
  await until(() => board.viewers === 0, "the viewer to go");
  board.update((draft) => void draft.log.push("x"));
  const collect = garbageCollector();
  await until(() => {
    collect();
    return seen.deref() === undefined;
  }, "its state to be collected");
  await pair.close();
});

test("viewers that come, go and fall behind see what the server has, and those of one group get the same bytes", async () => {
  const board = new Board();
  const root = new BoardRoot(board);
  let seed = 11;
  const random = (below: number): number => (seed = (seed * 48_271) % 0x7fff_ffff) % below;
  const viewings: Viewing[] = [];
  for (let turn = 0; turn < 80; turn++) {
    if (turn % 16 === 0) viewings.push(await viewerOf(root));
    if (turn % 30 === 29) await viewings.splice(random(viewings.length), 1)[0]!.pair.close();
    board.update((draft) => {
      draft.cards[`c${random(30)}`] = { text: `${random(1000)}`, done: random(2) === 0 };
      if (random(4) === 0) Reflect.deleteProperty(draft.cards, `c${random(30)}`);
      if (random(9) === 0) draft.log.splice(0, random(3), ...Array.from({ length: random(4) }, () => "line"));
    });
    // Some have not answered when the next patch is made.
    if (random(3) > 0) await settle(viewings.slice(random(viewings.length)));
  }
  await settle(viewings);
  for (let turn = 0; turn < 33; turn++) {
    board.update((draft) => void (draft.title = `${turn}`));
    await new Promise((resolve) => setImmediate(resolve));
  }
  await settle(viewings);
  for (const { view } of viewings) {
    expect(view.getSnapshot()).toStrictEqual(board.state);
    expect(view.status).toBe("live");
  }
  const bytes = new Set(
    viewings.map((viewing) =>
      patchesOf(viewing)
        .at(-1)!
        .replace(/cachemessage \d+/, ""),
    ),
  );
  expect([...bytes]).toHaveLength(1);
  for (const { pair } of viewings) await pair.close();
});

test("a viewer that cannot be asked, because too many calls wait for it, gets what it has missed", async () => {
  const board = new Board();
  const held: (() => void)[] = [];
  class Slow extends Referenceable {
    remote_hold(): Promise<void> {
      return new Promise((resolve) => held.push(resolve));
    }
  }
  class CallingRoot extends Root {
    slow: { callRemote(name: "hold"): Promise<unknown> } | undefined;
    remote_meet(slow: unknown): void {
      this.slow = slow as CallingRoot["slow"];
    }
    remote_board(): Board {
      return board;
    }
  }
  const root = new CallingRoot();
  const pair = await connectedPair({ root, limits: { callsWaiting: 1 } }, { types: askedTypes() });
  const reference = await pair.client.getRootObject();
  await reference.callRemote("meet", new Slow());
  const view = (await reference.callRemote("board")) as Viewing["view"];
  const call = root.slow!.callRemote("hold");
  await expect(root.slow!.callRemote("hold")).rejects.toThrow(LimitError);
  board.update((draft) => void draft.log.push("1"));
  await vi.waitFor(() => expect(view.getSnapshot().log).toEqual(["1"]));
  board.update((draft) => void draft.log.push("2"));
  await vi.waitFor(() => expect(view.getSnapshot().log).toEqual(["1", "2"]));
  expect(view.status).toBe("live");
  for (const resolve of held) resolve();
  await call;
  await pair.close();
});

describe("a patch that is too large to be packed", () => {
  test("is sent as jelly, and later ones are packed again", async () => {
    const board = new Board();
    const viewing = await viewerOf(new BoardRoot(board));
    for (const text of ["a", "b", "x".repeat(70_000), "c", "d"]) {
      board.update((draft) => void (draft.title = text));
      await viewing.pair.settled();
    }
    expect(methodsOf(viewing)).toEqual(["p", "p", "patch", "p", "p"]);
    expect(viewing.view.getSnapshot().title).toBe("d");
    await viewing.pair.close();
  });
});
