// Errors on their way: what leaves the process, and what arrives (wire specification 5.9).

import { describe, expect, test } from "vitest";
import { Copyable, describeError, NoSuchMethod, PBError, RemoteError, Root } from "@pb/broker";
import type { BrokerEvent, BrokerOptions, ErrorDescription } from "@pb/broker";
import { JellyError, TypeRegistry } from "@pb/jelly-types";
import { connectedPair } from "@pb/broker/testing";
import { rejection } from "../support/raw-peer.js";

const EXCEPTION = ["builtins.Exception", "builtins.BaseException", "builtins.object"];
const WITHHELD = "(message withheld)";

class OutOfStock extends PBError {
  static override readonly remoteType: string = "shop.OutOfStock";
}
class OutOfApples extends OutOfStock {}
class Plain extends Error {}
class ValueError extends Error {
  static readonly remoteType: string = "builtins.ValueError";
}
class LookupFailed extends Error {
  static readonly remoteType: string = "shop.LookupFailed";
  static readonly remoteBases: readonly string[] = ["builtins.KeyError", "builtins.LookupError"];
}
class OwnTypeError extends TypeError {}
class NonsenseName extends Error {
  static readonly remoteType = 5;
  static readonly remoteBases = [7, "builtins.LookupError"];
}
class NamelessName extends Error {
  static override readonly name = 9 as never;
}
class Trap extends Error {
  static get remoteType(): never {
    throw new Error("a trap");
  }
}
const anonymous = (() => class extends Error {})();

function strange(properties: PropertyDescriptorMap, error: Error = new Plain("secret")): Error {
  return Object.defineProperties(error, properties);
}
const throws: PropertyDescriptor = {
  get() {
    throw new Error("a trap");
  },
};

type Row = readonly [what: string, thrown: () => unknown, type: string, message: string, parents: readonly string[]];

const rows: Row[] = [
  ["an error raised on purpose", () => new PBError("sold"), "twisted.spread.pb.Error", "sold", []],
  ["a class of the program", () => new OutOfStock("no"), "shop.OutOfStock", "no", ["twisted.spread.pb.Error"]],
  [
    "a class that extends it without a name for the wire",
    () => new OutOfApples("no"),
    "OutOfApples",
    "no",
    ["shop.OutOfStock", "twisted.spread.pb.Error"],
  ],
  ["a class without anything", () => new Plain("why"), "Plain", "why", []],
  ["a Python class", () => new ValueError("why"), "builtins.ValueError", "why", []],
  [
    "a class with Python bases",
    () => new LookupFailed("why"),
    "shop.LookupFailed",
    "why",
    ["builtins.KeyError", "builtins.LookupError"],
  ],
  ["an Error itself", () => new Error("why"), "builtins.Exception", "why", []],
  ["a class without a name", () => new anonymous("why"), "builtins.Exception", "why", []],
  // What the engine says is about our insides.
  [
    "a TypeError of the engine",
    () => caught(() => (undefined as never as () => void)()),
    "builtins.TypeError",
    WITHHELD,
    [],
  ],
  ["a RangeError of the engine", () => caught(() => new Array(-1)), "builtins.ValueError", WITHHELD, []],
  ["a SyntaxError of the engine", () => caught(() => JSON.parse("{")), "builtins.SyntaxError", WITHHELD, []],
  ["a URIError of the engine", () => caught(() => decodeURIComponent("%")), "builtins.ValueError", WITHHELD, []],
  ["a ReferenceError", () => new ReferenceError("x is not defined"), "builtins.NameError", WITHHELD, []],
  ["a class that extends TypeError", () => new OwnTypeError("why"), "OwnTypeError", "why", ["builtins.TypeError"]],
  [
    "a system error",
    () => Object.assign(new Error("ENOENT: no such file, open '/etc/secret'"), { syscall: "open", code: "ENOENT" }),
    "builtins.Exception",
    WITHHELD,
    [],
  ],
  // Not an error at all
  ["text", () => "out of order", "builtins.Exception", "out of order", []],
  ["nothing", () => undefined, "builtins.Exception", WITHHELD, []],
  ["null", () => null, "builtins.Exception", WITHHELD, []],
  ["a number", () => 404, "builtins.Exception", WITHHELD, []],
  ["an object", () => ({ message: "secret" }), "builtins.Exception", WITHHELD, []],
  [
    "an object that looks like an error",
    () => ({ __proto__: null, name: "E", message: "secret" }),
    "builtins.Exception",
    WITHHELD,
    [],
  ],
  // Of the layers below
  ["what was refused", () => new JellyError("JELLY_NOT_JELLYABLE", "why"), "builtins.ValueError", "why (at $)", []],
  ["an unhashable key", () => new JellyError("JELLY_UNHASHABLE", "why"), "builtins.TypeError", "why (at $)", []],
  [
    "a method that is not there",
    () => new NoSuchMethod("No such method: remote_x"),
    "twisted.spread.flavors.NoSuchMethod",
    "No such method: remote_x",
    ["builtins.AttributeError"],
  ],
  // Another peer's error, passed on
  [
    "an error that came from elsewhere",
    () =>
      new RemoteError({ type: "far.Away", message: "why", parents: ["far.Away", ...EXCEPTION], traceback: "secret" }),
    "far.Away",
    "why",
    [],
  ],
  // Text that cannot travel as it is
  ["half a character", () => new Plain("a\ud800b"), "Plain", "a\ufffdb", []],
  ["a very long message", () => new Plain("x".repeat(1_000_000)), "Plain", "x".repeat(64 * 1024), []],
  // Errors that were tampered with
  ["a message that is a number", () => strange({ message: { value: 5 } }), "Plain", WITHHELD, []],
  ["a message that is missing", () => strange({ message: { value: undefined } }), "Plain", WITHHELD, []],
  ["a message that throws", () => strange({ message: throws }), "builtins.Exception", WITHHELD, []],
  ["a stack that throws, which nobody looks at", () => strange({ stack: throws }), "Plain", "secret", []],
  [
    "a constructor that is no class",
    () => strange({ constructor: { value: "x" } }),
    "builtins.Exception",
    "secret",
    [],
  ],
  ["a constructor that throws", () => strange({ constructor: throws }), "builtins.Exception", WITHHELD, []],
  ["a class whose name throws", () => new Trap("secret"), "builtins.Exception", WITHHELD, []],
  ["a class whose names are numbers", () => new NonsenseName("why"), "NonsenseName", "why", ["builtins.LookupError"]],
  ["a class whose name is a number", () => new NamelessName("why"), "builtins.Exception", "why", []],
  ["a proxy that is shut", () => shutProxy(), "builtins.Exception", WITHHELD, []],
];

function caught(action: () => unknown): unknown {
  try {
    action();
  } catch (error) {
    return error;
  }
  throw new Error("It did not throw");
}

function shutProxy(): unknown {
  const { proxy, revoke } = Proxy.revocable(new Error("secret"), {});
  revoke();
  return proxy;
}

class Thrower extends Root {
  thrown: unknown;

  remote_throw(): never {
    throw this.thrown;
  }

  remote_reject(): Promise<never> {
    // eslint-disable-next-line @typescript-eslint/prefer-promise-reject-errors -- anything can be thrown
    return Promise.reject(this.thrown);
  }
}

async function open(options: BrokerOptions = {}, clientOptions: BrokerOptions = {}) {
  const root = new Thrower();
  const events: BrokerEvent[] = [];
  const pair = await connectedPair({ root, onEvent: (event) => events.push(event), ...options }, clientOptions);
  return { root, pair, events, thrower: await pair.client.getRootObject<Thrower>() };
}

describe("what leaves the process", () => {
  test.each(rows)("of %s", async (_what, make, type, message, parents) => {
    const { root, thrower, pair } = await open();
    for (const method of ["throw", "reject"] as const) {
      root.thrown = make();
      const error = (await rejection(thrower.callRemote(method))) as RemoteError;
      expect(error).toBeInstanceOf(RemoteError);
      expect(error.remoteType).toBe(type);
      expect(error.message).toBe(message);
      expect(error.parents).toEqual([...new Set([type, ...parents, ...EXCEPTION])]);
      expect(error.traceback).toBeUndefined();
    }
    const said = pair.transcript().join("\n");
    if (message === WITHHELD) expect(said).not.toContain("secret");
    expect(said).not.toContain("failure.test");
    expect(pair.server.isOpen).toBe(true);
    await pair.expectNothingLeft();
  });

  test("is a stack too, where tracebacks are switched on", async () => {
    const { root, thrower } = await open({ unsafeTracebacks: true });
    root.thrown = new Plain("why");
    const error = (await rejection(thrower.callRemote("throw"))) as RemoteError;
    expect(error.traceback).toContain("failure.test");
    root.thrown = strange({ stack: { value: 5 } });
    expect(((await rejection(thrower.callRemote("throw"))) as RemoteError).traceback).toBeUndefined();
    root.thrown = strange({ stack: throws });
    expect(await rejection(thrower.callRemote("throw"))).toMatchObject({
      remoteType: "builtins.Exception",
      message: WITHHELD,
    });
  });

  test("costs no stack where they are not", async () => {
    let looks = 0;
    const { root, thrower } = await open();
    root.thrown = strange({ stack: { get: () => String(++looks) } });
    await rejection(thrower.callRemote("throw"));
    expect(looks).toBe(0);
  });

  test("is for the program to decide", async () => {
    const describe = (error: unknown): ErrorDescription => ({ ...describeError(error), message: "Ask the operator." });
    const { root, thrower } = await open({ describeError: describe });
    root.thrown = new Plain("secret");
    await expect(thrower.callRemote("throw")).rejects.toThrow("Ask the operator.");
  });

  test.each([
    [
      "throws",
      () => {
        throw new Error("a trap");
      },
    ],
    ["returns nothing", () => undefined],
    ["returns nonsense", () => ({ type: 5, message: {}, parents: "none", traceback: [] })],
  ])("is next to nothing when the program's own description %s", async (_what, describe) => {
    const { root, thrower, pair } = await open({ describeError: describe as () => never });
    for (const method of ["throw", "reject"] as const) {
      root.thrown = new Plain("secret");
      const error = (await rejection(thrower.callRemote(method))) as RemoteError;
      expect(error).toMatchObject({ remoteType: "builtins.Exception", message: WITHHELD });
    }
    await pair.expectNothingLeft();
  });
});

describe("an error whose class travels", () => {
  class Refusal extends Error {
    code: unknown = 7;
  }

  test("arrives as itself", async () => {
    const types = new TypeRegistry().registerCopy("shop.Refusal", Refusal);
    const { root, thrower } = await open({ types }, { types });
    root.thrown = new Refusal("lost on the way");
    const error = (await rejection(thrower.callRemote("throw"))) as Refusal;
    expect(error).toBeInstanceOf(Refusal);
    expect(error.code).toBe(7);
  });

  test("is described when its state cannot travel", async () => {
    const types = new TypeRegistry().registerCopy("shop.Refusal", Refusal);
    const { root, thrower, pair } = await open({ types }, { types });
    root.thrown = Object.assign(new Refusal("why"), { code: () => 1 });
    const error = (await rejection(thrower.callRemote("throw"))) as RemoteError;
    expect(error).toBeInstanceOf(RemoteError);
    expect(error.message).toBe("why");
    await pair.expectNothingLeft();
  });

  test("rejects the call with what is wrong when the caller does not know it", async () => {
    const { root, thrower, pair } = await open({ types: new TypeRegistry().registerCopy("shop.Refusal", Refusal) });
    root.thrown = new Refusal("why");
    await expect(thrower.callRemote("throw")).rejects.toThrow("shop.Refusal");
    expect(pair.client.isOpen).toBe(true);
  });
});

describe("what the program is told of its own errors", () => {
  test("is every fault, with the error itself, and nothing of what was raised on purpose", async () => {
    const { root, thrower, events } = await open();
    for (const thrown of [new PBError("purpose"), new OutOfApples("purpose"), new Plain("fault"), "fault", undefined]) {
      root.thrown = thrown;
      await rejection(thrower.callRemote("throw"));
      await rejection(thrower.callRemote("reject"));
    }
    expect(events.map((event) => "error" in event && event.error)).toEqual([
      new Plain("fault"),
      new Plain("fault"),
      "fault",
      "fault",
      undefined,
      undefined,
    ]);
  });

  test("is a result that cannot travel", async () => {
    class Box extends Root {
      remote_get(): unknown {
        return () => 1;
      }
    }
    const events: BrokerEvent[] = [];
    const pair = await connectedPair({ root: new Box(), onEvent: (event) => events.push(event) });
    await rejection((await pair.client.getRootObject<Box>()).callRemote("get"));
    expect(events).toEqual([{ kind: "answer-failed", error: expect.any(JellyError) }]);
  });

  test("is not what a state hook raised on purpose", async () => {
    class Shy extends Copyable {
      static readonly remoteType = "shop.Shy";
      override getStateToCopyFor(): never {
        throw new OutOfStock("not for you");
      }
    }
    class Box extends Root {
      remote_get(): Shy {
        return new Shy();
      }
    }
    const pair = await connectedPair({ root: new Box() });
    const error = (await rejection((await pair.client.getRootObject<Box>()).callRemote("get"))) as RemoteError;
    expect(error).toMatchObject({ remoteType: "shop.OutOfStock", message: "not for you" });
  });
});

describe("an error of the peer", () => {
  test("can be asked what it is, and sent on", async () => {
    const { root, thrower } = await open();
    root.thrown = new LookupFailed("why");
    const error = (await rejection(thrower.callRemote("throw"))) as RemoteError;
    for (const type of ["shop.LookupFailed", "builtins.KeyError", "builtins.object"]) expect(error.is(type)).toBe(true);
    for (const type of ["builtins.ValueError", "shop", ""]) expect(error.is(type)).toBe(false);
    root.thrown = error;
    expect(await rejection(thrower.callRemote("throw"))).toEqual(error);
  });

  test("for which the program's own class throws is a fault of the program, of that call only", async () => {
    class Picky extends Error {
      constructor() {
        super();
        throw new RangeError("I only take three arguments");
      }
    }
    const { root, thrower, pair } = await open({}, { errorClasses: { Plain: Picky } });
    root.thrown = new Plain("why");
    await expect(thrower.callRemote("throw")).rejects.toThrow("I only take three arguments");
    expect(pair.client.isOpen).toBe(true);
    await pair.expectNothingLeft();
  });
});
