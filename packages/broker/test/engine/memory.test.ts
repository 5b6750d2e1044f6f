// The memory that a peer can make this end keep, and what ends a connection that takes too much.

import { encode, pb } from "@pb/banana";
import { Root } from "@pb/broker";
import type { BrokerOptions, ConnectionLostError } from "@pb/broker";
import { BrokerConfig } from "@pb/broker/extension";
import { afterEach, describe, expect, onTestFinished, test, vi } from "vitest";
import { ConnectionMemory, MemoryPool } from "../../src/engine/memory.js";
import type { MemoryOwner } from "../../src/engine/memory.js";
import { defaultBrokerLimits } from "../../src/limits.js";
import { sexp as bytes } from "../../../jelly-types/test/helpers/support.js";
import { brokerAndPeer, brokerAndUnnegotiatedPeer, settled } from "../support/raw-peer.js";

type Wire = Parameters<typeof bytes>[0];

/** Finishes the calls of each test: their memory counts until then, for all brokers of the process. */
const keepers: Keeper[] = [];
afterEach(() => {
  for (const { release } of keepers.splice(0)) for (const finish of release.splice(0)) finish();
});

class Keeper extends Root {
  readonly release: (() => void)[] = [];

  constructor() {
    super();
    keepers.push(this);
  }

  async remote_keep(_value: unknown): Promise<void> {
    await new Promise<void>((resolve) => this.release.push(resolve));
  }

  remote_login(_value: unknown): void {}
}

/** A root that requires a login. */
function portal(root: Keeper): BrokerOptions["root"] {
  return { rootObject: () => root, requiresLogin: true };
}

function call(id: number, method: string, argument: Wire): ReturnType<typeof bytes> {
  return bytes(["message", id, "root", method, 1, ["tuple", argument], ["dictionary"]]);
}

const maps = (count: number): Wire => ["list", ...Array.from({ length: count }, (): Wire => ["set"])];

async function reasonOf(broker: { closed: Promise<ConnectionLostError> }): Promise<string> {
  const { reason, cause } = await broker.closed;
  const { code, limit } = cause as { code?: string; limit?: string };
  return `${reason} ${limit ?? code ?? "without a code"}`;
}

describe("a message whose values take too much memory ends its connection", () => {
  test.each<[string, Partial<NonNullable<BrokerOptions["limits"]>>, string]>([
    ["a message", { messageHeapBytes: 100_000 }, "limit messageHeapBytes"],
    ["a connection", { connectionHeapBytes: 100_000 }, "limit connectionHeapBytes"],
  ])("by the limit of %s", async (_, limits, reason) => {
    const { broker, peer } = await brokerAndPeer("listener", { root: new Keeper(), limits });
    await peer.send(call(1, "login", maps(300)));
    expect(peer.received().join()).toContain("answer 1");
    await peer.send(call(2, "login", maps(700)));
    expect(await reasonOf(broker)).toBe(reason);
    expect(peer.isClosed).toBe(true);
  });

  test("also when it is an answer", async () => {
    const limits = { messageHeapBytes: 100_000 };
    const client = await brokerAndPeer("initiator", { limits });
    const root = await client.broker.getRootObject();
    const failed = expect(root.callRemote("a")).rejects.toMatchObject({ code: "JELLY_HEAP_TOO_LARGE" });
    await settled();
    await client.peer.send(bytes(["answer", 1, maps(700)]));
    expect(await reasonOf(client.broker)).toBe("limit messageHeapBytes");
    await failed;
  });

  test("the arguments of calls count until they are answered", async () => {
    const root = new Keeper();
    const { broker, peer } = await brokerAndPeer("listener", { root, limits: { connectionHeapBytes: 1_000_000 } });
    for (let id = 1; id <= 20; id++) {
      await peer.send(call(id, "keep", maps(1000)));
      for (const release of root.release.splice(0)) release();
      await settled();
    }
    expect(broker.isOpen).toBe(true);
    for (let id = 21; id <= 30; id++) await peer.send(call(id, "keep", maps(1000)));
    expect(await reasonOf(broker)).toBe("limit connectionHeapBytes");
  });

  class Ways extends Root {
    remote_returns(): number {
      return 1;
    }

    remote_throws(): never {
      throw new TypeError("no");
    }

    async remote_resolves(): Promise<number> {
      await Promise.resolve();
      return 1;
    }

    async remote_rejects(): Promise<never> {
      await Promise.resolve();
      throw new TypeError("no");
    }

    async remote_unsendable(): Promise<unknown> {
      await Promise.resolve();
      return new Map([[{}, 1]]);
    }

    async remote_nested(): Promise<unknown> {
      await Promise.resolve();
      return [Promise.resolve(1)];
    }

    async remote_nestedRejects(): Promise<unknown> {
      await Promise.resolve();
      return [Promise.reject(new TypeError("no"))];
    }
  }

  const endings = ["returns", "throws", "resolves", "rejects", "unsendable", "nested", "nestedRejects", "missing"];
  const rows = endings.flatMap((method) => [0, 1].map((wantsAnswer) => ({ method, wantsAnswer })));

  test.each(rows)("the arguments of a call count no longer when it has ended: $method, $wantsAnswer", async (row) => {
    const options = { limits: { connectionHeapBytes: 1_000_000 }, onEvent: () => undefined };
    const { broker, peer } = await brokerAndPeer("listener", { root: new Ways(), ...options });
    const argument = maps(1000);
    for (let id = 1; id <= 20; id++) {
      await peer.send(bytes(["message", id, "root", row.method, row.wantsAnswer, ["tuple", argument], ["dictionary"]]));
      await settled();
    }
    expect(broker.isOpen).toBe(true);
    expect(broker.stats()).toMatchObject({ callsRunning: 0, callsHeld: 0 });
    await broker.close();
  });
});

describe("a peer that has not logged in", () => {
  test("may send 512 bytes before a dialect is agreed on", async () => {
    const { broker, peer } = brokerAndUnnegotiatedPeer("listener", { root: new Keeper() });
    await peer.sendBytes(encode(Array.from({ length: 300 }, () => new Uint8Array(0))));
    expect(await reasonOf(broker)).toBe("negotiation BANANA_EXPRESSION_TOO_LARGE");
  });

  test("may send messages of 64 KiB, and larger ones after the login", async () => {
    const open = () => brokerAndPeer("listener", { root: portal(new Keeper()) });
    const large = call(1, "login", new Uint8Array(70_000));
    const stranger = await open();
    await stranger.peer.send(call(1, "login", new Uint8Array(60_000)));
    expect(stranger.peer.received().join()).toContain("answer 1");
    await stranger.peer.send(large);
    expect(await reasonOf(stranger.broker)).toBe("protocol BANANA_EXPRESSION_TOO_LARGE");
    const user = await open();
    await user.broker.admitLogin("ann");
    await user.peer.send(large);
    expect(user.peer.received().join()).toContain("answer 1");
  });

  test("shares a budget with all others, and loses its connection if it takes most of it", async () => {
    const config = new BrokerConfig({
      root: portal(new Keeper()),
      limits: { strangersHeapBytes: 150_000, turnMs: Infinity },
    });
    const open = () => brokerAndPeer("listener", config);
    const unfinished = encode(call(1, "login", new Uint8Array(60_000)), { dialect: pb });
    const modest = await open();
    await modest.peer.sendBytes(unfinished.subarray(0, 10_000));
    const greedy = [await open(), await open(), await open()];
    for (const { peer } of greedy) await peer.sendBytes(unfinished.subarray(0, 59_000));
    expect(greedy.map(({ broker }) => broker.isOpen)).toEqual([false, true, true]);
    expect(await reasonOf(greedy[0]!.broker)).toBe("limit strangersHeapBytes");
    await modest.peer.sendBytes(unfinished.subarray(10_000));
    expect(modest.peer.received().join()).toContain("answer 1");
    for (const { broker } of greedy) await broker.close();
    const later = await open();
    for (let round = 0; round < 3; round++) await later.peer.sendBytes(unfinished);
    expect(later.broker.isOpen).toBe(true);
  });
});

describe("all connections of the process share a budget", () => {
  const limits = { processHeapBytes: 1_000_000 };
  const large = (id: number): ReturnType<typeof bytes> => call(id, "keep", maps(2000));

  test("and those that take most end when it is exceeded, not the others", async () => {
    const root = new Keeper();
    const open = () => brokerAndPeer("listener", { root, limits });
    const modest = await open();
    await modest.peer.send(call(1, "keep", maps(10)));
    const greedy = [];
    for (let left = 10; left > 0; left--) greedy.push(await open());
    for (const { peer } of greedy) await peer.send(large(1));
    const reasons = await Promise.all(
      greedy.filter(({ broker }) => !broker.isOpen).map((each) => reasonOf(each.broker)),
    );
    expect(reasons.length).toBeGreaterThan(6);
    expect(new Set(reasons)).toEqual(new Set(["limit processHeapBytes"]));
    for (const release of root.release.splice(0)) release();
    await settled();
    expect(modest.peer.received().join()).toContain("answer 1");
    for (const { broker } of [modest, ...greedy]) await broker.close();
  });

  test("which calls take until they finish, also when their connections have ended", async () => {
    const root = new Keeper();
    const open = () => brokerAndPeer("listener", { root, limits });
    for (let left = 20; left > 0; left--) {
      const { broker, peer } = await open();
      await peer.send(large(1));
      await broker.close();
    }
    const kept = root.release.length;
    expect(kept).toBeLessThan(10);
    const { broker, peer } = await open();
    await peer.send(call(1, "login", maps(100)));
    expect(peer.received().join(), "a small call").toContain("answer 1");
    for (const release of root.release.splice(0)) release();
    await settled();
    await peer.send(large(2));
    expect(root.release, "there is room again").toHaveLength(1);
    root.release[0]!();
    await settled();
    await broker.close();
  });
});

function owner(exceeded?: () => unknown, memoryExceeded?: (limit: string) => unknown): MemoryOwner {
  return { exceeded: () => void exceeded?.(), memoryExceeded: (limit) => void memoryExceeded?.(limit) };
}

test("a message may take what is left of a budget, or a share of its reserve", () => {
  const pool = new MemoryPool("strangersHeapBytes");
  const members = [100_000, 200_000, 600_000].map((bytes) => {
    const member = new ConnectionMemory(new BrokerConfig({}).limits, pool, owner());
    member.setUnread(bytes);
    return member;
  });
  onTestFinished(() => members.forEach((member) => member.release()));
  expect(pool.roomWithin(2_000_000), "more than half is left").toBe(1_100_000);
  expect(pool.roomWithin(1_800_000), "half is left").toBe(900_000);
  expect(pool.roomWithin(1_000_000), "what is left is more than a share").toBe(100_000);
  expect(pool.roomWithin(960_000), "a quarter of 60,000 and of the reserve").toBe(75_000);
  expect(pool.roomWithin(900_000), "the least").toBe(65_536);
  expect(pool.roomWithin(100_000), "more than the budget is in use").toBe(65_536);
});

describe("a peer that has logged in without a name", () => {
  // How much is read in one turn must not depend on the speed of the machine.
  const limits = { strangersHeapBytes: 1_000_000, turnMs: Infinity };
  const large = call(1, "login", maps(10_000));

  test("may send large messages, within the budget of the strangers", async () => {
    const config = new BrokerConfig({ root: portal(new Keeper()), limits });
    const { broker, peer } = await brokerAndPeer("listener", config);
    await broker.admitLogin(null);
    await peer.send(call(1, "login", new Uint8Array(600_000)));
    expect(peer.received().join()).toContain("answer 1");
    await peer.send(large);
    expect(await reasonOf(broker)).toBe("limit strangersHeapBytes");
  });

  test("and one that the root trusts is not limited by that", async () => {
    const root = { ...portal(new Keeper())!, trustsAnonymous: true };
    const { broker, peer } = await brokerAndPeer("listener", { root, limits });
    await broker.admitLogin(null);
    await peer.send(large);
    expect(peer.received().join()).toContain("answer 1");
    await broker.close();
  });
});

test("a connection is told that a pool is exceeded after the message in whose middle it is", async () => {
  const exceeded: string[] = [];
  const limits = { ...defaultBrokerLimits, strangersHeapBytes: 10_000 };
  const pool = new MemoryPool("strangersHeapBytes");
  const told = owner(
    () => exceeded.push("ended"),
    (limit) => exceeded.push(limit),
  );
  const memory = new ConnectionMemory(limits, pool, told);
  onTestFinished(() => memory.release());
  memory.startCall(20_000);
  expect(exceeded).toEqual([]);
  await settled();
  expect(exceeded).toEqual(["strangersHeapBytes", "ended"]);
});

test("a pool that was full of what ended connections had left ends the largest one again, once that is freed", async () => {
  const pool = new MemoryPool("strangersHeapBytes");
  const limits = { ...defaultBrokerLimits, strangersHeapBytes: 10_000 };
  const ended: string[] = [];
  const join = (name: string): ConnectionMemory => {
    const memory = new ConnectionMemory(
      limits,
      pool,
      owner(() => ended.push(name)),
    );
    onTestFinished(() => memory.release());
    return memory;
  };
  const small = join("small");
  pool.free(-20_000); // Memory that belongs to no member.
  small.startCall(0);
  await settled();
  expect(ended).toEqual([]);
  pool.free(20_000);
  small.startCall(0);
  join("large").startCall(20_000);
  await settled();
  expect(ended).toEqual(["large"]);
});

test("the memory of calls that run after the end of their connection is freed once", () => {
  const registered = vi.spyOn(FinalizationRegistry.prototype, "register");
  onTestFinished(() => registered.mockRestore());
  const limits = { ...defaultBrokerLimits, processHeapBytes: 10_000_000 };
  const left = (): number => {
    const other = new ConnectionMemory(limits, undefined, owner());
    other.startMessage();
    other.release();
    return other.granted;
  };
  const before = left();
  const memory = new ConnectionMemory(limits, undefined, owner());
  memory.finishCall(1000); // of a call that was not counted
  expect(memory.used).toBe(0);
  for (let call = 0; call < 2; call++) memory.startCall(5_000_000);
  const running = left();
  expect(running).toBeLessThan(before);
  memory.release();
  memory.release();
  expect(left()).toBe(running);
  const kept = registered.mock.calls.map(([, held]) => held as { readonly bytes: number });
  expect(kept).toHaveLength(1);
  for (let call = 0; call < 2; call++) memory.finishCall(5_000_000);
  expect([left(), kept[0]!.bytes]).toEqual([before, 0]);
});
