// Options of connections: undefined is the default, and a value of the wrong kind is refused where it is given.

import { asLocal, Broker, defaultBrokerLimits, pagesOf, Root } from "@pb/broker";
import type { BrokerLimits, BrokerOptions } from "@pb/broker";
import { BrokerConfig, withDeadline } from "@pb/broker/extension";
import { connectedPair } from "@pb/broker/testing";
import { linkPair } from "@pb/broker/testing";
import { describe, expect, test } from "vitest";

class Echo extends Root {
  remote_echo<T>(value: T): T {
    return value;
  }
}

const names = Object.keys(defaultBrokerLimits) as (keyof BrokerLimits)[];
const numbers = names.filter((name) => typeof defaultBrokerLimits[name] === "number");

test.each(names)("undefined is the default of the limit %s", async (name) => {
  const limits = { [name]: undefined };
  expect(new BrokerConfig({ limits }).limits).toStrictEqual(defaultBrokerLimits);
  const { client } = await connectedPair({ root: new Echo(), limits }, { limits });
  const root = await client.getRootObject<Echo>();
  expect(await root.callRemote("echo", [1])).toEqual([1]);
});

describe.each(numbers)("the limit %s", (name) => {
  test.each([NaN, -1, "5", null, {}])("is not %o", (value) => {
    const options = { limits: { [name]: value } } as BrokerOptions;
    expect(() => new BrokerConfig(options)).toThrow(TypeError);
    expect(() => new Broker(linkPair().initiator, options)).toThrow(TypeError);
  });
});

test.each([
  { limits: { messageBytes: 2 ** 31 } },
  { limits: { overload: "drop" } },
  { limits: { banana: { depth: NaN } } },
  { limits: { banana: 5 } },
  { limits: { callsWaitng: 5 } },
  { exactness: { integers: "string" } },
])("refuses %o", (options) => {
  expect(() => new BrokerConfig(options as unknown as BrokerOptions)).toThrow(TypeError);
});

test("undefined is the default of every limit of the codec, also where the message sets it", async () => {
  const banana = { depth: undefined, expressionBytes: undefined } as object;
  const limits = { messageBytes: 1000, banana };
  const { client } = await connectedPair({ root: new Echo(), limits });
  const root = await client.getRootObject<Echo>();
  await expect(root.callRemote("echo", "x".repeat(2000))).rejects.toMatchObject({ code: "CONNECTION_LOST" });
});

test.each([NaN, 0, -1, 1.5, "500"])("the size %o of a page is refused where it is given", (value) => {
  expect(() => pagesOf(new Uint8Array(3), value as number)).toThrow(TypeError);
  expect([...pagesOf(new Uint8Array(3), undefined)]).toEqual([new Uint8Array(3)]);
});

test.each([NaN, -1, "500"])(
  "the time %o after which to return is refused, and the connection goes on",
  async (value) => {
    const { client, server } = await connectedPair({ root: new Echo() });
    await expect(server.goAway({ retryAfterMs: value as number })).rejects.toThrow(TypeError);
    expect(await (await client.getRootObject<Echo>()).callRemote("echo", 1)).toBe(1);
  },
);

test.each([NaN, -1, "500"])("the time %o of a call is refused where it is given", async (value) => {
  const { client } = await connectedPair({ root: new Echo() });
  const root = await client.getRootObject<Echo>();
  const timeoutMs = value as number;
  expect(() => root.with({ timeoutMs })).toThrow(TypeError);
  await expect(
    withDeadline(
      { timeoutMs },
      () => new Error("late"),
      () => Promise.resolve(),
    ),
  ).rejects.toThrow(TypeError);
  expect(await root.with({ timeoutMs: undefined, signal: undefined }).callRemote("echo", 1)).toBe(1);
});

test.each<object>([
  { onevent: () => 1 },
  { onEvent: 5 },
  { describeError: "x" },
  { types: {} },
  { policy: {} },
  { dialects: [] },
  { dialects: [5] },
  { errorClasses: { "a.B": 5 } },
  { unsafeTracebacks: "yes" },
  { extensions: 0 },
  { traceReferences: 1 },
  { limits: [], root: Echo },
  { root: null },
  { root: Promise.resolve(new Echo()) },
  { root: { rootObject: 5 } },
])("the options %o are refused", (options) => {
  expect(() => new BrokerConfig(options)).toThrow(TypeError);
});

test("null and text are no options", () => {
  for (const options of [null, "x", 5]) expect(() => new BrokerConfig(options as never)).toThrow(TypeError);
});

test("options of calls are refused where they are given", async () => {
  const { client } = await connectedPair({ root: new Echo() });
  const root = await client.getRootObject<Echo>();
  for (const reference of [root, asLocal(new Echo()), asLocal(new Echo(), { copy: {} })])
    for (const options of [{ timeout: 5 }, { signal: 5 }, { timeoutMs: "5" }, null])
      expect(() => reference.with(options as object)).toThrow(TypeError);
  expect(() => asLocal(new Echo(), { types: 5 } as object)).toThrow("did you mean copy: { types }?");
});

test("only objects that the peer can call are published", async () => {
  const { client } = await connectedPair({});
  for (const object of [null, {}, Echo, "x"])
    expect(() => client.publish("echo", object as never)).toThrow(/must be a Referenceable/);
  const events: unknown[] = [];
  const root = { rootObject: () => ({}) as never };
  const links = linkPair();
  const server = new Broker(links.listener, { root, onEvent: (event) => events.push(event) });
  new Broker(links.initiator, {});
  expect(await server.closed).toMatchObject({ reason: "closed" });
  expect(events).toContainEqual({
    kind: "callback-failed",
    error: expect.objectContaining({ message: expect.stringContaining("The result of rootObject must be") }),
  });
});

test.each([5, null, "x"])("the callback %o is refused", async (callback) => {
  const { client } = await connectedPair({});
  expect(() => client.notifyOnDisconnect(callback as never)).toThrow(TypeError);
  expect(() => client.notifyOnGoAway(callback as never)).toThrow(TypeError);
});
