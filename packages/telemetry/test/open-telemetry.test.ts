// Spans, durations and propagation, with the SDK of OpenTelemetry.

import { context, propagation, ROOT_CONTEXT, SpanKind, SpanStatusCode, trace } from "@opentelemetry/api";
import { AsyncLocalStorageContextManager } from "@opentelemetry/context-async-hooks";
import { W3CBaggagePropagator } from "@opentelemetry/core";
import { AlwaysOffSampler } from "@opentelemetry/sdk-trace";
import { Avatar, broadcast, Cacheable, callContext, PBError, remoteCache, RemoteCache, Root } from "@pb/broker";
import type { BrokerEvent, CacheObserver, RemoteReference } from "@pb/broker";
import { connectedPair } from "@pb/broker/testing";
import { TypeRegistry } from "@pb/jelly-types";
import { openTelemetry } from "@pb/telemetry";
import { afterEach, describe, expect, onTestFinished, test } from "vitest";
import { open, Recorded } from "./support.js";

const TRACE = `00-${"a1".repeat(16)}-${"b2".repeat(8)}-01`;

class SoldOut extends PBError {}

class Price extends Cacheable {
  static readonly remoteType = "otel.Price";
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

class Shop extends Root {
  readonly price = new Price();
  other: RemoteReference<Shop> | undefined;
  seen: unknown[] = [];
  readonly traces: (string | undefined)[] = [];

  remote_echo(value: unknown): unknown {
    this.traces.push(callContext().traceparent);
    this.seen.push(callContext().baggage, propagation.getBaggage(context.active())?.getEntry("user")?.value);
    return value;
  }
  remote_fail(secret: string): never {
    throw new SoldOut(`no ${secret}`);
  }
  remote_price(): Price {
    return this.price;
  }
  async *remote_numbers(): AsyncGenerator<number> {
    for (let number = 0; number < 3; number++) yield number;
  }
  async remote_forward(): Promise<unknown> {
    await Promise.resolve();
    this.other!.sendRemote("echo", 0);
    return this.other!.callRemote("echo", 1);
  }
  async remote_within(): Promise<unknown> {
    return trace.getTracer("app").startActiveSpan("work", async (span) => {
      await Promise.resolve();
      await this.other!.callRemote("echo", 1);
      span.end();
    });
  }
  remote_wait(): Promise<void> {
    const { signal } = callContext();
    return new Promise((_resolve, reject) => {
      signal.addEventListener("abort", () => reject(signal.reason as Error));
    });
  }
}

const types = new TypeRegistry().register(remoteCache("otel.Price", PriceCopy));

async function recorded(options: ConstructorParameters<typeof Recorded>[0] = {}) {
  const [server, client] = [new Recorded(options), new Recorded(options)];
  const shop = new Shop();
  const opened = await open(shop, { telemetry: server.telemetry }, { telemetry: client.telemetry, types });
  return { server, client, shop, ...opened };
}

describe("a call", () => {
  test("has a span at both ends, in one trace, and a duration", async () => {
    const { server, client, pair, root } = await recorded();
    await root.callRemote("echo", "secret");
    const [made, arrived] = [client.span("root/echo"), server.span("Shop/echo")];
    expect([made.kind, arrived.kind]).toEqual([SpanKind.CLIENT, SpanKind.SERVER]);
    expect(arrived.spanContext().traceId).toBe(made.spanContext().traceId);
    expect(arrived.parentSpanContext).toMatchObject({ spanId: made.spanContext().spanId, isRemote: true });
    expect(made.attributes).toEqual({
      "rpc.system.name": "pb",
      "rpc.method": "root/echo",
      "pb.connection.id": pair.client.id,
    });
    expect(arrived.attributes).toMatchObject({ "rpc.system.name": "pb", "rpc.method": "Shop/echo" });
    expect([made.status.code, arrived.status.code]).toEqual([SpanStatusCode.UNSET, SpanStatusCode.UNSET]);
    expect(JSON.stringify([made.attributes, arrived.attributes, made.events, arrived.events])).not.toContain("secret");
    const system = { "rpc.system.name": "pb", value: 1 };
    expect(await client.points("rpc.client.call.duration")).toEqual([{ ...system, "rpc.method": "root/echo" }]);
    expect(await server.points("rpc.server.call.duration")).toEqual([{ ...system, "rpc.method": "Shop/echo" }]);
    expect(await client.points("rpc.server.call.duration")).toEqual([]);
  });

  test("that fails has the class of the error, and neither its message nor its arguments", async () => {
    const { server, client, root } = await recorded();
    await expect(root.callRemote("fail", "secret")).rejects.toThrow("no secret");
    const [made, arrived] = [client.span("root/fail"), server.span("Shop/fail")];
    expect(arrived).toMatchObject({ attributes: { "error.type": "SoldOut" }, status: { code: SpanStatusCode.ERROR } });
    expect(made).toMatchObject({ attributes: { "error.type": "RemoteError" }, status: { code: SpanStatusCode.ERROR } });
    expect(made.attributes["pb.error.remote_type"]).toMatch(/SoldOut$/);
    expect(JSON.stringify([made.status, made.attributes, arrived.status, arrived.attributes])).not.toContain("secret");
    expect(await server.points("rpc.server.call.duration")).toMatchObject([{ "error.type": "SoldOut" }]);
  });

  test("has the message of the error if the program wants it", async () => {
    const { server, root } = await recorded({ errorMessages: true });
    await root.callRemote("fail", "apples").catch(() => undefined);
    expect(server.span("Shop/fail").status).toEqual({ code: SpanStatusCode.ERROR, message: "no apples" });
  });

  test("of a name that the peer invented has the name of the system, and no label of its own", async () => {
    const { server, root } = await recorded();
    for (let number = 0; number < 20; number++)
      await (root as RemoteReference).callRemote(`invented ${number}`).catch(() => undefined);
    expect(new Set(server.spans.map(({ name }) => name))).toEqual(new Set(["pb"]));
    expect(server.spans[7]).toMatchObject({
      attributes: { "rpc.method": "_OTHER", "rpc.method_original": "invented 7", "error.type": "NoSuchMethod" },
      status: { code: SpanStatusCode.UNSET },
    });
    expect(await server.points("rpc.server.call.duration")).toEqual([
      { "rpc.system.name": "pb", "rpc.method": "_OTHER", "error.type": "NoSuchMethod", value: 20 },
    ]);
  });

  test("of more than 1,000 names has the name of the system at the caller too", async () => {
    const { client, root } = await recorded();
    const calls = Array.from({ length: 1_001 }, (_, number) => (root as RemoteReference).callRemote(`name ${number}`));
    await Promise.allSettled(calls);
    expect(new Set(client.spans.map(({ name }) => name)).size).toBe(1_001);
    expect(client.span("pb").attributes["rpc.method"]).toBe("_OTHER");
    // Names of the caller take no place of those of the callee.
    const both = await open(new Shop(), { telemetry: client.telemetry }, {});
    await both.root.callRemote("echo", 1);
    expect(client.spans.at(-1)!.name).toBe("Shop/echo");
  });

  test("to an object that decides itself what it does with names has those that the program lists", async () => {
    const forwarder = { receiveCall: () => 1, perspective: null, home: {} };
    const server = new Recorded({ methods: ["known"] });
    const pair = await connectedPair({ root: { rootObject: () => forwarder }, telemetry: server.telemetry });
    onTestFinished(() => pair.close());
    const root = await pair.client.getRootObject();
    for (const name of ["known", "other"]) await root.callRemote(name);
    expect(server.spans.map(({ name }) => name)).toEqual(["Object/known", "pb"]);
  });

  test("that is canceled is an error at its caller only", async () => {
    const { server, client, pair, root } = await recorded();
    const controller = new AbortController();
    const call = expect(root.with({ signal: controller.signal }).callRemote("wait")).rejects.toThrow();
    await pair.settled();
    controller.abort();
    await call;
    await expect.poll(() => server.spans.length).toBe(1);
    const attributes = { "error.type": "canceled" };
    expect(client.span("root/wait")).toMatchObject({ attributes, status: { code: SpanStatusCode.ERROR } });
    expect(server.span("Shop/wait")).toMatchObject({ attributes, status: { code: SpanStatusCode.UNSET } });
  });

  test("whose time is over says so", async () => {
    const { server, client, root } = await recorded();
    await expect(root.with({ timeoutMs: 20 }).callRemote("wait")).rejects.toThrow();
    await expect.poll(() => server.spans.length).toBe(1);
    expect(client.span("root/wait").attributes["error.type"]).toBe("timeout");
    // The clock of either end may be the first that notices it.
    expect(server.spans[0]!.attributes["error.type"]).toMatch(/^(timeout|canceled)$/);
  });

  test("of the peer is an error when its method fails or takes too long, and its duration is in seconds", async () => {
    const server = new Recorded();
    const { pair } = await open(new Shop(), {}, {});
    const call = { connection: pair.server, wantsAnswer: true, type: "Shop", method: "wait", requested: "wait" };
    for (const outcome of ["ok", "failed", "refused", "canceled", "timeout", "lost"])
      server.telemetry.incoming!(call as never)!.settled!({ outcome, durationMs: 1_500 } as never);
    const { ERROR, UNSET } = SpanStatusCode;
    expect(server.spans.map(({ status }) => status.code)).toEqual([UNSET, ERROR, UNSET, UNSET, ERROR, UNSET]);
    // The outcomes without the class of an error are one series.
    expect(await server.sums("rpc.server.call.duration")).toEqual([1.5, 3, 1.5, 1.5, 1.5]);
  });

  test("whose connection ends says so at both ends", async () => {
    const { server, client, pair, root } = await recorded();
    const call = expect(root.callRemote("wait")).rejects.toThrow();
    await pair.settled();
    await pair.server.close();
    await call;
    await expect.poll(() => server.spans.length).toBe(1);
    expect(client.span("root/wait").attributes["error.type"]).toBe("lost");
    expect(server.span("Shop/wait").attributes["error.type"]).toBe("lost");
  });

  test("has the address and the attributes that the program gives it, and none if it is ignored", async () => {
    class Portal extends Root {
      remote_login(): Avatar {
        return new (class Member extends Avatar {
          perspective_hi(): string {
            return "hi";
          }
        })();
      }
    }
    const server = new Recorded({
      ignore: ({ method }) => method === "login",
      attributes: (call) => ({ "app.avatar": "perspective" in call && call.perspective !== null }),
    });
    const client = new Recorded({ server: { address: "shop.example", port: 8787 } });
    const { root } = await open(new Portal(), { telemetry: server.telemetry }, { telemetry: client.telemetry });
    const member = (await root.callRemote("login")) as unknown as RemoteReference;
    await member.callRemote("hi");
    expect(server.spans).toMatchObject([{ name: "Member/hi", attributes: { "app.avatar": true } }]);
    expect(client.span("hi").attributes).toMatchObject({ "server.address": "shop.example", "server.port": 8787 });
    expect(await client.points("rpc.client.call.duration")).toHaveLength(2);
    expect(await server.points("rpc.server.call.duration")).toHaveLength(1);
  });
});

describe("a trace", () => {
  test("goes on in the calls of a method, without a context manager", async () => {
    const [middle, last] = [new Recorded(), new Recorded()];
    const shop = new Shop();
    const { root } = await open(shop, { telemetry: middle.telemetry }, {});
    const onward = await open(new Shop(), { telemetry: last.telemetry }, { telemetry: middle.telemetry });
    shop.other = onward.root;
    await root.with({ traceparent: TRACE, tracestate: "a=1" }).callRemote("forward");
    const [arrived, made] = [middle.span("Shop/forward"), middle.span("root/echo")];
    expect(arrived.parentSpanContext).toMatchObject({ traceId: "a1".repeat(16), spanId: "b2".repeat(8) });
    expect(arrived.spanContext().traceState?.serialize()).toBe("a=1");
    expect(made.parentSpanContext?.spanId).toBe(arrived.spanContext().spanId);
    const [oneWay, answered] = last.spans;
    expect(answered!.parentSpanContext?.spanId).toBe(made.spanContext().spanId);
    expect(answered!.spanContext().traceState?.serialize()).toBe("a=1");
    // A call without an answer has no span at the caller.
    expect(oneWay!.parentSpanContext?.spanId).toBe(arrived.spanContext().spanId);
  });

  test("that is not sampled is passed on, and records durations only", async () => {
    const server = new Recorded({}, { sampler: new AlwaysOffSampler() });
    const client = new Recorded({}, { sampler: new AlwaysOffSampler() });
    const shop = new Shop();
    const { root } = await open(shop, { telemetry: server.telemetry }, { telemetry: client.telemetry });
    await root.callRemote("echo", 1);
    expect([server.spans, client.spans]).toEqual([[], []]);
    expect(shop.traces).toEqual([expect.stringMatching(/^00-[0-9a-f]{32}-[0-9a-f]{16}-00$/)]);
    expect(await server.points("rpc.server.call.duration")).toHaveLength(1);
  });

  test("begins at a public server, with a link to the span of the caller", async () => {
    const { server, client, root } = await recorded({ isPublic: true, baggage: new W3CBaggagePropagator() });
    await root.callRemote("echo", 1);
    const [made, arrived] = [client.span("root/echo"), server.span("Shop/echo")];
    expect(arrived.spanContext().traceId).not.toBe(made.spanContext().traceId);
    expect(arrived.parentSpanContext).toBeUndefined();
    expect(arrived.links).toMatchObject([{ context: { spanId: made.spanContext().spanId } }]);
  });

  test("is not there without an SDK", async () => {
    const { shop, root } = await recorded();
    const telemetry = openTelemetry();
    const plain = await open(shop, { telemetry }, { telemetry });
    expect(await plain.root.callRemote("echo", 1)).toBe(1);
    expect(await root.callRemote("echo", 1)).toBe(1);
  });
});

describe("updates of caches, broadcasts and streams", () => {
  test("have no spans of their own, because there may be thousands of them", async () => {
    const { server, client, shop, pair, root } = await recorded();
    await root.callRemote("price");
    for (let value = 0; value < 5; value++) shop.price.observers[0]!.sendRemote("set", value);
    broadcast(shop.price.observers, "set", 6);
    const numbers: number[] = [];
    for await (const number of (await root.callRemote("numbers")) as AsyncIterable<number>) numbers.push(number);
    await pair.settled();
    expect(numbers).toEqual([0, 1, 2]);
    expect(client.spans.map(({ name }) => name)).toEqual(["root/price", "root/numbers"]);
    expect(server.spans.map(({ name }) => name)).toEqual(["Shop/price", "Shop/numbers"]);
    // Their methods at the receiver are measured.
    expect(await client.points("rpc.server.call.duration")).toMatchObject([
      { "rpc.method": "PriceCopy/set", value: 6 },
    ]);
    expect(await server.points("rpc.client.call.duration")).toEqual([]);
  });

  test("nor have calls without an answer that belong to no trace", async () => {
    const { server, client, pair, root } = await recorded();
    root.sendRemote("echo", 1);
    await pair.settled();
    expect([server.spans, client.spans]).toEqual([[], []]);
    expect(await server.points("rpc.server.call.duration")).toMatchObject([{ "rpc.method": "Shop/echo", value: 1 }]);
  });
});

describe("with a context manager", () => {
  afterEach(() => {
    context.disable();
    trace.disable();
  });

  async function managed() {
    context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
    const app = new Recorded({ baggage: new W3CBaggagePropagator() });
    trace.setGlobalTracerProvider(app.tracerProvider);
    const [shop, last] = [new Shop(), new Shop()];
    const { root } = await open(shop, { telemetry: app.telemetry }, { telemetry: app.telemetry });
    shop.other = (await open(last, { telemetry: app.telemetry }, { telemetry: app.telemetry })).root;
    return { app, shop, last, root };
  }

  test("the spans of a method are between the call that it runs for and those that it makes", async () => {
    const { app, root } = await managed();
    await trace.getTracer("app").startActiveSpan("page", async (span) => {
      await root.callRemote("within");
      span.end();
    });
    const path = ["root/echo", "work", "Shop/within", "root/within", "page"].map((name) => app.span(name));
    const ids = path.map((span) => span.spanContext().spanId);
    expect(path.map((span) => span.parentSpanContext?.spanId)).toEqual([...ids.slice(1), undefined]);
  });

  test("a traceparent that the program gives to a call comes first", async () => {
    const { app, root } = await managed();
    await trace.getTracer("app").startActiveSpan("page", async (span) => {
      await root.with({ traceparent: TRACE }).callRemote("echo", 1);
      span.end();
    });
    expect(app.span("root/echo").parentSpanContext).toMatchObject({ spanId: "b2".repeat(8) });
  });

  test("baggage reaches the methods of the peer, and the calls that they make", async () => {
    const { shop, last, root } = await managed();
    const baggage = propagation.createBaggage({ user: { value: "ann & bob" } });
    await context.with(propagation.setBaggage(ROOT_CONTEXT, baggage), () => root.callRemote("forward"));
    expect(shop.seen).toEqual([]);
    expect(last.seen).toEqual(["user=ann%20%26%20bob", "ann & bob", "user=ann%20%26%20bob", "ann & bob"]);
  });

  test("baggage that the broker would refuse is not sent, and the trace is", async () => {
    context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
    let text = "";
    const client = new Recorded({
      baggage: {
        inject: (_context, carrier, setter) => setter.set(carrier, "baggage", text),
        extract: (found) => found,
        fields: () => ["baggage"],
      },
    });
    const shop = new Shop();
    const { root } = await open(shop, {}, { telemetry: client.telemetry });
    const baggage = propagation.setBaggage(ROOT_CONTEXT, propagation.createBaggage());
    const [most, tooMuch] = ["x".repeat(8_192), "x".repeat(8_193)];
    for (text of [most, tooMuch, "user=\u00e9", "a\tb", ""])
      await context.with(baggage, () => root.callRemote("echo", text));
    expect(shop.seen.filter((_, index) => index % 2 === 0)).toEqual([most, undefined, undefined, undefined, undefined]);
    expect(shop.traces.map((trace) => trace?.slice(36, 52))).toEqual(
      client.spans.map((span) => span.spanContext().spanId),
    );
  });

  test("baggage is not sent unless the program wants it", async () => {
    const { shop, root } = await recorded();
    context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
    const baggage = propagation.createBaggage({ user: { value: "ann" } });
    await context.with(propagation.setBaggage(ROOT_CONTEXT, baggage), () => root.callRemote("echo", 1));
    expect(shop.seen).toEqual([undefined, undefined]);
  });
});

test("wrong options are refused, and what a function of the program throws is reported and harms no call", async () => {
  expect(() => openTelemetry({ tracer: 1 } as never)).toThrow(TypeError);
  expect(() => openTelemetry({ methods: "all" } as never)).toThrow("list of names");
  for (const server of [
    { address: "" },
    { address: 7 },
    { address: "a", port: "8787" },
    { address: "a", port: 0 },
    { address: "a", port: 65_536 },
  ])
    expect(() => openTelemetry({ server } as never)).toThrow("server must be an address");
  for (const port of [1, 65_535]) openTelemetry({ server: { address: "a", port } });
  expect(() => openTelemetry({ baggage: {} as never })).toThrow("must be a propagator");
  const events: BrokerEvent[] = [];
  const wrong = new Recorded({
    attributes: () => {
      throw new Error("no attributes");
    },
  });
  const { root } = await open(
    new Shop(),
    { telemetry: wrong.telemetry, onEvent: (event) => void events.push(event) },
    {},
  );
  expect(await root.callRemote("echo", 1)).toBe(1);
  expect(events).toMatchObject([{ kind: "callback-failed", error: { message: "no attributes" } }]);
});
