// `static accepts`: schemas of Zod, Valibot and ArkType check arguments and results, over a connection and `asLocal`.

import { type } from "arktype";
import * as v from "valibot";
import { describe, expect, expectTypeOf, test } from "vitest";
import { z } from "zod";
import {
  asLocal,
  Avatar,
  Cacheable,
  kwargs,
  PageCollector,
  RemoteCache,
  remoteCache,
  RemoteReference,
  Root,
  Viewable,
} from "@pb/broker";
import type { BrokerEvent, BrokerOptions, CacheObserver, KwargsOf, Reference, RemoteError } from "@pb/broker";
import { AsReferenceable } from "@pb/broker/extension";
import { ResultError } from "@pb/broker/schema";
import type { Accepts } from "@pb/broker/schema";
import { connectedPair } from "@pb/broker/testing";
import { TypeRegistry } from "@pb/jelly-types";
import { StreamSource } from "../../src/flavors/stream-source.js";
import { Pbx } from "../../src/pbx/pbx.js";

type Limits = KwargsOf<{ limit: number }>;

class Shop extends Root {
  static readonly accepts: Accepts<Shop> = {
    pay: [z.number().positive(), z.string().max(10).optional()],
    find: {
      args: [v.pipe(v.string(), v.minLength(1))],
      kwargs: v.object({ limit: v.optional(v.number(), 5) }),
      returns: v.array(v.string()),
    },
    order: [type({ name: "string", count: "number.integer > 0" })],
    total: z.array(z.number()),
    price: [z.string().transform((text) => text.length)],
    account: { returns: z.object({ name: z.string() }) },
    list: { returns: z.array(z.object({ id: z.number() })) },
    secret: { returns: z.string() },
    later: { returns: z.string().refine((text) => Promise.resolve(text !== "bad")), args: [z.string()] },
    anything: true,
  };

  readonly ran: unknown[] = [];

  remote_pay(amount: number, note?: string): string {
    this.ran.push(["pay", amount, note]);
    return `${amount} ${String(note)}`;
  }
  remote_find(text: string, { limit }: Limits): string[] {
    return [text, String(limit)];
  }
  remote_order(order: { name: string; count: number }): string {
    return `${order.count} ${order.name}`;
  }
  remote_total(...numbers: number[]): number {
    return numbers.reduce((sum, number) => sum + number, 0);
  }
  remote_price(length: number): number {
    return length;
  }
  remote_account(): { name: string } {
    const account = { name: "ann", password: "hunter2" };
    return account;
  }
  remote_list(): Promise<{ id: number }>[] {
    return [Promise.resolve({ id: 1, secret: 2 }), Promise.resolve({ id: 2 })];
  }
  remote_secret(): string {
    return { password: "hunter2" } as unknown as string;
  }
  async remote_later(text: string): Promise<string> {
    return Promise.resolve(text);
  }
  remote_anything(...args: unknown[]): number {
    return args.length;
  }
  remote_open(): string {
    return "not declared";
  }
}

interface Ends {
  readonly shop: Shop;
  readonly root: Reference<Shop>;
  readonly events: BrokerEvent[];
}

async function overConnection(run: (ends: Ends) => Promise<void>, options: BrokerOptions = {}): Promise<void> {
  const shop = new Shop();
  const events: BrokerEvent[] = [];
  await using pair = await connectedPair({ root: shop, onEvent: (event) => events.push(event), ...options });
  await run({ shop, events, root: await pair.client.getRootObject<Shop>() });
}

async function within(run: (ends: Ends) => Promise<void>): Promise<void> {
  const shop = new Shop();
  const events: BrokerEvent[] = [];
  await run({ shop, events, root: asLocal(shop, { onEvent: (event) => events.push(event) }) });
}

/** The error of a call with arguments that do not type-check. */
async function refusal(root: Reference<Shop>, name: string, ...args: unknown[]): Promise<RemoteError> {
  const error: unknown = await (root as unknown as Reference).callRemote(name, ...args).then(
    () => "no error",
    (error_: unknown) => error_,
  );
  return error as RemoteError;
}

describe.each([
  ["over a connection", overConnection],
  ["within the process", within],
])("%s", (_, withShop) => {
  test("calls that the schemas accept run, with what the schemas return", async () => {
    await withShop(async ({ root }) => {
      expect(await root.call.pay(5, "thanks")).toBe("5 thanks");
      expect(await root.call.pay(5)).toBe("5 undefined");
      expect(await root.callRemote("find", "x", kwargs({ limit: 2 }))).toEqual(["x", "2"]);
      // A keyword argument that is missing gets the default of the schema.
      expect(await (root as unknown as Reference).callRemote("find", "x")).toEqual(["x", "5"]);
      expect(await root.call.order({ name: "tea", count: 2 })).toBe("2 tea");
      expect(await root.call.total(1, 2, 3)).toBe(6);
      expect(await (root as unknown as Reference).callRemote("price", "four")).toBe(4);
      expect(await root.call.anything(1, 2)).toBe(2);
      expect(await root.call.open()).toBe("not declared");
    });
  });

  test.each([
    ["pay", [-1], /^pay\(\) argument 1: .*>0/],
    ["pay", [], /^pay\(\) argument 1: /],
    ["pay", [1, "a text that is too long"], /^pay\(\) argument 2: /],
    ["pay", [1, "a", 3], /^pay\(\) takes 2 arguments but 3 were given$/],
    ["pay", [1, "a", kwargs({ tip: 3 })], /^pay\(\) takes no keyword arguments$/],
    ["find", [""], /^find\(\) argument 1: /],
    ["find", ["x", kwargs({ limit: "many" })], /^find\(\): \.limit: /],
    ["order", [{ name: "tea", count: 1.5 }], /^order\(\) argument 1: \.count: /],
    ["order", [{ count: 1 }], /^order\(\) argument 1: \.name: /],
    ["total", [1, "two"], /^total\(\) arguments: \[1\]: /],
    ["account", [1], /^account\(\) takes 0 arguments but 1 were given$/],
  ])("%s(%o) is refused with the place, before the method runs", async (name, args, message) => {
    await withShop(async ({ root, shop, events }) => {
      const error = await refusal(root, name, ...args);
      expect(error).toMatchObject({ code: "CALL_FAILED", remoteType: "builtins.TypeError" });
      expect(error.remoteMessage).toMatch(message);
      expect(shop.ran).toEqual([]);
      expect(events).toEqual([]);
      expect(await root.call.pay(1, "next")).toBe("1 next");
    });
  });

  test("a result loses what its schema does not have, also when it contains promises", async () => {
    await withShop(async ({ root }) => {
      expect({ ...(await root.call.account()) }).toEqual({ name: "ann" });
      const list = (await root.callRemote("list")) as object[];
      expect(list.map((item) => ({ ...item }))).toEqual([{ id: 1 }, { id: 2 }]);
      expect(await root.call.later("good")).toBe("good");
    });
  });

  test.each([["secret"], ["later", "bad"]])(
    "the caller learns only that the result of %s is wrong",
    async (...call) => {
      const [name, ...args] = call;
      await withShop(async ({ root }) => {
        const error = await refusal(root, name, ...args);
        expect(error.remoteMessage).toBe(`The result of ${name}() is not what the method declares`);
        expect(error.remoteType).toBe("ResultError");
      });
    },
  );
});

test("a result that its schema refuses is reported with the details", async () => {
  await overConnection(async ({ root, events }) => {
    await refusal(root, "secret");
    expect(events).toEqual([{ kind: "method-failed", method: "secret", error: expect.any(ResultError) as unknown }]);
    const { error } = events[0] as { readonly error: ResultError };
    expect(error).toMatchObject({ code: "CALL_BAD_RESULT" });
    expect((error.cause as Error).message).toMatch(/expected string/i);
  });
});

test("messages have a maximum size, whatever is wrong", async () => {
  class Lists extends Root {
    static readonly accepts: Accepts<Lists> = {
      numbers: [z.array(z.number())],
      deep: [{ "~standard": { version: 1, vendor: "test", validate: () => ({ issues: [deepIssue] }) } }],
      words: [z.record(z.string(), z.number())],
      all: [{ "~standard": { version: 1, vendor: "test", validate: () => ({ issues: Array(6).fill(longIssue) }) } }],
    };
    remote_numbers(numbers: number[]): number {
      return numbers.length;
    }
    remote_deep(value: number): number {
      return value;
    }
    remote_words(words: Record<string, number>): number {
      return Object.keys(words).length;
    }
    remote_all(value: number): number {
      return value;
    }
  }
  const longIssue = { message: "t".repeat(200), path: Array.from({ length: 32 }, () => "k".repeat(200)) };
  const deepIssue = {
    message: "\u001b[2J".repeat(100_000),
    path: Array.from({ length: 100_000 }, () => ({ key: "a" })),
  };
  await using pair = await connectedPair({ root: new Lists() });
  const root = await pair.client.getRootObject();
  const messageOf = async (name: string, value: unknown): Promise<string> =>
    root.callRemote(name, value).then(String, (error: unknown) => (error as RemoteError).remoteMessage);

  const many = await messageOf(
    "numbers",
    Array.from({ length: 50_000 }, () => "x"),
  );
  expect(many).toMatch(/; and 49995 more$/);
  expect(many.length).toBeLessThan(1000);
  const deep = await messageOf("deep", 1);
  expect(deep.length).toBeLessThan(1000);
  expect(deep).not.toContain("\u001b");
  const key = await messageOf("words", { ["k".repeat(100_000)]: "not a number" });
  expect(key.length).toBeLessThan(1000);
  // Five issues, of which each has 150 characters of its path, 150 of its text, and what separates them.
  const all = await messageOf("all", 1);
  expect(all).toMatch(/^all\(\) argument 1: (\.k{149}…: t{150}…; ){5}and 1 more$/);
  expect(await messageOf("words", { ["__proto__"]: 1, constructor: 2 })).toMatch(/^\d$/);
  expect(({} as { polluted?: unknown }).polluted).toBeUndefined();
});

describe("declarations that cannot be true", () => {
  const isString = z.string();
  test.each([
    ["a misspelled name", { ech: [isString] }, /^Wrong\.accepts has ech, but there is no method remote_ech$/],
    ["no schema", { echo: ["string"] }, /^Wrong\.accepts\.echo must be true, a list of schemas/],
    ["null", { echo: null }, /^Wrong\.accepts\.echo must be true/],
    ["an unknown key", { echo: { arguments: [isString] } }, /^Wrong\.accepts\.echo must be true/],
    ["keywords and parameters", { named: { kwargs: z.object({}) } }, /^Wrong\.accepts\.named: with static parameters/],
  ])("%s", async (_, accepts, message) => {
    class Wrong extends Root {
      static readonly accepts: object = accepts;
      static readonly parameters = { named: ["name"] };
      remote_echo(text: string): string {
        return text;
      }
      remote_named(name: string): string {
        return name;
      }
    }
    const events: BrokerEvent[] = [];
    await using pair = await connectedPair({ root: new Wrong(), onEvent: (event) => events.push(event) });
    const root = await pair.client.getRootObject();
    for (let time = 0; time < 2; time++)
      await expect(root.callRemote("echo", "x")).rejects.toMatchObject({ remoteType: "builtins.TypeError" });
    expect(events).toHaveLength(2);
    expect((events[0] as { readonly error: Error }).error.message).toMatch(message);
  });
});

test("a declaration with a getter is one too", async () => {
  class Late extends Root {
    static get accepts(): Accepts<Late> {
      return { echo: [z.string()] };
    }
    remote_echo(text: string): string {
      return text;
    }
  }
  await using pair = await connectedPair({ root: new Late() });
  const root = await pair.client.getRootObject();
  expect(await root.callRemote("echo", "x")).toBe("x");
  await expect(root.callRemote("echo", 1)).rejects.toThrow(/^echo\(\) argument 1: /);
});

test("schemas that throw, return nonsense or are asynchronous fail the call, and tell the peer nothing", async () => {
  const made = (validate: (value: unknown) => unknown): never =>
    ({ "~standard": { version: 1, vendor: "test", validate } }) as never;
  class Odd extends Root {
    static readonly accepts: Accepts<Odd> = {
      throws: [
        made(() => {
          throw new Error("secret of the schema");
        }),
      ],
      nonsense: [made(() => 5)],
      async: [made(() => Promise.reject(new Error("secret of the schema")))],
      list: made(() => ({ value: 5 })),
      keywords: { args: [made((value) => ({ value }))], kwargs: made(() => ({ value: [["a", 1]] })) },
      result: { returns: made(() => Promise.reject(new Error("secret of the schema"))) },
    };
    remote_throws(_value: unknown): void {}
    remote_nonsense(_value: unknown): void {}
    remote_async(_value: unknown): void {}
    remote_list(..._values: unknown[]): void {}
    remote_keywords(_value: unknown, _keywords: KwargsOf<object>): void {}
    remote_result(): string {
      return "x";
    }
  }
  const events: BrokerEvent[] = [];
  await using pair = await connectedPair({ root: new Odd(), onEvent: (event) => events.push(event) });
  const root = await pair.client.getRootObject();
  for (const name of ["throws", "nonsense", "async", "list", "keywords"])
    await expect(root.callRemote(name, 1)).rejects.toMatchObject({
      remoteType: "builtins.TypeError",
      remoteMessage: "(message withheld)",
    });
  await expect(root.callRemote("result")).rejects.toMatchObject({ remoteMessage: "(message withheld)" });
  const messages = events.map((event) => (event as { readonly error: Error }).error.message);
  expect(messages).toEqual([
    "The schema of throws() argument 1 failed",
    "The schema of nonsense() argument 1 returned a number, and not a value or issues",
    "The schema of async() argument 1 is asynchronous. Calls start in the order in which they arrive: check it in the method",
    "The schema of list() arguments returned a number, and not a list",
    "The schema of keywords() keyword arguments returned an instance of Array, and not an object",
    "The schema of result() result failed",
  ]);
});

test("`validate: required` hides methods without a declaration", async () => {
  await overConnection(
    async ({ root }) => {
      expect(await root.call.pay(1)).toBe("1 undefined");
      expect(await root.call.anything(1)).toBe(1);
      await expect(root.call.open()).rejects.toMatchObject({
        remoteType: "twisted.spread.flavors.NoSuchMethod",
        remoteMessage: "No declared method: remote_open",
      });
      await expect(root.callRemote("missing" as "open")).rejects.toMatchObject({
        remoteMessage: "No such method: remote_missing",
      });
    },
    { validate: "required" },
  );
});

test("`validate: required` hides all methods of a class without declarations, and of its views", async () => {
  const ran: string[] = [];
  class Plain extends Viewable {
    view_touch(): void {
      ran.push("view_touch");
    }
  }
  class Bare extends Avatar {
    static readonly accepts: Accepts<Bare> = { plain: [] };
    perspective_plain(): Plain {
      return new Plain();
    }
  }
  class Undeclared extends Root {
    remote_touch(): void {
      ran.push("remote_touch");
    }
  }
  await using pair = await connectedPair({ root: new Undeclared(), validate: "required" });
  const root = await pair.client.getRootObject();
  await expect(root.callRemote("touch")).rejects.toMatchObject({ remoteMessage: "No declared method: remote_touch" });
  const bare = { rootObject: () => new AsReferenceable(new Bare()) };
  await using other = await connectedPair({ root: bare, validate: "required" });
  const view = (await (await other.client.getRootObject()).callRemote("plain")) as Reference;
  await expect(view.callRemote("touch")).rejects.toMatchObject({ remoteMessage: "No declared method: view_touch" });
  expect(ran).toEqual([]);
});

test("updates of caches are checked where they are declared", async () => {
  class Counter extends Cacheable {
    static readonly remoteType = "Counter";
    observer: CacheObserver | undefined;
    override getStateToCacheAndObserveFor(_perspective: object | null, observer: CacheObserver): object {
      this.observer = observer;
      return {};
    }
  }
  class CounterCopy extends RemoteCache {
    static readonly accepts = { set: [z.number()] };
    value: unknown;
    other: unknown;
    observe_set(value: unknown): void {
      this.value = value;
    }
    observe_other(value: unknown): void {
      this.other = value;
    }
  }
  const counter = new Counter();
  class Holder extends Root {
    static readonly accepts: Accepts<Holder> = { counter: [] };
    remote_counter(): Counter {
      return counter;
    }
  }
  const types = new TypeRegistry().register(remoteCache("Counter", CounterCopy));
  const events: BrokerEvent[] = [];
  await using pair = await connectedPair(
    { root: new Holder(), validate: "required" },
    { types, validate: "required", onEvent: (event) => events.push(event) },
  );
  const copy = (await (await pair.client.getRootObject()).callRemote("counter")) as CounterCopy;
  counter.observer!.sendRemote("set", "x");
  counter.observer!.sendRemote("other", 2);
  counter.observer!.sendRemote("set", 1);
  await pair.server.ping();
  expect([copy.value, copy.other]).toEqual([1, 2]);
  expect(events).toMatchObject([{ kind: "method-failed", method: "set", error: { code: "CALL_BAD_ARGUMENTS" } }]);
});

test("what the library itself publishes is declared", () => {
  for (const type of [Pbx, PageCollector, StreamSource] as const) {
    const methods = Object.getOwnPropertyNames(type.prototype).filter((name) => name.startsWith("remote_"));
    expect(Object.keys(type.accepts)).toEqual(expect.arrayContaining(methods.map((name) => name.slice(7))) as unknown);
    expect(methods).not.toEqual([]);
  }
});

test("avatars, views, parameters and base classes", async () => {
  class Base extends Avatar {
    static readonly parameters = { move: ["x", "y?"] };
    static readonly accepts: Accepts<Base> = { move: [z.number(), z.number().default(7)], quit: [] };
    perspective_move(x: number, y?: number): number[] {
      return [x, y ?? -1];
    }
    perspective_quit(): string {
      return "bye";
    }
  }
  class Player extends Base {
    static override readonly accepts: Accepts<Player> = { jump: [z.number()], board: [] };
    perspective_jump(height: number): number {
      return height;
    }
    perspective_board(): Board {
      return new Board();
    }
  }
  class Board extends Viewable {
    static readonly accepts: Accepts<Board> = { put: [z.string()] };
    view_put(perspective: Player, text: string): string {
      return `${perspective instanceof Player} ${text}`;
    }
  }
  const root = { rootObject: () => new AsReferenceable(new Player()) };
  await using pair = await connectedPair({ root, validate: "required" });
  const player = await pair.client.getRootObject<Player>();
  expect(await player.callRemote("move", 1, kwargs({ y: 2 }))).toEqual([1, 2]);
  expect(await player.call.move(1)).toEqual([1, 7]);
  await expect(player.callRemote("move", "x" as never)).rejects.toThrow(/^move\(\) argument x: /);
  expect(await player.call.quit()).toBe("bye");
  expect(await player.call.jump(3)).toBe(3);
  const board = await player.call.board();
  expect(board).toBeInstanceOf(RemoteReference);
  expect(await board.callRemote("put", "stone")).toBe("true stone");
  await expect(board.callRemote("put", 5 as never)).rejects.toThrow(/^put\(\) argument 1: /);
});

test("the compiler checks schemas against methods", () => {
  expectTypeOf<{ pay: true }>().toExtend<Accepts<Shop>>();
  // @ts-expect-error there is no such method
  const misspelled: Accepts<Shop> = { pya: [z.number()] };
  // @ts-expect-error the method takes a number
  const wrong: Accepts<Shop> = { pay: [z.string()] };
  // @ts-expect-error the method has one more required parameter
  const few: Accepts<Shop> = { order: [] };
  // @ts-expect-error the method returns a list of texts
  const result: Accepts<Shop> = { find: { args: [z.string()], returns: z.number() } };
  // @ts-expect-error the keyword argument is a number
  const keyword: Accepts<Shop> = { find: { args: [z.string()], kwargs: z.object({ limit: z.string() }) } };
  expect([misspelled, wrong, few, result, keyword]).toHaveLength(5);
});
