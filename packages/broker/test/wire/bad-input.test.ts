// What a peer sends that it should not: each hurts as little as it can (wire specification 2.7, 3, 5.12).

import { describe, expect, test } from "vitest";
import { BananaError } from "@pb/banana";
import { Broker, ConnectionLostError, PBError, ProtocolError, RemoteError, Root } from "@pb/broker";
import type { BrokerEvent, BrokerOptions, CloseReason } from "@pb/broker";
import { connectedPair } from "@pb/broker/testing";
import { brokerAndPeer, brokerAndStranger, rejection, settled } from "../support/raw-peer.js";

const latin = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text, "latin1"));
const digits = (count: number): Uint8Array => new Uint8Array(count).fill(1);
const TLS_HELLO = Uint8Array.from(Buffer.from("16030100c8010000c40303", "hex"));

class Echo extends Root {
  readonly calls: unknown[] = [];

  remote_echo(value: unknown): unknown {
    this.calls.push(value);
    return value;
  }
}

class Failing extends Root {
  remote_now(): never {
    throw new PBError("no");
  }
  async remote_later(): Promise<never> {
    await Promise.resolve();
    throw new PBError("no");
  }
}

/** What came, the code of the error that says so, and a part of what it says. */
type Row = readonly [what: string, input: string | Uint8Array, code: string, says: RegExp];

const bad: Row[] = [
  // Not Banana
  ["garbage", latin("\xff\xfe\xfd\xfc"), "BANANA_UNKNOWN_TYPE", /0xff/i],
  ["a never-ending prefix", digits(65), "BANANA_PREFIX_TOO_LONG", /64/],
  ["a word that does not exist", Uint8Array.of(99, 0x87), "BANANA_UNKNOWN_WORD", /99/],
  ["a string beyond 640 KiB", Uint8Array.of(1, 0, 0x28, 0x82), "BANANA_STRING_TOO_LONG", /655361/],
  ["a list beyond 640 Ki elements", Uint8Array.of(1, 0, 0x28, 0x80), "BANANA_LIST_TOO_LONG", /655361/],
  // Not a message
  ["a bare integer", "5", "PROTOCOL_BAD_EXPRESSION", /received 5/],
  ["a bare float", "5.5", "PROTOCOL_BAD_EXPRESSION", /received 5\.5/],
  ["a bare string", "hello", "PROTOCOL_BAD_EXPRESSION", /received hello/],
  ["an empty list", "()", "PROTOCOL_BAD_EXPRESSION", /begins with a command/],
  ["a list that begins with a number", "(1 2)", "PROTOCOL_BAD_EXPRESSION", /begins with a command/],
  ["a list that begins with a list", "((version) 6)", "PROTOCOL_BAD_EXPRESSION", /begins with a command/],
  // Not a command, or not all of one
  ["an unknown command", "(frobnicate 1 2)", "PROTOCOL_UNKNOWN_COMMAND", /"frobnicate"/],
  ["a command that is not ASCII", "(<ff> 1)", "PROTOCOL_UNKNOWN_COMMAND", /command/],
  ["a command named like a property of every object", "(constructor 1)", "PROTOCOL_UNKNOWN_COMMAND", /"constructor"/],
  ["a version without a number", "(version)", "PROTOCOL_BAD_EXPRESSION", /version has 1 argument/],
  ["a version with two numbers", "(version 6 6)", "PROTOCOL_BAD_EXPRESSION", /version has 1 argument/],
  ["a version that is a word", "(version six)", "PROTOCOL_BAD_EXPRESSION", /version needs a number/],
  ["version 7", "(version 7)", "PROTOCOL_VERSION", /version 7/],
  ["version 5", "(version 5)", "PROTOCOL_VERSION", /version 5/],
  ["a message without keywords", "(message 1 root echo 1 (tuple))", "PROTOCOL_BAD_EXPRESSION", /6 arguments, not 5/],
  [
    "a message with something behind it",
    "(message 1 root echo 1 (tuple) (dictionary) 1)",
    "PROTOCOL_BAD_EXPRESSION",
    /6 arguments, not 7/,
  ],
  ["a message of one word", "(message)", "PROTOCOL_BAD_EXPRESSION", /6 arguments, not 0/],
  ["a cachemessage that is too short", "(cachemessage 1 1 x)", "PROTOCOL_BAD_EXPRESSION", /6 arguments, not 3/],
  ["an answer without a value", "(answer 1)", "PROTOCOL_BAD_EXPRESSION", /2 arguments, not 1/],
  ["an error without a value", "(error 1)", "PROTOCOL_BAD_EXPRESSION", /2 arguments, not 1/],
  ["a decref of nothing", "(decref)", "PROTOCOL_BAD_EXPRESSION", /1 argument/],
  ["a decref of two", "(decref 1 2)", "PROTOCOL_BAD_EXPRESSION", /1 argument/],
  ["a method name that is a number", "(message 1 root 5 1 (tuple) (dictionary))", "PROTOCOL_BAD_EXPRESSION", /not 5/],
  ["a method name that is a list", "(message 1 root (a) 1 (tuple) (dictionary))", "PROTOCOL_BAD_EXPRESSION", /\(a\)/],
  ["a method name not in UTF-8", "(message 1 root <ff> 1 (tuple) (dictionary))", "PROTOCOL_BAD_EXPRESSION", /UTF-8/],
  // About something that is not there
  ["an answer to no question", "(answer 99 1)", "PROTOCOL_UNKNOWN_REQUEST", /99/],
  ["an error to no question", "(error 99 1)", "PROTOCOL_UNKNOWN_REQUEST", /99/],
  ["an answer to a question that is a word", "(answer who me)", "PROTOCOL_UNKNOWN_REQUEST", /who/],
  ["an answer to a question that is a list", "(answer (1) 1)", "PROTOCOL_UNKNOWN_REQUEST", /\(1\)/],
  ["a decref of an unknown object", "(decref 5)", "PROTOCOL_UNKNOWN_REFERENCE", /5/],
  ["a decref of the root", "(decref root)", "PROTOCOL_UNKNOWN_REFERENCE", /root/],
  ["a decref of a list", "(decref (1))", "PROTOCOL_BAD_EXPRESSION", /\(1\)/],
  ["a decache of an unknown cache", "(decache 5)", "PROTOCOL_UNKNOWN_CACHE", /5/],
  ["a decache of a name", "(decache root)", "PROTOCOL_UNKNOWN_CACHE", /root/],
  ["an uncache of an unknown cache", "(uncache 5)", "PROTOCOL_UNKNOWN_CACHE", /5/],
];

function byKind(code: string): typeof BananaError | typeof ProtocolError {
  return code.startsWith("BANANA_") ? BananaError : ProtocolError;
}

/** What the end of a connection must say. */
function expectEnd(reason: unknown, why: CloseReason, code: string, says: RegExp): void {
  expect(reason).toBeInstanceOf(ConnectionLostError);
  const { cause, message, reason: told } = reason as ConnectionLostError;
  expect(told).toBe(why);
  expect(cause).toBeInstanceOf(byKind(code));
  expect((cause as ProtocolError).code).toBe(code);
  expect(message).toMatch(says);
  expect(message.length).toBeLessThan(500);
}

describe.each([
  ["a server", "listener"],
  ["a client", "initiator"],
] as const)("%s that receives", (_who, role) => {
  describe.each([
    ["in one piece", undefined],
    ["byte by byte", { chunkBytes: 1 }],
  ] as const)("%s", (_how, pairOptions) => {
    test.each(bad)("%s: says so, ends this connection, fails what was pending", async (_what, input, code, says) => {
      const events: BrokerEvent[] = [];
      const root = new Echo();
      const options: BrokerOptions = { root, onEvent: (event) => events.push(event) };
      const { broker, peer } = await brokerAndPeer(role, options, pairOptions);
      const pending = rejection((await broker.getRootObject()).callRemote("never"));
      let notified: unknown;
      broker.notifyOnDisconnect((reason) => (notified = reason));

      if (typeof input === "string") await peer.say(input, "(message 9 root echo 1 (tuple 1) (dictionary))");
      else await peer.sayBytes(input);

      const reason = await broker.closed;
      expectEnd(reason, "protocol", code, says);
      expect(await pending).toBe(reason);
      expect(notified).toBe(reason);
      expect(events).toEqual([{ kind: "closed", reason }]);
      expect(peer.isOver).toBe(true);
      expect(broker.isOpen).toBe(false);
      expect(root.calls, "what follows is not heard").toEqual([]);
    });
  });
});

const noDialect: Row[] = [
  ["an HTTP request", latin("GET / HTTP/1.1\r\nHost: example.org\r\n\r\n"), "BANANA_NOT_BANANA", /an HTTP request/],
  ["a POST request", latin("POST /form HTTP/1.1\r\n\r\n"), "BANANA_NOT_BANANA", /an HTTP request/],
  ["an HTTP answer", latin("HTTP/1.1 400 Bad Request\r\n\r\n"), "BANANA_NOT_BANANA", /an HTTP response/],
  ["a TLS hello", TLS_HELLO, "BANANA_NOT_BANANA", /a TLS hello/],
  ["an SSH greeting", latin("SSH-2.0-OpenSSH_9.2\r\n"), "BANANA_NOT_BANANA", /an SSH greeting/],
  ["garbage", latin("\xff\xfe"), "BANANA_UNKNOWN_TYPE", /0xff/i],
  ["a never-ending prefix", digits(65), "BANANA_PREFIX_TOO_LONG", /64/],
  ["text without end", latin("hello, is anybody there? ".repeat(10)), "BANANA_PREFIX_TOO_LONG", /64/],
  ["a word of the vocabulary", Uint8Array.of(1, 0x87), "BANANA_NO_VOCABULARY", /./],
  ["an integer", "5", "BANANA_BAD_NEGOTIATION", /received 5/],
];

const badChoice: Row[] = [
  ...noDialect,
  ["an unknown dialect", "klingon", "BANANA_NO_COMMON_DIALECT", /"klingon"/],
  ["a list", "(pb)", "BANANA_BAD_NEGOTIATION", /\(pb\)/],
  ["an empty list", "()", "BANANA_BAD_NEGOTIATION", /\(\)/],
];

const badOffer: Row[] = [
  ...noDialect,
  ["unknown dialects", "(klingon vulcan)", "BANANA_NO_COMMON_DIALECT", /klingon vulcan/],
  ["no dialect at all", "()", "BANANA_NO_COMMON_DIALECT", /\(\)/],
  ["a name instead of a list", "pb", "BANANA_BAD_NEGOTIATION", /received pb/],
];

describe.each([
  ["a server", "listener", badChoice, ["(pb none)"]],
  ["a client", "initiator", badOffer, []],
] as const)("%s that hears first of all", (_who, role, rows, says) => {
  test.each(rows)("%s: says so and hangs up", async (_what, input, code, explains) => {
    for (const chunkBytes of [Infinity, 1]) {
      const { broker, peer } = brokerAndStranger(role, {}, { chunkBytes });
      if (typeof input === "string") await peer.say(input);
      else await peer.sayBytes(input);
      const reason = await broker.closed;
      expectEnd(reason, "negotiation", code, explains);
      await expect(broker.ready).rejects.toBe(reason);
      await expect(broker.getRootObject()).rejects.toBe(reason);
      expect(peer.heard()).toEqual(says);
      expect(peer.isOver).toBe(true);
    }
  });

  test("nothing: gives up after the time allowed", async () => {
    const { broker, peer } = brokerAndStranger(role, { limits: { negotiationMs: 20 } });
    const reason = await broker.closed;
    expectEnd(reason, "negotiation", "PROTOCOL_NEGOTIATION_TIMEOUT", /in time/);
    await expect(broker.ready).rejects.toBe(reason);
    expect(peer.isOver).toBe(true);
  });

  test("half a word, and then nothing: gives up after the time allowed", async () => {
    const { broker, peer } = brokerAndStranger(role, { limits: { negotiationMs: 20 } });
    await peer.sayBytes(Uint8Array.of(2));
    expectEnd(await broker.closed, "negotiation", "PROTOCOL_NEGOTIATION_TIMEOUT", /in time/);
  });

  test("the end of the connection: rejects", async () => {
    const { broker, peer } = brokerAndStranger(role);
    await peer.hangUp();
    await expect(broker.ready).rejects.toMatchObject({ reason: "lost" });
  });
});

describe("a peer whose bad message ends its connection", () => {
  test("does not hurt the other connections of the process", async () => {
    const options = { root: new Echo() };
    const healthy = await connectedPair(options);
    const root = await healthy.client.getRootObject<Echo>();
    expect(await root.callRemote("echo", "before")).toBe("before");
    for (const [, input] of bad) {
      const { broker, peer } = await brokerAndPeer("listener", options);
      if (typeof input === "string") await peer.say(input);
      else await peer.sayBytes(input);
      await broker.closed;
      expect(await root.callRemote("echo", "after")).toBe("after");
    }
  });

  test("still gets the answers to what it asked before, though it asked in the same breath", async () => {
    const { peer } = await brokerAndPeer("listener", { root: new Echo() });
    await peer.say("(message 1 root echo 1 (tuple 1) (dictionary))", "(frobnicate)");
    expect(peer.heard()).toEqual(["(answer 1 1)"]);
    expect(peer.isOver).toBe(true);
  });

  test("is told nothing beyond that: the protocol has no word for it", async () => {
    const { peer } = await brokerAndPeer("listener", { root: new Echo() });
    await peer.say("(version 7)");
    expect(peer.heard()).toEqual([]);
  });

  test("that sends megabytes where a word belongs gets a short error all the same", async () => {
    const { broker, peer } = await brokerAndPeer("listener");
    await peer.say(["x".repeat(100_000), new Array<number>(100_000).fill(7)].map((part) => bytesOf(part)));
    const reason = await broker.closed;
    expect(reason.message.length).toBeLessThan(500);
    const other = await brokerAndPeer("listener");
    await other.peer.say([bytesOf("answer"), new Array<number>(100_000).fill(7), 1]);
    expect((await other.broker.closed).message.length).toBeLessThan(500);
  });

  test.each(["now", "later"])(
    "whose request id leaves no room for an answer is hung up on: a method that fails %s",
    async (method) => {
      const limits = { messageBytes: 1000 };
      const { broker, peer } = await brokerAndPeer("listener", { root: new Failing(), limits });
      await peer.say(`(message ${"x".repeat(900)} root ${method} 1 (tuple) (dictionary))`);
      expect(broker.isOpen).toBe(false);
      expect((await broker.closed).reason).toBe("limit");
    },
  );

  test("that only repeats itself is forgiven: a version may come again, or never, or as a float", async () => {
    const { peer, broker } = brokerAndStranger("listener", { root: new Echo() });
    await peer.say("pb", "(message 1 root echo 1 (tuple 1) (dictionary))", "(version 6)", "(version 6.0)");
    await peer.say("(version 6)");
    expect(peer.heard()).toEqual(["(pb none)", "(version 6)", "(answer 1 1)"]);
    expect(broker.isOpen).toBe(true);
  });

  test("an answer that comes twice is one too many", async () => {
    const { broker, peer } = await brokerAndPeer("listener");
    const root = await broker.getRootObject();
    const first = root.callRemote("once");
    const second = rejection(root.callRemote("pending"));
    await settled();
    await peer.say("(answer 1 5)", "(answer 1 5)");
    expect(await first).toBe(5);
    expectEnd(await second, "protocol", "PROTOCOL_UNKNOWN_REQUEST", /1/);
  });
});

function bytesOf(value: string | number[]): Uint8Array | number[] {
  return typeof value === "string" ? latin(value) : value;
}

describe("a message that hurts only itself", () => {
  const refused: readonly (readonly [what: string, args: string, type: string])[] = [
    ["an unknown type", "(tuple (os.system ls))", "twisted.spread.jelly.InsecureJelly"],
    ["a type that is refused by default", "(tuple (module os))", "twisted.spread.jelly.InsecureJelly"],
    ["text that is not UTF-8", "(tuple (unicode <ff>))", "builtins.UnicodeDecodeError"],
    ["an empty list", "(tuple ())", "builtins.ValueError"],
    ["a list that begins with a number", "(1 2)", "builtins.ValueError"],
    ["an unknown cache", "(tuple (cached 7))", "builtins.KeyError"],
    ["an unknown cache coming home", "(tuple (lcache 7))", "builtins.KeyError"],
    ["a dereference of nothing", "(tuple (dereference 7))", "builtins.ValueError"],
    ["a remote object without a number", "(tuple (remote))", "builtins.ValueError"],
    ["a remote object with a name", "(tuple (remote root))", "builtins.ValueError"],
    ["a reference that is cut short", "(tuple (reference 1))", "builtins.ValueError"],
    ["an unhashable key", "(tuple (dictionary ((list) 1)))", "builtins.TypeError"],
    ["positional arguments that are a number", "5", "builtins.TypeError"],
    ["positional arguments that are text", "(unicode text)", "builtins.TypeError"],
    ["positional arguments that are a dictionary", "(dictionary)", "builtins.TypeError"],
  ];

  test.each(refused)("%s in the arguments is an error reply", async (_what, args, type) => {
    const root = new Echo();
    const { broker, peer } = await brokerAndPeer("listener", { root });
    await peer.say(`(message 1 root echo 1 ${args} (dictionary))`);
    const [reply, ...more] = peer.heard();
    expect(reply).toMatch(/^\(error 1 \(twisted\.spread\.pb\.CopyableFailure /);
    expect(reply).toContain(`((unicode type) ${type})`);
    expect(more).toEqual([]);
    expect(root.calls).toEqual([]);
    await peer.say("(message 2 root echo 1 (tuple alive) (dictionary))");
    expect(peer.heard()).toEqual(["(answer 2 alive)"]);
    expect(broker.isOpen).toBe(true);
  });

  const keywords = [
    ["a number", "5"],
    ["a list", "(list)"],
    ["a list with something in it", "(list (unicode a))"],
    ["a set", "(set)"],
    ["a tuple", "(tuple)"],
    ["text", "(unicode a)"],
    ["nothing", "(None)"],
    ["an unknown object of the peer's", "(remote 5)"],
    ["a date", "(date '2020 1 2')"],
    ["a dictionary with numbers as names", "(dictionary (1 2))"],
    ["a dictionary with a name that is not UTF-8", "(dictionary (<ff> 2))"],
    ["an unknown type", "(os.system ls)"],
  ] as const;

  test.each(keywords)("keyword arguments that are %s are an error reply", async (_what, kwargs) => {
    const root = new Echo();
    const { peer } = await brokerAndPeer("listener", { root });
    await peer.say(`(message 1 root echo 1 (tuple 1) ${kwargs})`);
    const givenBack = kwargs === "(remote 5)" ? ["(decref 5)"] : [];
    expect(peer.heard()).toEqual([expect.stringMatching(/^\(error 1 /), ...givenBack]);
    expect(root.calls).toEqual([]);
    await peer.say("(message 2 root echo 1 (tuple alive) (dictionary))");
    expect(peer.heard()).toEqual(["(answer 2 alive)"]);
  });

  const targets = [
    ["a number that was never given", "77"],
    ["a number beyond every number", "170141183460469231731687303715884105728"],
    ["a negative number", "-1"],
    ["a name that nobody published", "klingon"],
    ["a name that is not UTF-8", "<ff>"],
    ["the name of a property of every object", "constructor"],
    ["a jellied name", "(unicode root)"],
    ["a list", "(1)"],
    ["a float", "1.5"],
    ["an empty name", "''"],
  ] as const;

  test.each(targets)("a call to %s is an error reply", async (_what, target) => {
    const { peer, broker } = await brokerAndPeer("listener", { root: new Echo() });
    await peer.say(`(message 1 ${target} echo 1 (tuple) (dictionary))`);
    const [reply] = peer.heard();
    expect(reply).toMatch(/^\(error 1 /);
    expect(reply).toContain("'Invalid Object ID'");
    await peer.say(`(cachemessage 2 ${target} echo 1 (tuple) (dictionary))`);
    expect(peer.heard()).toEqual([expect.stringMatching(/^\(error 2 .*builtins\.KeyError/)]);
    expect(broker.isOpen).toBe(true);
  });

  test("didNotUnderstand is only told to whoever watches", async () => {
    const events: BrokerEvent[] = [];
    const { peer, broker } = await brokerAndPeer("listener", { onEvent: (event) => events.push(event) });
    await peer.say("(didNotUnderstand bogus)", [bytesOf("didNotUnderstand"), new Array<number>(100_000).fill(7)]);
    expect(events).toEqual([
      { kind: "not-understood", what: "bogus" },
      { kind: "not-understood", what: expect.stringMatching(/^\(7 7.{0,500}$/) },
    ]);
    expect(broker.isOpen).toBe(true);
  });

  const undecodable = ["(vec.Unknown (dictionary))", "(unicode <ff>)", "(cached 9)", "()", "(1 2)"];

  test.each(undecodable)("an answer %s fails its own call and no other", async (jelly) => {
    const { peer, broker } = await brokerAndPeer("initiator");
    const root = await broker.getRootObject();
    const [bad, good] = [rejection(root.callRemote("bad")), root.callRemote("good")];
    await settled();
    await peer.say(`(answer 1 ${jelly})`, "(answer 2 fine)");
    expect(await bad).toBeInstanceOf(Error);
    expect(await good).toEqual(latin("fine"));
    expect(broker.isOpen).toBe(true);
  });

  test.each([...undecodable, "(unicode text)", "(None)", "5", "(list)"])(
    "an error %s, which is none, fails its own call and no other",
    async (jelly) => {
      const { peer, broker } = await brokerAndPeer("initiator");
      const root = await broker.getRootObject();
      const [bad, good] = [rejection(root.callRemote("bad")), root.callRemote("good")];
      await settled();
      await peer.say(`(error 1 ${jelly})`, "(answer 2 fine)");
      expect(await bad).toBeInstanceOf(Error);
      expect(await good).toEqual(latin("fine"));
      expect(broker.isOpen).toBe(true);
    },
  );

  test.each([
    ["(dictionary)", "builtins.Exception", ""],
    ["(dictionary ((unicode type) vec.Err))", "vec.Err", ""],
    ["(dictionary ((unicode type) (unicode vec.Err)) ((unicode value) (unicode why)))", "vec.Err", "why"],
    ["(dictionary (type vec.Err) (value why) (parents (list vec.Err vec.Base)))", "vec.Err", "why"],
    ["(dictionary ((unicode type) 5) ((unicode value) (list)) ((unicode parents) 7))", "builtins.Exception", ""],
    ["(None)", "builtins.Exception", ""],
    ["5", "builtins.Exception", ""],
  ])("a failure with the state %s is a remote error", async (state, type, message) => {
    const { peer, broker } = await brokerAndPeer("initiator");
    const call = rejection((await broker.getRootObject()).callRemote("bad"));
    await settled();
    await peer.say(`(error 1 (twisted.spread.pb.CopyableFailure ${state}))`);
    const error = (await call) as RemoteError;
    expect(error).toBeInstanceOf(RemoteError);
    expect(error.remoteType).toBe(type);
    expect(error.message).toBe(message);
    expect(error.is(type)).toBe(true);
  });
});

describe("what a caller may choose freely", () => {
  test.each(["1", "-5", "req", "(1 x)", "()", "1.5", "2.0", "''", "123456789012345678901234567890", "<ff00>"])(
    "a request id of %s comes back untouched",
    async (id) => {
      const { peer } = await brokerAndPeer("listener", { root: new Echo() });
      await peer.say(`(message ${id} root echo 1 (tuple 1) (dictionary))`);
      expect(peer.heard()).toEqual([`(answer ${id} 1)`]);
      await peer.say(`(message ${id} root nothing 1 (tuple) (dictionary))`);
      expect(peer.heard()).toEqual([expect.stringContaining(`(error ${id} (twisted`)]);
    },
  );

  test.each([
    ["0", false],
    ["''", false],
    ["()", false],
    ["0.0", false],
    ["-0.0", false],
    ["1", true],
    ["2", true],
    ["-1", true],
    ["0.5", true],
    ["no", true],
    ["(0)", true],
    ["123456789012345678901234567890", true],
  ])("wanting an answer is a truth value: %s means %s", async (wanted, isAnswered) => {
    const root = new Echo();
    const { peer } = await brokerAndPeer("listener", { root });
    await peer.say(`(message 1 root echo ${wanted} (tuple 1) (dictionary))`);
    expect(peer.heard()).toEqual(isAnswered ? ["(answer 1 1)"] : []);
    expect(root.calls).toEqual([1]);
    await peer.say(`(message 2 root nothing ${wanted} (tuple 1) (dictionary))`);
    expect(peer.heard()).toHaveLength(isAnswered ? 1 : 0);
    await peer.say(`(message 3 nobody nothing ${wanted} (tuple 1) (dictionary))`);
    expect(peer.heard()).toHaveLength(isAnswered ? 1 : 0);
  });

  test("positional arguments come as a tuple, a list or a set", async () => {
    const { peer } = await brokerAndPeer("listener", { root: new Echo() });
    for (const args of ["(tuple 1)", "(list 1)", "(set 1)", "(frozenset 1)", "(reference 1 (tuple 1))"]) {
      await peer.say(`(message 1 root echo 1 ${args} (dictionary))`);
      expect(peer.heard()).toEqual(["(answer 1 1)"]);
    }
  });
});

describe("a program's own trouble", () => {
  test.each(["now", "later"])(
    "with what it says of an error is not its caller's, who hears of one %s",
    async (method) => {
      const parents = new Array<string>(700_000).fill("shop.Error");
      const describeError = () => ({ type: "shop.Error", message: "more parents than a list may have", parents });
      const { broker, peer } = await brokerAndPeer("listener", { root: new Failing(), describeError });
      await peer.say(`(message 1 root ${method} 1 (tuple) (dictionary))`);
      expect(peer.heard()).toEqual([expect.stringContaining("builtins.Exception")]);
      expect(broker.isOpen).toBe(true);
    },
  );

  test("in a root source ends the connection, and everybody is told whose trouble it is", async () => {
    const trouble = new PBError("no root today");
    const rootObject = (): never => {
      throw trouble;
    };
    const { peer, broker } = brokerAndStranger("listener", { root: { rootObject } });
    await peer.say("pb", "(version 6)");
    const reason = await broker.closed;
    expect(reason.cause).toBe(trouble);
    expect(reason.reason).not.toBe("protocol");
    await expect(broker.ready).rejects.toBe(reason);
    expect(peer.isOver).toBe(true);
  });

  test("in a root source that closes the connection is no trouble", async () => {
    const rootObject = (connection: { terminate(why: "limit"): void }): Root => {
      connection.terminate("limit");
      return new Echo();
    };
    const { peer, broker } = brokerAndStranger("listener", { root: { rootObject } });
    await peer.say("pb", "(version 6)", "(message 1 root echo 1 (tuple 1) (dictionary))");
    await expect(broker.ready).rejects.toMatchObject({ reason: "limit" });
    expect(peer.heard()).toEqual(["(pb none)"]);
  });
});

test("a broker that closed hears nothing more", async () => {
  const root = new Echo();
  const { peer, broker } = await brokerAndPeer("listener", { root });
  const closing = broker.close();
  await peer.say("(message 1 root echo 1 (tuple 1) (dictionary))");
  await closing;
  expect(root.calls).toEqual([]);
  expect(broker).toBeInstanceOf(Broker);
});
