// Local references behave as references over a connection where it is not about single values (`types/table.test.ts`).

import { afterAll, describe, expect, test } from "vitest";
import {
  asLocal,
  Avatar,
  DeadReferenceError,
  getAllPages,
  kwargs,
  Referenceable,
  RemoteError,
  Root,
  sendPages,
  Viewable,
} from "@pb/broker";
import type { PageCollectorMethods, Reference, RemoteReference } from "@pb/broker";
import { connectedPair } from "@pb/broker/testing";
import { JellyError, tuple, TypeRegistry } from "@pb/jelly-types";
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
