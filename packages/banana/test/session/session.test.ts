import { describe, expect, test } from "vitest";
import { BananaError, BananaReader, encode, none, pb, Session, Vocabulary } from "@pb/banana";
import type { Dialect, Expression } from "@pb/banana";
import { toHex } from "../helpers/tagged.js";

const own: Dialect = { name: "own", vocabulary: new Vocabulary([[1, "hello"]]) };
const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text);

/** One session, the bytes that it sent, and the expressions that it returned. */
class End {
  readonly sent: Uint8Array[] = [];
  readonly delivered: Expression[] = [];
  readonly session: Session;

  constructor(role: "listener" | "initiator", dialects?: readonly Dialect[]) {
    this.session = new Session({ role, dialects, send: (bytes) => this.sent.push(bytes) });
    this.session.start();
  }

  receive(...chunks: Uint8Array[]): this {
    for (const chunk of chunks) {
      this.session.push(chunk);
      for (let next = this.session.next(); next !== undefined; next = this.session.next()) this.delivered.push(next);
    }
    return this;
  }
}

function negotiate(offered: readonly Dialect[], known: readonly Dialect[]): [End, End] {
  const listener = new End("listener", offered);
  const initiator = new End("initiator", known).receive(...listener.sent.splice(0));
  listener.receive(...initiator.sent.splice(0));
  return [listener, initiator];
}

describe("two sessions agree", () => {
  test.each<[string, Dialect[], Dialect[], Dialect]>([
    ["on the dialect that both know", [pb, none], [none], none],
    ["on the first choice of the listener, not of the initiator", [none, pb], [pb, none], none],
    ["on a dialect of the application", [own, pb, none], [pb, own], own],
    ["on the second dialect when the initiator does not know the first", [own, pb], [pb], pb],
  ])("%s", (_, offered, known, agreed) => {
    for (const end of negotiate(offered, known)) expect(end.session.dialect).toBe(agreed);
  });

  test("by default on the dialect of two Twisted peers", () => {
    const listener = new End("listener");
    const initiator = new End("initiator");
    expect(listener.sent.map(toHex)).toStrictEqual(["02800282706204826e6f6e65"]);
    initiator.receive(...Array.from(listener.sent[0]!, (byte) => Uint8Array.of(byte)));
    expect(initiator.sent.map(toHex)).toStrictEqual(["02827062"]);
    listener.receive(Uint8Array.from([...initiator.sent[0]!, ...encode([utf8("None")], { dialect: "pb" })]));
    expect(listener.session.dialect).toBe(pb);
    expect(listener.delivered).toStrictEqual([[utf8("None")]]);
  });

  test("and use the words of that dialect", () => {
    const [listener] = negotiate([own], [own]);
    listener.receive(Uint8Array.of(1, 0x87));
    expect(listener.delivered).toStrictEqual([utf8("hello")]);
    expect(() => listener.receive(Uint8Array.of(2, 0x87))).toThrow(
      expect.objectContaining({ code: "BANANA_UNKNOWN_WORD" }),
    );
  });
});

describe("a session that cannot agree throws the reason and sends nothing", () => {
  const refusals: [string, "listener" | "initiator", Expression, string, RegExp][] = [
    [
      "no name in common",
      "initiator",
      [utf8("zzz"), 5],
      "BANANA_NO_COMMON_DIALECT",
      /offers the dialects \(zzz\), expected one of \(pb none\)/,
    ],
    ["an empty offer", "initiator", [], "BANANA_NO_COMMON_DIALECT", /expected one of/],
    [
      "a name instead of an offer",
      "initiator",
      utf8("pb"),
      "BANANA_BAD_NEGOTIATION",
      /a list of dialects, received pb/,
    ],
    ["a number instead of an offer", "initiator", 5, "BANANA_BAD_NEGOTIATION", /received 5/],
    [
      "a name that was not offered",
      "listener",
      utf8("zzz"),
      "BANANA_NO_COMMON_DIALECT",
      /chose "zzz", expected one of \(pb none\)/,
    ],
    ["a list instead of a name", "listener", [utf8("pb")], "BANANA_BAD_NEGOTIATION", /received \(pb\)/],
    ["a double instead of a name", "listener", 1.5, "BANANA_BAD_NEGOTIATION", /received 1.5/],
  ];
  test.each(refusals)("%s", (_, role, received, code, message) => {
    const end = new End(role);
    end.sent.length = 0;
    const refused = (): unknown => end.receive(encode(received));
    expect(refused).toThrow(expect.objectContaining({ code, offset: 0, message: expect.stringMatching(message) }));
    expect(end.sent).toStrictEqual([]);
    expect(end.session.dialect).toBeUndefined();
  });

  test("for a vocabulary word before a dialect is agreed", () => {
    expect(() => new End("listener").receive(Uint8Array.of(16, 0x87))).toThrow(
      expect.objectContaining({ code: "BANANA_NO_VOCABULARY" }),
    );
  });

  test.each([
    ["GET / HTTP/1.1\r\n", "an HTTP request"],
    ["HTTP/1.1 200 OK\r\n", "an HTTP response"],
    ["PRI * HTTP/2.0\r\n", "an HTTP/2 request"],
    ["SSH-2.0-OpenSSH", "an SSH greeting"],
    ["\u0016\u0003\u0001", "a TLS hello"],
    ["PROXY TCP4 192.0.2.1 192.0.2.2 51324 8787\r\n", "a header of the PROXY protocol"],
    ["\r\n\r\n\0\r\nQUIT\n!\u0011\0\f", "a header of the PROXY protocol"],
    ["\u0015\u0003\u0003", "a TLS alert"],
  ])("recognizes %j", (text, protocol) => {
    for (const role of ["listener", "initiator"] as const) {
      expect(() => new End(role).receive(utf8(text))).toThrow(
        expect.objectContaining({ code: "BANANA_NOT_BANANA", message: expect.stringContaining(protocol) }),
      );
    }
  });
});

test("uses the chosen dialect for a reply that arrives before `send` returns", () => {
  const delivered: unknown[] = [];
  const session: Session = new Session({
    role: "initiator",
    send: () => {
      session.push(encode(utf8("message"), { dialect: pb }));
      delivered.push(session.next());
    },
  });
  session.push(encode([utf8("pb"), utf8("none")]));
  expect(session.next()).toBeUndefined();
  expect(delivered).toEqual([utf8("message")]);
});

test("advance reads expressions after the negotiation", () => {
  const session = new Session({ role: "listener", send: () => undefined });
  const reader = new BananaReader();
  session.push(encode(utf8("pb")).subarray(0, 3));
  expect(session.advance(reader)).toBe(false);
  session.push(Uint8Array.from([...utf8("b"), ...encode([utf8("None"), 5], { dialect: "pb" })]));
  expect(session.advance(reader)).toBe(true);
  expect([reader.offset, reader.list(), reader.word(), reader.integer()]).toStrictEqual([4, 2, "None", 5]);
  expect(session.advance(reader)).toBe(false);
});

test("quotes a bad message of the negotiation on one short line", () => {
  const message = [[[5]], 1.5, Uint8Array.of(0x70, 0x0a, 0xff), new Uint8Array(400).fill(0x61)];
  expect(() => new End("listener").receive(encode(message))).toThrow(
    `Expected the name of a dialect, received ((…) 1.5 p?? ${"a".repeat(64)})`,
  );
});

test("returns the same expressions each time, with limits that are changed in between", () => {
  const [listener] = negotiate([pb], [pb]);
  const { session, delivered } = listener;
  const messages = [encode([1, utf8("None")], { dialect: "pb" }), encode(new Uint8Array(2000))];
  const length = messages[0]!.length + messages[1]!.length;
  for (let round = 0; round < 3; round++) {
    const before = session.offset;
    session.expressionBytes = 2003;
    listener.receive(...messages);
    expect(delivered.splice(0)).toStrictEqual([[1, utf8("None")], new Uint8Array(2000)]);
    expect([session.offset - before, session.pendingBytes]).toEqual([length, 0]);
    expect(listener.sent).toEqual([]);
  }
  session.expressionBytes = 2002;
  expect(() => listener.receive(messages[1]!)).toThrow(
    expect.objectContaining({ code: "BANANA_EXPRESSION_TOO_LARGE" }),
  );
});

test("reports offsets and errors of expressions after the negotiation", () => {
  const [listener] = negotiate([none], [none]);
  listener.receive(encode([1, 2]));
  expect(listener.session.offset).toBe(6 + 6);
  expect(() => listener.receive(Uint8Array.of(0xff))).toThrow(BananaError);
});
