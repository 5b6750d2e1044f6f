// Views over all connections of a reconnecting client, over sockets.

import { PBError, Root } from "@pb/broker";
import { TypeRegistry } from "@pb/jelly-types";
import { live, liveView } from "@pb/live";
import type { LastingView, Live, LiveView } from "@pb/live";
import { listen, reconnecting } from "@pb/node-transport";
import { expect, expectTypeOf, onTestFinished, test } from "vitest";
import { wrongOptions } from "../../../transport/test/support/wrong-options.js";
import { until } from "../../../../tools/process/program.js";
import { BadNetwork } from "../../../node-transport/test/support/bad-network.js";
import { Board, BoardRoot, first, viewTypes } from "../support/boards.js";
import type { BoardState } from "../support/boards.js";

const here = "tcp:0:interface=127.0.0.1";

/** A server that can be restarted, and a client that reconnects. */
async function start<Service extends Root>(root: Service) {
  let server = await listen(here, root);
  const { port } = server;
  const network = await BadNetwork.before(port);
  const client = reconnecting<Service>(`tcp:127.0.0.1:${network.port}`, {
    backoff: { firstMs: 5, highestMs: 20 },
    broker: { types: viewTypes(), onEvent: () => undefined },
  });
  onTestFinished(async () => {
    await client.close();
    await network[Symbol.asyncDispose]();
    await server.destroy();
  });
  const restart = async (other: Root): Promise<void> => {
    await server.destroy();
    server = await listen(`tcp:${port}:interface=127.0.0.1`, other);
  };
  return { client, network, restart };
}

async function isLive(view: Pick<LastingView<unknown>, "status">): Promise<void> {
  await until(() => view.status === "live", "the view is live");
}

test("views have the tag that keeps Vue from wrapping them, and refuse to be used through a proxy, with advice", async () => {
  const { client } = await start(new BoardRoot(new Board()));
  const view = live(client, (root) => root.callRemote("board"));
  onTestFinished(() => view[Symbol.dispose]());
  const part = view.select((state) => state);
  for (const object of [view, part, new Board()]) {
    expect(Object.prototype.toString.call(object)).toMatch(/^\[object (Lasting|Selection|Live)\]$/);
    const used = (): unknown => Reflect.get(new Proxy(object, {}), object instanceof Board ? "state" : "status");
    expect(used).toThrow(
      "was used on a proxy or a copy of the object: keep the object itself in your state, with markRaw",
    );
  }
});

test("a view waits for its first state, and follows it", async () => {
  const board = new Board();
  const { client } = await start(new BoardRoot(board));
  const view = live(client, (root) => root.callRemote("board"));
  onTestFinished(() => view[Symbol.dispose]());
  expectTypeOf(view).toEqualTypeOf<LastingView<BoardState>>();
  expect([view.status, view.getSnapshot()]).toEqual(["waiting", undefined]);
  await isLive(view);
  expect(view.getSnapshot()).toStrictEqual(first);
  board.update((draft) => void (draft.title = "Market"));
  await until(() => view.getSnapshot()?.title === "Market", "the title has arrived");
});

test("listeners are called only when the state or the status has changed", async () => {
  const board = new Board();
  const { client } = await start(new BoardRoot(board));
  const view = live(client, (root) => root.callRemote("board"));
  onTestFinished(() => view[Symbol.dispose]());
  const seen: unknown[] = [];
  view.subscribe(() => seen.push([view.status, view.getSnapshot()?.title]));
  await isLive(view);
  board.update((draft) => void (draft.title = "Market"));
  await until(() => seen.some((entry) => (entry as unknown[])[1] === "Market"), "the title has arrived");
  expect(seen).toEqual([
    ["live", first.title],
    ["live", "Market"],
  ]);
});

test("after a reconnect, only what differs is another object", async () => {
  const board = new Board();
  const { client, network } = await start(new BoardRoot(board));
  const view = live(client, (root) => root.callRemote("board"));
  await isLive(view);
  const before = view.getSnapshot()!;
  let renders = 0;
  let rendered: unknown = before.cards;
  view.subscribe(() => {
    const { cards } = view.getSnapshot()!;
    if (cards !== rendered) renders++;
    rendered = cards;
  });
  for (const title of ["one", "two"]) {
    network.cut({ all: true });
    network.drop();
    await until(() => view.status === "stale", "the connection is lost");
    expect(view.getSnapshot()!.cards).toBe(before.cards);
    board.update((draft) => void (draft.title = title));
    network.mend();
    network.drop();
    await isLive(view);
    expect(view.getSnapshot()).toStrictEqual({ ...first, title });
  }
  const after = view.getSnapshot()!;
  expect([after.cards, after.log]).toEqual([before.cards, before.log]);
  expect(after.cards).toBe(before.cards);
  expect(after.log).toBe(before.log);
  expect(renders).toBe(0);
  expect(board.viewers).toBe(1);
});

test("a restarted server may have another state, with other revisions", async () => {
  const board = new Board();
  const { client, restart } = await start(new BoardRoot(board));
  const view = live(client, (root) => root.callRemote("board"));
  await isLive(view);
  for (let step = 0; step < 3; step++) board.update((draft) => void draft.log.push(`${step}`));
  await until(() => view.getSnapshot()!.log.length === 3, "the log has arrived");
  const { cards } = view.getSnapshot()!;
  const other = new Board();
  await restart(new BoardRoot(other));
  await until(() => view.getSnapshot()!.log.length === 0, "the new state has arrived");
  expect(view.getSnapshot()!.cards).toBe(cards);
  other.update((draft) => void draft.log.push("new"));
  await until(() => view.getSnapshot()!.log.length === 1, "the new log has arrived");
  expect(view.getSnapshot()).toStrictEqual({ ...first, log: ["new"] });
});

test("two views of one object share its copy, which is released with the last of them", async () => {
  const board = new Board();
  const { client } = await start(new BoardRoot(board));
  const [one, other] = [1, 2].map(() => live(client, (root) => root.callRemote("board")));
  await isLive(one!);
  await isLive(other!);
  expect([board.viewers, one!.getSnapshot()]).toEqual([1, other!.getSnapshot()]);
  expect(one!.getSnapshot()).toBe(other!.getSnapshot());
  one![Symbol.dispose]();
  expect([one!.status, one!.getSnapshot()]).toEqual(["gone", first]);
  board.update((draft) => void (draft.title = "Market"));
  await until(() => other!.getSnapshot()!.title === "Market", "the title has arrived");
  expect(one!.getSnapshot()!.title).toBe("Shop");
  other![Symbol.dispose]();
  await until(() => board.viewers === 0, "the copy is released");
});

test("a view that cannot be requested is gone, and is requested again by retry", async () => {
  class Guarded extends BoardRoot {
    isOpen = false;
    override remote_board(): Live<BoardState> {
      if (!this.isOpen) throw new PBError("closed");
      return this.board;
    }
  }
  const root = new Guarded(new Board());
  const { client } = await start(root);
  const view = live(client, (shop) => shop.callRemote("board"));
  const gone = new Promise<void>((resolve) => {
    const unsubscribe = view.subscribe(() => {
      if (view.status !== "gone") return;
      unsubscribe();
      resolve();
    });
  });
  await gone;
  expect(view.error).toMatchObject({ name: "RemoteError", message: "closed" });
  root.isOpen = true;
  view.retry();
  await isLive(view);
  expect(view.error).toBeUndefined();
});

test("a result that is no view is an error that says so", async () => {
  class Plain extends Root {
    remote_board(): string {
      return "text";
    }
  }
  const { client } = await start(new Plain());
  const view = live(client, (root) => root.callRemote("board"));
  await until(() => view.status === "gone", "the view is gone");
  expect(view.error).toMatchObject({ name: "LiveError", code: "LIVE_NOT_A_VIEW" });
  expect(() => live(client, "board" as never)).toThrow(TypeError);
});

test("a view that the server has ended is gone, and retry requests it again", async () => {
  class Fragile extends Board {
    isBroken = false;
    override viewOf(_key: string, state: BoardState): BoardState {
      if (this.isBroken) throw new RangeError("broken");
      return state;
    }
  }
  const board = new Fragile();
  const { client } = await start(new BoardRoot(board));
  const view = live(client, (root) => root.callRemote("board"));
  await isLive(view);
  board.isBroken = true;
  board.update((draft) => void (draft.title = "x"));
  await until(() => view.status === "gone", "the view is gone");
  expect(view.error).toMatchObject({ code: "LIVE_ENDED" });
  expect(view.getSnapshot()).toStrictEqual(first);
  board.isBroken = false;
  view.retry();
  await isLive(view);
  expect(view.getSnapshot()!.title).toBe("x");
});

test("the view of a lasting reference follows its parent", async () => {
  class House extends Root {
    readonly board = new Board();
    remote_office(): BoardRoot {
      return new BoardRoot(this.board);
    }
  }
  const { client, network } = await start(new House());
  const view = live(client.path("office"), (office) => office.callRemote("board"));
  expectTypeOf(view).toEqualTypeOf<LastingView<BoardState>>();
  await isLive(view);
  network.drop();
  await isLive(view);
  expect(view.getSnapshot()).toStrictEqual(first);
});

test("a plain LiveView has the type of the state of the viewers", () => {
  const types = new TypeRegistry().register(liveView("shop.Board"));
  expect(types).toBeInstanceOf(TypeRegistry);
  expectTypeOf<ReturnType<LiveView<BoardState>["getSnapshot"]>>().toEqualTypeOf<BoardState>();
  expectTypeOf<Live<BoardState>["state"]>().toEqualTypeOf<BoardState>();
});

test.each(wrongOptions({ intervalMs: ["Infinity"], queuedBytes: ["Infinity"], onError: ["function"], interval: [] }))(
  "a Live names the wrong option %s (%s)",
  (name, _what, options) => {
    const named = { name: "TypeError", message: expect.stringContaining(name) };
    expect(() => new Board(options)).toThrow(expect.objectContaining(named));
  },
);

test.each([undefined, null, {}, () => 1, "client", 5])("live refuses the client %o", (client) => {
  expect(() => live(client as never, () => undefined)).toThrow(
    new TypeError("The client must be a ReconnectingClient or a LastingReference"),
  );
});
