// Long messages are read in steps: others get their turn, the order is kept, and every end frees everything.

import { encode, pb, Session } from "@pb/banana";
import type { Expression } from "@pb/banana";
import { remoteCache, RemoteCache, Root } from "@pb/broker";
import type { BrokerOptions, RemoteReference } from "@pb/broker";
import { connectedPair } from "@pb/broker/testing";
import { TypeRegistry } from "@pb/jelly-types";
import { describe, expect, onTestFinished, test, vi } from "vitest";
import { sexp as bytes } from "../../../jelly-types/test/helpers/support.js";
import { brokerAndPeer, rejection, settled } from "../support/raw-peer.js";

type Wire = Parameters<typeof bytes>[0];

class Store extends Root {
  readonly calls: string[] = [];

  remote_put(value: unknown): number {
    this.calls.push("put");
    return Array.isArray(value) ? value.length : 0;
  }
  remote_note(name: string): void {
    this.calls.push(name);
  }
  remote_rows(count: number): unknown {
    return rows(count);
  }
}

/** After each step, others get their turn. */
const oneStep = { turnMs: 0 };

/** A list of dicts, of about 100 bytes each. */
function rows(count: number): unknown[] {
  return Array.from({ length: count }, (_, id) => ({ id, name: `row ${id}`, price: id / 3, isOpen: true }));
}

const wireRows = (count: number, last: Wire = ["None"]): Wire => [
  "list",
  ...Array.from({ length: count }, (_, id): Wire => [
    "dictionary",
    [["unicode", "id"], id],
    [
      ["unicode", "name"],
      ["unicode", `row ${id}`],
    ],
  ]),
  last,
];

const call = (id: number, argument: Wire, method = "put"): Wire => [
  "message",
  id,
  "root",
  method,
  1,
  ["tuple", argument],
  ["dictionary"],
];
const wire = (...messages: Wire[]): Uint8Array =>
  Buffer.concat(messages.map((message) => encode(bytes(message), { dialect: pb })));

const open = (options: BrokerOptions = {}) =>
  brokerAndPeer("listener", { root: new Store(), ...options, limits: { ...oneStep, ...options.limits } });

/** Waits until the peer has received something that contains `text`. */
async function until(isDone: () => boolean): Promise<number> {
  let turns = 0;
  for (; !isDone(); turns++) {
    expect(turns).toBeLessThan(100_000);
    await new Promise((resolve) => setImmediate(resolve));
  }
  return turns;
}

describe.each([
  ["6 MB", 6],
  ["60 MB", 60],
])("while a message of %s is read", (_, megabytes) => {
  test("another connection is served after every step", { timeout: 120_000 }, async () => {
    const root = new Store();
    const { broker, peer } = await open({ root, limits: { messageHeapBytes: 2 ** 30, connectionHeapBytes: 2 ** 30 } });
    const other = await connectedPair({ root: new Store() });
    const store = await other.client.getRootObject<Store>();
    const size = megabytes * 1_000_000;
    // Lists of consecutive integers are read faster than anything else.
    const part = bytes(["list", ...Array.from({ length: 10_000 }, (_, index) => index)]);
    const parts = [
      ...(bytes(["list"]) as Expression[]),
      ...Array.from({ length: Math.ceil(size / 29_880) }, () => part),
    ];
    const [head, ...others] = bytes(call(1, ["None"])) as Expression[];
    others[4] = [...(bytes(["tuple"]) as Expression[]), parts];
    const message = encode([head!, ...others], { dialect: pb });
    expect(message.length).toBeGreaterThan(size);
    const sent = peer.sendBytes(message);
    let served = 0;
    while (root.calls.length === 0) {
      await store.callRemote("note", "x");
      await new Promise((resolve) => setImmediate(resolve));
      served++;
    }
    await sent;
    // A step reads about 16 KiB, up to a whole inner list of 30 kB.
    expect(served).toBeGreaterThan(size / 64_000);
    expect(broker.isOpen).toBe(true);
    await other.close();
  });
});

describe("a long call", () => {
  test("runs before the messages that follow it", async () => {
    const root = new Store();
    const { peer } = await open({ root });
    await peer.sendBytes(
      wire(call(1, ["None"], "note"), call(2, wireRows(3000)), call(3, ["unicode", "after"], "note")),
    );
    await until(() => root.calls.length === 3);
    expect(root.calls.slice(1)).toEqual(["put", "after"]);
    await settled();
    expect(peer.received().map((message) => message.slice(0, 9))).toEqual(["(answer 1", "(answer 2", "(answer 3"]);
  });

  test("leaves all memory to the next one, which begins in the turn in which it ends", async () => {
    const root = new Store();
    const { broker, peer } = await open({ root, limits: { connectionHeapBytes: 700_000 } });
    await peer.sendBytes(wire(call(1, wireRows(2500)), call(2, wireRows(2500)), call(3, wireRows(2500))));
    await until(() => root.calls.length === 3 || !broker.isOpen);
    expect([root.calls, broker.isOpen]).toEqual([["put", "put", "put"], true]);
    await peer.sendBytes(wire(call(4, wireRows(20_000))));
    expect(await broker.closed).toMatchObject({ reason: "limit", cause: { limit: "connectionHeapBytes" } });
  });

  test("counts as held, so that the connection is not idle", async () => {
    const root = new Store();
    const { broker, peer } = await open({ root });
    const sent = peer.sendBytes(wire(call(1, wireRows(20_000))));
    await until(() => broker.stats().callsHeld === 1);
    const idle = broker.idle().then(() => root.calls.length);
    await sent;
    expect(await idle).toBe(1);
    expect(broker.stats().callsHeld).toBe(0);
  });

  test("in which the connection ends does not count as held afterwards, and its bytes are dropped", async () => {
    const discard = vi.spyOn(Session.prototype, "discard");
    onTestFinished(() => discard.mockRestore());
    for (const megabytes of [1, 3]) {
      const { broker, peer } = await open();
      void peer.sendBytes(wire(call(1, wireRows(megabytes * 20_000)), call(2, ["None"])));
      await until(() => broker.stats().callsHeld === 1);
      const idle = broker.idle();
      discard.mockClear();
      broker.terminate("closed");
      await idle;
      expect(broker.stats().callsHeld).toBe(0);
      expect(discard.mock.contexts.map((session) => (session as Session).pendingBytes)).toEqual([0]);
    }
  });

  test("that cannot be read is answered, and its references are released", async () => {
    const { broker, peer } = await open();
    const references = (first: number): Wire => [
      "list",
      ...Array.from({ length: 3000 }, (_, id): Wire => ["remote", first + id]),
    ];
    await peer.sendBytes(wire(call(1, ["list", references(1), ["unknown.Type", 1, 2], references(4000)])));
    const answers: string[] = [];
    await until(() => {
      answers.push(...peer.received());
      return answers.length >= 6001;
    });
    expect(answers[0]).toContain("InsecureJelly");
    expect(answers.filter((message) => message.startsWith("(decref"))).toHaveLength(6000);
    expect(new Set(answers).size).toBe(6001);
    expect(broker.stats().referencesHeld).toBe(0);
  });

  test("that takes too much memory ends its connection", async () => {
    const { broker, peer } = await open({ limits: { messageHeapBytes: 1_000_000 } });
    await peer.sendBytes(wire(call(1, wireRows(20_000))));
    expect(await broker.closed).toMatchObject({ reason: "limit", cause: { limit: "messageHeapBytes" } });
  });

  test("with a long list in place of the id of an object, a method or a truth is treated as one with a short list", async () => {
    const list = (length: number): Wire => Array.from({ length }, (_, index): Wire => [index]);
    const outcome = async (length: number): Promise<unknown> => {
      const { broker, peer } = await open();
      const messages = [
        ["message", 1, "root", "note", list(length), ["tuple", 1], ["dictionary"]],
        ["message", 2, list(length), "note", 1, ["tuple", 1], ["dictionary"]],
        ["didNotUnderstand", list(length)],
        ["message", 3, "root", list(length), 1, ["tuple", 1], ["dictionary"]],
      ] as Wire[];
      await peer.sendBytes(wire(...messages));
      const { reason, cause } = await broker.closed;
      const starts = peer.received().map((message) => message.slice(0, 6));
      return { starts, reason, code: (cause as { code?: string }).code };
    };
    const short = await outcome(3);
    expect(await outcome(50_000)).toEqual(short);
    expect(short).toMatchObject({ reason: "protocol", code: "PROTOCOL_BAD_EXPRESSION", starts: { length: 2 } });
  });
});

describe("a long answer", () => {
  test("resolves its call, and the connection is not idle before", async () => {
    await using pair = await connectedPair({ root: new Store() }, { limits: oneStep });
    const store = await pair.client.getRootObject<Store>();
    let isAnswered = false;
    const answer = store.callRemote("rows", 5000).then((value) => {
      isAnswered = true;
      return value;
    });
    const wasAnswered = pair.client.idle().then(() => isAnswered);
    expect(await answer).toEqual(rows(5000));
    expect(await wasAnswered).toBe(true);
    expect(pair.client.stats().callsWaiting).toBe(0);
  });

  test("rejects its call when the connection ends meanwhile, and when the time is over", async () => {
    for (const isTimeout of [true, false]) {
      const pair = await connectedPair({ root: new Store() }, { limits: oneStep });
      const store = await pair.client.getRootObject<Store>();
      const abort = new AbortController();
      const failed = rejection(store.with({ signal: abort.signal }).callRemote("rows", 50_000));
      await until(() => pair.client.stats().bytesReceived > 2_000_000);
      if (isTimeout) abort.abort(new Error("over"));
      else await pair.client.close();
      expect(await failed).toMatchObject(isTimeout ? { message: "over" } : { reason: "closed" });
      await pair.close();
    }
  });

  test("with the state of a cache gives the cache, which is found in its own state", async () => {
    class Copy extends RemoteCache {
      declare rows: unknown[];
      declare self: unknown;
    }
    const types = new TypeRegistry().register(remoteCache("test.Cache", Copy));
    const { broker, peer } = await brokerAndPeer("initiator", { types, limits: oneStep });
    const root: RemoteReference = await broker.getRootObject();
    const answer = root.callRemote("cache");
    await settled();
    const state: Wire = [
      "dictionary",
      [["unicode", "rows"], wireRows(3000)],
      [
        ["unicode", "self"],
        ["dereference", 1],
      ],
    ];
    await peer.sendBytes(wire(["answer", 1, ["reference", 1, ["test.Cache", 7, state]]]));
    const copy = (await answer) as Copy;
    expect(copy.rows).toHaveLength(3001);
    expect(copy.self).toBe(copy);
    expect(broker.stats().cachesHeld).toBe(1);
  });
});

describe("large messages of several connections", () => {
  const largeCall = wire(call(1, wireRows(20_000)));

  test("are read one after the other, and short calls of others in between", async () => {
    const root = new Store();
    const ends = [await open({ root }), await open({ root }), await open({ root })];
    const waiting = ends.slice(0, 2).map(({ peer }) => peer.sendBytes(largeCall));
    await until(() => ends[0]!.broker.stats().callsHeld === 1);
    await ends[2]!.peer.sendBytes(wire(call(1, ["unicode", "short"], "note")));
    await until(() => root.calls.length === 1);
    let together = 0;
    await until(() => {
      const reading = ends.filter(({ broker }) => broker.stats().callsHeld === 1).length;
      together = Math.max(together, reading);
      return root.calls.length === 3;
    });
    expect(root.calls).toEqual(["short", "put", "put"]);
    expect(together).toBe(1);
    await Promise.all(waiting);
  });

  test("do not wait for a connection that has ended, before or during its message", async () => {
    const root = new Store();
    const ends = [await open({ root }), await open({ root }), await open({ root })];
    const sent = ends.map(({ peer }) => peer.sendBytes(largeCall));
    await until(() => ends[0]!.broker.stats().callsHeld === 1);
    ends[1]!.broker.terminate("closed");
    ends[0]!.broker.terminate("closed");
    await until(() => root.calls.length === 1);
    await Promise.all(sent);
    expect(ends[2]!.peer.received().join()).toContain("answer 1");
  });

  test("count for the memory of the process while they are read", async () => {
    const limits = { processHeapBytes: 3_000_000, messageHeapBytes: 2 ** 30, connectionHeapBytes: 2 ** 30 };
    const { broker, peer } = await open({ limits });
    await peer.sendBytes(largeCall);
    expect(await broker.closed).toMatchObject({ reason: "limit", cause: { limit: "processHeapBytes" } });
  });
});
