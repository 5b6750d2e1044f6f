// Hooks that observe calls: each call of both ends is reported once when it starts and once when it ends.

import { AsyncLocalStorage } from "node:async_hooks";
import { Avatar, Cacheable, callContext, PBError, Referenceable, remoteCache, RemoteCache, Root } from "@pb/broker";
import type { BrokerEvent, BrokerOptions, CacheObserver, RemoteReference } from "@pb/broker";
import { connectedPair } from "@pb/broker/testing";
import type { ConnectedPair } from "@pb/broker/testing";
import { TypeRegistry } from "@pb/jelly-types";
import { expect, onTestFinished, test } from "vitest";
import { brokerAndPeer, rejection, settled } from "../support/raw-peer.js";

type Telemetry = NonNullable<BrokerOptions["telemetry"]>;
type Made = Parameters<NonNullable<Telemetry["outgoing"]>>[0];
type Arrived = Parameters<NonNullable<Telemetry["incoming"]>>[0];
type Observer = NonNullable<ReturnType<NonNullable<Telemetry["incoming"]>>>;
type End = Parameters<NonNullable<Observer["settled"]>>[0];

const TRACE = `00-${"a1".repeat(16)}-${"b2".repeat(8)}-01`;
const SPAN = `00-${"a1".repeat(16)}-${"c3".repeat(8)}-01`;
const INNER = `00-${"a1".repeat(16)}-${"d4".repeat(8)}-01`;

/** Hooks that record the calls and how they end. */
class Recorder {
  readonly made: Made[] = [];
  readonly arrived: Arrived[] = [];
  readonly madeEnds: End[] = [];
  readonly arrivedEnds: End[] = [];
  readonly telemetry: Telemetry;

  constructor(observer: Observer = {}) {
    this.telemetry = {
      outgoing: (call) => {
        this.made.push(call);
        return { ...observer, settled: (end) => void this.madeEnds.push(end) };
      },
      incoming: (call) => {
        this.arrived.push(call);
        return { ...observer, settled: (end) => void this.arrivedEnds.push(end) };
      },
    };
  }

  /** What became of the calls, in the order of their ends. */
  get outcomes() {
    const show = ({ outcome, errorClass }: End): string =>
      errorClass === undefined ? outcome : `${outcome} ${errorClass}`;
    return { made: this.madeEnds.map(show), arrived: this.arrivedEnds.map(show) };
  }
}

class Shelf extends Referenceable {
  remote_count(): number {
    return 42;
  }
}

class Price extends Cacheable {
  static readonly remoteType = "telemetry.Price";
  readonly observers: CacheObserver[] = [];
  override getStateToCacheAndObserveFor(_perspective: unknown, observer: CacheObserver): object {
    this.observers.push(observer);
    return {};
  }
  override stoppedObserving(): void {}
}

class PriceCopy extends RemoteCache {
  observe_set(_value: number): void {}
}

class SoldOut extends PBError {}

class Shop extends Root {
  readonly price = new Price();
  readonly gates: (() => void)[] = [];
  readonly seen: (string | undefined)[] = [];
  other: RemoteReference<Shop> | undefined;

  remote_echo(value: unknown): unknown {
    this.seen.push(callContext().traceparent);
    return value;
  }
  async remote_wait(): Promise<string> {
    const { signal } = callContext();
    await new Promise<void>((resolve, reject) => {
      this.gates.push(resolve);
      signal.addEventListener("abort", () => reject(signal.reason as Error));
    });
    return "done";
  }
  /** Runs on although its caller has gone. */
  async remote_stay(): Promise<Shelf> {
    await new Promise<void>((resolve) => this.gates.push(resolve));
    return new Shelf();
  }
  remote_fail(): never {
    throw new SoldOut("no apples");
  }
  remote_shelf(): Shelf {
    return new Shelf();
  }
  async remote_laterShelf(): Promise<Shelf> {
    await new Promise<void>((resolve) => this.gates.push(resolve));
    return new Shelf();
  }
  remote_unsendable(): unknown {
    return () => undefined;
  }
  remote_promises(): unknown {
    return [Promise.resolve(1), Promise.resolve(2)];
  }
  remote_price(): Price {
    return this.price;
  }
  async remote_forward(): Promise<unknown> {
    await settled();
    this.other!.sendRemote("echo", 0);
    return this.other!.callRemote("echo", 1);
  }
  static readonly parameters = { echo: ["value"] };
}

const types = new TypeRegistry().register(remoteCache("telemetry.Price", PriceCopy));

async function open({ server = {}, client = {} }: { server?: BrokerOptions; client?: BrokerOptions } = {}) {
  const shop = new Shop();
  const [ours, theirs] = [new Recorder(), new Recorder()];
  const pair = await connectedPair(
    { root: shop, telemetry: theirs.telemetry, ...server },
    { types, telemetry: ours.telemetry, ...client },
  );
  onTestFinished(() => pair.close());
  return { shop, pair, ours, theirs, root: (await pair.client.getRootObject()) as unknown as RemoteReference<Shop> };
}

test("a call is reported at both ends, with its class and method, its sizes and its duration", async () => {
  const { pair, ours, theirs, root } = await open();
  expect(await root.callRemote("echo", "hi")).toBe("hi");
  expect(ours.made).toEqual([
    {
      connection: pair.client,
      target: "root",
      method: "echo",
      wantsAnswer: true,
      traceparent: undefined,
      tracestate: undefined,
      baggage: undefined,
    },
  ]);
  expect(theirs.arrived).toEqual([
    {
      connection: pair.server,
      perspective: null,
      type: "Shop",
      method: "echo",
      requested: "echo",
      wantsAnswer: true,
      traceparent: undefined,
      tracestate: undefined,
      baggage: undefined,
      waitedMs: expect.any(Number) as number,
    },
  ]);
  const end = { outcome: "ok", error: undefined, errorClass: undefined, durationMs: expect.any(Number) as number };
  const { bytes, answerBytes } = ours.madeEnds[0]!;
  expect([bytes, answerBytes].every((size) => size! > 10 && size! < 100)).toBe(true);
  expect(ours.madeEnds).toEqual([{ ...end, bytes, answerBytes }]);
  expect(theirs.arrivedEnds).toEqual([{ ...end, bytes, answerBytes }]);
  expect([ours.arrived, theirs.made]).toEqual([[], []]);
});

test.each<
  [string, (root: RemoteReference, pair: ConnectedPair) => Promise<unknown>, string, string, string | undefined]
>([
  ["fails", (root) => root.callRemote("fail"), "failed RemoteError", "failed SoldOut", "fail"],
  [
    "has no method",
    (root) => root.callRemote("x\n".repeat(199)),
    "failed RemoteError",
    "refused NoSuchMethod",
    undefined,
  ],
  [
    "has wrong arguments",
    (root) => root.callRemote("echo", 1, 2),
    "failed RemoteError",
    "refused ArgumentsError",
    "echo",
  ],
  [
    "has no object",
    async (_root, { client }) => (await client.getObject("gone")).callRemote("a"),
    "failed RemoteError",
    "refused PBError",
    undefined,
  ],
  [
    "has a result that cannot be sent",
    (root) => root.callRemote("unsendable"),
    "failed RemoteError",
    "failed JellyError",
    "unsendable",
  ],
  ["has a result with promises", (root) => root.callRemote("promises"), "ok", "ok", "promises"],
])("a call that %s is reported once", async (_what, call, made, arrived, method) => {
  const { pair, ours, theirs, root } = await open();
  await call(root as unknown as RemoteReference, pair).catch(() => undefined);
  expect(ours.outcomes.made).toEqual([made]);
  expect(theirs.outcomes.arrived).toEqual([arrived]);
  expect(theirs.arrived[0]!.method).toBe(method);
  expect(theirs.arrived[0]!.requested).toMatch(/^[ -~]{1,300}(… \(398 characters\))?$/);
});

test("a name that the peer invented is no label, also where an object decides itself what it does with names", async () => {
  const forwarder = {
    receiveCall: () => "anything",
    perspective: null,
    get home() {
      return this;
    },
  };
  const theirs = new Recorder();
  const pair = await connectedPair({ root: { rootObject: () => forwarder }, telemetry: theirs.telemetry });
  onTestFinished(() => pair.close());
  await (await pair.client.getRootObject()).callRemote("invented");
  expect(theirs.arrived).toMatchObject([{ type: "Object", method: undefined, requested: "invented" }]);
  expect(theirs.outcomes.arrived).toEqual(["ok"]);
});

test("the avatar that is called is reported as the perspective, and gives the class", async () => {
  class Member extends Avatar {
    perspective_hi(): string {
      return "hi";
    }
  }
  const member = new Member();
  class Portal extends Root {
    remote_login(): Member {
      return member;
    }
  }
  const theirs = new Recorder();
  const pair = await connectedPair({ root: new Portal(), telemetry: theirs.telemetry });
  onTestFinished(() => pair.close());
  const avatar = (await (await pair.client.getRootObject()).callRemote("login")) as RemoteReference;
  await avatar.callRemote("hi");
  expect(theirs.arrived.at(-1)).toMatchObject({ type: "Member", method: "hi", perspective: member });
});

test("calls for the items of a stream are not observed at either end", async () => {
  class Log extends Root {
    async *remote_lines(): AsyncGenerator<number> {
      for (let line = 0; line < 3; line++) yield line;
    }
  }
  const [ours, theirs] = [new Recorder(), new Recorder()];
  const pair = await connectedPair({ root: new Log(), telemetry: theirs.telemetry }, { telemetry: ours.telemetry });
  onTestFinished(() => pair.close());
  const lines: unknown[] = [];
  for await (const line of await (await pair.client.getRootObject<Log>()).callRemote("lines")) lines.push(line);
  expect(lines).toEqual([0, 1, 2]);
  for (const calls of [ours.made, theirs.arrived]) expect(calls.map(({ method }) => method)).toEqual(["lines"]);
});

test("calls that are not sent are refused", async () => {
  const { ours, theirs, root } = await open({ client: { limits: { callsWaiting: 1 } } });
  const waiting = root.callRemote("stay");
  const errors = await Promise.all([
    rejection(root.callRemote("echo", 1)),
    rejection(root.callRemote("echo", () => 1)),
  ]);
  expect(errors).toHaveLength(2);
  expect(ours.outcomes.made).toEqual(["refused LimitError", "refused LimitError"]);
  expect(ours.madeEnds[0]!.bytes).toBeUndefined();
  expect(() => root.sendRemote("echo", () => 1)).toThrow();
  expect(ours.outcomes.made.at(-1)).toBe("refused JellyError");
  expect(theirs.outcomes.arrived).toEqual([]);
  void waiting.catch(() => undefined);
});

test("calls without an answer and updates of caches end when they are sent, and when their method has run", async () => {
  const { shop, pair, ours, theirs, root } = await open();
  root.sendRemote("echo", 1);
  root.sendRemote("fail");
  await pair.settled();
  expect(ours.made.map(({ wantsAnswer }) => wantsAnswer)).toEqual([false, false]);
  expect(ours.outcomes.made).toEqual(["ok", "ok"]);
  expect(theirs.outcomes.arrived).toEqual(["ok", "failed SoldOut"]);
  expect(theirs.arrivedEnds[0]!.answerBytes).toBeUndefined();
  const copy = await root.callRemote("price");
  shop.price.observers[0]!.sendRemote("set", 1);
  await pair.settled();
  expect(theirs.made.at(-1)).toMatchObject({ target: undefined, method: "set", wantsAnswer: false });
  expect(ours.arrived).toMatchObject([{ type: "PriceCopy", method: "set" }]);
  expect(ours.outcomes.arrived).toEqual(["ok"]);
  expect(copy).toBeInstanceOf(PriceCopy);
});

test("a call that is canceled ends at once at its caller, and a late answer ends nothing twice", async () => {
  const { shop, pair, ours, theirs, root } = await open();
  const controller = new AbortController();
  const calls = (["wait", "stay"] as const).map((name) =>
    rejection(root.with({ signal: controller.signal }).callRemote(name)),
  );
  await pair.settled();
  controller.abort();
  await Promise.all(calls);
  await pair.settled();
  expect(ours.outcomes.made).toEqual(["canceled DOMException", "canceled DOMException"]);
  expect(theirs.outcomes.arrived).toEqual(["canceled PBError"]);
  for (const open of shop.gates) open();
  await pair.settled();
  expect(ours.madeEnds).toHaveLength(2);
  expect(theirs.outcomes.arrived).toEqual(["canceled PBError", "canceled PBError"]);
});

test("a call whose deadline is over has timed out, at both ends", async () => {
  const { pair, ours, theirs, root } = await open();
  await rejection(root.with({ timeoutMs: 5 }).callRemote("wait"));
  await expect.poll(() => theirs.arrivedEnds.length).toBe(1);
  await pair.settled();
  expect(ours.outcomes.made).toEqual(["timeout CallTimeoutError"]);
  // The callee may notice it by its own clock, or by the message of the caller.
  expect(["timeout CallTimeoutError", "canceled PBError"]).toContain(theirs.outcomes.arrived[0]);
});

test("calls that are held report how long, and those that never run are reported too", async () => {
  const { shop, pair, ours, theirs, root } = await open({ server: { limits: { callsRunning: 1 } } });
  const controller = new AbortController();
  const first = root.callRemote("stay");
  const second = rejection(root.with({ signal: controller.signal }).callRemote("stay"));
  const third = root.callRemote("stay");
  const lost = rejection(root.callRemote("wait"));
  await pair.settled();
  expect(theirs.arrived).toHaveLength(1);
  controller.abort();
  await second;
  await pair.settled();
  shop.gates[0]!();
  await first;
  await pair.settled();
  expect(theirs.outcomes.arrived).toEqual(["ok", "canceled PBError"]);
  expect(theirs.arrived[2]!.waitedMs).toBeGreaterThan(0);
  void third.catch(() => undefined);
  pair.links.listener.cut();
  await lost;
  await pair.server.closed;
  shop.gates[1]!();
  await pair.settled();
  expect(ours.outcomes.made).toEqual([
    "canceled DOMException",
    "ok",
    "lost ConnectionLostError",
    "lost ConnectionLostError",
  ]);
  expect(theirs.outcomes.arrived.slice(2).sort()).toEqual(["lost ConnectionLostError", "lost ConnectionLostError"]);
  expect(theirs.arrived.map(({ method }) => method)).toEqual(["stay", "stay", "stay", "wait"]);
});

test("pipelined calls are reported when they start, with the class of the result, or when they cannot", async () => {
  const { shop, pair, ours, theirs, root } = await open();
  const untyped = root as unknown as RemoteReference;
  const shelf = root.pipe("laterShelf");
  const count = shelf.callRemote("count");
  const failed = rejection(untyped.pipe("fail").callRemote("count"));
  const noReference = rejection(untyped.pipe("echo", 1).callRemote("count"));
  await pair.settled();
  expect(theirs.arrived.map(({ method }) => method)).not.toContain("count");
  shop.gates[0]!();
  expect(await count).toBe(42);
  await Promise.all([failed, noReference]);
  const observed = theirs.arrived.map(({ type, requested }, index) => [type, requested, theirs.arrived[index]!.method]);
  expect(observed).toContainEqual(["Shelf", "count", "count"]);
  expect(observed.filter(([type, name]) => type === undefined && name === "count")).toHaveLength(2);
  expect(theirs.outcomes.arrived.sort()).toEqual([
    "failed SoldOut",
    "ok",
    "ok",
    "ok",
    "refused DependencyFailed",
    "refused NotAReference",
  ]);
  expect(ours.made.filter(({ method, target }) => method === "count" && target === undefined)).toHaveLength(3);
  expect(ours.outcomes.made.filter((outcome) => outcome === "failed RemoteError")).toHaveLength(3);
});

test("the trace of a call reaches the hooks, and the span of a hook reaches the method and the calls that it makes", async () => {
  const last = await open();
  const spans = [SPAN, INNER];
  const middle = new Recorder();
  const telemetry: Telemetry = {
    incoming: (call) => {
      middle.arrived.push(call);
      return { traceparent: SPAN, tracestate: "a=2" };
    },
    outgoing: (call) => {
      middle.made.push(call);
      return { traceparent: INNER };
    },
  };
  const { shop, root } = await open({ server: { telemetry }, client: { telemetry: {} } });
  const onward = await connectedPair({ root: last.shop, telemetry: last.theirs.telemetry }, { telemetry });
  onTestFinished(() => onward.close());
  shop.other = await onward.client.getRootObject<Shop>();
  await root.with({ traceparent: TRACE, tracestate: "a=1" }).callRemote("forward");
  await root.with({ traceparent: TRACE }).callRemote("echo", 1);
  expect(middle.arrived[0]).toMatchObject({ traceparent: TRACE, tracestate: "a=1" });
  expect(shop.seen).toEqual([spans[0]]);
  expect(middle.made).toMatchObject([
    { traceparent: SPAN, tracestate: "a=2", wantsAnswer: false },
    { traceparent: SPAN, tracestate: "a=2", wantsAnswer: true },
  ]);
  expect(last.theirs.arrived).toMatchObject([
    { traceparent: INNER, tracestate: undefined, wantsAnswer: false },
    { traceparent: INNER, tracestate: undefined, wantsAnswer: true },
  ]);
  expect(last.shop.seen).toEqual([INNER, INNER]);
});

test("the baggage of a hook reaches the method, and is passed on until a hook has another trace", async () => {
  const last = await open({ client: { telemetry: {} } });
  const { shop, root, theirs } = await open({ client: { telemetry: { outgoing: () => trace } } });
  let trace: Observer = { traceparent: TRACE, baggage: "user=ann" };
  shop.other = last.root;
  await root.callRemote("forward");
  expect(theirs.arrived[0]).toMatchObject({ traceparent: TRACE, baggage: "user=ann" });
  expect(last.theirs.arrived).toMatchObject([{ baggage: "user=ann" }, { baggage: "user=ann" }]);
  trace = { traceparent: SPAN };
  await root.callRemote("echo", 1);
  expect(theirs.arrived[1]).toMatchObject({ traceparent: SPAN, baggage: undefined });
});

test.each([["x".repeat(8193)], ["a=\n"], [5 as never]])(
  "a baggage in another form is reported, and not sent",
  async (baggage) => {
    const events: BrokerEvent[] = [];
    const telemetry = { outgoing: () => ({ traceparent: TRACE, baggage }) };
    const { root, theirs } = await open({ client: { telemetry, onEvent: (event) => void events.push(event) } });
    await root.callRemote("echo", 1);
    expect(theirs.arrived).toMatchObject([{ traceparent: undefined, baggage: undefined }]);
    expect(events).toMatchObject([{ kind: "callback-failed", error: expect.any(TypeError) as TypeError }]);
  },
);

test("run surrounds the method, also of a pipelined call and behind an await", async () => {
  const storage = new AsyncLocalStorage<string>();
  const seen: (string | undefined)[] = [];
  class Late extends Root {
    async remote_self(): Promise<this> {
      seen.push(storage.getStore());
      await settled();
      seen.push(storage.getStore());
      return this;
    }
  }
  let spans = 0;
  const pair = await connectedPair({
    root: new Late(),
    telemetry: { incoming: () => ({ run: (method) => storage.run(`span ${++spans}`, method) }) },
  });
  onTestFinished(() => pair.close());
  const root = await pair.client.getRootObject<Late>();
  await (root.pipe("self") as unknown as RemoteReference).callRemote("self");
  expect(seen).toEqual(["span 1", "span 1", "span 2", "span 2"]);
});

test("errors of hooks are reported and change nothing", async () => {
  const bug = new TypeError("a bug");
  const fail = (): never => {
    throw bug;
  };
  const events: BrokerEvent[] = [];
  const onEvent = (event: BrokerEvent): void => {
    if (event.kind === "callback-failed") events.push(event);
  };
  const observers: (() => unknown)[] = [
    fail,
    () => ({ settled: fail }),
    () => ({ run: fail }),
    () => ({ traceparent: "nonsense", tracestate: 7 }),
    () => ({ run: (method: () => void) => (method(), method(), fail()) }),
    async () => fail(),
    () => ({ run: () => undefined }),
    () => 7,
    () => null,
  ];
  for (const hook of observers) {
    const telemetry = { incoming: hook, outgoing: hook } as unknown as Telemetry;
    const shop = new Shop();
    const pair = await connectedPair({ root: shop, telemetry, onEvent }, { telemetry, onEvent });
    const root = await pair.client.getRootObject<Shop>();
    expect(await root.callRemote("echo", 1)).toBe(1);
    root.sendRemote("echo", 2);
    await pair.settled();
    expect(shop.seen).toHaveLength(2);
    await expect(root.callRemote("fail")).rejects.toMatchObject({ message: "no apples" });
    await pair.close();
  }
  const counts = events.map(({ kind, ...event }) => [kind, String((event as { error: unknown }).error)]);
  expect(counts.filter(([, error]) => error === String(bug))).toHaveLength(6 + 6 + 3 + 3 + 6);
  expect(counts.filter(([, error]) => error!.includes("traceparent"))).toHaveLength(6);
  expect(counts).toHaveLength(30);
});

test("an observer whose trace is refused is told the end, also if it is an object of a class", async () => {
  class Span {
    readonly traceparent = "nonsense";
    readonly #ends: string[];
    constructor(ends: string[]) {
      this.#ends = ends;
    }
    run(method: () => void): void {
      this.#ends.push("run");
      method();
    }
    settled({ outcome }: End): void {
      this.#ends.push(outcome);
    }
  }
  const [made, arrived]: [string[], string[]] = [[], []];
  const onEvent = (): void => undefined;
  const pair = await connectedPair(
    { root: new Shop(), onEvent, telemetry: { incoming: () => new Span(arrived) } },
    { onEvent, telemetry: { outgoing: () => new Span(made) } },
  );
  onTestFinished(() => pair.close());
  await (await pair.client.getRootObject<Shop>()).callRemote("echo", 1);
  expect([made, arrived]).toEqual([["ok"], ["run", "ok"]]);
});

test("a call whose hook ends the connection is lost", async () => {
  const ends: string[] = [];
  const telemetry: Telemetry = {
    outgoing({ connection }) {
      connection.terminate("unresponsive", new Error("ended by a hook"));
      return { settled: ({ outcome }) => void ends.push(outcome) };
    },
  };
  for (const wantsAnswer of [true, false]) {
    const pair = await connectedPair({ root: new Shop() }, { telemetry });
    const root = await pair.client.getRootObject<Shop>();
    if (wantsAnswer) await expect(root.callRemote("echo", 1)).rejects.toMatchObject({ code: "CONNECTION_LOST" });
    else expect(() => root.sendRemote("echo", 1)).toThrow(expect.objectContaining({ code: "CONNECTION_LOST" }));
  }
  expect(ends).toEqual(["lost", "lost"]);
});

test("calls that a hook makes are not observed, so that hooks cannot call themselves", async () => {
  const ours = new Recorder();
  const calls: (() => void)[] = [];
  const { outgoing } = ours.telemetry;
  const shop = new Shop();
  const telemetry: Telemetry = {
    outgoing: (call) => {
      for (const call of calls) call();
      return outgoing!(call);
    },
  };
  const pair = await connectedPair({ root: shop }, { telemetry });
  onTestFinished(() => pair.close());
  const root = await pair.client.getRootObject<Shop>();
  calls.push(() => root.sendRemote("echo", "from a hook"));
  await root.callRemote("echo", 1);
  expect(ours.made).toHaveLength(1);
  expect(shop.seen).toHaveLength(2);
});

test("a stock peer gets the same bytes with hooks, and its pings and hello are no calls", async () => {
  const bytes: string[][] = [];
  for (const telemetry of [undefined, new Recorder().telemetry]) {
    const { broker, peer } = await brokerAndPeer("initiator", { telemetry });
    const root = await broker.getRootObject();
    void rejection(root.callRemote("a", 1));
    root.sendRemote("b");
    void rejection(broker.ping());
    await settled();
    bytes.push(peer.received());
    await broker.close();
  }
  expect(bytes[1]).toEqual(bytes[0]);
});

test("pings and the messages of pbx are no calls", async () => {
  const { pair, ours, theirs, root } = await open();
  await pair.client.ping();
  await root.with({ timeoutMs: 60_000 }).callRemote("echo", 1); // asks `hello`, and sends a note
  await pair.client.goAway();
  expect(theirs.arrived.map(({ requested }) => requested)).toEqual(["echo"]);
  expect(ours.made.map(({ method }) => method)).toEqual(["echo"]);
});

test("the option refuses what is no hook", async () => {
  await expect(connectedPair({ telemetry: { outgoing: 7 as never } })).rejects.toThrow("The option outgoing");
  await expect(connectedPair({ telemetry: { ingoing: () => undefined } as never })).rejects.toThrow("ingoing");
});
