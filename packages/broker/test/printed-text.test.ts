// Text of a peer in errors and events: a program that prints them gets no controls, no forged lines and no megabytes.

import { inspect } from "node:util";
import { describe, expect, test, vi } from "vitest";
import type { Expression } from "@pb/banana";
import { PBError, RemoteError, Root } from "@pb/broker";
import type { Broker, BrokerEvent } from "@pb/broker";
import { BrokerConfig } from "@pb/broker/extension";
import { connectedPair } from "@pb/broker/testing";
import { copyType, printable, TypeRegistry } from "@pb/jelly-types";
import { brokerAndPeer, rejection, settled } from "./support/raw-peer.js";

/** Forges a line of a log, deletes it on a terminal, and reverses the direction of the text. */
const FORGED = "x\n\u001b[2K\u009b1A\u202eroot logged in\r\u2028";
const LONG = FORGED.padEnd(300_000, "y");

const bytes = (text: string): Uint8Array => new Uint8Array(Buffer.from(text));
const tuple: Expression = [bytes("tuple")];
const dictionary: Expression = [bytes("dictionary")];

class Desk extends Root {
  remote_echo(value: unknown): unknown {
    return value;
  }
  remote_refuse(text: string): never {
    throw new PBError(text);
  }
}

/** What a program prints of a value: as text, with its properties, its stack and its causes. */
function printed(value: unknown): string {
  const stack = value instanceof Error ? [value.message, value.stack, printed(value.cause)] : [];
  return [String(value), inspect(value), ...stack].join("\n");
}

function expectPrintable(value: unknown): void {
  const text = printed(value);
  expect(text).not.toMatch(/[^\P{Cc}\n]|[\u2028\u202e]/u);
  expect(text).not.toMatch(/^\s*root logged in/m);
  expect(text.length).toBeLessThan(30_000);
}

const call = (target: Expression, method: string, args: Expression = tuple, kwargs: Expression = dictionary) =>
  [bytes("message"), 1, target, bytes(method), 1, args, kwargs] as Expression;
const root = bytes("root");
const malformed: [string, (text: string) => Expression][] = [
  ["the name of a method", (text) => call(root, text)],
  ["the name of a method whose arguments are malformed", (text) => call(root, text, [bytes("os.system"), bytes("x")])],
  ["the name of an object", (text) => call(bytes(text), "echo")],
  ["the name of a type", (text) => call(root, "echo", [bytes("tuple"), [bytes(text), 1]])],
  ["the name of a class", (text) => call(root, "echo", [bytes("tuple"), [bytes("class"), bytes(text)]])],
  ["a boolean", (text) => call(root, "echo", [bytes("tuple"), [bytes("boolean"), bytes(text)]])],
  [
    "the key of an entry that is not allowed",
    (text) =>
      call(root, "echo", [
        bytes("tuple"),
        [
          bytes("dictionary"),
          [
            [bytes("unicode"), bytes(text)],
            [bytes("os.system"), 1],
          ],
        ],
      ]),
  ],
  [
    "the keys of many dicts inside of each other",
    (text) => {
      let value: Expression = [bytes("os.system"), 1];
      for (let depth = 200; depth > 0; depth--)
        value = [bytes("dictionary"), [[bytes("unicode"), bytes(text.slice(0, 3_000))], value]];
      return call(root, "echo", [bytes("tuple"), value]);
    },
  ],
  [
    "the name of a keyword argument",
    (text) => call(root, "echo", tuple, [bytes("dictionary"), [bytes(text), [bytes("os.system"), 1]]]),
  ],
  ["a released object", (text) => [bytes("decref"), bytes(text)]],
  ["a released cache", (text) => [bytes("decache"), bytes(text)]],
  ["a forgotten cache", (text) => [bytes("uncache"), bytes(text)]],
  ["a command", (text) => [bytes(text), 1]],
  ["an answer", (text) => [bytes("answer"), bytes(text), 1]],
  ["what was not understood", (text) => [bytes("didNotUnderstand"), bytes(text)]],
  ["an expression", (text) => bytes(text)],
];

describe.each(malformed)("text of a peer: %s", (_what, message) => {
  test.each([
    ["short", FORGED],
    ["long", LONG],
  ])("that is %s can be printed, and is no fault of a method", async (_length, text) => {
    const events: BrokerEvent[] = [];
    const options = { root: new Desk(), onEvent: (event: BrokerEvent) => void events.push(event) };
    const { peer } = await brokerAndPeer("listener", options);
    await peer.send(message(text));
    await peer.close();
    for (const event of events) {
      for (const value of Object.values(event)) expectPrintable(value);
      expect(event.kind).not.toBe("method-failed");
    }
    expect(events.at(-1)?.kind).toBe("closed");
  });
});

test("a malformed argument is reported as such, and not as a method that failed", async () => {
  const events: BrokerEvent[] = [];
  const options = { root: new Desk(), onEvent: (event: BrokerEvent) => void events.push(event) };
  const { peer } = await brokerAndPeer("listener", options);
  await peer.send("(message 1 root echo 1 (tuple (os.system ls)) (dictionary))");
  expect(events).toMatchObject([{ kind: "call-unreadable", method: "echo", error: { code: "JELLY_NOT_ALLOWED" } }]);
});

test("few calls that cannot be read are reported, with the number of the others", async () => {
  vi.useFakeTimers({ toFake: ["performance"] });
  try {
    const events: BrokerEvent[] = [];
    const options = new BrokerConfig({ root: new Desk(), onEvent: (event) => void events.push(event) });
    for (let connections = 3; connections > 0; connections--) {
      const { peer } = await brokerAndPeer("listener", options);
      for (let left = 50; left > 0; left--) {
        await peer.send("(message 1 root echo 0 (tuple (os.system ls)) (dictionary))");
        await peer.send("(didNotUnderstand x)");
      }
    }
    expect(events).toHaveLength(40);
    vi.advanceTimersByTime(1_000);
    const { peer } = await brokerAndPeer("listener", options);
    await peer.send("(message 1 root echo 0 (tuple (os.system ls)) (dictionary))");
    expect(events.at(-1)).toMatchObject({ kind: "call-unreadable", omitted: 130 });
  } finally {
    vi.useRealTimers();
  }
});

test("an error of the peer can be printed, and has the message as it was sent", async () => {
  for (const text of [FORGED, LONG]) {
    const { client, server } = await connectedPair({ root: new Desk() });
    const error = await failureOf(client, text);
    expectPrintable(error);
    expect(error.message).toMatch(/^x\\n\\x1b\[2K\\x9b1A\\u\{202e\}root logged in\\x0d\\u\{2028\}/);
    expect(error.remoteMessage).toBe(text.slice(0, 64 * 1024));
    await Promise.all([client.close(), server.close()]);
  }
});

test("the classes and the traceback of an error of a lying server can be printed", async () => {
  const invisible = "admin\u200b\u{e0041}";
  for (const text of [FORGED, LONG, invisible]) {
    const { broker, peer } = await brokerAndPeer("initiator");
    const failed = rejection((await broker.getRootObject<Desk>()).callRemote("echo", 1));
    const state: [string, Expression][] = [
      ["type", bytes(text)],
      ["value", bytes(text)],
      ["parents", [bytes("list"), ...Array<Expression>(200).fill(bytes(text.slice(0, 3_000)))]],
      ["traceback", bytes(text)],
    ];
    const dict = [bytes("dictionary"), ...state.map(([name, value]) => [[bytes("unicode"), bytes(name)], value])];
    await peer.send([bytes("error"), 1, [bytes("twisted.spread.pb.CopyableFailure"), dict]]);
    const error = await failed;
    expectPrintable(error);
    expect(printed(error)).not.toMatch(/\p{Cf}/u);
    expect(error).toMatchObject({ remoteMessage: text, traceback: text });
  }
});

class SoldOut extends Error {}

test("an error that arrives as a copy can be printed, and keeps what a program prints in quotes", async () => {
  const types = new TypeRegistry().register(copyType("shop.SoldOut", SoldOut));
  class Shop extends Root {
    received: unknown;
    remote_take(value: unknown): void {
      this.received = value;
    }
  }
  const shop = new Shop();
  const { peer } = await brokerAndPeer("listener", { root: shop, types });
  const entry = (name: string, value: Expression): Expression => [[bytes("unicode"), bytes(name)], value];
  for (const text of [FORGED, LONG]) {
    const state: Expression = [
      bytes("dictionary"),
      ...["message", "name", "stack"].map((name) => entry(name, [bytes("unicode"), bytes(text)])),
      entry("article", [bytes("unicode"), bytes("a\nb")]),
    ];
    await peer.send(call(root, "take", [bytes("tuple"), [bytes("shop.SoldOut"), state]]));
    expectPrintable(shop.received);
    expect(shop.received).toBeInstanceOf(SoldOut);
    expect(shop.received).toMatchObject({ article: "a\nb", message: expect.stringMatching(/^x\\n\\x1b/) as string });
  }
});

test("an error that arrives as a copy has no message and no name without a text", async () => {
  const types = new TypeRegistry().register(copyType("shop.SoldOut", SoldOut));
  class Shop extends Root {
    received: unknown;
    remote_take(value: unknown): void {
      this.received = value;
    }
  }
  const entry = (name: string, value: Expression): Expression => [[bytes("unicode"), bytes(name)], value];
  const list: Expression = [bytes("list"), [bytes("unicode"), bytes(FORGED)]];
  const withoutText: Expression = [bytes("dictionary"), entry("toString", 1)];
  for (const value of [list, withoutText, [bytes("set"), 1]] as Expression[]) {
    for (const name of ["message", "name"]) {
      const shop = new Shop();
      const { peer } = await brokerAndPeer("listener", { root: shop, types });
      const state: Expression = [bytes("dictionary"), entry(name, value), entry("article", 7)];
      await peer.send(call(root, "take", [bytes("tuple"), [bytes("shop.SoldOut"), state]]));
      expectPrintable(shop.received);
      expect(shop.received).toMatchObject({ article: 7, message: "", name: "Error" });
    }
  }
});

test("an error of a peer is sent on as it was received", async () => {
  const { client: first } = await connectedPair({ root: new Desk() });
  class Relay extends Root {
    async remote_refuse(text: string): Promise<never> {
      throw await failureOf(first, text);
    }
  }
  const { client } = await connectedPair({ root: new Relay() });
  expect((await failureOf(client, "two\nlines")).remoteMessage).toBe("two\nlines");
  await settled();
});

async function failureOf(client: Broker, text: string): Promise<RemoteError> {
  const desk = await client.getRootObject<Desk>();
  const error = await rejection(desk.callRemote("refuse", text));
  expect(error).toBeInstanceOf(RemoteError);
  return error as RemoteError;
}

test("printable keeps text of any language, and shows controls and what was cut", () => {
  expect(printable("Grüße, 日本語 👍 العربية\u0301")).toBe("Grüße, 日本語 👍 العربية\u0301");
  expect(printable("a\tb\0")).toBe("a\\x09b\\x00");
  expect(printable("a\u200bb\ufeffc\u00add\u2060e\u{e0041}")).toBe("a\\u{200b}b\\u{feff}c\\xadd\\u{2060}e\\u{e0041}");
  expect(printable("12345", 4)).toBe("1234… (5 characters)");
  expect(printable("👍👍", 3)).toBe("👍\\u{d83d}… (4 characters)");
});
