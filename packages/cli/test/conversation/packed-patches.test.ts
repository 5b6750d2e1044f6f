// Packed patches of live state: shown decoded, and without the secrets in them.

import { expect, test } from "vitest";
import { pack } from "../../../live/src/packed/pack.js";
import { Places } from "../../../live/src/packed/places.js";
import type { Operation } from "../../../live/src/state/diff.js";
import { Unpacker } from "../../../live/src/packed/unpack.js";
import { describeMessage } from "../../src/observe/describe-message.js";
import { patchLines } from "../../src/observe/show-patch.js";
import type { Call, Message } from "../../src/conversation/messages.js";
import { dict, Talk, text, tuple, wordsOf } from "./talk.js";
import type { Words } from "./talk.js";

const latin1 = (bytes: Uint8Array): string => Buffer.from(bytes).toString("latin1");

/** A server that sends the patches of one state, as `@pb/live` packs them. */
class LiveTalk extends Talk {
  readonly places = new Places();
  readonly sent: Uint8Array[] = [];
  revision = 5;

  constructor() {
    super();
    this.say("client", ["message", 1, "root", "price", 1, tuple(), dict()]);
    this.say("server", ["answer", 1, ["live.State", 4, dict({ rev: 5, state: dict() })]]);
  }

  patch(operations: readonly Operation[], clears = false): Message {
    if (clears) this.places.clear();
    const packed = pack(this.revision, ++this.revision, operations, this.places, clears)!;
    return this.p(packed);
  }

  p(packed: Uint8Array): Message {
    this.sent.push(packed);
    return this.say("server", ["cachemessage", 2, 4, "p", 0, tuple(latin1(packed)), dict()]);
  }
}

const shown = (message: Message): string => describeMessage(message, 500);
/** The bytes of the patch as they are shown and recorded. */
const packedIn = (message: Message): Uint8Array => Buffer.from((wordsOf(message) as string[][])[5]![1]!, "latin1");

test("shows the revisions and the operations", () => {
  const talk = new LiveTalk();
  const first: Operation[] = [
    ["/a", 60_000],
    ["/list", 1, 2, ["x", null]],
    ["/old"],
    ["/deep/x", { n: -1.5, t: true }],
  ];
  expect(shown(talk.patch(first, true))).toBe(
    'call 2 cache price#4.p(revision 5 to 6: /a = 60000, /list[1:3] = ["x", null], /old removed, /deep/x = {"n": -1.5, "t": true}) no answer wanted',
  );
  const second = talk.patch([
    ["/a", 7],
    ["/b\u202e", "\x1b[31m"],
  ]);
  expect(shown(second)).toContain('.p(revision 6 to 7: /a = 7, /b\\u{202e} = "\\u001b[31m")');
  expect(second).toMatchObject({ redacted: 0 });
  expect(patchLines((second as Call).patch!, 1)).toEqual(["packed patch, revision 6 to 7", "  /a = 7", "  …"]);
  expect(describeMessage(second, 10)).toContain("(revision 6 to 7: /a = 7, …)");
});

test("replaces values of secret fields, and secrets that were seen before", () => {
  const talk = new LiveTalk();
  const message = talk.patch(
    [
      ["/user/password", "hunter22"],
      ["/pin/0", 1234],
      ["/tokens", 0, 1, ["tok-123456", true]],
      ["/user", { name: "bob", api_key: { a: [9, "k-987654"] }, note: "was hunter22 before" }],
      ["/count", 3],
    ],
    true,
  );
  expect(message).toMatchObject({ redacted: 6, size: expect.any(Number) });
  expect(shown(message)).toContain(
    '/user/password = "[redacted]", /pin/0 = "[redacted]", /tokens[0:1] = ["[redacted]", true], ' +
      '/user = {"name": "bob", "api_key": {"a": ["[redacted]", "[redacted]"]}, "note": "[redacted]"}, /count = 3)',
  );
  for (const secret of ["hunter22", "tok-123456", "k-987654"]) expect(latin1(message.bytes!)).not.toContain(secret);
  // What is recorded is a patch that a viewer can read, also the next one that uses its places.
  const viewer = new Unpacker();
  expect(viewer.read(packedIn(message))).toMatchObject({ since: 5, revision: 6 });
  const next = talk.patch([
    ["/pin/0", 99],
    ["/count", 4],
  ]);
  expect(viewer.read(packedIn(next)).operations).toEqual([
    ["/pin/0", "[redacted]"],
    ["/count", 4],
  ]);
  expect(next).toMatchObject({ redacted: 1 });
});

test("a patch without secrets is recorded as it was sent", () => {
  const talk = new LiveTalk();
  const message = talk.patch(
    [
      ["/a", 1.5],
      ["/b", { c: [] }],
    ],
    true,
  );
  expect(packedIn(message)).toEqual(Buffer.from(talk.sent[0]!));
});

test("a broken patch of a live state says so, and the next that names all places is read", () => {
  const talk = new LiveTalk();
  talk.patch([["/password", "first-secret"]], true);
  const broken = talk.p(Uint8Array.of(6, 2, 0xf7, 1, ...Buffer.from("hidden-text")));
  expect(shown(broken)).toContain("cache price#4.p(a packed patch that cannot be read)");
  expect(wordsOf(broken)).toMatchObject({ 5: ["tuple", "[redacted]"] });
  // The numbers of places are unknown now.
  expect(shown(talk.patch([["/password", "second-secret"]]))).toContain("cannot be read");
  expect(shown(talk.patch([["/password", "third-secret"]], true))).toContain('/password = "[redacted]"');
  const recorded = talk.messages.map(({ bytes }) => latin1(bytes!)).join("");
  expect(recorded).not.toMatch(/hidden-text|first-secret|second-secret|third-secret/);
});

test.each([
  [tuple("\x01\x02\x03")],
  [tuple("\x05\x02\x00\x01a")],
  [tuple(text("\x05\x03"))],
  [tuple("a", "b")],
  [tuple()],
] as [Words][])("other calls of a method p are shown as they are: %j", (args) => {
  const message = new LiveTalk().say("server", ["cachemessage", 2, 4, "p", 0, args, dict()]);
  expect(message).toMatchObject({ patch: undefined, redacted: 0 });
  expect(wordsOf(message)).toMatchObject({ 5: args });
});

test("patches in jelly hide the values of secret pointers too", () => {
  const talk = new LiveTalk();
  const operations: Words = [
    "list",
    ["list", text("/pin"), 1234],
    ["list", text("/auth/0"), text("abcdefgh")],
    ["list", text("/tokens"), 0, 1, ["list", text("tok-123456")]],
    ["list", text("/items"), 0, 1, ["list", text("plain")]],
  ];
  const message = talk.say("server", ["cachemessage", 2, 4, "patch", 0, tuple(6, operations, 5), dict()]);
  expect(message).toMatchObject({ redacted: 3 });
  expect(latin1(message.bytes!)).not.toMatch(/abcdefgh|tok-123456/);
  expect(latin1(message.bytes!)).toContain("plain");
});
