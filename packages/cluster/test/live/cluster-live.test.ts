// Live objects on several nodes: who is home, what viewers see, and calls from any node.

import { callContext, Referenceable, Root } from "@pb/broker";
import { connectedPair } from "@pb/broker/testing";
import { TypeRegistry } from "@pb/jelly-types";
import { liveView } from "@pb/live";
import type { LiveView } from "@pb/live";
import { expect, onTestFinished, test, vi } from "vitest";
import { Cluster, MemoryEngine } from "@pb/cluster";
import { FaultyEngine } from "@pb/cluster/testing";
import { until } from "../../../../tools/process/program.js";
import { numbers, TestCluster, viewerOf } from "../support/nodes.js";
import type { List } from "../support/nodes.js";

test("one node is home, and viewers of all nodes see each written update", async () => {
  const cluster = new TestCluster();
  const nodes = [await cluster.start("a"), await cluster.start("b"), await cluster.start("c")] as const;
  const views = await Promise.all(nodes.map(viewerOf));
  expect(nodes.map(({ list }) => [list.home, list.isHome])).toEqual([
    ["a", true],
    ["a", false],
    ["a", false],
  ]);
  for (const item of numbers(30)) await nodes[item % 3]!.list.call.add(item);
  await until(() => views.every((view) => view.revision === 30), "all viewers have all updates");
  for (const view of views) expect(view.getSnapshot()).toEqual({ items: numbers(30), title: "empty" });
  expect(nodes.map(({ list }) => [list.revision, list.status, list.viewers])).toEqual(nodes.map(() => [30, "live", 1]));
  expect(nodes[2].list.getSnapshot()).toEqual({ items: numbers(30), title: "empty" });
});

test("a call resolves when the node of the caller has what the method has written", async () => {
  const cluster = new TestCluster();
  await cluster.start("a");
  const { list } = await cluster.start("b");
  for (const item of numbers(20)) {
    expect(await list.call.add(item)).toBe(item + 1);
    expect(list.getSnapshot()!.items).toHaveLength(item + 1);
  }
});

test("a method calls homes here and on other nodes with the deadline and the trace of its own call", async () => {
  const cluster = new TestCluster();
  const nodes = [await cluster.startHome("a"), await cluster.start("b")] as const;
  class Desk extends Root {
    remote_context(node: number): Promise<unknown> {
      callContext(); // From now on, calls inherit the context of the call for which they are made.
      return nodes[node]!.list.call.context();
    }
  }
  const pair = await connectedPair({ root: new Desk() });
  onTestFinished(() => pair.close());
  const desk = await pair.client.getRootObject<Desk>();
  const traceparent = `00-${"a".repeat(32)}-${"b".repeat(16)}-01`;
  for (const node of [0, 1]) {
    const found = await desk.with({ timeoutMs: 60_000, traceparent, baggage: "a=1" }).call.context(node);
    expect(found).toEqual({ hasDeadline: true, traceparent, baggage: "a=1" });
  }
});

test("updates that are made while one is written are one patch, and all resolve", async () => {
  const cluster = new TestCluster();
  const { list, homes } = await cluster.startHome("a");
  await Promise.all(numbers(100).map((item) => homes[0]!.remote_add(item)));
  expect(list.getSnapshot()!.items).toEqual(numbers(100));
  expect(list.revision).toBeLessThan(5);
});

test("a viewer that comes later gets the current state at once, and never an older one", async () => {
  const cluster = new TestCluster();
  const { homes } = await cluster.startHome("a");
  const node = await cluster.start("b");
  for (const item of numbers(300)) await homes[0]!.remote_add(item);
  await until(() => node.list.revision === 300, "the node has all patches");
  const view = await viewerOf(node);
  expect([view.revision, view.getSnapshot().items]).toEqual([300, numbers(300)]);
  const late = await cluster.start("c");
  expect(late.list.getSnapshot()!.items).toEqual(numbers(300));
  await late.list.call.add(300);
  await until(() => view.revision === 301, "the viewer goes on");
});

test("a viewer that does not read is sent no more than a little, and the rest when it reads", async () => {
  const { list, homes } = await new TestCluster().startHome("a");
  class Lists extends Root {
    remote_list = (): unknown => list;
  }
  const pair = await connectedPair({ root: new Lists() }, { types: new TypeRegistry().register(liveView()) });
  onTestFinished(() => pair.close());
  const desk = await pair.client.getRootObject<{ list(): LiveView<List> }>();
  const view = await desk.callRemote("list");
  for (const round of [1, 2]) {
    pair.links.initiator.hold();
    for (const item of numbers(30)) {
      await homes[0]!.list.update((draft) => void (draft.title = `${round} ${item} ${"x".repeat(10_000)}`));
      expect(pair.links.listener.queuedBytes).toBeLessThan(65_536 + 2 * 10_100);
    }
    expect(pair.links.listener.queuedBytes).toBeGreaterThan(65_536);
    expect(view.revision).toBe(30 * (round - 1));
    pair.links.initiator.release();
    await until(() => view.revision === 30 * round, "the viewer has all updates", 20_000);
    expect(view.getSnapshot().title).toMatch(new RegExp(`^${round} 29 `));
  }
});

test("another node takes over when the home is closed, and goes on with the same state and revision", async () => {
  const cluster = new TestCluster();
  const first = await cluster.start("a");
  const nodes = [await cluster.start("b"), await cluster.start("c")] as const;
  const view = await viewerOf(nodes[0]);
  for (const item of numbers(5)) await nodes[1].list.call.add(item);
  await first.cluster.close();
  expect([first.list.status, first.list.isHome]).toEqual(["gone", false]);
  for (const item of [5, 6, 7]) await nodes[1].list.with({ once: true }).callRemote("add", item);
  await until(() => view.revision === 8, "the viewer has all updates");
  expect(view.getSnapshot().items).toEqual(numbers(8));
  expect(view.status).toBe("live");
});

test("errors of methods reach the caller on another node as those of a connection do", async () => {
  const cluster = new TestCluster();
  const first = await cluster.start("a");
  const { list } = await cluster.start("b");
  for (const node of [first, { list }]) {
    const error: unknown = await node.list.callRemote("fail").catch((reason: unknown) => reason);
    expect(error).toMatchObject({ code: "CALL_FAILED", remoteType: "builtins.ValueError" });
    const unknown = node.list.callRemote("nothing" as "fail");
    await expect(unknown).rejects.toMatchObject({ remoteType: "twisted.spread.flavors.NoSuchMethod" });
  }
});

test("a call rejects with a typed error while no home can be reached", async () => {
  const cluster = new TestCluster();
  await cluster.start("a", { address: undefined });
  const { list } = await cluster.start("b");
  await expect(list.callRemote("add", 1)).rejects.toMatchObject({ name: "NoHomeError", code: "CLUSTER_NO_HOME" });
  const waiting = list.with({ once: true, timeoutMs: 30 }).callRemote("add", 1);
  const message = "the list/add was not answered within 30 ms";
  await expect(waiting).rejects.toMatchObject({ code: "CALL_TIMEOUT", message, cause: { code: "CLUSTER_NO_HOME" } });
});

test("the error of a call that was not answered has whole milliseconds", async () => {
  const cluster = new TestCluster();
  await cluster.startHome("a");
  const { list } = await cluster.start("b");
  const call = list.with({ timeoutMs: 5 }).callRemote("never");
  await expect(call).rejects.toThrow(/^the list\/never was not answered within \d+ ms$/);
});

test("a node that is no candidate never becomes home", async () => {
  const cluster = new TestCluster();
  const server = await cluster.start("a", { candidate: false }, false);
  const { list } = await cluster.start("b");
  await server.list.ready();
  expect(await server.list.call.add(0)).toBe(1);
  await list.call.add(1);
  expect([server.homes.length, server.list.home]).toEqual([0, "b"]);
});

test("a state that does not fit into a record is refused, and nothing changes", async () => {
  const cluster = new TestCluster();
  const { list, homes } = await cluster.startHome("a");
  const home = homes[0]!.list;
  const large = home.update((draft) => void (draft.title = "x".repeat(40_000)));
  await expect(large).rejects.toMatchObject({ code: "CLUSTER_TOO_LARGE" });
  for (let size = 1; size <= 40; size++) {
    const outcome = await home
      .update((draft) => void (draft.title += "y".repeat(1_000)))
      .catch((error: unknown) => error);
    if (outcome !== undefined) expect(outcome).toMatchObject({ code: "CLUSTER_TOO_LARGE" });
  }
  expect(home.state.title.length).toBeGreaterThan(31_000);
  expect(home.state).toEqual(list.getSnapshot());
  await home.update((draft) => void (draft.title = "small"));
  expect(list.getSnapshot()!.title).toBe("small");
});

test("a recipe that throws, is async or nested changes nothing", async () => {
  const cluster = new TestCluster();
  const { list, homes } = await cluster.startHome("a");
  const home = homes[0]!.list;
  await expect(home.update(() => Promise.resolve())).rejects.toMatchObject({ code: "LIVE_ASYNC_RECIPE" });
  let inner: Promise<void> | undefined;
  await home.update((draft) => {
    draft.title = "outer";
    inner = home.update((nested) => void (nested.title = "inner"));
    inner.catch(() => undefined);
  });
  await expect(inner).rejects.toMatchObject({ code: "LIVE_NESTED_UPDATE" });
  const undefinedValue = home.update((draft) => void ((draft as { title: unknown }).title = undefined));
  await expect(undefinedValue).rejects.toMatchObject({ code: "LIVE_NOT_PLAIN" });
  expect([list.getSnapshot()!.title, home.state.title, list.revision]).toEqual(["outer", "outer", 1]);
});

test("names and options that cannot work are refused", async () => {
  await using cluster = new Cluster({ engine: new MemoryEngine(), node: "a" });
  cluster.live("list", {});
  expect(() => cluster.live("list", {})).toThrow(TypeError);
  expect(() => cluster.live("", {})).toThrow(TypeError);
  expect(() => cluster.live("x".repeat(101), {})).toThrow(TypeError);
  expect(() => cluster.live("wrong", new Map())).toThrow("The state");
  for (const state of [null, undefined, 5, "text", true, () => 1, Symbol("state"), { at: new Date() }])
    expect(() => cluster.live("wrong", state as object)).toThrow(expect.objectContaining({ code: "LIVE_NOT_PLAIN" }));
  expect(() => cluster.live("wrong", {}, 5 as never)).toThrow(TypeError);
  expect(() => new Cluster({ engine: {}, node: "a" } as never)).toThrow(TypeError);
  expect(() => new Cluster({ engine: new MemoryEngine(), node: "" })).toThrow(TypeError);
  expect(() => cluster.live("\ud800", {})).toThrow("half a surrogate pair");
  expect(() => cluster.presence(5 as never)).toThrow("The name of a presence");
  expect(() => cluster.live("other", {}).with({ onces: true } as object)).toThrow(TypeError);
});

test("a call that waits for a home ends when the node is closed", async () => {
  const cluster = new TestCluster();
  const node = await cluster.start("a", { candidate: false }, false);
  const call = (): Promise<unknown> => node.list.with({ once: true }).callRemote("add", 1);
  const waiting = expect(call()).rejects.toMatchObject({ code: "CLUSTER_CLOSED" });
  await node.cluster.close();
  await waiting;
  await expect(call()).rejects.toMatchObject({ code: "CLUSTER_CLOSED" });
});

test("what waits for the state ends when the engine was closed, or is closed meanwhile", async () => {
  const refusal = { name: "EngineError", code: "ENGINE_CLOSED" };
  for (const isClosedBefore of [true, false]) {
    const engine = new FaultyEngine();
    if (isClosedBefore) await engine.close();
    engine.freeze();
    await using cluster = new Cluster({ engine, node: "a" });
    const list = cluster.live("list", {});
    const presence = cluster.presence("online");
    const channel = cluster.channel("chat");
    const waiting = [list.ready(), list.with({ once: true }).callRemote("add" as never)];
    if (!isClosedBefore) await engine.close();
    engine.thaw();
    for (const promise of waiting) await expect(promise).rejects.toMatchObject(refusal);
    expect(list.status).toBe("gone");
    await expect(list.ready()).rejects.toMatchObject(refusal);
    for (const use of [
      () => cluster.live("other", {}),
      () => cluster.channel("other"),
      () => channel.broadcast("said"),
      () => presence.enter("ann"),
    ])
      expect(use).toThrow(expect.objectContaining(refusal));
  }
});

test("a node that is closed while it waits before it tries again leaves no timer", async () => {
  const timers = vi.spyOn(globalThis, "setTimeout");
  onTestFinished(() => timers.mockRestore());
  const engine = new FaultyEngine();
  engine.disconnect();
  const cluster = new Cluster({ engine, node: "a" });
  const list = cluster.live("list", {});
  cluster.presence("online").enter("ann");
  const isOver = (): readonly boolean[] =>
    timers.mock.results.map(({ value }) => (value as unknown as { _destroyed: boolean })._destroyed);
  await until(() => isOver().length >= 4, "the first attempts have failed");
  const ready = expect(list.ready()).rejects.toMatchObject({ code: "CLUSTER_CLOSED" });
  await cluster.close();
  await ready;
  expect(isOver().every(Boolean)).toBe(true);
});

test("when the methods cannot be made, the node tries again, and others may", async () => {
  let attempts = 0;
  const errors: unknown[] = [];
  const onError = (error: unknown): void => void errors.push(error);
  await using cluster = new Cluster({ engine: new MemoryEngine(), node: "a", onError });
  const list = cluster.live<{ n: number }>("list", { n: 0 }, () => {
    attempts++;
    if (attempts === 1) throw new RangeError("the methods");
    return new (class extends Referenceable {})();
  });
  await until(() => list.isHome, "the node is home");
  expect([attempts, errors]).toEqual([2, [new RangeError("the methods")]]);
});

test("a signal has few listeners, however many objects there are", async () => {
  const added = vi.spyOn(AbortSignal.prototype, "addEventListener");
  onTestFinished(() => added.mockRestore());
  await using cluster = new Cluster({ engine: new MemoryEngine(), node: "a" });
  const lists = numbers(20).map((number) => cluster.live(`list ${number}`, {}));
  for (const list of lists) cluster.channel(list.name);
  await Promise.all(lists.map((list) => list.ready()));
  const counts = new Map<unknown, number>();
  for (const signal of added.mock.contexts) counts.set(signal, (counts.get(signal) ?? 0) + 1);
  expect(Math.max(...counts.values())).toBeLessThan(10);
});
