// What languages, loggers, test matchers and user interfaces do with any object: on a reference and on its `call`, it
// calls nothing and breaks nothing.

/* eslint-disable @typescript-eslint/no-unnecessary-template-expression, @typescript-eslint/no-base-to-string,
   @typescript-eslint/no-unnecessary-type-conversion, @typescript-eslint/await-thenable, eqeqeq --
   the conversions are what the tests are about */

import assert from "node:assert/strict";
import { format, inspect, isDeepStrictEqual } from "node:util";
import { isReactive, isRef, markRaw, reactive, readonly, ref, shallowReactive, toRaw } from "@vue/reactivity";
import { produce } from "immer";
import { observable, toJS } from "mobx";
import { afterAll, beforeEach, describe, expect, test } from "vitest";
import { asLocal, Cacheable, remoteCache, RemoteCache, Root } from "@pb/broker";
import type { CacheObserver, Perspective, Reference, RemoteStream } from "@pb/broker";
import type { IncomingCall } from "@pb/broker/extension";
import { connectedPair } from "@pb/broker/testing";
import { TypeRegistry } from "@pb/jelly-types";
import { contract } from "@pb/broker/schema";
import { useInAllWays } from "../support/protocols.js";

/** All calls that arrived at any object. */
const called: string[] = [];

class Stock extends Cacheable {
  static readonly remoteType = "shop.Stock";
  observer: CacheObserver | undefined;

  getStateToCacheAndObserveFor(_perspective: Perspective, observer: CacheObserver): unknown {
    this.observer = observer;
    return {};
  }
}

class StockCopy extends RemoteCache {
  observe_echo(value: unknown): unknown {
    called.push("echo");
    return value;
  }
}

class Echo extends Root {
  readonly stock = new Stock();

  override receiveCall(call: IncomingCall): unknown {
    called.push(call.method);
    return call.method === "stock" ? this.stock : call.args[0];
  }
}

const types = new TypeRegistry().register(remoteCache("shop.Stock", StockCopy));
const root = new Echo();
const pair = await connectedPair({ root, types }, { types });
const remote = await pair.client.getRootObject();
const copy = await remote.callRemote("stock"); // Held, or it would be collected.
afterAll(async () => {
  expect(copy).toBeInstanceOf(StockCopy);
  await pair.close();
});
const local = asLocal(new Echo()) as unknown as Reference;
const copying = asLocal(new Echo(), { copy: {} }) as unknown as Reference;

type Caller = Pick<Reference, "callRemote">;
const objects: [name: string, object: object, caller: Caller][] = [
  ["a reference", remote, remote],
  ["the call of a reference", remote.call, remote],
  ["a reference with options", remote.with({ timeoutMs: 60_000 }), remote],
  ["the call of a reference with options", remote.with({ timeoutMs: 60_000 }).call, remote],
  ["a local reference", local, local],
  ["the call of a local reference", local.call, local],
  ["a local reference with copies", copying, copying],
  ["the call of a local reference with copies", copying.call, copying],
  ["an observer", root.stock.observer!, root.stock.observer!],
  ["the call of an observer", root.stock.observer!.call, root.stock.observer!],
];

beforeEach(() => {
  called.length = 0;
});

/** What programs and libraries do with any object. What a use returns does not matter: the test fails if it throws. */
const uses: [name: string, use: (object: object) => unknown][] = [
  ["JSON.stringify", (object) => JSON.stringify(object)],
  ["JSON.stringify within data", (object) => JSON.stringify({ list: [object], object })],
  ["a template literal", (object) => `${object as unknown as string}`],
  ["String", (object) => String(object)],
  ["concatenation", (object) => "" + (object as unknown as string)],
  ["Number", (object) => Number(object)],
  ["comparison", (object) => [(object as unknown as string) == "a", (object as unknown as number) < 3]],
  ["util.inspect", (object) => inspect(object, { depth: 5, showHidden: true, getters: true })],
  ["util.inspect of proxies", (object) => inspect(object, { showProxy: true })],
  ["util.format", (object) => [format("%s %o %O %j %d", object, object, object, object, object)]],
  ["spreading", (object) => ({ ...object })],
  ["Object.assign", (object) => Object.assign({}, object)],
  [
    "for in",
    (object) => {
      for (const _key in object);
    },
  ],
  ["keys, values and entries", (object) => [Object.keys(object), Object.values(object), Object.entries(object)]],
  ["Reflect.ownKeys", (object) => Reflect.ownKeys(object)],
  [
    "destructuring",
    (object) => {
      const { ...rest } = object;
      return rest;
    },
  ],
  [
    "structuredClone",
    (object) => {
      try {
        return structuredClone({ object });
      } catch (error) {
        expect((error as Error).name).toBe("DataCloneError");
        return undefined;
      }
    },
  ],
  ["await", async (object) => expect(await object).toBe(object)],
  ["Promise.resolve", (object) => Promise.resolve(object)],
  ["Promise.all", (object) => Promise.all([object])],
  ["iteration", (object) => expect(() => [...(object as unknown as Iterable<unknown>)]).toThrow(TypeError)],
  ["Array.from", (object) => Array.from(object as ArrayLike<unknown>)],
  ["Array.isArray and concat", (object) => [Array.isArray(object), [1].concat(object as never)]],
  ["instanceof", (object) => [object instanceof Map, Object.prototype.isPrototypeOf.call(object, {})]],
  ["the tag", (object) => Object.prototype.toString.call(object)],
  [
    "methods of Object.prototype",
    (object) =>
      ["constructor", "valueOf", "toLocaleString", "hasOwnProperty"].map((key) =>
        key === "valueOf" ? expect(object.valueOf()).toBe(object) : Reflect.get(object, key),
      ),
  ],
  ["Set and Map keys", (object) => new Map([[object, new Set([object])]]).get(object)],
  ["an error with it as cause", (object) => inspect(new Error("no", { cause: object }))],
  [
    "toEqual",
    (object) => {
      expect({ object }).toEqual({ object });
      expect({ object }).not.toEqual({ object: 1 });
    },
  ],
  ["toEqual of another object", (object) => expect(object).not.toEqual({ asymmetricMatch: 1 })],
  ["toStrictEqual", (object) => expect([object]).toStrictEqual([object])],
  ["toMatchObject", (object) => expect({ object }).toMatchObject({ object })],
  [
    "asymmetric matchers",
    (object) => {
      expect({ object }).toEqual({ object: expect.anything() });
      expect({ object }).toEqual(expect.objectContaining({ object }));
    },
  ],
  ["a failed matcher", (object) => expect(() => expect(object).toEqual({ a: 1 })).toThrow()],
  ["a snapshot", (object) => expect(() => expect({ object }).toMatchInlineSnapshot(`"another"`)).toThrow()],
  ["assert.deepEqual", (object) => assert.deepEqual([object], [object])],
  ["isDeepStrictEqual", (object) => isDeepStrictEqual(object, { a: 1 })],
  [
    "Vue's reactive",
    (object) => {
      const state = reactive({ object });
      expect(state.object).toBe(object);
      expect(isReactive(state.object)).toBe(false);
    },
  ],
  [
    "Vue's reactive of itself",
    (object) => {
      expect(reactive(object)).toBe(object);
      expect(isReactive(object)).toBe(false);
    },
  ],
  [
    "Vue's ref",
    (object) => {
      const state = ref<unknown>(object);
      expect(state.value).toBe(object);
      expect(isRef(object)).toBe(false);
    },
  ],
  [
    "Vue's readonly, shallowReactive, toRaw",
    (object) => {
      readonly({ object });
      shallowReactive({ object });
      expect(toRaw(object)).toBe(object);
    },
  ],
  ["Vue's markRaw", (object) => expect(markRaw(object)).toBe(object)],
  [
    "MobX",
    (object) => {
      const state = observable({ object });
      expect(state.object).toBe(object);
      expect(toJS(state).object).toBe(object);
    },
  ],
  ["a MobX box", (object) => expect(observable.box(object).get()).toBe(object)],
  [
    "immer",
    (object) => {
      const next = produce({ object, n: 1 }, (draft) => {
        draft.n++;
        expect(draft.object).toBe(object);
      });
      expect(next.object).toBe(object);
    },
  ],
];

describe.each(objects)("%s", (_name, object, caller) => {
  test.each(uses)("%s", async (_use, use) => {
    await use(object);
    await pair.settled();
    expect(called).toEqual([]);
    // The reference still works.
    expect(await caller.callRemote("echo", 1)).toBe(1);
  });

  test("everything else", async () => {
    await useInAllWays(object);
    await pair.settled();
    expect(called).toEqual([]);
    expect(await caller.callRemote("echo", 1)).toBe(1);
  });
});

test("a result that has not arrived, a stream, and a caller by contract call nothing either", async () => {
  class Press extends Root {
    readonly calls: string[] = [];
    release!: () => void;
    readonly #gate = new Promise<void>((resolve) => (this.release = resolve));

    override async receiveCall({ method }: IncomingCall): Promise<unknown> {
      this.calls.push(method);
      if (method === "self") await this.#gate;
      return method === "self" ? this : method === "numbers" ? numbers() : "called";
    }
  }
  async function* numbers(): AsyncGenerator<number> {
    yield* [1, 2];
  }
  const press = new Press();
  const own = await connectedPair({ root: press });
  const reference = await own.client.getRootObject();
  const stream = (await reference.callRemote("numbers")) as RemoteStream<number>;
  const later = reference.pipe("self");
  const caller = reference.as(contract({ echo: [] }));
  await expect.poll(() => press.calls).toEqual(["numbers", "self"]);
  for (const object of [later, later.call, stream, caller, caller.call]) await useInAllWays(object);
  press.release();
  const answered: unknown = await later.callRemote("echo");
  const items: number[] = [];
  for await (const item of stream) items.push(item);
  expect([answered, await caller.call.echo(), items]).toEqual(["called", "called", [1, 2]]);
  expect(press.calls).toEqual(["numbers", "self", "echo", "echo"]);
  await own.close();
});

test("a destructured `call` within data is data", () => {
  const { call } = remote;
  expect(JSON.stringify({ shop: call })).toBe('{"shop":{}}');
  expect(`${call as unknown as string}`).toBe("[object RemoteCalls]");
});

test("a method with the name of a protocol is called by callRemote", async () => {
  for (const name of ["toJSON", "toString", "valueOf", "then", "constructor", "__v_skip", "asymmetricMatch"]) {
    expect(await remote.callRemote(name, 1)).toBe(1);
  }
});

test("other methods are functions", async () => {
  for (const name of ["inspect", "length", "name", "call", "apply", "toText", "nodeType", "catch", "get"]) {
    expect(await remote.call[name]!(1)).toBe(1);
  }
});
