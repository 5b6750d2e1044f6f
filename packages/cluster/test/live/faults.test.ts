// Faults: nothing is lost, nothing is applied twice, and there are never two homes.

import { expect, test } from "vitest";
import { Cluster, EngineError, MemoryEngine, MemoryServer } from "@pb/cluster";
import type { Following, HomeState } from "@pb/cluster";
import { FaultyEngine } from "@pb/cluster/testing";
import type { LiveView } from "@pb/live";
import { until } from "../../../../tools/process/program.js";
import { ListMethods, numbers, TestCluster, viewerOf } from "../support/nodes.js";
import type { List, TestNode } from "../support/nodes.js";

/** The node freezes, its leases expire, and the other node takes over. */
async function takeOver(frozen: TestNode, other: TestNode): Promise<void> {
  frozen.engine.freeze();
  frozen.engine.expireLeases();
  await until(() => other.list.isHome, `${other.name} has taken over`);
}

/** Adds an item at the home, without waiting. */
function add(home: HomeState<List>, item: number): Promise<void> {
  return home.update((draft) => void draft.items.push(item));
}

async function expectItems(views: readonly LiveView<List>[], items: readonly number[]): Promise<void> {
  await until(() => views.every((view) => view.getSnapshot().items.length >= items.length), "all items have arrived");
  for (const view of views) expect(view.getSnapshot().items).toEqual(items);
}

test("a frozen home that wakes up writes nothing, steps down, and follows the new home", async () => {
  const cluster = new TestCluster();
  const [frozen, other] = [await cluster.startHome("a"), await cluster.start("b")];
  const views = await Promise.all([frozen, other].map(viewerOf));
  await frozen.list.call.add(0);
  const old = frozen.homes[0]!.list;
  await takeOver(frozen, other);
  const late = [add(old, 100), add(old, 101)];
  await other.list.call.add(1);
  expect([frozen.list.isHome, other.list.isHome]).toEqual([true, true]); // It does not know it yet.
  expect(views[0]!.getSnapshot().items).toEqual([0]);
  frozen.engine.thaw();
  for (const update of late) await expect(update).rejects.toMatchObject({ code: "CLUSTER_NOT_HOME" });
  await expectItems(views, [0, 1]);
  expect([frozen.list.isHome, old.signal.aborted]).toEqual([false, true]);
  await expect(add(old, 102)).rejects.toMatchObject({ code: "CLUSTER_NOT_HOME" });
  expect(await frozen.list.call.add(2)).toBe(3);
  await expectItems(views, [0, 1, 2]);
});

test("what an engine refuses again and again is reported once, until it works", async () => {
  const errors: unknown[] = [];
  const engine = new MemoryEngine();
  const attempts = { claim: 0, follow: 0 };
  const refuse = (method: "claim" | "follow"): void => {
    if (attempts[method]++ < 3) throw new EngineError("ENGINE_FAILED", `no ${method}`);
  };
  const [claim, follow] = [engine.claim.bind(engine), engine.follow.bind(engine)];
  engine.claim = async (...args) => {
    refuse("claim");
    return claim(...args);
  };
  engine.follow = async (...args) => {
    refuse("follow");
    return follow(...args);
  };
  const cluster = new Cluster({ engine, node: "a", onError: (error) => errors.push(error) });
  const list = cluster.live("list", {});
  await list.ready();
  await until(() => attempts.claim > 3, "the claims");
  await cluster.close();
  expect(errors.map(String).sort()).toEqual(["EngineError: no claim", "EngineError: no follow"]);
});

test("a call whose home ends while it runs is not said to have never run", async () => {
  const cluster = new TestCluster();
  const [frozen, other] = [await cluster.startHome("a"), await cluster.start("b")];
  const call = expect(other.list.with({ once: true }).callRemote("never")).rejects.toMatchObject({
    name: "OutcomeUnknownError",
  });
  await until(() => frozen.homes[0]!.ran === 1, "the method runs");
  await takeOver(frozen, other);
  await call;
  expect(other.homes[0]!.ran).toBe(0);
  frozen.engine.thaw();
});

test("an update that was in flight when the home froze is written by nobody or counts", async () => {
  const cluster = new TestCluster();
  const [frozen, other] = [await cluster.startHome("a"), await cluster.start("b")];
  const home = frozen.homes[0]!.list;
  await add(home, 0);
  const inFlight = add(home, 1).then(
    () => "written",
    (error: unknown) => (error as { code: string }).code,
  );
  for (let turn = 0; turn < 3; turn++) await Promise.resolve();
  await takeOver(frozen, other);
  await other.list.call.add(2);
  frozen.engine.thaw();
  const outcome = await inFlight;
  const { items } = other.list.getSnapshot()!;
  expect(items).toEqual(outcome === "written" ? [0, 1, 2] : [0, 2]);
  expect(["written", "CLUSTER_NOT_HOME"]).toContain(outcome);
});

test("an update whose acknowledgement is lost is written once, and resolves", async () => {
  const cluster = new TestCluster();
  const { engine, homes, list } = await cluster.startHome("a");
  for (const item of numbers(10)) {
    if (item % 2 === 0) engine.loseAcknowledgements();
    await add(homes[0]!.list, item);
  }
  expect(list.getSnapshot()!.items).toEqual(numbers(10));
});

test("an update whose acknowledgement is lost, and which another home has read, resolves", async () => {
  const cluster = new TestCluster();
  const [first, other] = [await cluster.startHome("a"), await cluster.start("b")];
  first.engine.loseAcknowledgements();
  const update = add(first.homes[0]!.list, 0);
  await until(() => other.list.revision === 1, "the other node has read it");
  await takeOver(first, other);
  await other.list.call.add(1);
  first.engine.thaw();
  await update;
  await until(() => first.list.revision === 2, "the first home follows");
  expect(first.list.getSnapshot()!.items).toEqual([0, 1]);
});

test("an update that was not written before many takeovers is never said to be", async () => {
  const cluster = new TestCluster();
  const nodes = [await cluster.startHome("a"), await cluster.start("b"), await cluster.start("c")] as const;
  const frozen = nodes[0];
  frozen.engine.freeze();
  frozen.engine.expireLeases();
  const late = add(frozen.homes[0]!.list, 100);
  late.catch(() => undefined);
  for (let round = 0; round < 20; round++) {
    await until(() => nodes[1].list.isHome || nodes[2].list.isHome, "another node is home");
    const home = nodes[1].list.isHome ? nodes[1] : nodes[2];
    const next = home === nodes[1] ? nodes[2] : nodes[1];
    await home.homes.at(-1)!.remote_add(round);
    // Old records are dropped: the frozen home does not read them.
    await takeOver(home, next);
    home.engine.thaw();
    await until(() => !home.list.isHome, "it has noticed");
  }
  frozen.engine.thaw();
  await expect(late).rejects.toMatchObject({ code: expect.stringMatching(/CLUSTER_(NOT_HOME|OUTCOME_UNKNOWN)/) });
  await until(() => frozen.list.revision === 20, "it follows");
  expect(frozen.list.getSnapshot()!.items).toEqual(numbers(20));
});

test("viewers are stale while the engine is away, and have everything afterwards", async () => {
  const cluster = new TestCluster();
  const [home, other] = [await cluster.startHome("a"), await cluster.start("b")];
  const views = await Promise.all([home, other].map(viewerOf));
  await home.list.call.add(0);
  await expectItems(views, [0]);
  other.engine.disconnect();
  expect(other.list.status).toBe("stale");
  await until(() => views[1]!.status === "stale", "the viewer of the cut node knows it");
  await home.list.call.add(1);
  await expectItems([views[0]!], [0, 1]);
  expect(views.map((view) => [view.status, view.error])).toEqual([
    ["live", undefined],
    ["stale", undefined],
  ]);
  const late = await viewerOf(other);
  await until(() => late.status === "stale", "a new viewer knows it, too");
  other.engine.reconnect();
  await until(() => views[1]!.status === "live" && late.status === "live", "they are live again");
  await expectItems([...views, late], [0, 1]);
});

test("viewers get the snapshot that has replaced patches while their node could not read them", async () => {
  const cluster = new TestCluster();
  const { homes } = await cluster.startHome("a");
  const node = await cluster.start("b");
  const view = await viewerOf(node);
  const home = homes[0]!.list;
  await add(home, 0);
  await expectItems([view], [0]);
  node.engine.disconnect();
  for (const item of numbers(300)) await add(home, item + 1); // More patches than a log keeps.
  node.engine.reconnect();
  await expectItems([view], numbers(301));
  await add(home, 301);
  await expectItems([view], numbers(302));
});

test("a home whose engine is away writes afterwards what was changed meanwhile", async () => {
  const cluster = new TestCluster();
  const [home, other] = [await cluster.startHome("a"), await cluster.start("b")];
  const view = await viewerOf(other);
  home.engine.disconnect();
  const updates = numbers(5).map((item) => add(home.homes[0]!.list, item));
  expect(home.list.getSnapshot()!.items).toEqual([]); // Nothing that is not written is shown.
  home.engine.reconnect();
  await Promise.all(updates);
  await expectItems([view], numbers(5));
  expect(home.list.isHome).toBe(true);
});

test("nothing is lost or applied twice while homes freeze, engines go away and acknowledgements are lost", async () => {
  const cluster = new TestCluster();
  const nodes = [await cluster.startHome("a"), await cluster.start("b"), await cluster.start("c")] as const;
  const views = await Promise.all(nodes.map(viewerOf));
  const written: number[] = [];
  const unknown: number[] = [];
  let next = 0;
  for (let round = 0; round < 40; round++) {
    const { engine } = nodes[round % 3]!;
    if (round % 4 === 0) engine.loseAcknowledgements();
    if (round % 4 === 1) engine.disconnect();
    if (round % 4 >= 2) engine.freeze();
    if (round % 4 === 3) engine.expireLeases();
    const updates = nodes.map(async ({ homes }) => {
      const home = homes.at(-1)?.list;
      if (home === undefined) return;
      const item = next++;
      try {
        await add(home, item);
        written.push(item);
      } catch (error) {
        if ((error as { code: string }).code === "CLUSTER_OUTCOME_UNKNOWN") unknown.push(item);
      }
    });
    await new Promise((resolve) => setTimeout(resolve, 1));
    engine.reconnect();
    engine.thaw();
    await Promise.all(updates);
  }
  // A lease that has expired in the last round may still depose the home: then it has not written the update.
  const last = nodes[0].list.with({ once: true });
  const addLast = (): Promise<boolean> =>
    last.callRemote("add", -1).then(
      () => true,
      (error: unknown) => {
        if (!String(error).includes("was not written")) throw error;
        return false;
      },
    );
  await until(addLast, "the last update is written");
  await until(() => views.every((view) => view.getSnapshot().items.at(-1) === -1), "all viewers have the last update");
  const { items } = views[0]!.getSnapshot();
  for (const view of views) expect(view.getSnapshot()).toEqual(views[0]!.getSnapshot());
  expect(new Set(items).size).toBe(items.length);
  expect(written.filter((item) => !items.includes(item))).toEqual([]);
  expect(items.filter((item) => item >= 0 && !written.includes(item) && !unknown.includes(item))).toEqual([]);
  expect(written.length).toBeGreaterThan(0);
  expect(nodes.flatMap(({ errors }) => errors)).toEqual([]);
});

test("a record that cannot be read makes viewers stale until the next snapshot, and is reported", async () => {
  const cluster = new TestCluster();
  const { engine, errors, list, homes } = await cluster.startHome("a");
  const node = await cluster.start("b");
  const view = await viewerOf(node);
  await engine.append("live.the=20list", new TextEncoder().encode('{"v":2}\n'), 1);
  await until(() => view.status === "stale", "the viewer knows it");
  expect(errors[0]).toMatchObject({ code: "CLUSTER_BAD_RECORD" });
  expect([list.status, homes.length]).toEqual(["stale", 1]);
});

/** Delivers the first record of a log again, as an engine does that has lost the log and has a new one. */
class LosingEngine extends FaultyEngine {
  lose: () => void = () => undefined;

  override follow(log: string, listener: (record: Uint8Array, number: number) => void): Promise<Following> {
    return super.follow(log, (record, number) => {
      if (number === 1) this.lose = () => listener(record, number);
      listener(record, number);
    });
  }
}

test("a node whose engine has lost the log reports it, is not home, and has the state of the new log", async () => {
  const engine = new LosingEngine();
  const errors: unknown[] = [];
  await using cluster = new Cluster({ engine, node: "a", onError: (error) => errors.push(error) });
  const homes: HomeState<List>[] = [];
  const list = cluster.live<List>("list", { items: [], title: "" }, (home) => {
    homes.push(home);
    return new ListMethods(home);
  });
  await until(() => list.isHome, "the node is home");
  await add(homes[0]!, 0);
  engine.lose();
  expect(errors).toMatchObject([{ code: "CLUSTER_BAD_RECORD" }]);
  expect(homes[0]!.signal.aborted).toBe(true);
  expect([list.revision, list.getSnapshot()]).toEqual([0, { items: [], title: "" }]);
});

test("the last known state begins a new log when the engine has lost all of them", { timeout: 120_000 }, async () => {
  const server = new MemoryServer();
  const errors: unknown[] = [];
  const open = (node: string): Cluster =>
    new Cluster({ engine: new MemoryEngine({ server }), node, onError: (error) => errors.push(error) });
  await using one = open("a");
  await using other = open("b");
  let home: HomeState<List> | undefined;
  const initial: List = { items: [], title: "" };
  const lists = [one, other].map((cluster) =>
    cluster.live<List>("list", initial, (state) => {
      home = state;
      return new ListMethods(state);
    }),
  );
  await until(() => home !== undefined && lists.some((list) => list.isHome), "there is a home");
  await add(home!, 1);
  await until(() => lists.every((list) => list.getSnapshot()?.items.length === 1), "both nodes know the item");
  server.loseLogs();
  await expect(add(home!, 2)).rejects.toMatchObject({ code: "CLUSTER_OUTCOME_UNKNOWN" });
  home = undefined;
  await until(() => home !== undefined, "there is a home again");
  expect(home!.state.items).toEqual([1]);
  await add(home!, 3);
  const items = (): string => lists.map((list) => list.getSnapshot()?.items.join()).join(" ");
  await until(() => items() === "1,3 1,3", "both nodes know the new item");
  expect(errors).toContainEqual(expect.objectContaining({ code: "CLUSTER_BAD_RECORD" }));
});
