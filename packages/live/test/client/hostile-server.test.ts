// What a server may send to a view: patches that do not apply, in the wrong order, or of other types.

import { Cacheable, Root } from "@pb/broker";
import type { BrokerEvent, CacheObserver, Perspective } from "@pb/broker";
import { connectedPair } from "@pb/broker/testing";
import { TypeRegistry } from "@pb/jelly-types";
import { live, LiveView, liveView } from "@pb/live";
import { listen, reconnecting } from "@pb/node-transport";
import { describe, expect, onTestFinished, test, vi } from "vitest";
import { until } from "../../../../tools/process/program.js";
import { PatchedState } from "../../src/state/patch.js";
import { first, viewTypes } from "../support/boards.js";
import type { BoardState } from "../support/boards.js";

/** Sends any state and any patches. */
class Forged extends Cacheable {
  static readonly remoteType = "pb.Live";
  readonly observers: CacheObserver[] = [];
  readonly #state: () => unknown;

  constructor(state: () => unknown) {
    super();
    this.#state = state;
  }

  override getStateToCacheAndObserveFor(_perspective: Perspective, observer: CacheObserver): unknown {
    this.observers.push(observer);
    return this.#state();
  }
}

class ForgedRoot extends Root {
  readonly board: Forged;
  /** How often a view was requested. */
  requests = 0;

  constructor(state: () => unknown = () => ({ rev: 7, state: first })) {
    super();
    this.board = new Forged(state);
  }

  remote_board(): Forged {
    this.requests++;
    return this.board;
  }
}

async function open(state?: () => unknown, types: TypeRegistry = viewTypes()) {
  const root = new ForgedRoot(state);
  const events: BrokerEvent[] = [];
  const pair = await connectedPair(
    { root, onEvent: () => undefined },
    { types, onEvent: (event) => events.push(event) },
  );
  const reference = await pair.client.getRootObject();
  const view = (await reference.callRemote("board")) as LiveView<BoardState>;
  const send = async (...args: unknown[]): Promise<void> => {
    root.board.observers[0]!.sendRemote("patch", ...args);
    await pair.settled();
  };
  return { view, send, pair, root, events, reference };
}

describe("a packed state", () => {
  test.each<[what: string, bytes: string]>([
    ["that is empty", ""],
    ["that ends early", "0801"],
    ["behind which something follows", "0000"],
    ["with an unknown tag", "09"],
    ["with a key that no object may have", "080109" + Buffer.from("__proto__").toString("hex") + "00"],
    ["that is nested too deep", "0701".repeat(101) + "00"],
    ["of too many bytes", "07ffff03" + "00".repeat(65_535)],
  ])("%s fails the call, and the connection goes on", async (_what, bytes) => {
    const state = (): unknown => ({ rev: 7, packed: new Uint8Array(Buffer.from(bytes, "hex")) });
    const root = new ForgedRoot(state);
    const pair = await connectedPair(
      { root, onEvent: () => undefined },
      { types: viewTypes(), onEvent: () => undefined },
    );
    const reference = await pair.client.getRootObject();
    await expect(reference.callRemote("board")).rejects.toThrow();
    expect(pair.client.isOpen).toBe(true);
    await pair.close();
  });

  test("is charged to the memory of the message before it is made", async () => {
    // A list of 16,000 lists with an empty list: 64,003 bytes, and 32,001 lists.
    const bytes = Buffer.from("07807d" + "07010700".repeat(16_000), "hex");
    const state = (): unknown => ({ rev: 7, packed: new Uint8Array(bytes) });
    const open = async (messageHeapBytes: number): Promise<unknown> => {
      const types = viewTypes();
      const limits = { messageHeapBytes };
      const pair = await connectedPair(
        { root: new ForgedRoot(state), onEvent: () => undefined },
        { types, limits, onEvent: () => undefined },
      );
      const reference = await pair.client.getRootObject();
      const result = await reference.callRemote("board").catch((error: unknown) => error);
      await pair.close();
      return result;
    };
    expect(await open(64 * 1024 * 1024)).toBeInstanceOf(LiveView);
    expect(await open(1024 * 1024)).toMatchObject({ code: expect.any(String) as unknown });
  });
});

describe("a view is stale, and keeps its last state, after a packed patch", () => {
  test.each<[what: string, code: string, bytes: unknown]>([
    ["that is no byte string", "LIVE_BAD_PATCH", "x"],
    ["that ends early", "LIVE_BAD_PATCH", "07"],
    ["with a place that was not named", "LIVE_BAD_PATCH", "07 03 0b 07"],
    ["for another revision", "LIVE_GAP", "08 03"],
    ["that does not lead on", "LIVE_GAP", "07 01"],
    ["through __proto__", "LIVE_BAD_PATCH", `07 03 03 0a ${Buffer.from("/__proto__").toString("hex")} 00`],
    [
      "with the key __proto__",
      "LIVE_NOT_PLAIN",
      `07 03 02 02 2f61 08 01 09 ${Buffer.from("__proto__").toString("hex")} 00`,
    ],
  ])("%s", async (_what, code, bytes) => {
    const { view, pair, root } = await open();
    const isHex = typeof bytes === "string" && bytes !== "x";
    root.board.observers[0]!.sendRemote(
      "p",
      isHex ? new Uint8Array(Buffer.from(bytes.replaceAll(" ", ""), "hex")) : bytes,
    );
    await pair.settled();
    expect([view.status, view.error?.code, view.getSnapshot()]).toEqual(["stale", code, first]);
    expect(({} as { isAdmin?: unknown }).isAdmin).toBeUndefined();
    await pair.close();
  });

  test("unless the server then sets the whole state, and begins the numbers again", async () => {
    const { view, pair, root } = await open();
    const [observer] = root.board.observers;
    for (const bytes of [[7, 3, 255], [7, 2, 0x0b, 7]]) observer!.sendRemote("p", new Uint8Array(bytes)); // prettier-ignore
    await pair.settled();
    expect(view.status).toBe("stale");
    observer!.sendRemote("patch", 8, [["", { a: 0 }]], 7);
    observer!.sendRemote("p", new Uint8Array([8, 3, 3, 2, 0x2f, 0x61, 5]));
    await pair.settled();
    expect([view.status, view.getSnapshot()]).toEqual(["live", { a: 5 }]);
    await pair.close();
  });
});

describe("patches that arrive in one turn", () => {
  test("are applied one by one when they arrive, so that the connection counts their time", async () => {
    const { view, pair } = await open();
    const apply = vi.spyOn(PatchedState.prototype, "apply");
    onTestFinished(() => apply.mockRestore());
    view.observe_patch(8, [["/title", "x"]], 7);
    expect(apply).toHaveBeenCalledTimes(1);
    view.observe_patch(9, [["/title", "y"]], 8);
    expect(apply).toHaveBeenCalledTimes(2);
    expect([view.revision, view.getSnapshot()]).toEqual([9, { ...first, title: "y" }]);
    await pair.close();
  });

  test("may set the whole state after one that does not apply", async () => {
    const { view, pair, root } = await open();
    const [observer] = root.board.observers;
    observer!.sendRemote("patch", 8, [["/title", "x"]], 7);
    observer!.sendRemote("patch", 9, [["/nothing/here", 1]], 8);
    observer!.sendRemote("patch", 10, [["", { a: 1 }]], 9);
    observer!.sendRemote("patch", 11, [["/a", 2]], 10);
    await pair.settled();
    expect([view.status, view.error, view.revision, view.getSnapshot()]).toEqual(["live", undefined, 11, { a: 2 }]);
    await pair.close();
  });
});

describe("a view is stale, and keeps its last state, after", () => {
  test.each<[what: string, code: string, ...patch: unknown[]]>([
    ["a gap", "LIVE_GAP", 9, [["/title", "x"]], 8],
    ["a patch that was sent already", "LIVE_GAP", 7, [["/title", "x"]], 6],
    ["a patch that leads back", "LIVE_GAP", 6, [["/title", "x"]], 7],
    ["a patch without revisions", "LIVE_GAP", null, [["/title", "x"]], null],
    ["a revision that is text", "LIVE_GAP", "x", [["/title", "x"]], 7],
    ["a revision that is a dict", "LIVE_GAP", {}, [["/title", "x"]], 7],
    ["a dict as the revision before", "LIVE_GAP", 8, [["/title", "x"]], {}],
    ["a revision that is too large", "LIVE_GAP", 2 ** 60, [["/title", "x"]], 7],
    [
      "a patch for a missing place",
      "LIVE_BAD_PATCH",
      8,
      [
        ["/title", "x"],
        ["/nothing/here", 1],
      ],
      7,
    ],
    ["a patch that is no list", "LIVE_BAD_PATCH", 8, { title: "x" }, 7],
    ["a patch of another type", "LIVE_NOT_PLAIN", 8, [["/title", new Date(0)]], 7],
    ["a patch with __proto__", "LIVE_NOT_PLAIN", 8, [["/title", JSON.parse('{"__proto__":{"isAdmin":true}}')]], 7],
    ["a patch through __proto__", "LIVE_BAD_PATCH", 8, [["/__proto__/isAdmin", true]], 7],
    ["a patch through constructor", "LIVE_BAD_PATCH", 8, [["/constructor/prototype/isAdmin", true]], 7],
  ])("%s", async (_what, code, ...patch) => {
    const { view, send, events } = await open();
    let calls = 0;
    view.subscribe(() => calls++);
    await send(...patch);
    expect([view.status, view.error?.code, view.revision, calls]).toEqual(["stale", code, 7, 1]);
    expect(view.getSnapshot()).toStrictEqual(first);
    expect(({} as { readonly isAdmin?: unknown }).isAdmin).toBeUndefined();
    await send(8, [["/title", "later"]], 7);
    expect([view.status, view.getSnapshot().title, events]).toEqual(["stale", "Shop", []]);
    await send(9, [["", { ...first, title: "whole" }]], 3);
    expect([view.status, view.error, view.getSnapshot().title, view.revision]).toEqual(["live", undefined, "whole", 9]);
    expect(view.getSnapshot().cards).toStrictEqual(first.cards);
  });
});

test("a view that has ended does not come back", async () => {
  const { view, send, root, pair } = await open();
  root.board.observers[0]!.sendRemote("gone", "\u001b[31mLIVE_X");
  await pair.settled();
  await send(8, [["", {}]], 7);
  expect([view.status, view.error?.code, view.getSnapshot()]).toEqual(["gone", "LIVE_ENDED", first]);
  expect(view.error!.message).not.toContain("\u001b");
  const { error } = view;
  root.board.observers[0]!.sendRemote("gone", "LIVE_Y");
  await pair.settled();
  expect(view.error).toBe(error);
});

test.each<[what: string, state: unknown]>([
  ["without a revision", { state: first }],
  ["without a state", { rev: 1 }],
  ["that is a list", [1, first]],
  ["that is text", "x"],
  ["with a value of a class", { rev: 1, state: { at: new Date(0) } }],
  ["with the key __proto__", { rev: 1, state: JSON.parse('{"__proto__": 1}') }],
])("a first state %s fails the call, and the copy is released", async (_what, state) => {
  const root = new ForgedRoot(() => state);
  const pair = await connectedPair({ root }, { types: viewTypes() });
  const reference = await pair.client.getRootObject();
  await expect(reference.callRemote("board")).rejects.toMatchObject({ code: expect.stringMatching(/^LIVE_NOT_/) });
  await pair.expectNothingLeft();
});

test("a state may use all types of plain data of Python", async () => {
  const { view } = await open(() => ({ rev: 1, state: new Map<string, unknown>([["a", [1.5, -0, NaN, null, true]]]) }));
  expect(view.getSnapshot()).toStrictEqual({ a: [1.5, -0, NaN, null, true] });
});

test("a view of a connection that reads exact values has ordinary numbers and objects", async () => {
  const root = new ForgedRoot(() => ({ rev: 7, state: { n: 1, list: [2.5], text: "x" } }));
  const exactness = { integers: "bigint", floats: "exact", dicts: "map" } as const;
  const pair = await connectedPair({ root }, { types: viewTypes(), exactness });
  const view = (await (await pair.client.getRootObject()).callRemote("board")) as LiveView;
  expect(view.getSnapshot()).toStrictEqual({ n: 1, list: [2.5], text: "x" });
  root.board.observers[0]!.sendRemote("patch", 8, [["/list", 1, 0, [3]]], 7);
  await pair.settled();
  expect([view.status, view.getSnapshot()]).toEqual(["live", { n: 1, list: [2.5, 3], text: "x" }]);
});

test("many patches of one turn are applied in their order, although nothing reads them", async () => {
  const { view, root, pair } = await open(() => ({ rev: 0, state: { list: Array.from({ length: 1_000 }, () => 0) } }));
  const before = view.getSnapshot();
  for (let rev = 1; rev <= 200; rev++)
    root.board.observers[0]!.sendRemote("patch", rev, [[`/list/${rev}`, rev]], rev - 1);
  await pair.settled();
  const after = view.getSnapshot() as unknown as { readonly list: readonly number[] };
  expect([view.revision, after.list[200], after.list.length]).toEqual([200, 200, 1_000]);
  expect(before).not.toBe(after);
});

test("a lasting view is requested again after a bad patch, but not forever", async () => {
  const root = new ForgedRoot();
  await using server = await listen("tcp:0:interface=127.0.0.1", root);
  const client = reconnecting<ForgedRoot>(`tcp:127.0.0.1:${server.port}`, { broker: { types: viewTypes() } });
  onTestFinished(() => client.close());
  const view = live(client, (board) => board.callRemote("board"));
  for (let request = 1; request <= 3; request++) {
    await until(() => root.board.observers.length === request && view.status === "live", "the view is requested");
    root.board.observers.at(-1)!.sendRemote("patch", 9, [["/title", "x"]], 8);
    if (request < 3) await until(() => root.requests === request + 1, "it is requested again");
  }
  await until(() => view.status === "stale", "it is given up");
  expect([view.error, root.requests]).toEqual([expect.objectContaining({ code: "LIVE_GAP" }), 3]);
  view.retry();
  await until(() => view.status === "live", "it is requested by the program");
  root.board.observers.at(-1)!.sendRemote("patch", 8, [["/title", "good"]], 7);
  await until(() => (view.getSnapshot() as BoardState).title === "good", "the patch has arrived");
});

test("a name without a registered view is an error of the call", async () => {
  await expect(open(undefined, new TypeRegistry().register(liveView("other.Board")))).rejects.toMatchObject({
    code: "JELLY_NOT_ALLOWED",
  });
});
