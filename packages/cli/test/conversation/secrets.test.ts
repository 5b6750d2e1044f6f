// Secrets never leave the decoder.

import { expect, test } from "vitest";
import { call, dict, Talk, text, tuple, wordsOf } from "./talk.js";
import type { Words } from "./talk.js";

const S = "hunter2-secret";
const R = "[redacted]";

/** The arguments and keyword arguments of a call, after the secrets are replaced. */
function redacted(method: string, args: Words, kwargs: Words = dict(), redact: string[] = []): unknown[] {
  const talk = new Talk("pb", { redact });
  // The second step of a login names an object by its number.
  const target = method === "respond" || method === "finish" ? 1 : "root";
  return (wordsOf(talk.say("client", call(1, target, method, args, kwargs))) as unknown[]).slice(5);
}

test.each<[string, string, Words, Words, Words, Words]>([
  ["the answer to a challenge", "respond", tuple(S, ["remote", 1]), dict(), tuple(R, ["remote", 1]), dict()],
  ["a bearer token", "bearer", tuple(S, ["None"]), dict(), tuple(R, ["None"]), dict()],
  ["a SCRAM proof", "finish", tuple(`c=biws,r=x,p=${S}`), dict(), tuple(R), dict()],
  ["a password after a name", "login", tuple("alice", text(S)), dict(), tuple("alice", text(R)), dict()],
  ["all arguments", "setPassword", tuple("alice", ["list", text(S)]), dict(), tuple(R, ["list", text(R)]), dict()],
  ["a keyword argument", "open", tuple(1), dict({ password: text(S) }), tuple(1), dict({ password: text(R) })],
  ["any case", "open", tuple(), dict({ API_KEY: S }), tuple(), dict({ API_KEY: R })],
  ["a field of a copy", "open", tuple(["a.B", dict({ token: S })]), dict(), tuple(["a.B", dict({ token: R })]), dict()],
  ["a pair", "open", tuple(tuple("secret", S)), dict(), tuple(tuple("secret", R)), dict()],
  ["a number", "open", tuple(), dict({ pin: 1234 }), tuple(), dict({ pin: R })],
  ["a deep value", "open", tuple(), dict({ token: dict({ a: S }) }), tuple(), dict({ token: dict({ [R]: text(R) }) })],
  ["a response by its name", "respond", tuple(), dict({ response: S }), tuple(), dict({ response: R })],
  ["a SCRAM proof by its name", "finish", tuple(), dict({ message: S }), tuple(), dict({ message: R })],
  [
    ...["keyword arguments of a login but the user", "login", tuple()],
    ...[dict({ username: "alice", code: text(S) }), tuple(), dict({ username: "alice", code: text(R) })],
  ] as [string, string, Words, Words, Words, Words],
  ["a name of two words", "open", tuple(), dict({ pass_word: S }), tuple(), dict({ pass_word: R })],
  ["a key for access", "open", tuple(), dict({ accessKey: S }), tuple(), dict({ accessKey: R })],
  ["a decimal", "open", tuple(), dict({ pin: ["decimal", 4711, 0] }), tuple(), dict({ pin: R })],
  ["a date", "open", tuple(), dict({ token: ["date", S] }), tuple(), dict({ token: R })],
  ["the name of a class", "open", tuple(), dict({ token: [S, dict()] }), tuple(), dict({ token: [R, dict()] })],
  ["the name of a class object", "open", tuple(), dict({ pin: ["class", S] }), tuple(), dict({ pin: ["class", R] })],
  ["a false boolean", "open", tuple(), dict({ pin: ["boolean", S] }), tuple(), dict({ pin: ["boolean", R] })],
  ["the id of an object", "open", tuple(), dict({ pin: ["remote", S] }), tuple(), dict({ pin: ["remote", R] })],
  ["a byte key", "open", tuple(["dictionary", ["passwd", S]]), dict(), tuple(["dictionary", ["passwd", R]]), dict()],
])("replaces %s", (_name, method, args, kwargs, shownArgs, shownKwargs) => {
  const shown = redacted(method, args, kwargs);
  if (method !== "open" || !JSON.stringify(kwargs).includes('"a"')) expect(shown).toEqual([shownArgs, shownKwargs]);
  expect(JSON.stringify(shown)).not.toContain(S);
});

/** Lets the server answer a call of `method` with an object, and the client call `step` of it. */
function stepOf(method: string, step: string): { readonly shown: unknown; readonly answer: unknown } {
  const talk = new Talk();
  talk.say("client", call(1, "pbx.login", method, tuple("alice")));
  talk.say("server", ["answer", 1, tuple("challenge", ["remote", 7])]);
  const shown = wordsOf(talk.say("client", call(2, 7, step, tuple(S))));
  return { shown, answer: wordsOf(talk.say("server", ["answer", 2, text("v=abc")])) };
}

test("hides the argument of finish and respond where a login continues, and not of other objects", () => {
  expect(stepOf("scram", "finish").shown).toEqual(call(2, 7, "finish", tuple(R)));
  expect(stepOf("scram", "finish").answer).toEqual(["answer", 2, text(R)]);
  expect(stepOf("login", "respond").shown).toEqual(call(2, 7, "respond", tuple(R)));
  for (const [method, step] of [
    ["openJob", "finish"],
    ["login", "finish"],
    ["ask", "respond"],
  ] as const) {
    expect(stepOf(method, step).shown).toEqual(call(2, 7, step, tuple(S)));
    expect(stepOf(method, step).answer).toEqual(["answer", 2, text("v=abc")]);
  }
  for (const step of ["finish", "respond"])
    expect(wordsOf(new Talk().say("client", call(1, "root", step, tuple(S))))).toEqual(call(1, "root", step, tuple(S)));
});

test("keeps references, booleans and None in secret places", () => {
  const values = tuple(["remote", 3], ["boolean", "true"], ["None"], ["local", "root"]);
  expect(redacted("setPassword", values)[0]).toEqual(values);
});

test("follows shared objects into secret places", () => {
  const shared = ["reference", 1, ["list", text(S)]];
  const shown = redacted("open", tuple(shared), dict({ password: ["dereference", 1] }));
  // Keyword arguments are separate from the others on the wire, yet an id may be used in both.
  expect(JSON.stringify(shown)).not.toContain(S);
});

test("hides all shared objects of a message in which too many lead to a secret", () => {
  const shared = Array.from({ length: 50 }, (_, at): Words => [
    "reference",
    at + 1,
    ["list", S, 0, ["dereference", at + 2]],
  ]);
  const shown = redacted("open", tuple(...shared.reverse(), dict({ password: ["dereference", 1] })));
  expect(JSON.stringify(shown)).not.toContain(S);
});

test("replaces further names", () => {
  const size = Buffer.from("Größe").toString("latin1");
  expect(redacted("open", tuple(), dict({ [size]: S }), ["größe"])[1]).toEqual(dict({ [size]: R }));
  expect(redacted("unlock", tuple(S), dict(), ["UNLOCK"])[0]).toEqual(tuple(R));
});

test("replaces the results of secret methods, and of logins without an object", () => {
  const talk = new Talk();
  talk.say("client", call(1, "root", "getToken", tuple()));
  expect(wordsOf(talk.say("server", ["answer", 1, text(S)]))).toEqual(["answer", 1, text(R)]);
  talk.say("client", call(2, "root", "login", tuple("alice")));
  const challenge = ["answer", 2, tuple("challenge", ["remote", 1])];
  expect(wordsOf(talk.say("server", challenge))).toEqual(challenge);
  talk.say("client", call(3, "root", "login", tuple("alice")));
  expect(wordsOf(talk.say("server", ["answer", 3, tuple(text(S))]))).toEqual(["answer", 3, tuple(text(R))]);
  talk.say("client", call(4, 9, "finish", tuple("c=biws,r=x,p=y")));
  expect(wordsOf(talk.say("server", ["answer", 4, tuple("v=signature", ["remote", 2])]))).toEqual([
    ...["answer", 4],
    tuple(R, ["remote", 2]),
  ]);
});

test("finds a secret again where nothing tells that it is one", () => {
  const talk = new Talk();
  talk.say("client", call(1, "pbx.login", "bearer", tuple(S, ["None"])));
  const failure: Words = ["twisted.spread.pb.CopyableFailure", dict({ value: text(`unknown: ${S}`) })];
  expect(JSON.stringify(wordsOf(talk.say("server", ["error", 1, failure])))).not.toContain(S);
  const later = talk.say("client", call(2, "root", "echo", tuple(text(S))));
  expect(wordsOf(later)).toMatchObject({ 5: tuple(text(R)) });
  expect(later).toMatchObject({ redacted: 1 });
});

test("finds a secret again in the name of an object that is called or released", () => {
  const talk = new Talk();
  talk.say("client", call(1, "pbx.login", "bearer", tuple(S, ["None"])));
  const messages = [
    talk.say("client", call(2, S, "open", tuple())),
    talk.say("client", ["decref", S]),
    talk.say("client", ["decref", text(S)]),
  ];
  for (const message of messages) expect([wordsOf(message), message.redacted]).toEqual([expect.anything(), 1]);
  expect(JSON.stringify(messages.map((message) => [message, wordsOf(message)]))).not.toContain(S);
});

test("a secret that is used again is not forgotten for newer ones", () => {
  const talk = new Talk();
  for (let count = 1; count <= 70; count++) {
    talk.say("client", call(count, "root", "open", tuple(), dict({ password: S, token: `token-${count}` })));
  }
  expect(wordsOf(talk.say("client", call(71, "root", "echo", tuple(text(S)))))).toMatchObject({ 5: tuple(text(R)) });
});

test("messages without secrets keep their bytes", () => {
  const talk = new Talk();
  const { bytes, size, redacted: count } = talk.say("client", call(1, "root", "find", tuple(12, text("abc"))));
  expect([bytes!.length, count]).toEqual([size, 0]);
});
