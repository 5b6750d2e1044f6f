// Local references behave as references over a connection where it is not about single values (`types/table.test.ts`).

import { afterAll, describe, expect, onTestFinished, test, vi } from "vitest";
import {
  asLocal,
  Avatar,
  Cacheable,
  DeadReferenceError,
  getAllPages,
  kwargs,
  PBError,
  Referenceable,
  remoteCache,
  RemoteCache,
  RemoteError,
  Root,
  sendPages,
  Viewable,
} from "@pb/broker";
import type { BrokerEvent, PageCollectorMethods, Reference, RemoteReference } from "@pb/broker";
import { connectedPair } from "@pb/broker/testing";
import { JellyError, tuple, TypeRegistry } from "@pb/jelly-types";
import { garbageCollector } from "../../../../tools/gc/garbage-collector.js";
import { rejection } from "../support/raw-peer.js";

class Board extends Viewable {
  view_who(perspective: object, loud?: boolean): string {
    return `${(perspective as Member).name}${loud === true ? "!" : ""}`;
  }
}

class Member extends Avatar {
  readonly board = new Board();
  constructor(readonly name: string) {
    super();
  }
  perspective_board(): Board {
    return this.board;
  }
  perspective_boards(): unknown {
    return new Map([["all", new Set([this.board])]]);
  }
  perspective_isBoard(view: { readonly object?: unknown }): boolean {
    return view.object === this.board;
  }
}

class Guest extends Referenceable {
  left = 0;
  override unreferenced(): void {
    this.left++;
  }
  remote_name(): string {
    return "Ann";
  }
}

class Service extends Root {
  readonly guest = new Guest();

  remote_guest(): Guest {
    return this.guest;
  }
  remote_view(): Board {
    return new Board();
  }
  remote_take(...values: unknown[]): number {
    return values.length;
  }
  remote_long(): string {
    return "a".repeat(700_000);
  }
  remote_deep(): unknown {
    let list: unknown[] = [];
    for (let depth = 0; depth < 200; depth++) list = [list];
    return list;
  }
  remote_cycle(): unknown {
    const cycle: unknown[] = [new Date(0), new Map([["a", 1n]])];
    cycle.push(cycle);
    return cycle;
  }
  remote_shared(): unknown {
    const shared = [new Date(0)];
    return [shared, shared];
  }
  remote_later(): unknown {
    return { list: [Promise.resolve({ at: Promise.resolve(new Set([Promise.resolve(2n)])) })] };
  }
  remote_fails(): unknown {
    return [Promise.reject(new RangeError("too late"))];
  }
  remote_forgets(collector: RemoteReference<PageCollectorMethods>): void {
    collector[Symbol.dispose]();
  }
  remote_pages(collector: RemoteReference<PageCollectorMethods>): Promise<void> {
    return sendPages(collector, [1, new Date(0), [undefined]]);
  }
}

type Way = [name: string, service: Service, reference: Reference, member: Reference];

async function overConnection(): Promise<Way> {
  const service = new Service();
  const pair = await connectedPair({ root: service, onEvent: () => undefined });
  afterAll(() => pair.close());
  const copying = asLocal(new Member("Bob"), { copy: {} }) as unknown as Reference;
  return ["over a connection", service, await pair.client.getRootObject(), copying];
}

function locally(): Way {
  const service = new Service();
  return ["locally", service, asLocal(service), asLocal(new Member("Bob"))];
}

describe.each([await overConnection(), locally()])("%s", (_name, service, reference, member) => {
  test("an avatar returns views, also within other values, which are sent back as view points", async () => {
    const board = (await member.callRemote("board")) as Reference;
    expect(await board.callRemote("who")).toBe("Bob");
    expect(await board.callRemote("who", true)).toBe("Bob!");
    const { all } = (await member.callRemote("boards")) as { all: Set<Reference> };
    expect([...all]).toEqual([board]);
    expect(await member.callRemote("isBoard", board)).toBe(true);
  });

  test("a Viewable without a perspective is refused", async () => {
    expect(String(await rejection(reference.callRemote("view")))).toContain("only to a peer that has logged in");
    const error = await rejection(reference.callRemote("take", [new Board()]));
    expect(error).toBeInstanceOf(JellyError);
    expect((error as JellyError).path).toBe("$.args[0][0]");
  });

  test.each([
    ["text of more than 655,360 bytes", "JELLY_STRING_TOO_LONG", () => "a".repeat(700_000)],
    ["bytes of more than 655,360", "JELLY_STRING_TOO_LONG", () => new Uint8Array(700_000)],
    ["a list of more than 655,360 items", "JELLY_LIST_TOO_LONG", () => new Array(700_000).fill(0)],
    ["an integer of more than 448 bits", "JELLY_INTEGER_TOO_LARGE", () => 2n ** 448n],
    ["a lone surrogate", "JELLY_LONE_SURROGATE", () => "\ud800"],
    ["a list as a member of a set", "JELLY_UNHASHABLE", () => new Set([[1]])],
    ["a dict as the key of a Map", "JELLY_UNHASHABLE", () => new Map([[tuple({}), 1]])],
    ["an invalid Date", "JELLY_NOT_JELLYABLE", () => new Date(NaN)],
    ["a function in a tuple", "JELLY_NOT_JELLYABLE", () => tuple(() => 1)],
    ["a symbol as the key of a Map", "JELLY_NOT_JELLYABLE", () => new Map([[Symbol("a"), 1]])],
    ["a promise as the key of a Map", "JELLY_NOT_JELLYABLE", () => new Map([[Promise.resolve(1), 1]])],
  ])("%s is refused", async (_what, code, make) => {
    expect(await rejection(reference.callRemote("take", 1, make()))).toMatchObject({ code });
    expect(await rejection(reference.callRemote("take", kwargs({ value: make() })))).toMatchObject({ code });
    expect(() => reference.sendRemote("take", make())).toThrow(JellyError);
  });

  test("results that exceed a limit are errors of the call", async () => {
    for (const method of ["long", "deep"]) {
      expect(await rejection(reference.callRemote(method))).toBeInstanceOf(RemoteError);
    }
  });

  test("shared objects and cycles are kept where values change", async () => {
    const cycle = (await reference.callRemote("cycle")) as [unknown, unknown, unknown];
    expect(String(cycle[0])).toBe("1970-01-01T00:00:00");
    expect({ ...(cycle[1] as object) }).toEqual({ a: 1 });
    expect(cycle[2]).toBe(cycle);
    const [one, other] = (await reference.callRemote("shared")) as [unknown, unknown];
    expect(one).toBe(other);
  });

  test("promises at any depth are waited for, and change too", async () => {
    expect(JSON.stringify(await reference.callRemote("later"))).toBe('{"list":[{"at":{}}]}');
    const later = (await reference.callRemote("later")) as { list: [{ at: Set<unknown> }] };
    expect(later.list[0].at).toEqual(new Set([2]));
    expect(await rejection(reference.callRemote("fails"))).toMatchObject({ remoteType: "builtins.ValueError" });
  });

  test("pages change as other values, and end with an error when the collector is released", async () => {
    const pages = await getAllPages(reference, "pages");
    expect(pages.map(String)).toEqual(["1", "1970-01-01T00:00:00", ""]);
    expect((pages[2] as unknown[])[0]).toBeNull();
    await expect(getAllPages(reference, "forgets")).rejects.toThrow("The pages stopped before their end");
    await expect(getAllPages(reference, "nosuch")).rejects.toBeInstanceOf(RemoteError);
    await expect(getAllPages(reference, "take", () => 1)).rejects.toBeInstanceOf(JellyError);
  });

  test("an object is told when its reference was released, after the calls before", async () => {
    const guest = (await reference.callRemote("guest")) as Reference;
    expect(await reference.callRemote("guest")).toBe(guest);
    guest.sendRemote("name");
    guest[Symbol.dispose]();
    guest[Symbol.dispose]();
    await expect.poll(() => service.guest.left).toBe(1);
    expect(await rejection(guest.callRemote("name"))).toBeInstanceOf(DeadReferenceError);
    expect(() => guest.sendRemote("name")).toThrow(DeadReferenceError);
    expect(await rejection(reference.callRemote("take", guest))).toBeInstanceOf(JellyError);
    const again = (await reference.callRemote("guest")) as Reference;
    expect(again).not.toBe(guest);
    expect(await again.callRemote("name")).toBe("Ann");
    again[Symbol.dispose]();
    await expect.poll(() => service.guest.left).toBe(2);
  });
});

test("a local reference with copies throws what cannot be sent, and after it was disposed of", async () => {
  const reference = asLocal(new Service(), { copy: {} }) as unknown as Reference;
  expect(() => reference.sendRemote("take", () => 1)).toThrow(JellyError); // before the connection is ready
  await reference.callRemote("take");
  expect(() => reference.sendRemote("take", () => 1)).toThrow(JellyError);
  reference[Symbol.dispose]();
  expect(() => reference.sendRemote("take", 1)).toThrow(DeadReferenceError);
  expect(await rejection(reference.callRemote("take", 1))).toBeInstanceOf(DeadReferenceError);
});

test("objects of classes of the program are passed as they are", async () => {
  class Point {
    constructor(
      readonly x: number,
      readonly at: Date,
    ) {}
  }
  class Keeper extends Root {
    kept: unknown;
    remote_keep(value: unknown): unknown {
      return (this.kept = value);
    }
  }
  const keeper = new Keeper();
  const point = new Point(1, new Date(0));
  expect(await asLocal(keeper).callRemote("keep", [point])).toEqual([point]);
  expect((keeper.kept as unknown[])[0]).toBe(point);
});

test("a copy of a registered class may have a method with the name of one of an iterator", async () => {
  class Ticket {
    number = 1;
    next(): number {
      return this.number + 1;
    }
  }
  class Desk extends Root {
    remote_following(ticket: Ticket): number {
      return ticket.next();
    }
  }
  const types = new TypeRegistry().registerCopy("shop.Ticket", Ticket);
  await using pair = await connectedPair({ root: new Desk(), types }, { types });
  const remote = (await pair.client.getRootObject()) as Reference;
  for (const reference of [remote, asLocal(new Desk()) as unknown as Reference])
    expect(await reference.callRemote("following", new Ticket())).toBe(2);
});

class Peer extends Referenceable {
  received: unknown[] = [];
  remote_take(...values: unknown[]): number {
    this.received = values;
    return values.length;
  }
  remote_board(): Board {
    return new Board();
  }
}

/** Keeps what the peer passes to it, and calls it back. */
class Host extends Avatar {
  readonly name = "Bob";
  readonly board = new Board();
  async perspective_show(peer: RemoteReference<Peer>): Promise<unknown> {
    return peer.callRemote("take", [this.board]);
  }
  async perspective_askView(peer: RemoteReference<Peer>): Promise<unknown> {
    return peer.callRemote("board");
  }
  perspective_same(one: unknown, other: unknown): boolean {
    return one === other;
  }
}

describe.each([
  ["over a connection", asLocal(new Host(), { copy: { onEvent: () => undefined } }) as unknown as Reference],
  ["locally", asLocal(new Host()) as unknown as Reference],
])("for the references that an avatar gets, %s", (_name, host) => {
  test("its views can be arguments", async () => {
    const peer = new Peer();
    expect(await host.callRemote("show", peer)).toBe(1);
    const [[view]] = peer.received as [[Reference]];
    expect(await view.callRemote("who")).toBe("Bob");
  });

  test("the views of the other end are refused, which has no perspective", async () => {
    const error = await rejection(host.callRemote("askView", new Peer()));
    expect(String(error)).toContain("only to a peer that has logged in");
  });

  test("there is one per object", async () => {
    const peer = new Peer();
    expect(await host.callRemote("same", peer, peer)).toBe(true);
    expect(await host.callRemote("same", peer, new Peer())).toBe(false);
  });
});

describe("what belongs to another connection is refused", () => {
  class Giver extends Root {
    given: unknown;
    remote_give(): unknown {
      return this.given;
    }
    remote_take(): void {}
  }
  class Stock extends Cacheable {
    static readonly remoteType = "shop.Stock";
    override getStateToCacheAndObserveFor(): unknown {
      return {};
    }
  }
  class StockCopy extends RemoteCache {}

  test.each(["reference", "cache", "caller", "methods", "copying reference"])("%s", async (kind) => {
    const types = new TypeRegistry().register(remoteCache("shop.Stock", StockCopy));
    const other = new Giver();
    other.given = new Stock();
    await using foreign = await connectedPair({ root: other }, { types });
    const reference: Reference = await foreign.client.getRootObject();
    const values: Record<string, unknown> = {
      reference,
      cache: kind === "cache" ? await reference.callRemote("give") : undefined,
      caller: reference.with({ timeoutMs: 1000 }),
      methods: reference.call,
      "copying reference": asLocal(other, { copy: {} }),
    };
    const giver = new Giver();
    giver.given = [values[kind]];
    await using pair = await connectedPair({ root: giver, types, onEvent: () => undefined }, { types });
    for (const way of [await pair.client.getRootObject(), asLocal(giver)] as unknown[] as Reference[]) {
      expect(await rejection(way.callRemote("take", { in: values[kind] }))).toMatchObject({
        code: "JELLY_NOT_JELLYABLE",
        path: "$.args[0].in",
      });
      expect(() => way.sendRemote("take", values[kind])).toThrow(JellyError);
      expect(String(await rejection(way.callRemote("give")))).toContain("(at $[0])");
    }
  });
});

test("a message of more than 64 MiB is refused", async () => {
  const local = asLocal(new Service()) as unknown as Reference;
  const page = new Uint8Array(655_360);
  const error = await rejection(local.callRemote("take", new Array(103).fill(page)));
  expect(error).toMatchObject({ code: "LIMIT_EXCEEDED", limit: "messageBytes" });
});

describe("an error that no caller receives is reported once", () => {
  class Faulty extends Root {
    readonly child = new (class extends Referenceable {
      override unreferenced(): void {
        throw new RangeError("unreferenced");
      }
    })();
    #release = (): void => undefined;
    remote_child(): unknown {
      return this.child;
    }
    remote_fail(): void {
      throw new RangeError("fail");
    }
    async remote_failLater(): Promise<void> {
      await new Promise<void>((resolve) => (this.#release = resolve));
      throw new RangeError("later");
    }
    remote_release(): void {
      this.#release();
    }
    remote_nested(): unknown {
      return [Promise.reject(new RangeError("nested"))];
    }
    remote_expected(): never {
      throw new PBError("expected");
    }
  }

  function open(): { events: BrokerEvent[]; faulty: Reference } {
    const events: BrokerEvent[] = [];
    const options = { onEvent: (event: BrokerEvent) => void events.push(event) };
    return { events, faulty: asLocal(new Faulty(), options) };
  }

  test.each([
    ["fail", "RangeError", "fail"],
    ["nested", "RangeError", "nested"],
    ["expected", "PBError", "expected"],
    ["missing", "NoSuchMethod", "No such method: remote_missing"],
  ])("of sendRemote: %s", async (method, name, message) => {
    const { events, faulty } = open();
    faulty.sendRemote(method);
    await vi.waitFor(() => expect(events).toHaveLength(1));
    expect(events).toMatchObject([{ kind: "method-failed", method, error: { name, message } }]);
  });

  test("of a call whose caller has stopped waiting", async () => {
    const { events, faulty } = open();
    const abort = new AbortController();
    const call = faulty.with({ signal: abort.signal }).callRemote("failLater");
    abort.abort(new Error("enough"));
    await expect(call).rejects.toThrow("enough");
    await faulty.callRemote("release");
    await vi.waitFor(() => expect(events).toHaveLength(1));
    expect(events).toMatchObject([{ kind: "method-failed", error: { message: "later" } }]);
  });

  test("of unreferenced, and not of calls that are answered", async () => {
    const { events, faulty } = open();
    await expect(faulty.callRemote("fail")).rejects.toThrow("withheld");
    ((await faulty.callRemote("child")) as Reference)[Symbol.dispose]();
    await vi.waitFor(() => expect(events).toHaveLength(1));
    expect(events).toMatchObject([{ kind: "callback-failed", error: { message: "unreferenced" } }]);
  });

  test("on the console, if there is no onEvent", async () => {
    const warn = vi.spyOn(console, "warn").mockImplementation(() => undefined);
    onTestFinished(() => warn.mockRestore());
    for (const reference of [asLocal(new Faulty()), asLocal(new Faulty(), { copy: {} })]) {
      (reference as unknown as Reference).sendRemote("fail");
      await vi.waitFor(() => expect(warn).toHaveBeenCalledTimes(1));
      expect(warn.mock.calls[0]![0]).toMatch(/The remote method fail failed \(give asLocal an onEvent .*: fail\n/);
      warn.mockClear();
    }
  });
});

describe("an object whose references were dropped", () => {
  test("is told when they are collected", async () => {
    const gc = garbageCollector();
    const service = new Service();
    const local = asLocal(service) as unknown as Reference;
    await (async () => {
      expect(await ((await local.callRemote("guest")) as Reference).callRemote("name")).toBe("Ann");
    })();
    await vi.waitFor(
      () => {
        gc();
        expect(service.guest.left).toBe(1);
      },
      { timeout: 20_000 },
    );
  });

  test("is not told while a call is running", async () => {
    const gc = garbageCollector();
    const told: string[] = [];
    let answer!: (text: string) => void;
    class Slow extends Referenceable {
      remote_wait(): Promise<string> {
        return new Promise((resolve) => (answer = resolve));
      }
      override unreferenced(): void {
        told.push("left");
      }
    }
    class Opener extends Root {
      remote_open(): Slow {
        return new Slow(); // Only the reference keeps it.
      }
    }
    const opener = asLocal(new Opener()) as unknown as Reference;
    const call = (async () => ((await opener.callRemote("open")) as Reference).callRemote("wait"))();
    await vi.waitFor(() => expect(answer).toBeTypeOf("function"));
    for (let turn = 0; turn < 3; turn++) {
      gc();
      await new Promise((resolve) => setTimeout(resolve, 0));
    }
    expect(told).toEqual([]);
    answer("done");
    expect(await call).toBe("done");
    await vi.waitFor(
      () => {
        gc();
        expect(told).toEqual(["left"]);
      },
      { timeout: 20_000 },
    );
  });
});
