// The two ways to call, by name and as a function, with and without options: on references, local references and cache
// observers.

import { describe, expect, test } from "vitest";
import {
  asLocal,
  Cacheable,
  CallTimeoutError,
  DeadReferenceError,
  kwargs,
  remoteCache,
  RemoteCache,
  Root,
} from "@pb/broker";
import type { CacheObserver, CallOptions, Perspective, Reference } from "@pb/broker";
import { RemoteCaller } from "@pb/broker/extension";
import { TypeRegistry } from "@pb/jelly-types";
import { connectedPair } from "@pb/broker/testing";
import { rejection } from "../support/raw-peer.js";

class Stock extends Cacheable {
  static readonly remoteType = "shop.Stock";
  observer: CacheObserver | undefined;

  getStateToCacheAndObserveFor(_perspective: Perspective, observer: CacheObserver): unknown {
    this.observer = observer;
    return {};
  }
}

class StockCopy extends RemoteCache {
  observe_add(a: number, b: number): number {
    return a + b;
  }
  observe_wait(): Promise<never> {
    return new Promise(() => undefined);
  }
}

class Calculator extends Root {
  static readonly parameters = { subtract: ["a", "b"] };
  readonly stock = new Stock();
  /** The copy of the client: its observer stops when the copy is collected. */
  copy: unknown;
  waiting = 0;

  remote_add(a: number, b: number): number {
    return a + b;
  }
  remote_subtract(a: number, b: number): number {
    return a - b;
  }
  remote_wait(): Promise<never> {
    this.waiting++;
    return new Promise(() => undefined);
  }
  remote_then(): string {
    return "remote_then";
  }
  remote_stock(): Stock {
    return this.stock;
  }
}

interface AnyCaller {
  readonly call: Reference["call"];
  callRemote(name: string, ...args: unknown[]): Promise<unknown>;
  with(options: CallOptions): RemoteCaller;
}

/** The three kinds of objects with both ways to call, for the same methods. */
async function callers(): Promise<{ name: string; caller: AnyCaller }[]> {
  const types = new TypeRegistry().register(remoteCache("shop.Stock", StockCopy));
  const root = new Calculator();
  const pair = await connectedPair({ root, types }, { types });
  const reference = await pair.client.getRootObject<Calculator>();
  root.copy = await reference.callRemote("stock");
  return [
    { name: "RemoteReference", caller: reference },
    { name: "local reference", caller: asLocal(new Calculator()) },
    { name: "CacheObserver", caller: root.stock.observer! },
  ];
}

describe.each(await callers())("$name", ({ caller }) => {
  test("calls by name and as a function", async () => {
    expect(await caller.callRemote("add", 1, 2)).toBe(3);
    expect(await caller.call.add!(1, 2)).toBe(3);
  });

  test("calls by name and as a function with options", async () => {
    const options: CallOptions = { timeoutMs: 60_000, signal: new AbortController().signal };
    expect(caller.with(options)).toBeInstanceOf(RemoteCaller);
    expect(await caller.with(options).callRemote("add", 1, 2)).toBe(3);
    expect(await caller.with(options).call.add!(1, 2)).toBe(3);
    expect(await caller.with({}).call.add!(1, 2)).toBe(3);
  });

  test("rejects a call by name and as a function after the timeout", async () => {
    const timed = caller.with({ timeoutMs: 1 });
    for (const call of [timed.callRemote("wait"), timed.call.wait!(), timed.callRemote("wait")]) {
      expect(await rejection(call)).toBeInstanceOf(CallTimeoutError);
    }
  });

  test("rejects a call by name and as a function when the signal aborts, and later calls at once", async () => {
    const controller = new AbortController();
    const reason = new Error("canceled");
    const canceled = caller.with({ signal: controller.signal });
    const calls = [canceled.callRemote("wait"), canceled.call.wait!()].map(rejection);
    controller.abort(reason);
    expect(await Promise.all(calls)).toEqual([reason, reason]);
    expect(await rejection(canceled.callRemote("add", 1, 2))).toBe(reason);
  });

  test("does not apply the options to other calls", async () => {
    void caller.with({ signal: AbortSignal.abort(new Error("canceled")) });
    expect(await caller.callRemote("add", 1, 2)).toBe(3);
    expect(await caller.with({ timeoutMs: 60_000 }).callRemote("add", 1, 2)).toBe(3);
  });

  test("has a `call` object that is always the same and is not a promise", async () => {
    const withOptions = caller.with({ timeoutMs: 60_000 });
    for (const each of [caller, withOptions]) {
      expect(each.call).toBe(each.call);
      expect(await (each.call as unknown as Promise<unknown>)).toBe(each.call);
      expect((each.call as { [Symbol.iterator]?: unknown })[Symbol.iterator]).toBeUndefined();
    }
    expect(await (withOptions as unknown as Promise<unknown>)).toBe(withOptions);
  });

  test("has functions that can be used without the object", async () => {
    const { add } = caller.with({ timeoutMs: 60_000 }).call;
    expect(await add!(1, 2)).toBe(3);
  });
});

test("a call with options passes keyword arguments, and can call a method named then", async () => {
  const pair = await connectedPair({ root: new Calculator() });
  const root = await pair.client.getRootObject();
  const timed = root.with({ timeoutMs: 60_000 });
  expect(await timed.callRemote("subtract", kwargs({ b: 1, a: 3 }))).toBe(2);
  expect(await timed.call.subtract!(3, kwargs({ b: 1 }))).toBe(2);
  expect(await timed.callRemote("then")).toBe("remote_then");
});

test("a call with options of a released reference rejects", async () => {
  const pair = await connectedPair({ root: new Calculator() });
  const root = await pair.client.getRootObject<Calculator>();
  const timed = root.with({ timeoutMs: 60_000 });
  root[Symbol.dispose]();
  expect(await rejection(timed.callRemote("add", 1, 2))).toBeInstanceOf(DeadReferenceError);
  expect(await rejection(timed.call.add(1, 2))).toBeInstanceOf(DeadReferenceError);
});

test("an observer whose copy was released rejects calls with options", async () => {
  const types = new TypeRegistry().register(remoteCache("shop.Stock", StockCopy));
  const root = new Calculator();
  const pair = await connectedPair({ root, types }, { types });
  const copy = (await (await pair.client.getRootObject()).callRemote("stock")) as StockCopy;
  copy[Symbol.dispose]();
  await pair.settled();
  const timed = root.stock.observer!.with({ timeoutMs: 60_000 });
  expect(await rejection(timed.callRemote("add", 1, 2))).toBeInstanceOf(DeadReferenceError);
  expect(await rejection(timed.call.add!(1, 2))).toBeInstanceOf(DeadReferenceError);
});

test("a RemoteCaller passes the name and the arguments to its function", async () => {
  const calls: unknown[] = [];
  const caller = new RemoteCaller((name, args) => {
    calls.push([name, args]);
    return Promise.resolve(calls.length);
  });
  expect(await caller.callRemote("echo", 1, 2)).toBe(1);
  expect(await caller.call.echo!(3)).toBe(2);
  expect(calls).toEqual([
    ["echo", [1, 2]],
    ["echo", [3]],
  ]);
});
