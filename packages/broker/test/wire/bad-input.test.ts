// Invalid input from a peer: each kind has the smallest possible effect (wire specification 2.7, 3, 5.12).

import { describe, expect, test } from "vitest";
import { BananaError } from "@pb/banana";
import { Broker, ConnectionLostError, PBError, ProtocolError, RemoteError, Root } from "@pb/broker";
import type { BrokerEvent, BrokerOptions, CloseReason } from "@pb/broker";
import { connectedPair } from "@pb/broker/testing";
import { brokerAndPeer, brokerAndUnnegotiatedPeer, rejection, settled } from "../support/raw-peer.js";

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

/** A description, the input, the code of the resulting error, and a part of its message. */
type Row = readonly [what: string, input: string | Uint8Array, code: string, pattern: RegExp];

const bad: Row[] = [
  // Not Banana
  ["bytes that are not Banana", latin("\xff\xfe\xfd\xfc"), "BANANA_UNKNOWN_TYPE", /0xff/i],
  ["a prefix that does not end", digits(65), "BANANA_PREFIX_TOO_LONG", /64/],
  ["a word that does not exist", Uint8Array.of(99, 0x87), "BANANA_UNKNOWN_WORD", /99/],
  ["a string beyond 640 KiB", Uint8Array.of(1, 0, 0x28, 0x82), "BANANA_STRING_TOO_LONG", /655361/],
  ["a list beyond 640 Ki elements", Uint8Array.of(1, 0, 0x28, 0x80), "BANANA_LIST_TOO_LONG", /655361/],
  // Expressions that are not messages
  ["a bare integer", "5", "PROTOCOL_BAD_EXPRESSION", /received 5/],
  ["a bare float", "5.5", "PROTOCOL_BAD_EXPRESSION", /received 5\.5/],
  ["a bare string", "hello", "PROTOCOL_BAD_EXPRESSION", /received hello/],
  ["an empty list", "()", "PROTOCOL_BAD_EXPRESSION", /begins with a command/],
  ["a list that begins with a number", "(1 2)", "PROTOCOL_BAD_EXPRESSION", /begins with a command/],
  ["a list that begins with a list", "((version) 6)", "PROTOCOL_BAD_EXPRESSION", /begins with a command/],
  // Unknown or incomplete commands
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
    "a message with an extra element",
    "(message 1 root echo 1 (tuple) (dictionary) 1)",
    "PROTOCOL_BAD_EXPRESSION",
    /6 arguments, not 7/,
  ],
  ["a message without arguments", "(message)", "PROTOCOL_BAD_EXPRESSION", /6 arguments, not 0/],
  ["a cachemessage that is too short", "(cachemessage 1 1 x)", "PROTOCOL_BAD_EXPRESSION", /6 arguments, not 3/],
  ["an answer without a value", "(answer 1)", "PROTOCOL_BAD_EXPRESSION", /2 arguments, not 1/],
  ["an error without a value", "(error 1)", "PROTOCOL_BAD_EXPRESSION", /2 arguments, not 1/],
  ["a decref of nothing", "(decref)", "PROTOCOL_BAD_EXPRESSION", /1 argument/],
  ["a decref of two", "(decref 1 2)", "PROTOCOL_BAD_EXPRESSION", /1 argument/],
  ["a method name that is a number", "(message 1 root 5 1 (tuple) (dictionary))", "PROTOCOL_BAD_EXPRESSION", /not 5/],
  ["a method name that is a list", "(message 1 root (a) 1 (tuple) (dictionary))", "PROTOCOL_BAD_EXPRESSION", /\(a\)/],
  ["a method name not in UTF-8", "(message 1 root <ff> 1 (tuple) (dictionary))", "PROTOCOL_BAD_EXPRESSION", /UTF-8/],
  // Messages about unknown requests, references and caches
  ["an answer to an unknown request", "(answer 99 1)", "PROTOCOL_UNKNOWN_REQUEST", /99/],
  ["an error for an unknown request", "(error 99 1)", "PROTOCOL_UNKNOWN_REQUEST", /99/],
  ["an answer whose request id is a word", "(answer who me)", "PROTOCOL_UNKNOWN_REQUEST", /who/],
  ["an answer whose request id is a list", "(answer (1) 1)", "PROTOCOL_UNKNOWN_REQUEST", /\(1\)/],
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

/** Checks why a connection ended. */
function expectEnd(error: unknown, expected: CloseReason, code: string, pattern: RegExp): void {
  expect(error).toBeInstanceOf(ConnectionLostError);
  const { cause, message, reason } = error as ConnectionLostError;
  expect(reason).toBe(expected);
  expect(cause).toBeInstanceOf(byKind(code));
  expect((cause as ProtocolError).code).toBe(code);
  expect(message).toMatch(pattern);
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
    test.each(bad)(
      "%s: closes this connection with a reason that describes it, and rejects pending calls",
      async (_what, input, code, pattern) => {
        const events: BrokerEvent[] = [];
        const root = new Echo();
        const options: BrokerOptions = { root, onEvent: (event) => events.push(event) };
        const { broker, peer } = await brokerAndPeer(role, options, pairOptions);
        const pending = rejection((await broker.getRootObject()).callRemote("never"));
        let notified: unknown;
        broker.notifyOnDisconnect((reason) => (notified = reason));

        if (typeof input === "string") await peer.send(input, "(message 9 root echo 1 (tuple 1) (dictionary))");
        else await peer.sendBytes(input);

        const reason = await broker.closed;
        expectEnd(reason, "protocol", code, pattern);
        expect(await pending).toBe(reason);
        expect(notified).toBe(reason);
        expect(events).toEqual([{ kind: "closed", reason }]);
        expect(peer.isClosed).toBe(true);
        expect(broker.isOpen).toBe(false);
        expect(root.calls, "later messages are not handled").toEqual([]);
      },
    );
  });
});

const noDialect: Row[] = [
  ["an HTTP request", latin("GET / HTTP/1.1\r\nHost: example.org\r\n\r\n"), "BANANA_NOT_BANANA", /an HTTP request/],
  ["a POST request", latin("POST /form HTTP/1.1\r\n\r\n"), "BANANA_NOT_BANANA", /an HTTP request/],
  ["an HTTP answer", latin("HTTP/1.1 400 Bad Request\r\n\r\n"), "BANANA_NOT_BANANA", /an HTTP response/],
  ["a TLS hello", TLS_HELLO, "BANANA_NOT_BANANA", /a TLS hello/],
  ["an SSH greeting", latin("SSH-2.0-OpenSSH_9.2\r\n"), "BANANA_NOT_BANANA", /an SSH greeting/],
  ["bytes that are not Banana", latin("\xff\xfe"), "BANANA_UNKNOWN_TYPE", /0xff/i],
  ["a prefix that does not end", digits(65), "BANANA_PREFIX_TOO_LONG", /64/],
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
] as const)("%s that first receives", (_who, role, rows, sent) => {
  test.each(rows)("%s: closes the connection with a reason that describes it", async (_what, input, code, pattern) => {
    for (const chunkBytes of [Infinity, 1]) {
      const { broker, peer } = brokerAndUnnegotiatedPeer(role, {}, { chunkBytes });
      if (typeof input === "string") await peer.send(input);
      else await peer.sendBytes(input);
      const reason = await broker.closed;
      expectEnd(reason, "negotiation", code, pattern);
      await expect(broker.ready).rejects.toBe(reason);
      await expect(broker.getRootObject()).rejects.toBe(reason);
      expect(peer.received()).toEqual(sent);
      expect(peer.isClosed).toBe(true);
    }
  });

  test("nothing: closes the connection after the time limit", async () => {
    const { broker, peer } = brokerAndUnnegotiatedPeer(role, { limits: { negotiationMs: 20 } });
    const reason = await broker.closed;
    expectEnd(reason, "negotiation", "PROTOCOL_NEGOTIATION_TIMEOUT", /in time/);
    await expect(broker.ready).rejects.toBe(reason);
    expect(peer.isClosed).toBe(true);
  });

  test("an incomplete message: closes the connection after the time limit", async () => {
    const { broker, peer } = brokerAndUnnegotiatedPeer(role, { limits: { negotiationMs: 20 } });
    await peer.sendBytes(Uint8Array.of(2));
    expectEnd(await broker.closed, "negotiation", "PROTOCOL_NEGOTIATION_TIMEOUT", /in time/);
  });

  test("the end of the connection: rejects `ready`", async () => {
    const { broker, peer } = brokerAndUnnegotiatedPeer(role);
    await peer.close();
    await expect(broker.ready).rejects.toMatchObject({ reason: "lost" });
  });
});

describe("a peer whose invalid message closes its connection", () => {
  test("does not affect other connections of the process", async () => {
    const options = { root: new Echo() };
    const healthy = await connectedPair(options);
    const root = await healthy.client.getRootObject<Echo>();
    expect(await root.callRemote("echo", "before")).toBe("before");
    for (const [, input] of bad) {
      const { broker, peer } = await brokerAndPeer("listener", options);
      if (typeof input === "string") await peer.send(input);
      else await peer.sendBytes(input);
      await broker.closed;
      expect(await root.callRemote("echo", "after")).toBe("after");
    }
  });

  test("receives the answers to calls in the same chunk before the invalid message", async () => {
    const { peer } = await brokerAndPeer("listener", { root: new Echo() });
    await peer.send("(message 1 root echo 1 (tuple 1) (dictionary))", "(frobnicate)");
    expect(peer.received()).toEqual(["(answer 1 1)"]);
    expect(peer.isClosed).toBe(true);
  });

  test("receives no message about it, because the protocol has none", async () => {
    const { peer } = await brokerAndPeer("listener", { root: new Echo() });
    await peer.send("(version 7)");
    expect(peer.received()).toEqual([]);
  });

  test("that sends 100 kB where a word belongs causes a short error message", async () => {
    const { broker, peer } = await brokerAndPeer("listener");
    await peer.send(["x".repeat(100_000), new Array<number>(100_000).fill(7)].map((part) => bytesOf(part)));
    const reason = await broker.closed;
    expect(reason.message.length).toBeLessThan(500);
    const other = await brokerAndPeer("listener");
    await other.peer.send([bytesOf("answer"), new Array<number>(100_000).fill(7), 1]);
    expect((await other.broker.closed).message.length).toBeLessThan(500);
  });

  test.each(["now", "later"])(
    "is disconnected if its request id leaves no room for an answer to a method that fails %s",
    async (method) => {
      const limits = { messageBytes: 1000 };
      const { broker, peer } = await brokerAndPeer("listener", { root: new Failing(), limits });
      await peer.send(`(message ${"x".repeat(900)} root ${method} 1 (tuple) (dictionary))`);
      expect(broker.isOpen).toBe(false);
      expect((await broker.closed).reason).toBe("limit");
    },
  );

  test("may send the version again, or not at all, or as a float", async () => {
    const { peer, broker } = brokerAndUnnegotiatedPeer("listener", { root: new Echo() });
    await peer.send("pb", "(message 1 root echo 1 (tuple 1) (dictionary))", "(version 6)", "(version 6.0)");
    await peer.send("(version 6)");
    expect(peer.received()).toEqual(["(pb none)", "(version 6)", "(answer 1 1)"]);
    expect(broker.isOpen).toBe(true);
  });

  test("is disconnected when it answers a request twice", async () => {
    const { broker, peer } = await brokerAndPeer("listener");
    const root = await broker.getRootObject();
    const first = root.callRemote("once");
    const second = rejection(root.callRemote("pending"));
    await settled();
    await peer.send("(answer 1 5)", "(answer 1 5)");
    expect(await first).toBe(5);
    expectEnd(await second, "protocol", "PROTOCOL_UNKNOWN_REQUEST", /1/);
  });
});

function bytesOf(value: string | number[]): Uint8Array | number[] {
  return typeof value === "string" ? latin(value) : value;
}

describe("an invalid message that affects only its own call", () => {
  const refused: readonly (readonly [what: string, args: string, type: string])[] = [
    ["an unknown type", "(tuple (os.system ls))", "twisted.spread.jelly.InsecureJelly"],
    ["a type that the default policy rejects", "(tuple (module os))", "twisted.spread.jelly.InsecureJelly"],
    ["a string that is not UTF-8", "(tuple (unicode <ff>))", "builtins.UnicodeDecodeError"],
    ["an empty list", "(tuple ())", "builtins.ValueError"],
    ["a list that begins with a number", "(1 2)", "builtins.ValueError"],
    ["an unknown cache", "(tuple (cached 7))", "builtins.KeyError"],
    ["an unknown cache of the receiver", "(tuple (lcache 7))", "builtins.KeyError"],
    ["a dereference of an unknown id", "(tuple (dereference 7))", "builtins.ValueError"],
    ["a remote object without a number", "(tuple (remote))", "builtins.ValueError"],
    ["a remote object with a name", "(tuple (remote root))", "builtins.ValueError"],
    ["a reference that is cut short", "(tuple (reference 1))", "builtins.ValueError"],
    ["an unhashable key", "(tuple (dictionary ((list) 1)))", "builtins.TypeError"],
    ["positional arguments that are a number", "5", "builtins.TypeError"],
    ["positional arguments that are text", "(unicode text)", "builtins.TypeError"],
    ["positional arguments that are a dictionary", "(dictionary)", "builtins.TypeError"],
  ];

  test.each(refused)("%s in the arguments is answered with an error", async (_what, args, type) => {
    const root = new Echo();
    const { broker, peer } = await brokerAndPeer("listener", { root });
    await peer.send(`(message 1 root echo 1 ${args} (dictionary))`);
    const [reply, ...more] = peer.received();
    expect(reply).toMatch(/^\(error 1 \(twisted\.spread\.pb\.CopyableFailure /);
    expect(reply).toContain(`((unicode type) ${type})`);
    expect(more).toEqual([]);
    expect(root.calls).toEqual([]);
    await peer.send("(message 2 root echo 1 (tuple alive) (dictionary))");
    expect(peer.received()).toEqual(["(answer 2 alive)"]);
    expect(broker.isOpen).toBe(true);
  });

  const keywords = [
    ["a number", "5"],
    ["a list", "(list)"],
    ["a list with one element", "(list (unicode a))"],
    ["a set", "(set)"],
    ["a tuple", "(tuple)"],
    ["text", "(unicode a)"],
    ["None", "(None)"],
    ["an unknown object of the peer's", "(remote 5)"],
    ["a date", "(date '2020 1 2')"],
    ["a dictionary with numbers as names", "(dictionary (1 2))"],
    ["a dictionary with a name that is not UTF-8", "(dictionary (<ff> 2))"],
    ["an unknown type", "(os.system ls)"],
  ] as const;

  test.each(keywords)("keyword arguments that are %s are answered with an error", async (_what, kwargs) => {
    const root = new Echo();
    const { peer } = await brokerAndPeer("listener", { root });
    await peer.send(`(message 1 root echo 1 (tuple 1) ${kwargs})`);
    const releases = kwargs === "(remote 5)" ? ["(decref 5)"] : [];
    expect(peer.received()).toEqual([expect.stringMatching(/^\(error 1 /), ...releases]);
    expect(root.calls).toEqual([]);
    await peer.send("(message 2 root echo 1 (tuple alive) (dictionary))");
    expect(peer.received()).toEqual(["(answer 2 alive)"]);
  });

  const targets = [
    ["an unknown id", "77"],
    ["an id beyond the safe integers", "170141183460469231731687303715884105728"],
    ["a negative number", "-1"],
    ["an unpublished name", "klingon"],
    ["a name that is not UTF-8", "<ff>"],
    ["the name of a property of every object", "constructor"],
    ["a jellied name", "(unicode root)"],
    ["a list", "(1)"],
    ["a float", "1.5"],
    ["an empty name", "''"],
  ] as const;

  test.each(targets)("a call to %s is answered with an error", async (_what, target) => {
    const { peer, broker } = await brokerAndPeer("listener", { root: new Echo() });
    await peer.send(`(message 1 ${target} echo 1 (tuple) (dictionary))`);
    const [reply] = peer.received();
    expect(reply).toMatch(/^\(error 1 /);
    expect(reply).toContain("'Invalid Object ID'");
    await peer.send(`(cachemessage 2 ${target} echo 1 (tuple) (dictionary))`);
    expect(peer.received()).toEqual([expect.stringMatching(/^\(error 2 .*builtins\.KeyError/)]);
    expect(broker.isOpen).toBe(true);
  });

  test("didNotUnderstand is reported to onEvent and has no other effect", async () => {
    const events: BrokerEvent[] = [];
    const { peer, broker } = await brokerAndPeer("listener", { onEvent: (event) => events.push(event) });
    await peer.send("(didNotUnderstand bogus)", [bytesOf("didNotUnderstand"), new Array<number>(100_000).fill(7)]);
    expect(events).toEqual([
      { kind: "not-understood", what: "bogus" },
      { kind: "not-understood", what: expect.stringMatching(/^\(7 7.{0,500}$/) },
    ]);
    expect(broker.isOpen).toBe(true);
  });

  const undecodable = ["(vec.Unknown (dictionary))", "(unicode <ff>)", "(cached 9)", "()", "(1 2)"];

  test.each(undecodable)("an answer %s rejects its own call only", async (jelly) => {
    const { peer, broker } = await brokerAndPeer("initiator");
    const root = await broker.getRootObject();
    const [bad, good] = [rejection(root.callRemote("bad")), root.callRemote("good")];
    await settled();
    await peer.send(`(answer 1 ${jelly})`, "(answer 2 fine)");
    expect(await bad).toBeInstanceOf(Error);
    expect(await good).toEqual(latin("fine"));
    expect(broker.isOpen).toBe(true);
  });

  test.each([...undecodable, "(unicode text)", "(None)", "5", "(list)"])(
    "an error %s that is not a failure rejects its own call only",
    async (jelly) => {
      const { peer, broker } = await brokerAndPeer("initiator");
      const root = await broker.getRootObject();
      const [bad, good] = [rejection(root.callRemote("bad")), root.callRemote("good")];
      await settled();
      await peer.send(`(error 1 ${jelly})`, "(answer 2 fine)");
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
  ])("a failure with the state %s is a RemoteError", async (state, type, message) => {
    const { peer, broker } = await brokerAndPeer("initiator");
    const call = rejection((await broker.getRootObject()).callRemote("bad"));
    await settled();
    await peer.send(`(error 1 (twisted.spread.pb.CopyableFailure ${state}))`);
    const error = (await call) as RemoteError;
    expect(error).toBeInstanceOf(RemoteError);
    expect(error.remoteType).toBe(type);
    expect(error.message).toBe(message);
    expect(error.is(type)).toBe(true);
  });
});

describe("values that the caller may choose freely", () => {
  test.each(["1", "-5", "req", "(1 x)", "()", "1.5", "2.0", "''", "123456789012345678901234567890", "<ff00>"])(
    "a request id of %s is returned unchanged",
    async (id) => {
      const { peer } = await brokerAndPeer("listener", { root: new Echo() });
      await peer.send(`(message ${id} root echo 1 (tuple 1) (dictionary))`);
      expect(peer.received()).toEqual([`(answer ${id} 1)`]);
      await peer.send(`(message ${id} root nothing 1 (tuple) (dictionary))`);
      expect(peer.received()).toEqual([expect.stringContaining(`(error ${id} (twisted`)]);
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
  ])("the answer flag is a truth value: %s means %s", async (wanted, isAnswered) => {
    const root = new Echo();
    const { peer } = await brokerAndPeer("listener", { root });
    await peer.send(`(message 1 root echo ${wanted} (tuple 1) (dictionary))`);
    expect(peer.received()).toEqual(isAnswered ? ["(answer 1 1)"] : []);
    expect(root.calls).toEqual([1]);
    await peer.send(`(message 2 root nothing ${wanted} (tuple 1) (dictionary))`);
    expect(peer.received()).toHaveLength(isAnswered ? 1 : 0);
    await peer.send(`(message 3 nobody nothing ${wanted} (tuple 1) (dictionary))`);
    expect(peer.received()).toHaveLength(isAnswered ? 1 : 0);
  });

  test("positional arguments may be a tuple, a list or a set", async () => {
    const { peer } = await brokerAndPeer("listener", { root: new Echo() });
    for (const args of ["(tuple 1)", "(list 1)", "(set 1)", "(frozenset 1)", "(reference 1 (tuple 1))"]) {
      await peer.send(`(message 1 root echo 1 ${args} (dictionary))`);
      expect(peer.received()).toEqual(["(answer 1 1)"]);
    }
  });
});

describe("errors of callbacks of the program", () => {
  test.each(["now", "later"])(
    "an invalid failure description is replaced, for a method that fails %s",
    async (method) => {
      const parents = new Array<string>(700_000).fill("shop.Error");
      const describeError = () => ({ type: "shop.Error", message: "more parents than a list can have", parents });
      const { broker, peer } = await brokerAndPeer("listener", { root: new Failing(), describeError });
      await peer.send(`(message 1 root ${method} 1 (tuple) (dictionary))`);
      expect(peer.received()).toEqual([expect.stringContaining("builtins.Exception")]);
      expect(broker.isOpen).toBe(true);
    },
  );

  test("an error of the root source closes the connection with that error as its cause", async () => {
    const error = new PBError("no root");
    const rootObject = (): never => {
      throw error;
    };
    const { peer, broker } = brokerAndUnnegotiatedPeer("listener", { root: { rootObject } });
    await peer.send("pb", "(version 6)");
    const reason = await broker.closed;
    expect(reason.cause).toBe(error);
    expect(reason.reason).not.toBe("protocol");
    await expect(broker.ready).rejects.toBe(reason);
    expect(peer.isClosed).toBe(true);
  });

  test("a root source may close the connection", async () => {
    const rootObject = (connection: { terminate(why: "limit"): void }): Root => {
      connection.terminate("limit");
      return new Echo();
    };
    const { peer, broker } = brokerAndUnnegotiatedPeer("listener", { root: { rootObject } });
    await peer.send("pb", "(version 6)", "(message 1 root echo 1 (tuple 1) (dictionary))");
    await expect(broker.ready).rejects.toMatchObject({ reason: "limit" });
    expect(peer.received()).toEqual(["(pb none)"]);
  });
});

test("a broker that is closed handles no more messages", async () => {
  const root = new Echo();
  const { peer, broker } = await brokerAndPeer("listener", { root });
  const closing = broker.close();
  await peer.send("(message 1 root echo 1 (tuple 1) (dictionary))");
  await closing;
  expect(root.calls).toEqual([]);
  expect(broker).toBeInstanceOf(Broker);
});
