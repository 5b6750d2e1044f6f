// Invalid input that closes the connection (wire specification 2.7, 3, 5.12).

import { describe, expect, test } from "vitest";
import { Broker } from "@pb/broker";
import type { BrokerEvent, BrokerOptions } from "@pb/broker";
import { connectedPair } from "@pb/broker/testing";
import { brokerAndPeer, brokerAndUnnegotiatedPeer, rejection, settled } from "../support/raw-peer.js";
import { latin, digits, Echo, Failing, expectEnd, bytesOf } from "../support/invalid-input.js";
import type { Row } from "../support/invalid-input.js";

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
        expect(events).toEqual([{ kind: "closed", ...broker.ended }]);
        expect(broker.ended!.reason).toBe(reason);
        expect(peer.isClosed).toBe(true);
        expect(broker.isOpen).toBe(false);
        expect(root.calls, "later messages are not handled").toEqual([]);
      },
    );
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

  const long = `(${"7 ".repeat(10_000)})`;
  test.each([
    ["the request id of a call", `(message ${long} root echo 1 (tuple) (dictionary))`, /request id is an integer/],
    ["the request id of an answer", `(answer ${long} 1)`, /request id is an integer/],
    ["the request id of an error", `(error ${long} 1)`, /request id is an integer/],
    ["a method name", `(message 1 root ${long} 1 (tuple) (dictionary))`, /method name is a byte string/],
    ["the id of an object", `(decref ${long})`, /decref needs an object id/],
    ["the id of a cache", `(uncache ${long})`, /uncache needs an object id/],
  ])("is disconnected if it sends a list of more than 16 KiB as %s", async (_what, message, pattern) => {
    const { broker, peer } = await brokerAndPeer("listener", { root: new Echo() });
    await peer.send(message);
    expect(peer.received()).toEqual([]);
    expectEnd(await broker.closed, "protocol", "PROTOCOL_BAD_EXPRESSION", pattern);
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

test("a broker that is closed handles no more messages", async () => {
  const root = new Echo();
  const { peer, broker } = await brokerAndPeer("listener", { root });
  const closing = broker.close();
  await peer.send("(message 1 root echo 1 (tuple 1) (dictionary))");
  await closing;
  expect(root.calls).toEqual([]);
  expect(broker).toBeInstanceOf(Broker);
});
