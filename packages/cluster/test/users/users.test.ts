// Presence, broadcast and one login per user, on several nodes.

import { Avatar, Referenceable, Root } from "@pb/broker";
import type { RemoteReference } from "@pb/broker";
import { BearerToken, BearerTokenChecker, login, Portal } from "@pb/cred";
import type { ClusterChannel } from "@pb/cluster";
import { expect, onTestFinished, test, vi } from "vitest";
import { until } from "../../../../tools/process/program.js";
import { connectTo, serve } from "../../../transport/test/support/memory-network.js";
import { TestCluster } from "../support/nodes.js";
import type { TestNode } from "../support/nodes.js";

class Listener extends Referenceable {
  readonly heard: unknown[] = [];

  remote_said(...args: unknown[]): void {
    this.heard.push(args);
  }
}

class Chat extends Root {
  readonly #channel: ClusterChannel<Listener>;

  constructor(channel: ClusterChannel<Listener>) {
    super();
    this.#channel = channel;
  }

  remote_join(listener: RemoteReference<Listener>): void {
    this.#channel.add(listener);
  }
}

test("a broadcast reaches the references of all nodes, and nodes relay its bytes", async () => {
  const cluster = new TestCluster();
  const nodes = [await cluster.start("a"), await cluster.start("b")];
  const joined = await Promise.all(
    nodes.map(async (node) => {
      const channel = node.cluster.channel<Listener>("chat");
      const { network } = serve(new Chat(channel));
      const listeners = [new Listener(), new Listener()];
      const connection = await connectTo(network);
      const chat = await connection.getRootObject<Chat>();
      for (const listener of listeners) await chat.callRemote("join", listener);
      return { channel, listeners, connection };
    }),
  );
  joined[0]!.channel.broadcast("said", { who: "ann", text: "hi" }, 5);
  joined[1]!.channel.broadcast("said", "more");
  const heard = joined.flatMap(({ listeners }) => listeners.map((listener) => listener.heard));
  await until(() => heard.every(({ length }) => length === 2), "all have heard both");
  for (const calls of heard) expect(calls).toEqual([[{ who: "ann", text: "hi" }, 5], ["more"]]);
  await joined[0]!.connection.close();
  await until(() => joined[0]!.channel.size === 0, "references of a connection that has ended are removed");
  joined[0]!.channel.broadcast("said", "last");
  await until(() => heard[2]!.length === 3, "the others hear it");
  expect(() => joined[0]!.channel.broadcast("said", new Map())).toThrow("A plain tree");
  expect(() => joined[0]!.channel.broadcast("said", "x".repeat(40_000))).toThrow("more than 32768");
  expect(nodes.flatMap(({ errors }) => errors)).toEqual([]);
});

test("presence is the same on all nodes, and a node that ends takes its members along", async () => {
  const cluster = new TestCluster();
  const nodes = [await cluster.start("a"), await cluster.start("b"), await cluster.start("c")] as const;
  const here = nodes.map((node) => node.cluster.presence("here"));
  const state = (index: number): unknown => here[index]!.live.getSnapshot();
  const expectState = async (index: number, expected: unknown): Promise<void> => {
    const text = JSON.stringify(expected);
    await until(() => JSON.stringify(state(index)) === text, `node ${index} knows ${text}`);
  };
  const ann = here[0]!.enter("ann", { status: "here" });
  await expectState(2, { ann: { a: { status: "here" } } });
  const again = here[0]!.enter("ann", { status: "again" });
  here[1]!.enter("bob");
  await until(() => Object.keys(here[2]!.live.getSnapshot()!).length === 2, "both are here");
  expect(state(2)).toEqual({ ann: { a: { status: "again" } }, bob: { b: {} } });
  again[Symbol.dispose]();
  ann[Symbol.dispose]();
  await expectState(2, { bob: { b: {} } });
  here[2]!.enter("bob", { status: "twice" });
  await expectState(0, { bob: { b: {}, c: { status: "twice" } } });
  nodes[1].engine.freeze();
  nodes[1].engine.expireLeases();
  await expectState(0, { bob: { c: { status: "twice" } } });
  nodes[1].engine.thaw();
  nodes[1].engine.disconnect();
  nodes[1].engine.reconnect();
  await expectState(2, { bob: { c: { status: "twice" }, b: {} } });
  await nodes[0].cluster.close();
  here[2]!.enter("eve");
  await until(() => Object.hasOwn(here[1]!.live.getSnapshot()!, "eve"), "the next home goes on");
});

test("members may have the names of what all objects have, and what is known of them is plain data", async () => {
  const cluster = new TestCluster();
  const { cluster: node, errors } = await cluster.startHome("a");
  const here = node.presence("here");
  for (const info of [null, "text", 5, { f: () => 1 }, { at: new Date() }, { at: undefined }])
    expect(() => here.enter("bad", info as never)).toThrow(/^What is known of a member/);
  const members = ["constructor", "toString", "hasOwnProperty"];
  const entries = members.map((member) => here.enter(member, { status: "here" }));
  const present = (): readonly string[] => Object.keys(here.live.getSnapshot() ?? {});
  await until(() => present().length === 3, "all are here");
  expect(here.live.getSnapshot()).toEqual(Object.fromEntries(members.map((name) => [name, { a: { status: "here" } }])));
  expect(Object.hasOwn(Object, "a")).toBe(false);
  for (const entry of entries) entry[Symbol.dispose]();
  await until(() => present().length === 0, "all have left");
  expect(errors).toEqual([]);
});

test("a channel that was closed hears nothing, and others with its name go on", async () => {
  const cluster = new TestCluster();
  const { cluster: node } = await cluster.start("a");
  const [closed, open] = [node.channel<Listener>("chat"), node.channel<Listener>("chat")];
  const [listeners, channels] = [
    [new Listener(), new Listener()],
    [closed, open],
  ];
  for (const [index, channel] of channels.entries()) {
    const connection = await connectTo(serve(new Chat(channel)).network);
    await (await connection.getRootObject<Chat>()).callRemote("join", listeners[index]!);
  }
  closed.broadcast("said", 1);
  await until(() => listeners.every(({ heard }) => heard.length === 1), "both have heard it");
  closed[Symbol.dispose]();
  closed.close();
  open.broadcast("said", 2);
  await until(() => listeners[1]!.heard.length === 2, "the open channel has heard it");
  expect([listeners[0]!.heard, closed.size]).toEqual([[[1]], 0]);
  const refusal = expect.objectContaining({ code: "CLUSTER_CLOSED", message: "The channel chat was closed" });
  expect(() => closed.broadcast("said", 3)).toThrow(refusal);
  await node.close();
  expect(() => open.broadcast("said", 4)).toThrow("The node of the cluster was closed");
  expect(() => node.channel("chat")).toThrow("The node of the cluster was closed");
});

test("a reference that was added twice is called once, and leaves when both are taken back", async () => {
  const cluster = new TestCluster();
  const { cluster: node } = await cluster.start("a");
  const channel = node.channel<Listener>("chat");
  const listener = new Listener();
  const added: Disposable[] = [];
  class TwiceChat extends Root {
    remote_join(target: RemoteReference<Listener>): void {
      added.push(channel.add(target), channel.add(target));
    }
  }
  const connection = await connectTo(serve(new TwiceChat()).network);
  await (await connection.getRootObject<TwiceChat>()).callRemote("join", listener);
  for (const times of [1, 2]) {
    channel.broadcast("said", times);
    await until(() => listener.heard.length === times, "it has heard it once");
    added[0]![Symbol.dispose]();
  }
  expect(channel.size).toBe(1);
  added[1]![Symbol.dispose]();
  expect(channel.size).toBe(0);
});

test("an entry of a member that is disposed of twice ends that entry only", async () => {
  const cluster = new TestCluster();
  const here = (await cluster.startHome("a")).cluster.presence("here");
  const first = here.enter("ann", { tab: 1 });
  here.enter("ann", { tab: 2 });
  first[Symbol.dispose]();
  first[Symbol.dispose]();
  here.enter("bob");
  const present = (): string => JSON.stringify(here.live.getSnapshot() ?? {});
  await until(() => present().includes("bob"), "bob is here");
  expect(here.live.getSnapshot()).toEqual({ ann: { a: { tab: 2 } }, bob: { a: {} } });
});

class User extends Avatar {
  perspective_ping(): string {
    return "pong";
  }
}

/** A server of a node with logins, and a function that logs in there. */
function logins(node: TestNode): (user: string) => Promise<{ readonly reason: Promise<string>; isOpen(): boolean }> {
  const checker = new BearerTokenChecker((token) => token);
  const realm = { requestAvatar: () => ({ avatar: new User() }) };
  const { connections, network } = serve(new Portal(realm, [checker], { policy: { bearer: "any" } }));
  node.cluster.oneLoginPerUser(connections);
  return async (user) => {
    const connection = await connectTo(network);
    await login(connection, new BearerToken(user), null, { allowUnencryptedToken: true });
    const reason = connection.closed.then((error) => error.reason);
    return { reason, isOpen: () => connection.isOpen };
  };
}

test("the newest login of a user ends the older ones, on whatever node they are", async () => {
  const cluster = new TestCluster();
  const [one, other] = [await cluster.start("a"), await cluster.start("b")].map(logins) as [
    ReturnType<typeof logins>,
    ReturnType<typeof logins>,
  ];
  const bob = await other("bob");
  const first = await one("ann");
  const second = await other("ann");
  expect(await first.reason).toBe("replaced");
  const third = await other("ann");
  expect(await second.reason).toBe("replaced");
  const fourth = await one("ann");
  expect(await third.reason).toBe("replaced");
  expect([fourth.isOpen(), bob.isOpen()]).toEqual([true, true]);
});

/** Two nodes, and how to log in at each. They have one clock, which stands still. */
async function twoNodes(now: number) {
  vi.useFakeTimers({ toFake: ["Date"], now });
  onTestFinished(() => void vi.useRealTimers());
  const cluster = new TestCluster();
  const nodes = [await cluster.start("a"), await cluster.start("b")] as const;
  return { engine: nodes[1].engine, one: logins(nodes[0]), other: logins(nodes[1]) };
}

test.each([
  ["older", 1],
  ["as old", 0],
  ["newer", -1],
])("of a login on a node that could not be reached and one that is %s, one stays", async (_what, difference) => {
  const now = Date.now();
  const { engine, one, other } = await twoNodes(now);
  engine.disconnect();
  const first = await one("ann");
  vi.setSystemTime(now + difference);
  const second = await other("ann");
  expect([first.isOpen(), second.isOpen()]).toEqual([true, true]);
  engine.reconnect();
  await until(() => first.isOpen() !== second.isOpen(), "one of them has ended", 20_000);
  if (difference !== 0) expect(first.isOpen()).toBe(difference < 0);
  // Both nodes have read what the other one has sent before.
  const bob = await one("bob");
  const later = await other("bob");
  expect(await bob.reason).toBe("replaced");
  await one("bob");
  expect(await later.reason).toBe("replaced");
  expect(first.isOpen()).not.toBe(second.isOpen());
});

test("a login is newer than all that its node knows, although its clock is behind", async () => {
  const now = Date.now();
  const { one, other } = await twoNodes(now + 3_600_000);
  const first = await one("ann");
  const bob = await other("bob");
  await one("bob");
  expect(await bob.reason, "the other node has read all that this one has sent").toBe("replaced");
  vi.setSystemTime(now);
  const second = await other("ann");
  expect(await first.reason).toBe("replaced");
  expect(second.isOpen()).toBe(true);
});
