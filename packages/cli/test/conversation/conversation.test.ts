// What a third program sees of a conversation.

import { encode } from "@pb/banana";
import { expect, test } from "vitest";
import { Conversation } from "../../src/conversation/conversation.js";
import type { Message } from "../../src/conversation/messages.js";
import { call, dict, expression, Talk, text, tuple } from "./talk.js";

test.each(["pb", "none"] as const)("reads both directions in dialect %s", (dialect) => {
  const talk = new Talk(dialect);
  talk.say("client", ["version", 6]);
  talk.say("client", call(1, "root", "room", tuple(text("lobby"))));
  talk.say("server", ["answer", 1, ["remote", 7]]);
  talk.say("client", call(2, 7, "members", tuple()));
  talk.say("server", ["error", 2, ["twisted.spread.pb.CopyableFailure", dict({ type: "builtins.ValueError" })]]);
  talk.say("client", ["decref", 7]);
  expect(talk.messages).toMatchObject([
    { kind: "offer", from: "server", names: ["pb", "none"], size: 12 },
    { kind: "choice", from: "client", name: dialect },
    { kind: "version" },
    { kind: "call", from: "client", id: 1, target: "root", method: "room", wantsAnswer: true },
    { kind: "answer", from: "server", id: 1, latencyMs: 1, isLate: false, call: { method: "room" } },
    { kind: "call", id: 2, target: 7, method: "members", origin: { method: "room", as: "result" } },
    { kind: "error", id: 2, call: { method: "members" } },
    { kind: "decref", from: "client", target: 7, isKnown: true, origin: { method: "room" } },
  ]);
  expect(talk.conversation.server.references.size).toBe(0);
  expect(talk.conversation.client.calls.size).toBe(0);
});

test("the result does not depend on how the bytes are divided", () => {
  const both = (divide: (bytes: Uint8Array) => Uint8Array[]): unknown[] => {
    const seen: unknown[] = [];
    const conversation = new Conversation({
      onMessage: ({ bytes, ...message }) => seen.push({ ...message, bytes: Buffer.from(bytes ?? []).toString("hex") }),
    });
    const say = (from: "client" | "server", ...words: Parameters<typeof expression>[0][]): void => {
      const bytes = Buffer.concat(words.map((one) => encode(expression(one), { dialect: "none" })));
      for (const chunk of divide(bytes)) conversation.feed(from, chunk, 1);
    };
    say("server", ["pb", "none"]);
    say("client", "none", ["version", 6], call(1, "root", "a", tuple("x".repeat(3_000))), call(2, 1, "b", tuple()));
    say("server", ["answer", 1, ["remote", 1]], ["answer", 2, tuple(["remote", 1], ["shop.Cache", 2, dict()])]);
    return seen;
  };
  const whole = both((bytes) => [bytes]);
  expect(whole).toHaveLength(7);
  expect(both((bytes) => Array.from(bytes, (byte) => Uint8Array.of(byte)))).toEqual(whole);
  expect(both((bytes) => [bytes.subarray(0, 5), bytes.subarray(5, 2_500), bytes.subarray(2_500)])).toEqual(whole);
});

test("counts references and caches until they are given back", () => {
  const talk = new Talk();
  const { client, server } = talk.conversation;
  talk.say("client", call(1, "root", "watch", tuple(["remote", 1], ["reference", 1, ["list", ["remote", 1]]])));
  talk.say("server", ["answer", 1, ["shop.Stock", 4, dict({ items: ["list", ["remote", 5]] })]]);
  talk.say("server", ["cachemessage", 1, 4, "changed", 0, tuple(["cached", 4]), dict()]);
  expect([...client.references]).toEqual([
    { id: 1, count: 2, sinceMs: 3, origin: { method: "watch", as: "argument" } },
  ]);
  expect([...server.references]).toMatchObject([{ id: 5, count: 1, origin: { method: "watch", as: "result" } }]);
  expect([...server.caches]).toMatchObject([{ id: 4, count: 2 }]);
  talk.say("server", ["decref", 1]);
  talk.say("server", ["decref", 1]);
  expect(talk.say("client", ["decache", 4])).toMatchObject({ isKnown: true });
  talk.say("client", ["decache", 4]);
  expect(server.caches.size).toBe(1);
  expect(talk.say("server", ["uncache", 4])).toMatchObject({ isKnown: true });
  expect([client.references.size, server.caches.size, server.caches.most]).toEqual([0, 0, 1]);
  expect(talk.say("client", ["decref", 99])).toMatchObject({ isKnown: false });
});

test("an update names a cache of its sender, although the receiver has one with the same number", () => {
  const talk = new Talk();
  talk.say("client", call(1, "root", "watch", tuple(["mine.Basket", 4, dict()])));
  talk.say("server", ["answer", 1, ["shop.Stock", 4, dict()]]);
  const update = ["cachemessage", 2, 4, "changed", 1, tuple(), dict()];
  expect(talk.say("server", update)).toMatchObject({ origin: { method: "watch", as: "result" } });
  expect(talk.say("client", update)).toMatchObject({ origin: { method: "watch", as: "argument" } });
  expect(talk.say("server", ["cachemessage", 3, 5, "changed", 0, tuple(), dict()])).toMatchObject({
    origin: undefined,
  });
});

test("a copy is no cache", () => {
  const talk = new Talk();
  talk.say("server", ["message", 1, "root", "take", 0, tuple(["shop.Item", dict({ id: 3 })]), dict()]);
  expect(talk.conversation.server.caches.size).toBe(0);
});

test("answers of canceled calls and after deadlines are late", () => {
  const talk = new Talk();
  talk.say("client", ["message", 1, "pbx", "note", 0, tuple(2, dict({ deadline: 1 })), dict()]);
  talk.say("client", call(2, "root", "slow", tuple()));
  talk.say("client", call(3, "root", "slow", tuple()));
  talk.say("client", ["message", 4, "pbx", "cancel", 0, tuple(3), dict()]);
  talk.say("client", call(5, "root", "slow", tuple()));
  talk.timeMs += 1_000;
  const answers = [2, 3, 5, 6].map((id) => talk.say("server", ["answer", id, ["None"]]));
  expect(answers).toMatchObject([{ isLate: true }, { isLate: true }, { isLate: false }, { call: undefined }]);
});

test.each([
  ["a server that speaks another protocol", "server", "SSH-2.0-OpenSSH_9.2\r\n", "BANANA_NOT_BANANA"],
  ["an unknown greeting", "server", "220 mail.example ready\r\n", "BANANA_NOT_BANANA"],
  ["HTTP", "client", "GET / HTTP/1.1\r\nAuthorization: Bearer abc\r\n\r\n", "BANANA_NOT_BANANA"],
  ["a TLS hello", "client", "\x16\x03\x01\x02\x00", "BANANA_NOT_BANANA"],
  ["a dialect that does not exist", "client", "\x03\x82xyz", "CLI_NOT_PB"],
  ["no list of dialects", "server", "\x01\x81", "CLI_NOT_PB"],
  ["an unknown type", "client", "\x01\x80\x90", "BANANA_UNKNOWN_TYPE"],
] as const)("%s is reported once, and is opaque", (_name, from, bytes, code) => {
  const messages: Message[] = [];
  const conversation = new Conversation({ onMessage: (message) => messages.push(message) });
  conversation.feed(from, new Uint8Array(Buffer.from(bytes, "latin1")), 1);
  conversation.feed(from, Uint8Array.of(1, 2, 3), 2);
  expect(messages).toMatchObject([
    { kind: "opaque", from, size: bytes.length, bytes: undefined, error: { code, offset: expect.any(Number) } },
    { kind: "opaque", from, size: 3, error: undefined },
  ]);
  expect(conversation.isDecoded).toBe(false);
});

test("an error in one direction does not end the other", () => {
  const talk = new Talk();
  talk.feed("client", Uint8Array.of(0x90));
  expect(talk.messages.at(-1)).toMatchObject({ kind: "opaque", error: { code: "BANANA_UNKNOWN_TYPE" } });
  expect(talk.say("server", call(1, "root", "x", tuple()))).toMatchObject({ kind: "call" });
});

test.each([
  [[], "a list that does not begin"],
  [["nosuch", 1], "the command nosuch"],
  [["answer", 1], "the command answer with 1 arguments"],
  [["\x1b[31m", 1], "a command that does not exist"],
  [3, "a integer in place"],
])("%j is no message", (words, shown) => {
  const talk = new Talk();
  expect(talk.say("client", words)).toMatchObject({ kind: "unknown", text: expect.stringContaining(shown) });
  expect(talk.say("client", ["version", 6])).toMatchObject({ kind: "version" });
});

test("odd ids and names are shown as text", () => {
  const talk = new Talk();
  talk.say("client", ["message", ["x", 1], ["y"], "\xff\x1b", ["list"], 5, "kwargs"]);
  expect(talk.messages.at(-1)).toMatchObject({ id: "(x 1)", target: "(y)", method: "<ff1b>", wantsAnswer: true });
  expect(talk.say("server", ["answer", ["x", 1], 1])).toMatchObject({ call: { id: "(x 1)" } });
});

test("an incomplete message at the end is opaque", () => {
  const talk = new Talk();
  talk.feed("client", Uint8Array.of(7, 0x80, 5));
  talk.conversation.end("client", 9);
  talk.conversation.end("server", 9);
  expect(talk.messages.slice(2)).toMatchObject([{ kind: "opaque", size: 3, error: { code: "CLI_INCOMPLETE" } }]);
});

test("decodes from the middle of a connection", () => {
  const messages: Message[] = [];
  const conversation = new Conversation({ onMessage: (message) => messages.push(message), startedWith: "pb" });
  conversation.feed("client", encode(expression(call(3, 1, "a", tuple())), { dialect: "pb" }), 1);
  expect(messages).toMatchObject([{ kind: "call", id: 3 }]);
});
