// Failures: which parts of an error are sent to the peer, and the error that the caller gets (wire specification 5.9).

import { describe, expect, test } from "vitest";
import { Copyable, describeError, NoSuchMethod, PBError, RemoteError, Root } from "@pb/broker";
import type { BrokerEvent, BrokerOptions, ErrorDescription } from "@pb/broker";
import { JellyError, TypeRegistry } from "@pb/jelly-types";
import { connectedPair } from "@pb/broker/testing";
import { brokerAndPeer, rejection } from "../support/raw-peer.js";

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
class ThrowingName extends Error {
  static get remoteType(): never {
    throw new Error("from a getter");
  }
}
const anonymous = (() => class extends Error {})();

function errorWith(properties: PropertyDescriptorMap, error: Error = new Plain("secret")): Error {
  return Object.defineProperties(error, properties);
}
const throwingGetter: PropertyDescriptor = {
  get() {
    throw new Error("from a getter");
  },
};

type Row = readonly [what: string, thrown: () => unknown, type: string, message: string, parents: readonly string[]];

const rows: Row[] = [
  ["a PBError", () => new PBError("sold"), "twisted.spread.pb.Error", "sold", []],
  ["an error class of the program", () => new OutOfStock("no"), "shop.OutOfStock", "no", ["twisted.spread.pb.Error"]],
  [
    "a derived class without a remoteType",
    () => new OutOfApples("no"),
    "OutOfApples",
    "no",
    ["shop.OutOfStock", "twisted.spread.pb.Error"],
  ],
  ["a class without a remoteType", () => new Plain("why"), "Plain", "why", []],
  ["a Python class", () => new ValueError("why"), "builtins.ValueError", "why", []],
  [
    "a class with Python bases",
    () => new LookupFailed("why"),
    "shop.LookupFailed",
    "why",
    ["builtins.KeyError", "builtins.LookupError"],
  ],
  ["an Error", () => new Error("why"), "builtins.Exception", "why", []],
  ["a class without a name", () => new anonymous("why"), "builtins.Exception", "why", []],
  // Messages of the engine describe internals of the program and are withheld.
  [
    "a TypeError of the engine",
    () => errorOf(() => (undefined as never as () => void)()),
    "builtins.TypeError",
    WITHHELD,
    [],
  ],
  ["a RangeError of the engine", () => errorOf(() => new Array(-1)), "builtins.ValueError", WITHHELD, []],
  ["a SyntaxError of the engine", () => errorOf(() => JSON.parse("{")), "builtins.SyntaxError", WITHHELD, []],
  ["a URIError of the engine", () => errorOf(() => decodeURIComponent("%")), "builtins.ValueError", WITHHELD, []],
  ["a ReferenceError", () => new ReferenceError("x is not defined"), "builtins.NameError", WITHHELD, []],
  ["a class that extends TypeError", () => new OwnTypeError("why"), "OwnTypeError", "why", ["builtins.TypeError"]],
  [
    "a system error",
    () => Object.assign(new Error("ENOENT: no such file, open '/etc/secret'"), { syscall: "open", code: "ENOENT" }),
    "builtins.Exception",
    WITHHELD,
    [],
  ],
  // Values that are not errors
  ["a string", () => "out of order", "builtins.Exception", "out of order", []],
  ["undefined", () => undefined, "builtins.Exception", WITHHELD, []],
  ["null", () => null, "builtins.Exception", WITHHELD, []],
  ["a number", () => 404, "builtins.Exception", WITHHELD, []],
  ["an object", () => ({ message: "secret" }), "builtins.Exception", WITHHELD, []],
  [
    "an object that reads like an error",
    () => ({ __proto__: null, name: "E", message: "secret" }),
    "builtins.Exception",
    WITHHELD,
    [],
  ],
  // Errors of the layers below
  [
    "a value that cannot be sent",
    () => new JellyError("JELLY_NOT_JELLYABLE", "why"),
    "builtins.ValueError",
    "why (at $)",
    [],
  ],
  ["an unhashable key", () => new JellyError("JELLY_UNHASHABLE", "why"), "builtins.TypeError", "why (at $)", []],
  [
    "a missing method",
    () => new NoSuchMethod("No such method: remote_x"),
    "twisted.spread.flavors.NoSuchMethod",
    "No such method: remote_x",
    ["builtins.AttributeError"],
  ],
  // The error of another peer, passed on
  [
    "a RemoteError of another connection",
    () =>
      new RemoteError({ type: "far.Away", message: "why", parents: ["far.Away", ...EXCEPTION], traceback: "secret" }),
    "far.Away",
    "why",
    [],
  ],
  // Messages that must be changed
  ["a lone surrogate", () => new Plain("a\ud800b"), "Plain", "a\ufffdb", []],
  ["a very long message", () => new Plain("x".repeat(1_000_000)), "Plain", "x".repeat(64 * 1024), []],
  // Errors with manipulated properties
  ["a message that is a number", () => errorWith({ message: { value: 5 } }), "Plain", WITHHELD, []],
  ["a message that is missing", () => errorWith({ message: { value: undefined } }), "Plain", WITHHELD, []],
  ["a message that throwingGetter", () => errorWith({ message: throwingGetter }), "builtins.Exception", WITHHELD, []],
  [
    "a stack getter that throwingGetter, which is not called",
    () => errorWith({ stack: throwingGetter }),
    "Plain",
    "secret",
    [],
  ],
  [
    "a constructor that is not a class",
    () => errorWith({ constructor: { value: "x" } }),
    "builtins.Exception",
    "secret",
    [],
  ],
  [
    "a constructor that throwingGetter",
    () => errorWith({ constructor: throwingGetter }),
    "builtins.Exception",
    WITHHELD,
    [],
  ],
  ["a class whose name throwingGetter", () => new ThrowingName("secret"), "builtins.Exception", WITHHELD, []],
  ["a class whose names are numbers", () => new NonsenseName("why"), "NonsenseName", "why", ["builtins.LookupError"]],
  ["a class whose name is a number", () => new NamelessName("why"), "builtins.Exception", "why", []],
  ["a revoked proxy", () => revokedProxy(), "builtins.Exception", WITHHELD, []],
];

function errorOf(action: () => unknown): unknown {
  try {
    action();
  } catch (error) {
    return error;
  }
  throw new Error("The action did not throw");
}

function revokedProxy(): unknown {
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

describe("the failure that is sent", () => {
  test.each(rows)("for %s", async (_what, make, type, message, parents) => {
    const { root, thrower, pair } = await open();
    for (const method of ["throw", "reject"] as const) {
      root.thrown = make();
      const error = (await rejection(thrower.callRemote(method))) as RemoteError;
      expect(error).toBeInstanceOf(RemoteError);
      expect(error.remoteType).toBe(type);
      expect(error.remoteMessage).toBe(message);
      expect(error.parents).toEqual([...new Set([type, ...parents, ...EXCEPTION])]);
      expect(error.traceback).toBeUndefined();
    }
    const said = pair.transcript().join("\n");
    if (message === WITHHELD) expect(said).not.toContain("secret");
    expect(said).not.toContain("failure.test");
    expect(pair.server.isOpen).toBe(true);
    await pair.expectNothingLeft();
  });

  test("contains the stack if `unsafeTracebacks` is set", async () => {
    const { root, thrower } = await open({ unsafeTracebacks: true });
    root.thrown = new Plain("why");
    const error = (await rejection(thrower.callRemote("throw"))) as RemoteError;
    expect(error.traceback).toContain("failure.test");
    root.thrown = errorWith({ stack: { value: 5 } });
    expect(((await rejection(thrower.callRemote("throw"))) as RemoteError).traceback).toBeUndefined();
    root.thrown = errorWith({ stack: throwingGetter });
    expect(await rejection(thrower.callRemote("throw"))).toMatchObject({
      remoteType: "builtins.Exception",
      message: WITHHELD,
    });
  });

  test("does not read the stack if `unsafeTracebacks` is not set", async () => {
    let reads = 0;
    const { root, thrower } = await open();
    root.thrown = errorWith({ stack: { get: () => String(++reads) } });
    await rejection(thrower.callRemote("throw"));
    expect(reads).toBe(0);
  });

  test("is determined by the option `describeError`", async () => {
    const describe = (error: unknown): ErrorDescription => ({ ...describeError(error), message: "Ask the operator." });
    const { root, thrower } = await open({ describeError: describe });
    root.thrown = new Plain("secret");
    await expect(thrower.callRemote("throw")).rejects.toThrow("Ask the operator.");
  });

  test.each([
    [
      "throwingGetter",
      () => {
        throw new Error("from a getter");
      },
    ],
    ["returns nothing", () => undefined],
    ["returns invalid fields", () => ({ type: 5, message: {}, parents: "none", traceback: [] })],
  ])("has no details when `describeError` %s", async (_what, describe) => {
    const { root, thrower, pair } = await open({ describeError: describe as () => never });
    for (const method of ["throw", "reject"] as const) {
      root.thrown = new Plain("secret");
      const error = (await rejection(thrower.callRemote(method))) as RemoteError;
      expect(error).toMatchObject({ remoteType: "builtins.Exception", message: WITHHELD });
    }
    await pair.expectNothingLeft();
  });
});

describe("an error of a registered class", () => {
  class Refusal extends Error {
    code: unknown = 7;
  }

  test("arrives as an instance of its class", async () => {
    const types = new TypeRegistry().registerCopy("shop.Refusal", Refusal);
    const { root, thrower } = await open({ types }, { types });
    root.thrown = new Refusal("lost on the way");
    const error = (await rejection(thrower.callRemote("throw"))) as Refusal;
    expect(error).toBeInstanceOf(Refusal);
    expect(error.code).toBe(7);
  });

  test("is sent as a failure if its state cannot be sent", async () => {
    const types = new TypeRegistry().registerCopy("shop.Refusal", Refusal);
    const { root, thrower, pair } = await open({ types }, { types });
    root.thrown = Object.assign(new Refusal("why"), { code: () => 1 });
    const error = (await rejection(thrower.callRemote("throw"))) as RemoteError;
    expect(error).toBeInstanceOf(RemoteError);
    expect(error.message).toBe("why");
    await pair.expectNothingLeft();
  });

  test("arrives as a RemoteError with its name and message if the caller has not registered it", async () => {
    const { root, thrower } = await open({ types: new TypeRegistry().registerCopy("shop.Refusal", Refusal) });
    root.thrown = new Refusal("why");
    const error = (await rejection(thrower.callRemote("throw"))) as RemoteError;
    expect(error).toBeInstanceOf(RemoteError);
    expect(error).toMatchObject({ message: "why", remoteType: "shop.Refusal" });
    expect(error.is("builtins.Exception")).toBe(true);
  });

  test("is on the wire a failure that a stock peer can read, with the copy as bytes", async () => {
    const types = new TypeRegistry().registerCopy("shop.Refusal", Refusal);
    class Thrower extends Root {
      remote_throw(): never {
        throw new Refusal("why");
      }
    }
    const { peer } = await brokerAndPeer("listener", { root: new Thrower(), types });
    await peer.send("(message 1 root throw 1 (tuple) (dictionary))");
    const [answer] = peer.received();
    expect(answer).toMatch(/^\(error 1 \(twisted.spread.pb.CopyableFailure \(dictionary .*type\) shop.Refusal\)/);
    expect(answer).toContain("pbx_copy");
    expect(answer).not.toContain("(shop.Refusal (dictionary");
  });

  test("is the copy alone with errorCopies, and refused by a caller that has not registered it", async () => {
    const types = new TypeRegistry().registerCopy("shop.Refusal", Refusal);
    const { root, thrower, pair } = await open({ types, errorCopies: true });
    root.thrown = new Refusal("why");
    await expect(thrower.callRemote("throw")).rejects.toThrow("shop.Refusal");
    expect(pair.client.isOpen).toBe(true);
    expect(pair.transcript().at(-1)).toContain("(shop.Refusal (dictionary");
  });

  test.each([
    ["contains a reference", () => new (class extends Root {})()],
    ["cannot be sent", () => () => 1],
    ["is too large", () => "x".repeat(100_000)],
  ])("is a plain failure if its state %s, and nothing is left", async (_what, code) => {
    const types = new TypeRegistry().registerCopy("shop.Refusal", Refusal);
    const { root, thrower, pair } = await open({ types }, { types });
    root.thrown = Object.assign(new Refusal("why"), { code: code() });
    const error = (await rejection(thrower.callRemote("throw"))) as RemoteError;
    expect(error).toMatchObject({ message: "why", remoteType: "shop.Refusal" });
    await pair.expectNothingLeft();
  });

  test("is the plain failure if the copy inside of it is damaged or refuses its state", async () => {
    const parse = (): never => {
      throw new RangeError("not this state");
    };
    const { root, thrower } = await open(
      { types: new TypeRegistry().registerCopy("shop.Refusal", Refusal) },
      { types: new TypeRegistry().registerCopy("shop.Refusal", Refusal, { parse }) },
    );
    root.thrown = new Refusal("why");
    expect(await rejection(thrower.callRemote("throw"))).toMatchObject({ message: "why", name: "RemoteError" });
    for (const damaged of ["x", "(", "(shop.Refusal)"]) {
      const { broker, peer } = await brokerAndPeer("initiator", {});
      const call = rejection((await broker.getRootObject()).callRemote("throw"));
      const state = `((unicode value) (unicode why)) ((unicode pbx_copy) ${damaged === "(" ? "y" : "x"})`;
      await peer.send(`(error 1 (twisted.spread.pb.CopyableFailure (dictionary ${state})))`);
      expect(await call).toMatchObject({ message: "why", name: "RemoteError" });
    }
  });
});

describe("the events about errors of the program", () => {
  test("report every unexpected error, and no error that was thrown on purpose", async () => {
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

  test("report a result that cannot be sent", async () => {
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

  test("do not report an error that a state hook threw on purpose", async () => {
    class Hidden extends Copyable {
      static readonly remoteType = "shop.Hidden";
      override getStateToCopyFor(): never {
        throw new OutOfStock("not for you");
      }
    }
    class Box extends Root {
      remote_get(): Hidden {
        return new Hidden();
      }
    }
    const pair = await connectedPair({ root: new Box() });
    const error = (await rejection((await pair.client.getRootObject<Box>()).callRemote("get"))) as RemoteError;
    expect(error).toMatchObject({ remoteType: "shop.OutOfStock", message: "not for you" });
  });
});

describe("an error of the peer", () => {
  test("can be tested for its classes, and thrown to another caller", async () => {
    const { root, thrower } = await open();
    root.thrown = new LookupFailed("why");
    const error = (await rejection(thrower.callRemote("throw"))) as RemoteError;
    for (const type of ["shop.LookupFailed", "builtins.KeyError", "builtins.object"]) expect(error.is(type)).toBe(true);
    for (const type of ["builtins.ValueError", "shop", ""]) expect(error.is(type)).toBe(false);
    root.thrown = error;
    expect(await rejection(thrower.callRemote("throw"))).toEqual(error);
  });

  test("rejects its call with the error of the class in `errorClasses` if its constructor throwingGetter", async () => {
    class ThrowingClass extends Error {
      constructor() {
        super();
        throw new RangeError("I only take three arguments");
      }
    }
    const { root, thrower, pair } = await open({}, { errorClasses: { Plain: ThrowingClass } });
    root.thrown = new Plain("why");
    await expect(thrower.callRemote("throw")).rejects.toThrow("I only take three arguments");
    expect(pair.client.isOpen).toBe(true);
    await pair.expectNothingLeft();
  });
});
