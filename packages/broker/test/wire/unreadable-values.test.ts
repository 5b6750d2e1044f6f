// Values that throw when they are read: getters, proxies, buffers that were transferred, and hooks that are async. Only
// the call that contains one fails, with the path to it.

import { asLocal, Cacheable, Copyable, Referenceable, Root } from "@pb/broker";
import type { BrokerEvent, Reference, RemoteError } from "@pb/broker";
import { connectedPair } from "@pb/broker/testing";
import { DateTime, FrozenSet, JellyError, tuple, TypeRegistry } from "@pb/jelly-types";
import { afterAll, describe, expect, test } from "vitest";
import { rejection } from "../support/raw-peer.js";

const fault = new Error("the secret of the getter");

function fail(): never {
  throw fault;
}

function trapped(target: object, ...traps: (keyof ProxyHandler<object>)[]): object {
  return new Proxy(target, Object.fromEntries(traps.map((trap) => [trap, fail])));
}

function revoked(target: object = {}): object {
  const { proxy, revoke } = Proxy.revocable(target, {});
  revoke();
  return proxy;
}

function throwing(error: unknown): object {
  return Object.defineProperty({}, "name", {
    enumerable: true,
    get() {
      throw error;
    },
  });
}

function transferred(): ArrayBuffer {
  const buffer = new ArrayBuffer(8);
  structuredClone(buffer, { transfer: [buffer] });
  return buffer;
}

/** A view of the bytes of a buffer that has become too small for it. */
function outOfBounds(): Uint8Array {
  const Resizable = ArrayBuffer as unknown as new (
    size: number,
    options: { maxByteLength: number },
  ) => ArrayBuffer & { resize(size: number): void };
  const buffer = new Resizable(8, { maxByteLength: 8 });
  const view = new Uint8Array(buffer, 6);
  buffer.resize(2);
  return view;
}

class Point {
  constructor(readonly x: unknown) {}
}

class Doc extends Copyable {
  static readonly remoteType = "shop.Doc";
  override async getStateToCopyFor(): Promise<unknown> {
    await Promise.resolve();
    throw fault;
  }
}

class Stock extends Cacheable {
  static readonly remoteType = "shop.Stock";
  stopped = 0;
  override async getStateToCacheAndObserveFor(): Promise<unknown> {
    return Promise.resolve({});
  }
  override stoppedObserving(): void {
    this.stopped++;
  }
}

class Unnamed extends Copyable {
  override getTypeToCopy(): string {
    return Promise.resolve("shop.Unnamed") as unknown as string;
  }
}

type Row = readonly [what: string, path: string, make: () => unknown];

const everywhere: readonly Row[] = [
  ["a getter", ".a.name", () => ({ a: throwing(fault) })],
  ["a getter that throws undefined", ".name", () => throwing(undefined)],
  ["a getter that throws a symbol", ".name", () => throwing(Symbol("odd"))],
  ["a getter that throws a revoked proxy", ".name", () => throwing(revoked(new Error("odd")))],
  ["a getter of a list", "[1]", () => Object.defineProperty([1, 2], 1, { get: fail })],
  ["a getter of a tuple", "[0]", () => Object.defineProperty(tuple(1), 0, { get: fail })],
  ["a getter behind other values", "[2][0].name", () => [1, new Date(0), [throwing(fault)]]],
  ["a getter of a dict without a prototype", ".name", () => Object.setPrototypeOf(throwing(fault), null) as object],
  ["a getter `then`", ".then", () => Object.defineProperty({}, "then", { enumerable: true, get: fail })],
  ["a revoked proxy", "", () => revoked()],
  ["a revoked proxy of a list", "[0]", () => [revoked([])]],
  ["a revoked proxy of a function", "[0]", () => [revoked(() => 1)]],
  ["a revoked proxy in a set", "[0]", () => new Set([revoked()])],
  ["a revoked proxy as a key", "[an object]", () => new Map([[revoked(), 1]])],
  ["a revoked proxy as an item of a Map", ".a", () => new Map([["a", revoked()]])],
  ["a proxy without keys", ".a", () => ({ a: trapped({}, "ownKeys") })],
  ["a proxy without values", ".a", () => trapped({ a: 1 }, "get")],
  ["a proxy without descriptors", "", () => trapped({ a: 1 }, "getOwnPropertyDescriptor")],
  ["a proxy without a prototype", "[0]", () => [trapped({}, "getPrototypeOf")]],
  ["a proxy of a list", "[0]", () => [trapped([1], "get")]],
  ["a proxy of a Map", "", () => new Proxy(new Map(), {})],
  ["a proxy of a set", ".a", () => ({ a: new Proxy(new Set(), {}) })],
  ["a proxy of a FrozenSet", "", () => new Proxy(new FrozenSet(), {})],
  ["a proxy of a Date", "", () => new Proxy(new Date(0), {})],
  ["a proxy of bytes", "[0]", () => [new Proxy(new Uint8Array(3), {})]],
  ["a proxy of a DateTime", "", () => trapped(DateTime.fromDate(new Date(0)), "get")],
  ["a set with its own iterator", "", () => Object.assign(new Set([1]), { [Symbol.iterator]: fail })],
  ["a Map with its own iterator", "", () => Object.assign(new Map([[1, 1]]), { [Symbol.iterator]: fail })],
  ["a transferred ArrayBuffer", "[0]", () => [transferred()]],
  ["bytes of a transferred ArrayBuffer", "", () => transferredBytes()],
  ["a Buffer of a transferred ArrayBuffer", "", () => transferredBytes(Buffer.allocUnsafeSlow(8))],
  ["bytes behind the end of their buffer", "", outOfBounds],
  ["a cyclic toJSON", ".toJSON", cyclic],
  ["a thenable", "[0].then", () => [{ then: fail }]],
];

const copied: readonly Row[] = [
  ["a getter of a registered class", ".x.name", () => new Point(throwing(fault))],
  ["a revoked proxy in a registered class", ".x[0]", () => new Point([revoked()])],
  ["a proxy of a registered class", ".x", () => trapped(new Point(1), "get")],
  ["an async getStateToCopyFor", "[0]", () => [new Doc()]],
  ["an async getStateToCacheAndObserveFor", "", () => new Stock()],
  ["an async getTypeToCopy", "", () => new Unnamed()],
];

function transferredBytes(bytes: Uint8Array<ArrayBuffer> = new Uint8Array(8)): Uint8Array {
  structuredClone(bytes.buffer, { transfer: [bytes.buffer] });
  return bytes;
}

function cyclic(): object {
  const value = { toJSON: (): unknown => value };
  return value;
}

const rows = [...everywhere, ...copied];

class Values extends Root {
  readonly child = new (class extends Referenceable {})();

  remote_give(index: number): unknown {
    return rows[index]![2]();
  }
  /** With a reference, which has to be released, and a promise. */
  remote_giveAmong(index: number): unknown {
    return [this.child, Promise.resolve(this.child), rows[index]![2]()];
  }
  remote_take(...values: unknown[]): number {
    return values.length;
  }
}

const types = new TypeRegistry().registerCopy("shop.Point", Point);
const events: BrokerEvent[] = [];
const onEvent = (event: BrokerEvent): void => void events.push(event);
const pair = await connectedPair({ root: new Values(), types, onEvent }, { types, onEvent });
afterAll(() => pair.close());
const remote: Reference = await pair.client.getRootObject();
const local = asLocal(new Values()) as unknown as Reference;

describe.each([
  ["over a connection", remote, rows],
  ["locally", local, everywhere],
] as const)("%s", (way, reference, shown) => {
  const table = shown.map((row, index) => [...row, index] as const);

  test.each(table)("%s as an argument is refused", async (_what, path, make) => {
    const error = await rejection(reference.callRemote("take", 1, make()));
    expect(error).toBeInstanceOf(JellyError);
    expect(error).toMatchObject({ code: "JELLY_NOT_JELLYABLE", path: `$.args[1]${path}` });
    expect(() => reference.sendRemote("take", make())).toThrow(JellyError);
  });

  test.each(table)("%s as a result is refused, and reported once", async (_what, path, _make, index) => {
    for (const [method, at] of [
      ["give", `$${path}`],
      ["giveAmong", `$[2]${path}`],
    ] as const) {
      const before = events.length;
      const [error, other] = await Promise.all([
        rejection(reference.callRemote(method, index)),
        reference.callRemote("take", 1, 2),
      ]);
      expect(other).toBe(2);
      expect(error).toMatchObject({ name: "RemoteError", remoteType: "builtins.ValueError" });
      expect((error as RemoteError).message).toContain(`(at ${at})`);
      expect((error as RemoteError).message).not.toContain("secret");
      if (way === "locally") continue;
      await pair.settled();
      expect(events.slice(before)).toMatchObject([{ kind: "answer-failed", error: { code: "JELLY_NOT_JELLYABLE" } }]);
    }
  });
});

test("the thrown error is the cause", async () => {
  const error = await rejection(remote.callRemote("take", throwing(fault)));
  expect((error as JellyError).cause).toBe(fault);
});

test("bytes that are empty are sent", async () => {
  expect(await remote.callRemote("take", new Uint8Array(), new ArrayBuffer(0), Buffer.alloc(0))).toBe(3);
});

test("a hook that returns a promise is named, and what to do", async () => {
  const text = "of an instance of Doc returned a promise. It has to return the state: load what it needs before";
  expect(String(await rejection(remote.callRemote("take", new Doc())))).toContain(`getStateToCopyFor ${text}`);
  const stock = new Stock();
  const error = await rejection(remote.callRemote("take", stock));
  expect(String(error)).toContain("getStateToCacheAndObserveFor of an instance of Stock returned a promise");
  expect(stock.stopped).toBe(1);
  const asynchronous = new TypeRegistry().registerCopy("shop.Point", Point, {
    getState: async (point) => Promise.resolve({ x: point.x }),
  });
  await using other = await connectedPair({ root: new Values() }, { types: asynchronous });
  const root: Reference = await other.client.getRootObject();
  expect(String(await rejection(root.callRemote("take", new Point(1))))).toContain("getState of an instance of Point");
});

test("nothing is left", async () => {
  await pair.expectNothingLeft();
});
