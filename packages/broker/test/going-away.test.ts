// An end that announces that it will close: no call is lost in either direction.

import { ConnectionLostError, DeadReferenceError, LimitError, Referenceable, Root } from "@pb/broker";
import type { BrokerEvent, BrokerOptions, RemoteReference } from "@pb/broker";
import { ServerBusyError } from "@pb/broker/extension";
import { connectedPair } from "@pb/broker/testing";
import { describe, expect, test } from "vitest";
import { brokerAndPeer, settled } from "./support/raw-peer.js";

class Shop extends Root {
  readonly waiting: (() => void)[] = [];
  taken = 0;

  remote_wait(): Promise<string> {
    return new Promise((resolve) => this.waiting.push(() => resolve("done")));
  }

  remote_take(): void {
    this.taken++;
  }

  async remote_callBack(caller: RemoteReference): Promise<unknown> {
    await new Promise<void>((resolve) => this.waiting.push(resolve));
    return caller.callRemote("ask");
  }
}

class Caller extends Referenceable {
  readonly #shop: RemoteReference;

  constructor(shop: RemoteReference) {
    super();
    this.#shop = shop;
  }

  /** Calls the shop while the shop waits for this call. */
  async remote_ask(): Promise<unknown> {
    return this.#shop.callRemote("take");
  }
}

async function open(client: BrokerOptions = {}) {
  const shop = new Shop();
  const events: BrokerEvent[] = [];
  const pair = await connectedPair({ root: shop }, { onEvent: (event) => events.push(event), ...client });
  return { shop, pair, events, root: await pair.client.getRootObject<Shop>() };
}

describe("the peer of an end that goes away", () => {
  test("makes no further calls, gets the answers of those in flight, and closes", async () => {
    const { shop, pair, root, events } = await open();
    const answer = root.callRemote("wait");
    await pair.settled();
    expect(await pair.server.goAway({ retryAfterMs: 1500 })).toBe(true);
    await pair.settled();
    expect(events).toEqual([{ kind: "going-away", retryAfterMs: 1500 }]);
    await expect(root.callRemote("take")).rejects.toBeInstanceOf(DeadReferenceError);
    root.sendRemote("take"); // Arrives before the end.
    expect(pair.client.isOpen).toBe(true);
    shop.waiting[0]!();
    expect(await answer).toBe("done");
    expect(await pair.client.closed).toMatchObject({
      reason: "lost",
      message: expect.stringContaining("announced") as string,
    });
    expect((await pair.server.closed).reason).toBe("lost");
    expect(shop.taken).toBe(1);
  });

  test("may still call from methods that are called back, on which a running call depends", async () => {
    const { shop, pair, root } = await open();
    const answer = root.callRemote("callBack", new Caller(root as never));
    await pair.settled();
    await pair.server.goAway();
    await pair.settled();
    shop.waiting[0]!();
    expect(await answer).toBeNull();
    expect(shop.taken).toBe(1);
    await pair.client.closed;
  });

  test("is told at once when it observes later, and only once", async () => {
    const { shop, pair, root } = await open();
    void root.callRemote("wait");
    await pair.settled();
    const told: number[] = [];
    pair.client.notifyOnGoAway((ms) => told.push(ms));
    using _removed = pair.client.notifyOnGoAway(() => told.push(-1));
    _removed[Symbol.dispose]();
    await pair.server.goAway({ retryAfterMs: 10 });
    await pair.server.goAway({ retryAfterMs: 20 });
    await pair.settled();
    pair.client.notifyOnGoAway((ms) => told.push(ms));
    expect(told).toEqual([10, 10]);
    shop.waiting[0]!();
    await pair.client.closed;
  });
});

describe("the end that goes away", () => {
  test("makes no further calls itself, because the peer may close at any time", async () => {
    const { shop, pair, root } = await open({ root: new Shop() });
    const back = await pair.server.getRootObject();
    void root.callRemote("wait").catch(() => undefined);
    await pair.settled();
    await pair.server.goAway();
    // Its own running method may call, because the peer waits for it.
    expect(await back.callRemote("take")).toBeNull();
    shop.waiting[0]!();
    await pair.server.closed;
  });

  test("goes on as before when the peer does not have the extensions", async () => {
    const { shop, pair, root } = await open({ extensions: false, root: new Shop() });
    expect(await pair.server.goAway()).toBe(false);
    expect(await root.callRemote("take")).toBeNull();
    expect(await (await pair.server.getRootObject()).callRemote("take")).toBeNull();
    expect(shop.taken).toBe(1);
    await pair.close();
  });

  test("sends a stock peer nothing but a question that it does not log", async () => {
    const { broker, peer } = await brokerAndPeer("listener", { root: new Shop() });
    peer.received();
    const isUnderstood = broker.goAway();
    await settled();
    expect(peer.received()).toEqual(["(message 1 pbx hello 1 (tuple) (dictionary))"]);
    await peer.send("(error 1 (remote 7))");
    expect(await isUnderstood.catch((error: unknown) => error)).not.toBe(true);
    await peer.send("(message 5 root take 1 (tuple) (dictionary))");
    expect(peer.received().at(-1)).toBe("(answer 5 (None))");
    await broker.close();
  });

  test("asks the peer again when too many calls were waiting before", async () => {
    const { shop, pair, root } = await open({ limits: { callsWaiting: 1 } });
    const answer = root.callRemote("wait");
    for (let time = 0; time < 2; time++) await expect(pair.client.goAway()).rejects.toBeInstanceOf(LimitError);
    await pair.settled();
    shop.waiting[0]!();
    expect(await answer).toBe("done");
    expect(await pair.client.goAway()).toBe(true);
    await pair.server.closed;
  });

  test("learns that the connection ended first", async () => {
    const { pair } = await open();
    pair.links.listener.hold();
    const announced = pair.server.goAway();
    pair.links.listener.cut();
    await expect(announced).rejects.toBeInstanceOf(ConnectionLostError);
    await expect(pair.server.goAway()).rejects.toBeInstanceOf(ConnectionLostError);
  });
});

test("a time of days arrives, one of more than a year is cut, and a busy server is asked after an hour", async () => {
  const day = 86_400_000;
  for (const [sent, received] of [
    [day, day],
    [1000 * day, 366 * day],
  ] as const) {
    const { pair, events } = await open();
    await pair.server.goAway({ retryAfterMs: sent });
    await pair.client.closed;
    expect(events[0]).toEqual({ kind: "going-away", retryAfterMs: received });
  }
  const denied = await open();
  denied.pair.server.terminate("denied", Object.assign(new Error("banned"), { retryAfterMs: day }));
  expect(await denied.pair.client.closed).toMatchObject({ reason: "denied", cause: { retryAfterMs: day } });
  const busy = await open();
  busy.pair.server.displace(new ServerBusyError("strangers", day), new Error("no place"));
  expect(await busy.pair.client.closed).toMatchObject({ reason: "busy", cause: { retryAfterMs: 3_600_000 } });
});

test.each([
  ["text", ["soon"]],
  ["a negative time", [{ retryAfter: -1 }]],
  ["a time that is not a number", [{ retryAfter: Number.NaN }]],
  ["an endless time", [{ retryAfter: Infinity }]],
  ["a list", [[1, 2]]],
])(
  "a peer that announces %s instead of a time is believed, but does not decide when to reconnect",
  async (_w, args) => {
    const { pair, events } = await open();
    const pbx = await pair.server.getObject("pbx");
    pbx.sendRemote("goaway", ...args);
    await pair.settled();
    const [event] = events as { kind: string; retryAfterMs?: number }[];
    expect(event!.kind).toBe("going-away");
    expect(event!.retryAfterMs).toBe(0);
    await pair.client.closed;
  },
);

test("the name pbx and names that begin with pbx: are reserved", async () => {
  const { pair } = await open();
  for (const name of ["pbx", "pbx:1"]) expect(() => pair.server.publish(name, new Shop())).toThrow(TypeError);
  await pair.close();
});

test("the announcement is understood however the peer reads numbers and dicts", async () => {
  const events: BrokerEvent[] = [];
  const exact = { exactness: { dicts: "map", integers: "bigint", floats: "exact" } } as const;
  const pair = await connectedPair(exact, { ...exact, onEvent: (event) => events.push(event) });
  expect(await pair.server.goAway({ retryAfterMs: 2000 })).toBe(true);
  await pair.settled();
  expect(events).toContainEqual({ kind: "going-away", retryAfterMs: 2000 });
  await pair.close();
});
