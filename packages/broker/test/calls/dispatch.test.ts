// Dispatch: which methods a peer can call by name, and how the arguments of a call become the parameters of the method.

import { afterEach, describe, expect, test } from "vitest";
import { Avatar, Kwargs, kwargs, Referenceable, Root, Viewable } from "@pb/broker";
import type { Parameters, RemoteError } from "@pb/broker";
import type { IncomingCall } from "@pb/broker/extension";
import type { Tuple } from "@pb/jelly-types";
import { printable, tuple } from "@pb/jelly-types";
import { connectedPair } from "@pb/broker/testing";
import { brokerAndPeer, rejection } from "../support/raw-peer.js";

let calledMethods: string[] = [];
afterEach(() => {
  calledMethods = [];
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
    calledMethods.push("getter");
    return () => "from a getter";
  }
  set remote_setter(_value: unknown) {
    calledMethods.push("setter");
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
    calledMethods.push("hidden");
  }
  perspective_other(): void {
    calledMethods.push("perspective_other");
  }
  view_other(): void {
    calledMethods.push("view_other");
  }
  observe_other(): void {
    calledMethods.push("observe_other");
  }
}

describe("a method named by the peer", () => {
  test.each([
    ["inherited", "inherited"],
    ["overridden", "derived"],
    ["arrow", "an arrow"],
    ["", "nameless"],
    ["größe", "size"],
    ["a b", "with a blank"],
    ["self", true],
  ])("runs if it exists: %j", async (name, result) => {
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

  test.each(names)("is rejected, without running anything, if it does not exist: %j", async (name) => {
    const { client, server } = await connectedPair({ root: new Target() });
    const error = (await rejection((await client.getRootObject()).callRemote(name))) as RemoteError;
    expect(error.remoteType).toBe("twisted.spread.flavors.NoSuchMethod");
    expect(error.is("builtins.AttributeError")).toBe(true);
    expect(error.message).toBe(`No such method: ${printable(`remote_${name}`)}`);
    expect(calledMethods).toEqual([]);
    expect(server.isOpen).toBe(true);
  });

  test("is not found on Object.prototype", async () => {
    const polluted = Object.prototype as unknown as Record<string, unknown>;
    polluted.remote_evil = () => calledMethods.push("evil");
    try {
      const { client } = await connectedPair({ root: new Target() });
      await expect((await client.getRootObject()).callRemote("evil")).rejects.toThrow("No such method: remote_evil");
      expect(calledMethods).toEqual([]);
    } finally {
      delete polluted.remote_evil;
    }
  });

  test("is found on the object as it is at the time of the call", async () => {
    const target = new Target();
    const { client } = await connectedPair({ root: target });
    const root = await client.getRootObject();
    await expect(root.callRemote("late")).rejects.toThrow("No such method");
    Object.assign(target, { remote_late: () => "here" });
    expect(await root.callRemote("late")).toBe("here");
  });

  test("is found as the class has it now, after other calls of it", async () => {
    class First extends Root {
      remote_changing(): string {
        return "first";
      }
    }
    class Second extends First {
      override remote_changing(): string {
        return "second";
      }
    }
    class Getter extends First {}
    const get = (): unknown => calledMethods.push("getter");
    Object.defineProperty(Getter.prototype, "remote_changing", { get });
    const call = async (root: Root): Promise<unknown> => {
      await using pair = await connectedPair({ root });
      return await (await pair.client.getRootObject()).callRemote("changing");
    };
    const own = Object.assign(new First(), { remote_changing: () => "own" });
    const outcomes = async (): Promise<unknown[]> => [
      await call(new First()),
      await call(new Second()),
      await call(own),
      await rejection(call(new Getter())),
    ];
    const missing = expect.objectContaining({ message: "No such method: remote_changing" }) as unknown;
    for (let round = 0; round < 2; round++) expect(await outcomes()).toEqual(["first", "second", "own", missing]);
    First.prototype.remote_changing = () => "replaced";
    expect(await outcomes()).toEqual(["replaced", "second", "own", missing]);
    Reflect.deleteProperty(First.prototype, "remote_changing");
    expect(await rejection(call(new First()))).toEqual(missing);
    expect(calledMethods).toEqual([]);
  });

  test("can be handled by overriding receiveCall", async () => {
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

  test("rejects with AttributeError, as Python does, where the object is not a Referenceable", async () => {
    class TestAvatar extends Avatar {
      perspective_seen(): Page {
        return new Page();
      }
      remote_seen(): void {
        calledMethods.push("remote_seen");
      }
    }
    class Page extends Viewable {
      remote_read(): void {
        calledMethods.push("remote_read");
      }
    }
    class Door extends Root {
      remote_enter(): TestAvatar {
        return new TestAvatar();
      }
    }
    const { client } = await connectedPair({ root: new Door() });
    const avatar = await (await client.getRootObject<Door>()).callRemote("enter");
    const page = (await (avatar as never as Anything).callRemote("seen")) as Anything;
    for (const [object, name] of [
      [avatar as never as Anything, "nothing"],
      [page, "read"],
    ] as const) {
      const error = (await rejection(object.callRemote(name))) as RemoteError;
      expect(error.remoteType).toBe("builtins.AttributeError");
    }
    expect(calledMethods).toEqual([]);
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
  remote_none = echoArguments;
  remote_one = echoArguments;
  remote_optional = echoArguments;
  remote_keywordOnly = echoArguments;
  remote_hostile = echoArguments;
  remote_free = echoArguments;
}
class Derived extends Declared {
  static override readonly parameters: Parameters = { one: ["z"] };
}

function echoArguments(...args: unknown[]): Tuple {
  return tuple(...args.map((arg) => (arg instanceof Kwargs ? new Map(Object.entries(arg)) : (arg ?? null))));
}

describe("the arguments of a call", () => {
  const acceptedCalls: readonly (readonly [name: string, args: string, kwargs: string, parameters: string])[] = [
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

  test.each(acceptedCalls)("of %s%s%s are %s", async (name, args, keywords, parameters) => {
    const { peer } = await brokerAndPeer("listener", { root: { rootObject: () => new Declared() } });
    await peer.send(`(message 1 root ${name} 1 ${args} ${keywords})`);
    expect(peer.received()).toEqual([`(answer 1 ${parameters})`]);
  });

  const rejectedCalls: readonly (readonly [name: string, args: string, kwargs: string, message: string])[] = [
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

  test.each(rejectedCalls)("of %s%s%s are rejected with a TypeError", async (name, args, keywords, message) => {
    const { peer } = await brokerAndPeer("listener", { root: { rootObject: () => new Declared() } });
    await peer.send(`(message 1 root ${name} 1 ${args} ${keywords})`);
    const [reply] = peer.received();
    expect(reply).toContain("((unicode type) builtins.TypeError)");
    expect(reply).toContain(`'${message}'`);
  });

  test("follow the declaration of the class, then of its base classes", async () => {
    const { peer } = await brokerAndPeer("listener", { root: { rootObject: () => new Derived() } });
    await peer.send("(message 1 root one 1 (tuple) (dictionary ((unicode z) 1)))");
    await peer.send("(message 2 root optional 1 (tuple) (dictionary ((unicode a) 1)))");
    expect(peer.received()).toEqual(["(answer 1 (tuple 1))", "(answer 2 (tuple 1 (None)))"]);
  });
});

describe("keyword arguments of a caller", () => {
  test("arrive with their names, as parameters or as a Kwargs object", async () => {
    const pair = await connectedPair({ root: { rootObject: () => new Declared() } });
    const root = await pair.client.getRootObject();
    expect(await root.callRemote("optional", kwargs({ b: 2, a: 1 }))).toEqual(tuple(1, 2));
    await root.callRemote("free", 1, kwargs({ größe: 1, "a b": 2 }));
    expect(pair.transcript().at(-2)).toContain("(dictionary ((unicode <6772c3b6c39f65>) 1) ((unicode 'a b') 2))");
  });

  test("cannot be sent anywhere but at the end of the arguments", async () => {
    const { client } = await connectedPair({ root: { rootObject: () => new Declared() } });
    await expect((await client.getRootObject()).callRemote("free", kwargs({ a: 1 }), 1)).rejects.toThrow("$.args[0]");
  });

  test("are an object without Object.prototype, so that any name is possible", () => {
    const keywords = kwargs({ ["__proto__"]: 1, constructor: 2, toString: 3 }) as unknown as Record<string, unknown>;
    expect(Object.keys(keywords)).toEqual(["__proto__", "constructor", "toString"]);
    expect(keywords instanceof Kwargs).toBe(true);
    expect("hasOwnProperty" in keywords).toBe(false);
    expect((keywords as { __proto__?: unknown }).__proto__).toBe(1);
  });
});
