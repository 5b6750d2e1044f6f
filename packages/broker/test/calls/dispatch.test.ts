// How a peer's word becomes a function of ours, and how its arguments become that function's.

import { afterEach, describe, expect, test } from "vitest";
import { Avatar, Kwargs, kwargs, Referenceable, Root, Viewable } from "@pb/broker";
import type { Parameters, RemoteError } from "@pb/broker";
import type { IncomingCall } from "@pb/broker/extension";
import type { Tuple } from "@pb/jelly-types";
import { tuple } from "@pb/jelly-types";
import { connectedPair } from "@pb/broker/testing";
import { brokerAndPeer, rejection } from "../support/raw-peer.js";

let ran: string[] = [];
afterEach(() => {
  ran = [];
});

class Base extends Root {
  remote_inherited(): string {
    return "inherited";
  }
  remote_overridden(): string {
    return "base";
  }
}

class Target extends Base {
  readonly remote_value: unknown = "not a function";
  readonly remote_arrow = (): string => "an arrow";
  static remote_static(): string {
    return "static";
  }
  get remote_getter(): () => string {
    ran.push("getter");
    return () => "from a getter";
  }
  set remote_setter(_value: unknown) {
    ran.push("setter");
  }
  override remote_overridden(): string {
    return "derived";
  }
  remote_(): string {
    return "nameless";
  }
  remote_größe(): string {
    return "size";
  }
  "remote_a b"(): string {
    return "with a blank";
  }
  remote_self(): boolean {
    return this instanceof Target;
  }
  hidden(): void {
    ran.push("hidden");
  }
  perspective_other(): void {
    ran.push("perspective_other");
  }
  view_other(): void {
    ran.push("view_other");
  }
  observe_other(): void {
    ran.push("observe_other");
  }
}

describe("a method that a peer names", () => {
  test.each([
    ["inherited", "inherited"],
    ["overridden", "derived"],
    ["arrow", "an arrow"],
    ["", "nameless"],
    ["größe", "size"],
    ["a b", "with a blank"],
    ["self", true],
  ])("is run when there is one: %j", async (name, result) => {
    const { client } = await connectedPair({ root: new Target() });
    expect(await (await client.getRootObject()).callRemote(name)).toBe(result);
  });

  const names = [
    "hidden",
    "constructor",
    "__proto__",
    "prototype",
    "toString",
    "valueOf",
    "hasOwnProperty",
    "__defineGetter__",
    "then",
    "value",
    "static",
    "getter",
    "setter",
    "other",
    "remote_inherited",
    "Inherited",
    "inherited ",
    " inherited",
    "inherited\0",
    "inherited()",
    "../inherited",
    "receiveCall",
    "rootObject",
    "home",
    "perspective",
    "0",
    "\u0000",
    "x".repeat(10_000),
  ];

  test.each(names)("is refused, and nothing is run, when there is none: %j", async (name) => {
    const { client, server } = await connectedPair({ root: new Target() });
    const error = (await rejection((await client.getRootObject()).callRemote(name))) as RemoteError;
    expect(error.remoteType).toBe("twisted.spread.flavors.NoSuchMethod");
    expect(error.is("builtins.AttributeError")).toBe(true);
    expect(error.message).toBe(`No such method: remote_${name}`);
    expect(ran).toEqual([]);
    expect(server.isOpen).toBe(true);
  });

  test("cannot be found where every object looks", async () => {
    const polluted = Object.prototype as unknown as Record<string, unknown>;
    polluted.remote_evil = () => ran.push("evil");
    try {
      const { client } = await connectedPair({ root: new Target() });
      await expect((await client.getRootObject()).callRemote("evil")).rejects.toThrow("No such method: remote_evil");
      expect(ran).toEqual([]);
    } finally {
      delete polluted.remote_evil;
    }
  });

  test("is looked for on the object as it is now", async () => {
    const target = new Target();
    const { client } = await connectedPair({ root: target });
    const root = await client.getRootObject();
    await expect(root.callRemote("late")).rejects.toThrow("No such method");
    Object.assign(target, { remote_late: () => "here" });
    expect(await root.callRemote("late")).toBe("here");
  });

  test("can be answered in another way, by overriding receiveCall", async () => {
    class Everything extends Root {
      override receiveCall({ method, args, kwargs: keywords }: IncomingCall): unknown {
        return [method, args.length, keywords === undefined ? null : Object.fromEntries(Object.entries(keywords))];
      }
    }
    const { client } = await connectedPair({ root: new Everything() });
    const root = await client.getRootObject();
    expect(await root.callRemote("__proto__", 1, 2, kwargs({ a: 1 }))).toMatchObject(["__proto__", 2, { a: 1 }]);
    expect(await root.callRemote("constructor")).toEqual(["constructor", 0, null]);
  });

  test("is called what Python calls it where the object is no Referenceable", async () => {
    class Someone extends Avatar {
      perspective_seen(): Page {
        return new Page();
      }
      remote_seen(): void {
        ran.push("remote_seen");
      }
    }
    class Page extends Viewable {
      remote_read(): void {
        ran.push("remote_read");
      }
    }
    class Door extends Root {
      remote_enter(): Someone {
        return new Someone();
      }
    }
    const { client } = await connectedPair({ root: new Door() });
    const someone = await (await client.getRootObject<Door>()).callRemote("enter");
    const page = (await (someone as never as Anything).callRemote("seen")) as Anything;
    for (const [object, name] of [
      [someone as never as Anything, "nothing"],
      [page, "read"],
    ] as const) {
      const error = (await rejection(object.callRemote(name))) as RemoteError;
      expect(error.remoteType).toBe("builtins.AttributeError");
    }
    expect(ran).toEqual([]);
  });
});

interface Anything {
  callRemote(name: string, ...args: unknown[]): Promise<unknown>;
}

class Declared extends Referenceable {
  static readonly parameters: Parameters = {
    none: [],
    one: ["a"],
    optional: ["a", "b?"],
    keywordOnly: ["a", "*", "b?", "c"],
    hostile: ["__proto__", "constructor?"],
  };
  remote_none = show;
  remote_one = show;
  remote_optional = show;
  remote_keywordOnly = show;
  remote_hostile = show;
  remote_free = show;
}
class Derived extends Declared {
  static override readonly parameters: Parameters = { one: ["z"] };
}

function show(...args: unknown[]): Tuple {
  return tuple(...args.map((arg) => (arg instanceof Kwargs ? new Map(Object.entries(arg)) : (arg ?? null))));
}

describe("the arguments of a call", () => {
  const fits: readonly (readonly [name: string, args: string, kwargs: string, bound: string])[] = [
    ["free", "(tuple)", "(dictionary)", "(tuple)"],
    ["free", "(tuple 1 2)", "(dictionary)", "(tuple 1 2)"],
    ["free", "(tuple 1)", "(dictionary (a 2))", "(tuple 1 (dictionary ((unicode a) 2)))"],
    ["free", "(tuple)", "(dictionary ((unicode __proto__) 1))", "(tuple (dictionary ((unicode __proto__) 1)))"],
    ["none", "(tuple)", "(dictionary)", "(tuple)"],
    ["one", "(tuple 1)", "(dictionary)", "(tuple 1)"],
    ["one", "(tuple)", "(dictionary ((unicode a) 1))", "(tuple 1)"],
    ["one", "(tuple)", "(dictionary (a 1))", "(tuple 1)"],
    ["optional", "(tuple 1)", "(dictionary)", "(tuple 1 (None))"],
    ["optional", "(tuple 1 2)", "(dictionary)", "(tuple 1 2)"],
    ["optional", "(tuple)", "(dictionary ((unicode b) 2) ((unicode a) 1))", "(tuple 1 2)"],
    ["optional", "(tuple 1)", "(dictionary ((unicode b) 2))", "(tuple 1 2)"],
    ["keywordOnly", "(tuple 1)", "(dictionary ((unicode c) 3))", "(tuple 1 (None) 3)"],
    ["keywordOnly", "(tuple)", "(dictionary ((unicode c) 3) ((unicode b) 2) ((unicode a) 1))", "(tuple 1 2 3)"],
    ["hostile", "(tuple)", "(dictionary ((unicode __proto__) 1) ((unicode constructor) 2))", "(tuple 1 2)"],
  ];

  test.each(fits)("of %s%s%s are %s", async (name, args, keywords, bound) => {
    const { peer } = await brokerAndPeer("listener", { root: { rootObject: () => new Declared() } });
    await peer.say(`(message 1 root ${name} 1 ${args} ${keywords})`);
    expect(peer.heard()).toEqual([`(answer 1 ${bound})`]);
  });

  const misfits: readonly (readonly [name: string, args: string, kwargs: string, says: string])[] = [
    ["none", "(tuple 1)", "(dictionary)", "none() takes 0 positional arguments but 1 were given"],
    ["none", "(tuple)", "(dictionary ((unicode a) 1))", 'none() got an unexpected keyword argument "a"'],
    ["one", "(tuple)", "(dictionary)", "one() misses the argument a"],
    ["one", "(tuple 1 2)", "(dictionary)", "one() takes 1 positional arguments but 2 were given"],
    ["one", "(tuple 1)", "(dictionary ((unicode a) 1))", "one() got two values for a"],
    ["one", "(tuple 1)", "(dictionary ((unicode toString) 1))", 'one() got an unexpected keyword argument "toString"'],
    ["optional", "(tuple)", "(dictionary ((unicode b) 1))", "optional() misses the argument a"],
    [
      "keywordOnly",
      "(tuple 1 2)",
      "(dictionary ((unicode c) 1))",
      "keywordOnly() takes 1 positional arguments but 2 were given",
    ],
    ["keywordOnly", "(tuple 1)", "(dictionary)", "keywordOnly() misses the argument c"],
    ["hostile", "(tuple)", "(dictionary)", "hostile() misses the argument __proto__"],
  ];

  test.each(misfits)("of %s%s%s do not fit: a TypeError says why", async (name, args, keywords, says) => {
    const { peer } = await brokerAndPeer("listener", { root: { rootObject: () => new Declared() } });
    await peer.say(`(message 1 root ${name} 1 ${args} ${keywords})`);
    const [reply] = peer.heard();
    expect(reply).toContain("((unicode type) builtins.TypeError)");
    expect(reply).toContain(`'${says}'`);
  });

  test("follow the declaration of the class itself, then of those it extends", async () => {
    const { peer } = await brokerAndPeer("listener", { root: { rootObject: () => new Derived() } });
    await peer.say("(message 1 root one 1 (tuple) (dictionary ((unicode z) 1)))");
    await peer.say("(message 2 root optional 1 (tuple) (dictionary ((unicode a) 1)))");
    expect(peer.heard()).toEqual(["(answer 1 (tuple 1))", "(answer 2 (tuple 1 (None)))"]);
  });
});

describe("keyword arguments as our caller gives them", () => {
  test("arrive as they were given, wherever they are from", async () => {
    const pair = await connectedPair({ root: { rootObject: () => new Declared() } });
    const root = await pair.client.getRootObject();
    expect(await root.callRemote("optional", kwargs({ b: 2, a: 1 }))).toEqual(tuple(1, 2));
    await root.callRemote("free", 1, kwargs({ größe: 1, "a b": 2 }));
    expect(pair.transcript().at(-2)).toContain("(dictionary ((unicode <6772c3b6c39f65>) 1) ((unicode 'a b') 2))");
  });

  test("are values like others anywhere but at the end", async () => {
    const { client } = await connectedPair({ root: { rootObject: () => new Declared() } });
    await expect((await client.getRootObject()).callRemote("free", kwargs({ a: 1 }), 1)).rejects.toThrow("$.args[0]");
  });

  test("are an object without a prototype, whatever they are called", () => {
    const keywords = kwargs({ ["__proto__"]: 1, constructor: 2, toString: 3 }) as unknown as Record<string, unknown>;
    expect(Object.keys(keywords)).toEqual(["__proto__", "constructor", "toString"]);
    expect(keywords instanceof Kwargs).toBe(true);
    expect("hasOwnProperty" in keywords).toBe(false);
    expect((keywords as { __proto__?: unknown }).__proto__).toBe(1);
  });
});
