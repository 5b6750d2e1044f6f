// A secret that was seen once is in no output of a later message, wherever it stands there.

import { encode } from "@pb/banana";
import { expect, test } from "vitest";
import { hiddenHead } from "../../src/conversation/read-message.js";
import { Observation } from "../../src/observe/observer.js";
import { Printer } from "../../src/observe/printer.js";
import { Statistics } from "../../src/observe/statistics.js";
import { statisticsJson, statisticsTable } from "../../src/observe/statistics-table.js";
import { Inspector } from "../../src/tap/inspector.js";
import { pack } from "../../../live/src/packed/pack.js";
import { Places } from "../../../live/src/packed/places.js";
import { call, dict, expression, Talk, text, tuple, wordsOf } from "./talk.js";
import type { Words } from "./talk.js";

const S = "hunter2-secret";

/** A patch of live state, as its text in Latin-1. */
function patch(...operations: Parameters<typeof pack>[2]): Words {
  const packed = pack(5, 6, operations, new Places(), true)!;
  return ["cachemessage", 9, 4, "p", 0, tuple(Buffer.from(packed).toString("latin1")), dict()];
}

/** Everything that is shown and recorded of a conversation in which the server sends a message after a login. */
async function outputs(message: Words, from: "client" | "server"): Promise<string> {
  const shown: string[] = [];
  const io = { stdout: { write: (output: string) => shown.push(output) }, env: {} };
  const [lines, json, statistics, inspector] = [
    new Printer(io, false),
    new Printer(io, true),
    new Statistics(),
    await Inspector.start(),
  ];
  const bytes = {
    opened: () => undefined,
    message: (_connection: number, seen: { bytes: Uint8Array | undefined }) =>
      void shown.push(Buffer.from(seen.bytes ?? "").toString("latin1")),
    finished: () => undefined,
    closed: () => undefined,
  };
  const observation = new Observation(1, [statistics, lines, json, inspector, bytes]);
  const say = (side: "client" | "server", words: Words): void => observation.feed(side, encode(expression(words)), 1);
  say("server", ["none"]);
  say("client", "none");
  say("client", call(1, "pbx.login", "bearer", tuple(S, ["None"])));
  say("server", ["answer", 1, ["live.State", 4, dict({ rev: 5, state: dict() })]]);
  say(from, message);
  if (Array.isArray(message) && message[0] === "message")
    say(from === "client" ? "server" : "client", ["answer", 9, ["remote", 7]]);
  observation.closed(2, "client", undefined);
  lines.flush();
  json.flush();
  const page = new AbortController();
  const events = await fetch(`${inspector.url}events`, { signal: page.signal });
  await inspector.close();
  return [...shown, ...statisticsTable(statistics, Infinity), statisticsJson(statistics), await events.text()].join(
    "\n",
  );
}

test.each<[string, Words]>([
  ["an argument", call(9, "root", "echo", tuple(text(S)))],
  ["a part of an argument", call(9, "root", "echo", tuple(text(`is ${S}!`)))],
  ["the name of a keyword argument", call(9, "root", "echo", tuple(), dict({ [S]: 1 }))],
  ["a key", call(9, "root", "echo", tuple(dict({ [S]: 1 })))],
  ["the name of a class", call(9, "root", "echo", tuple([S, dict()]))],
  ["the name of a method", call(9, "root", S, tuple())],
  ["the name of an object", call(9, S, "echo", tuple())],
  ["the number of a call", ["message", S, "root", "echo", 1, tuple(), dict()]],
  ["whether an answer is wanted", ["message", 9, "root", "echo", S, tuple(), dict()]],
  ["an answer", ["answer", 1, text(S)]],
  ["the number of an answer", ["answer", S, 7]],
  ["an error", ["error", 1, ["twisted.spread.pb.CopyableFailure", dict({ type: text("a.B"), value: text(S) })]]],
  ["the class of an error", ["error", 1, ["twisted.spread.pb.CopyableFailure", dict({ type: text(S), value: "" })]]],
  ["an object that is given back", ["decref", S]],
  ["a cache that is given back", ["decache", text(S)]],
  ["a command", [S, 1]],
  ["the version", ["version", S]],
  ["what is no message", S],
  ["a value of a patch", patch(["/a", S])],
  ["a key in a patch", patch(["/a", { [S]: 1 }])],
  ["a pointer of a patch", patch([`/users/${S}/name`, "ann"])],
  ["what a patch removes", patch([`/users/${S}`])],
])("replaces a secret that comes again as %s", async (_where, message) => {
  for (const side of ["client", "server"] as const) {
    const shown = await outputs(message, side);
    expect(shown).toContain("pbx.login");
    expect(shown).not.toContain(S);
  }
});

test("the answer of a method whose name was replaced is replaced too", () => {
  const talk = new Talk();
  talk.say("client", call(1, "pbx.login", "bearer", tuple(S, ["None"])));
  talk.say("client", call(2, "root", `getToken ${S}`, tuple()));
  expect(wordsOf(talk.say("server", ["answer", 2, text("another")]))).toEqual(["answer", 2, text("[redacted]")]);
});

test("a message that is too large to be rewritten is shown without its texts", () => {
  const head = { command: "message", id: 9, target: S, method: S, wantsAnswer: true } as const;
  expect(hiddenHead(head)).toEqual({ ...head, target: "[redacted]", method: "[redacted]" });
});
