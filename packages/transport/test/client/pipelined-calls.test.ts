// Calls of a reconnecting client know the same as those of a connection: results can be called before they arrive, and
// deadlines, traces and cancellations reach the method.

import { callContext, CallTimeoutError, Referenceable, Root } from "@pb/broker";
import type { BrokerOptions, CallContext } from "@pb/broker";
import { NotConnectedError, OutcomeUnknownError, ReconnectingClient } from "@pb/transport";
import type { ReconnectingClientOptions } from "@pb/transport";
import { describe, expect, onTestFinished, test } from "vitest";
import { until } from "../support/echo.js";
import { connectTo, serve } from "../support/memory-network.js";

const TRACE = `00-${"a1".repeat(16)}-${"b2".repeat(8)}-01`;
const fast = { firstMs: 20, highestMs: 100 };

class Shelf extends Referenceable {
  remote_count(): number {
    return 42;
  }
  remote_self(): this {
    return this;
  }
  remote_next(): Shelf {
    return new Shelf();
  }
}

class Library extends Root {
  readonly contexts: CallContext[] = [];
  readonly gates: (() => void)[] = [];
  next: ReconnectingClient<Library> | undefined;

  remote_shelf(): Shelf {
    return new Shelf();
  }
  async remote_laterShelf(): Promise<Shelf> {
    await new Promise<void>((resolve) => this.gates.push(resolve));
    return new Shelf();
  }
  remote_now(): void {
    this.contexts.push(callContext());
  }
  async remote_watch(): Promise<never> {
    const { signal } = callContext();
    this.contexts.push(callContext());
    return new Promise((_resolve, reject) => {
      signal.addEventListener("abort", () => reject(signal.reason as Error));
    });
  }
  async remote_forward(): Promise<void> {
    await Promise.resolve();
    await this.next!.callRemote("now");
  }
}

function start(options: ReconnectingClientOptions<Library> = {}, broker: BrokerOptions = {}) {
  const library = new Library();
  const { network, connections } = serve(library, { broker: { onEvent: () => undefined, ...broker } });
  const client = new ReconnectingClient<Library>(network.dial(), { backoff: fast, ...options });
  onTestFinished(() => client.close());
  return { library, network, connections, client };
}

const rejection = (call: Promise<unknown>): Promise<unknown> =>
  call.then(
    () => expect.unreachable(),
    (error: unknown) => error,
  );

describe.each([
  ["a peer with this library", {}],
  ["a stock peer", { extensions: false }],
])("a chain of calls to %s", (_peer, broker) => {
  test("has its result, whether or not there is a connection", async () => {
    const { client } = start({}, broker);
    expect(client.connection).toBeUndefined();
    expect(await client.pipe("shelf").pipe("self").call.count()).toBe(42);
    expect(await client.pipe("shelf").call.count()).toBe(42);
    expect(await client.with({ timeoutMs: 60_000 }).pipe("shelf").pipe("self").callRemote("count")).toBe(42);
    const shelf = client.pipe("shelf");
    expect(await shelf.with({ timeoutMs: 60_000 }).pipe("self").with({ timeoutMs: 60_000 }).callRemote("count")).toBe(
      42,
    );
    expect(await (await shelf).callRemote("count")).toBe(42);
  });

  test("is answered although its first result is released meanwhile", async () => {
    const { client } = start({}, broker);
    await client.current();
    const shelf = client.pipe("shelf");
    const next = [shelf.pipe("next"), shelf.with({ timeoutMs: 60_000 }).pipe("next")];
    shelf[Symbol.dispose]();
    expect(await rejection(shelf.pipe("next"))).toMatchObject({ code: "REFERENCE_DEAD" });
    expect(await Promise.all(next.map((each) => each.callRemote("count")))).toEqual([42, 42]);
    await expect.poll(async () => (await shelf).isAlive).toBe(false);
  });
});

test("the calls of a chain are sent together, also the first over a new connection", async () => {
  const starts: string[] = [];
  const { library, client } = start({}, { telemetry: { incoming: ({ method }) => void starts.push(method!) } });
  const count = client.pipe("laterShelf").pipe("self").callRemote("count");
  await until(() => library.gates.length === 1, "the first call runs");
  const { connection } = client;
  expect(connection!.stats().callsWaiting).toBeGreaterThanOrEqual(3); // the others do not wait for the first
  library.gates[0]!();
  expect(await count).toBe(42);
  expect(starts).toEqual(["laterShelf", "self", "count"]);
});

test("without a connection, a chain fails as its first call does", async () => {
  const { client } = start({ whileDown: "fail" });
  const shelf = client.pipe("shelf");
  const count = rejection(shelf.callRemote("count"));
  expect(await rejection(shelf)).toBeInstanceOf(NotConnectedError);
  expect(await count).toMatchObject({
    remoteType: "pbx.DependencyFailed",
    cause: expect.any(NotConnectedError) as Error,
  });
});

test("the deadline of a chain counts while there is no connection", async () => {
  const client = new ReconnectingClient<Library>(() => new Promise(() => undefined));
  onTestFinished(() => client.close());
  const shelf = client.with({ timeoutMs: 5 }).pipe("shelf");
  expect(await rejection(shelf)).toEqual(new CallTimeoutError("shelf was not answered within 5 ms"));
  const waiting = client.pipe("shelf");
  const count = await rejection(waiting.with({ timeoutMs: 5 }).callRemote("count"));
  expect(count).toEqual(new CallTimeoutError("count was not answered within 5 ms"));
  waiting.catch(() => undefined);
});

test("when the connection ends, the outcome of a chain is unknown, and it is not sent again", async () => {
  const { library, network, client } = start({ idempotent: ["laterShelf"] });
  const shelf = client.pipe("laterShelf");
  const count = rejection(shelf.callRemote("count"));
  await until(() => library.gates.length === 1, "the first call runs");
  network.drop();
  expect(await rejection(shelf)).toBeInstanceOf(OutcomeUnknownError);
  expect(await count).toMatchObject({ code: "CONNECTION_LOST" });
  await client.callRemote("now"); // over the next connection
  expect(library.gates).toHaveLength(1);
});

test("a pipelined reference knows the end of its connection, and can be released", async () => {
  const { network, client } = start();
  const shelf = client.pipe("shelf");
  const lost: unknown[] = [];
  shelf.notifyOnDisconnect((reference) => lost.push(reference));
  shelf.notifyOnDisconnect(() => lost.push("unsubscribed"))[Symbol.dispose]();
  await shelf.drained();
  expect(await shelf.callRemote("count")).toBe(42);
  network.drop();
  await until(() => lost.length > 0, "the end was told");
  expect(lost).toEqual([shelf]);
  shelf[Symbol.dispose]();
  expect(await rejection(shelf.callRemote("count"))).toMatchObject({ code: "REFERENCE_DEAD" });
});

test("the deadline, the trace and a cancellation of a call reach the method", async () => {
  const { library, client } = start();
  await client.with({ timeoutMs: 60_000, traceparent: TRACE, tracestate: "a=1", baggage: "b=2" }).callRemote("now");
  expect(library.contexts[0]).toMatchObject({ traceparent: TRACE, tracestate: "a=1", baggage: "b=2" });
  for (const wrong of [{ baggage: "b=2" }, { baggage: "é", traceparent: TRACE }, { baggage: 5 as never }])
    expect(() => client.with(wrong)).toThrow("The option baggage");
  expect(library.contexts[0]!.deadline! - performance.now()).toBeLessThanOrEqual(60_000);
  const controller = new AbortController();
  const call = rejection(client.with({ signal: controller.signal }).callRemote("watch"));
  await until(() => library.contexts.length === 2, "the method runs");
  controller.abort(new Error("gone"));
  expect(await call).toEqual(new Error("gone"));
  const over = await rejection(client.with({ timeoutMs: 5 }).callRemote("watch"));
  expect(over).toEqual(new CallTimeoutError("watch was not answered within 5 ms"));
  await until(() => library.contexts.slice(1).every(({ signal }) => signal.aborted), "the signals abort");
});

test("calls that a method makes over a client pass on its trace and its deadline, also while there is no connection", async () => {
  const last = start();
  const { library, network } = start();
  library.next = last.client;
  const connection = await connectTo(network);
  const root = await connection.getRootObject<Library>();
  await root.with({ timeoutMs: 60_000, traceparent: TRACE, baggage: "b=2" }).callRemote("forward");
  expect(last.library.contexts[0]).toMatchObject({ traceparent: TRACE, baggage: "b=2" });
  expect(last.library.contexts[0]!.deadline! - performance.now()).toBeLessThanOrEqual(60_000);
  const down = new ReconnectingClient<Library>(() => new Promise(() => undefined));
  onTestFinished(() => down.close());
  library.next = down;
  const errors: unknown[] = [];
  library.remote_forward = async () => {
    await down.callRemote("now").catch((error: unknown) => errors.push(error));
  };
  await rejection(root.with({ timeoutMs: 20 }).callRemote("forward"));
  await until(() => errors.length === 1, "the call has ended");
  expect(errors[0]).toBeInstanceOf(CallTimeoutError);
});
