// A caller that does not wait anymore, and the deadlines and traces of calls, between two ends of this library.

import { callContext, CallTimeoutError, Referenceable, Root } from "@pb/broker";
import type { BrokerEvent, BrokerOptions, CallContext, RemoteReference } from "@pb/broker";
import { connectedPair } from "@pb/broker/testing";
import { describe, expect, onTestFinished, test } from "vitest";
import { runningCalls } from "../../src/calls/call-context.js";
import { brokerAndPeer, rejection, settled } from "../support/raw-peer.js";

const TRACE = `00-${"a1".repeat(16)}-${"b2".repeat(8)}-01`;

class Thing extends Referenceable {
  released = 0;

  override unreferenced(): void {
    this.released++;
  }
}

class Shop extends Root {
  readonly contexts: CallContext[] = [];
  readonly thing = new Thing();
  readonly gates: (() => void)[] = [];
  runs = 0;
  other: RemoteReference<Shop> | undefined;

  remote_now(): void {
    this.contexts.push(callContext());
  }

  /** Waits for the test, or rejects when the caller has gone. */
  remote_watch(): Promise<never> {
    const { signal } = callContext();
    this.contexts.push(callContext());
    return new Promise((_resolve, reject) => {
      signal.addEventListener("abort", () => reject(signal.reason as Error));
    });
  }

  /** Fails in another way when the caller has gone. */
  remote_bug(): Promise<never> {
    const { signal } = callContext();
    return new Promise((_resolve, reject) => {
      signal.addEventListener("abort", () => reject(new TypeError("a bug")));
    });
  }

  /** Runs on although the caller has gone. */
  async remote_thing(): Promise<Thing> {
    this.runs++;
    this.contexts.push(callContext());
    await new Promise<void>((resolve) => this.gates.push(resolve));
    return this.thing;
  }

  /** Calls on, behind an await. */
  async remote_forward(timeoutMs?: number): Promise<unknown> {
    await settled();
    if (timeoutMs !== undefined) return this.other!.with({ timeoutMs }).callRemote("now");
    return this.other!.callRemote("now");
  }
}

async function open(server: BrokerOptions = {}, client: BrokerOptions = {}) {
  const shop = new Shop();
  const pair = await connectedPair({ root: shop, ...server }, client);
  onTestFinished(() => pair.close());
  return { shop, pair, root: await pair.client.getRootObject<Shop>() };
}

const pbx = (method: string, args: string): string => `(message 900 pbx ${method} 0 (tuple ${args}) (dictionary))`;

describe("a call that is canceled", () => {
  test("aborts the signal of the method, whose answer is the only one", async () => {
    const { shop, pair, root } = await open();
    const controller = new AbortController();
    const call = rejection(root.with({ signal: controller.signal }).callRemote("watch"));
    await pair.settled();
    const reason = new Error("not needed anymore");
    controller.abort(reason);
    expect(await call).toBe(reason);
    await pair.settled();
    const { signal } = shop.contexts[0]!;
    expect(signal.aborted).toBe(true);
    expect((signal.reason as Error).message).toContain("canceled");
    expect(pair.client.stats().callsWaiting).toBe(0);
    expect(await root.callRemote("now")).toBeNull(); // The connection is in order.
  });

  test("by its timeout aborts the signal too", async () => {
    const { shop, pair, root } = await open();
    const call = rejection(root.with({ timeoutMs: 5 }).callRemote("watch"));
    expect(await call).toBeInstanceOf(CallTimeoutError);
    await pair.settled();
    expect(shop.contexts[0]!.signal.aborted).toBe(true);
  });

  test("fails as at its own deadline when the callee is the first that notices", async () => {
    const { broker, peer } = await brokerAndPeer("initiator");
    const root = await broker.getRootObject();
    const calls = [root.with({ timeoutMs: 60_000 }).callRemote("slow"), root.callRemote("slow")].map(rejection);
    const failure = (id: number) =>
      `(error ${id} (twisted.spread.pb.CopyableFailure (dictionary (type pbx.Canceled))))`;
    await peer.send(failure(1), failure(4));
    expect(await calls[0]).toEqual(new CallTimeoutError("slow was not answered within 60000 ms"));
    expect(await calls[1]).toMatchObject({ remoteType: "pbx.Canceled" });
    await broker.close();
  });

  test("is answered with an error that says so, and other errors of the method are reported", async () => {
    const shop = new Shop();
    const events: BrokerEvent[] = [];
    const { broker, peer } = await brokerAndPeer("listener", { root: shop, onEvent: (event) => events.push(event) });
    await peer.send("(message 5 root watch 1 (tuple) (dictionary))", pbx("cancel", "5"));
    await settled();
    expect(peer.received().at(-1)).toMatch(/^\(error 5 .*pbx\.Canceled/);
    expect(events).toEqual([]);
    await peer.send("(message 6 root bug 1 (tuple) (dictionary))", pbx("cancel", "6"));
    await settled();
    expect(peer.received().at(-1)).toMatch(/^\(error 6 .*pbx\.Canceled/);
    expect(events).toMatchObject([{ kind: "method-failed", method: "bug", error: new TypeError("a bug") }]);
    await broker.close();
  });

  test("is answered nevertheless, and what the late answer contains is released at once", async () => {
    const { shop, pair, root } = await open();
    const controller = new AbortController();
    const call = rejection(root.with({ signal: controller.signal }).callRemote("thing"));
    await pair.settled();
    controller.abort();
    await call;
    shop.gates[0]!();
    await pair.settled();
    expect(shop.thing.released).toBe(1);
    expect(pair.client.stats()).toMatchObject({ referencesHeld: 0, callsWaiting: 0 });
  });

  test("keeps a reference that the program has from another answer", async () => {
    const { shop, pair, root } = await open();
    const first = root.callRemote("thing");
    const controller = new AbortController();
    const second = rejection(root.with({ signal: controller.signal }).callRemote("thing"));
    await pair.settled();
    controller.abort();
    for (const finish of shop.gates) finish();
    const thing = await first;
    await second;
    await pair.settled();
    expect(pair.client.stats().referencesHeld).toBe(1);
    expect(thing.isAlive).toBe(true);
    thing[Symbol.dispose]();
    await pair.settled();
    expect(shop.thing.released).toBe(1);
  });

  test("does not start when it is held, and gets an error as its answer", async () => {
    const { shop, pair, root } = await open({ limits: { callsRunning: 1 } });
    const first = root.callRemote("thing");
    const controller = new AbortController();
    const second = rejection(root.with({ signal: controller.signal }).callRemote("thing"));
    const third = root.callRemote("thing");
    await pair.settled();
    controller.abort();
    await pair.settled();
    for (let call = 0; call < 2; call++) {
      shop.gates[call]!();
      await pair.settled();
    }
    await Promise.all([first, second, third]);
    expect(shop.runs).toBe(2);
    expect(pair.client.stats().callsWaiting).toBe(0);
  });

  test("does not start when its deadline is over while it is held", async () => {
    const { shop, pair, root } = await open({ limits: { callsRunning: 1 } });
    const first = root.callRemote("thing");
    const second = await rejection(root.with({ timeoutMs: 5 }).callRemote("thing"));
    expect(second).toBeInstanceOf(CallTimeoutError);
    shop.gates[0]!();
    await first;
    await pair.settled();
    expect(shop.runs).toBe(1);
    expect(pair.client.stats().callsWaiting).toBe(0);
  });

  test("before it is sent, or without the extensions, sends nothing", async () => {
    const { shop, pair, root } = await open({ extensions: false });
    expect(await rejection(root.with({ signal: AbortSignal.abort(1) }).callRemote("watch"))).toBe(1);
    expect(await rejection(root.with({ timeoutMs: 5 }).callRemote("watch"))).toBeInstanceOf(CallTimeoutError);
    await pair.settled();
    expect(shop.contexts.map(({ signal, deadline }) => [signal.aborted, deadline])).toEqual([[false, undefined]]);
  });
});

describe("the deadline of a call", () => {
  test("reaches the method as a time on its own clock", async () => {
    const { shop, root } = await open();
    const before = performance.now();
    await root.with({ timeoutMs: 60_000 }).callRemote("now");
    await root.callRemote("now");
    await root.with({ timeoutMs: Infinity }).callRemote("now");
    const [deadline, none, never] = shop.contexts.map((context) => context.deadline);
    expect(deadline).toBeGreaterThanOrEqual(before + 60_000);
    expect(deadline).toBeLessThanOrEqual(performance.now() + 60_000);
    expect([none, never]).toEqual([undefined, undefined]);
  });

  test("reaches the first method of a process that asks for it", async () => {
    const { shop, root } = await open();
    runningCalls.areUsed = false; // As in a new process.
    await root.with({ timeoutMs: 60_000, traceparent: TRACE }).callRemote("now");
    const [first] = shop.contexts;
    expect([first!.deadline !== undefined, first!.traceparent]).toEqual([true, TRACE]);
  });

  test("is passed on, shorter, to the calls that the method makes, unless they have one of their own", async () => {
    const { shop, pair, root } = await open();
    const back = await pair.server.getRootObject<Shop>();
    const last = await open();
    shop.other = last.root;
    await root.with({ timeoutMs: 60_000 }).callRemote("forward");
    await root.with({ timeoutMs: 60_000 }).callRemote("forward", 30_000);
    await root.with({ timeoutMs: 60_000 }).callRemote("forward", Infinity);
    const [shorter, own, never] = last.shop.contexts.map((context) => context.deadline);
    const now = performance.now();
    expect(shorter! - now).toBeGreaterThan(30_000);
    expect(shorter! - now).toBeLessThan(60_000);
    expect(own! - now).toBeLessThan(30_000);
    expect(never).toBeUndefined();
    back[Symbol.dispose]();
  });

  test("ends the calls that the method makes", async () => {
    const { shop, root } = await open();
    const last = await open();
    shop.other = { callRemote: () => last.root.callRemote("watch") } as never;
    await rejection(root.with({ timeoutMs: 50 }).callRemote("forward")); // By the timer of either end.
    await expect.poll(() => last.shop.contexts.at(-1)?.signal.aborted ?? true).toBe(true);
  });
});

describe("the trace of a call", () => {
  test("reaches the method, and the methods that it calls", async () => {
    const { shop, root } = await open();
    const last = await open();
    shop.other = last.root;
    await root.with({ traceparent: TRACE, tracestate: "a=1" }).callRemote("now");
    await root.with({ traceparent: TRACE }).callRemote("forward");
    expect(shop.contexts[0]).toMatchObject({ traceparent: TRACE, tracestate: "a=1" });
    expect(last.shop.contexts[0]).toMatchObject({ traceparent: TRACE, tracestate: undefined });
  });

  test.each([[{ traceparent: "00-1-2-3" }], [{ tracestate: "a=1" }], [{ traceparent: TRACE, tracestate: "\n" }]])(
    "is refused in another form: %j",
    async (options) => {
      const { root } = await open();
      expect(() => root.with(options)).toThrow(TypeError);
    },
  );
});

describe("a stock peer", () => {
  test("is asked once what it can do, and gets notes and cancellations only until it has answered", async () => {
    const { broker, peer } = await brokerAndPeer("initiator");
    const root = await broker.getRootObject();
    const controller = new AbortController();
    void rejection(root.with({ timeoutMs: 60_000, signal: controller.signal }).callRemote("a"));
    await settled();
    expect(peer.received()).toEqual([
      "(message 2 pbx hello 1 (tuple) (dictionary))",
      expect.stringMatching(/^\(message 3 pbx note 0 \(tuple 1 \(dictionary/) as string,
      "(message 1 root a 1 (tuple) (dictionary))",
    ]);
    await peer.send("(error 2 (pb.CopyableFailure (dictionary)))");
    controller.abort();
    void rejection(root.with({ timeoutMs: 60_000 }).callRemote("b"));
    await settled();
    expect(peer.received()).toEqual(["(message 4 root b 1 (tuple) (dictionary))"]);
    await peer.send("(answer 1 1)", "(answer 4 2)");
    expect(broker.isOpen).toBe(true);
    await broker.close();
  });

  test.each([
    ["nothing of use", "(answer 2 (None))"],
    ["a list", "(answer 2 (list cancel))"],
    ["features that are no list", "(answer 2 (dictionary (features 7)))"],
    ["an object of an unknown class", "(answer 2 (some.Class (dictionary)))"],
  ])("whose own pbx answers %s is treated as one without", async (_what, answer) => {
    const { broker, peer } = await brokerAndPeer("initiator");
    const root = await broker.getRootObject();
    const controller = new AbortController();
    void rejection(root.with({ signal: controller.signal }).callRemote("a"));
    await settled();
    controller.abort();
    await settled();
    expect(peer.received().slice(1)).toEqual([
      "(message 2 pbx hello 1 (tuple) (dictionary))",
      "(message 3 pbx cancel 0 (tuple 1) (dictionary))",
    ]);
    await peer.send(answer);
    void rejection(root.with({ signal: AbortSignal.timeout(1) }).callRemote("b"));
    await expect.poll(() => peer.received().length).toBe(1);
    await settled();
    expect(peer.received()).toEqual([]);
    await broker.close();
  });
});

describe("notes and cancellations that make no sense", () => {
  const call = (id: number): string => `(message ${id} root now 1 (tuple) (dictionary))`;

  async function stranger() {
    const shop = new Shop();
    return { shop, ...(await brokerAndPeer("listener", { root: shop })) };
  }

  test.each([
    ["no id", "note", ""],
    ["an id that is no number", "note", "(list) (dictionary)"],
    ["no details", "note", "5"],
    ["a huge id", "cancel", "1.5"],
    ["an unknown id", "cancel", "77"],
    ["an id that is text", "cancel", "(list)"],
  ])("with %s are ignored and counted", async (_what, method, args) => {
    const { shop, broker, peer } = await stranger();
    await peer.send(pbx(method, args), call(5));
    expect(shop.contexts[0]!.deadline).toBeUndefined();
    expect(broker.stats().extensionsIgnored).toBe(1);
    expect(peer.received()).toEqual(["(answer 5 (None))"]);
    await broker.close();
  });

  test.each([
    ["b=2", `(unicode traceparent) (unicode ${TRACE})`],
    ["x".repeat(8193), `(unicode traceparent) (unicode ${TRACE})`],
    ["b=2", "a 1"],
  ])("baggage without a trace, and more than 8,192 characters of it, count as none", async (baggage, trace) => {
    const { shop, broker, peer } = await stranger();
    await peer.send(pbx("note", `5 (dictionary ((unicode baggage) (unicode ${baggage})) (${trace}))`), call(5));
    expect(shop.contexts[0]!.baggage).toBe(baggage === "b=2" && trace !== "a 1" ? baggage : undefined);
    await broker.close();
  });

  test.each([["-1"], ["(list)"], ["(None)"]])("a deadline of %s counts as none", async (deadline) => {
    const { shop, broker, peer } = await stranger();
    await peer.send(pbx("note", `5 (dictionary ((unicode deadline) ${deadline}))`), call(5));
    expect(shop.contexts[0]!.deadline).toBeUndefined();
    await broker.close();
  });

  test("beyond 64 whose call has not arrived remove the oldest", async () => {
    const { shop, broker, peer } = await stranger();
    const note = (id: number): string => pbx("note", `${id} (dictionary ((unicode deadline) 60))`);
    await peer.send(...Array.from({ length: 65 }, (_, index) => note(index)));
    await peer.send(call(0), call(1), call(64), call(64));
    expect(shop.contexts.map(({ deadline }) => deadline !== undefined)).toEqual([false, true, true, false]);
    expect(broker.stats().extensionsIgnored).toBe(1);
    await broker.close();
  });

  test("cancel no call of another connection", async () => {
    const shop = new Shop();
    const first = await brokerAndPeer("listener", { root: shop });
    const second = await brokerAndPeer("listener", { root: shop });
    await first.peer.send("(message 5 root watch 1 (tuple) (dictionary))");
    await second.peer.send(pbx("cancel", "5"));
    expect(shop.contexts[0]!.signal.aborted).toBe(false);
    await first.peer.send(pbx("cancel", "5"), pbx("cancel", "5"));
    expect(shop.contexts[0]!.signal.aborted).toBe(true);
    await settled();
    expect(first.peer.received().filter((message) => message.startsWith("(error 5 "))).toHaveLength(1);
    await Promise.all([first.broker.close(), second.broker.close()]);
  });
});
