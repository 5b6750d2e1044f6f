import { describe, expect, test } from "vitest";
import { BananaError, decode, encode, pb, none, Scanner, Session } from "@pb/banana";
import type { BananaErrorCode, Expression } from "@pb/banana";
import { hex, readVectors, toHex, untag } from "./helpers/tagged.js";
import type { Tagged } from "./helpers/tagged.js";

interface Value {
  name: string;
  dialect: "pb" | "none";
  canonical: boolean;
  hex: string;
  value: Tagged;
  reencoded?: string;
}

describe("banana.json: the bytes that Twisted writes and reads", () => {
  test.each(readVectors<Value>("banana.json"))("$name", ({ dialect, canonical, hex: bytes, value, reencoded }) => {
    expect(decode(hex(bytes), { dialect })).toStrictEqual(untag(value));
    expect(toHex(encode(untag(value), { dialect }))).toBe(canonical ? bytes : reencoded);
    expect(toHex(encode(decode(hex(bytes), { dialect }), { dialect }))).toBe(canonical ? bytes : reencoded);
  });

  test.each(readVectors<Value>("banana.json"))("$name, one byte at a time", ({ dialect, hex: bytes, value }) => {
    expect(scanBytewise(hex(bytes), dialect).delivered).toStrictEqual([untag(value)]);
  });
});

interface Malformed {
  name: string;
  dialect: "pb" | "none" | null;
  hex: string;
  outcome: "error" | "need-more-data";
  error: { class: string; message: string } | null;
  delivered_before: Tagged[];
  error_after_bytes?: number;
}

/** The error code for an exception of Twisted. */
function codeOf({ class: name, message }: { class: string; message: string }, dialect: string | null): BananaErrorCode {
  if (message.includes("64 bytes")) return "BANANA_PREFIX_TOO_LONG";
  if (message.includes("String too long")) return "BANANA_STRING_TOO_LONG";
  if (message.includes("List too long")) return "BANANA_LIST_TOO_LONG";
  if (message.includes("Invalid item for pb")) return "BANANA_NO_VOCABULARY";
  if (message.includes("Invalid Type Byte")) return "BANANA_UNKNOWN_TYPE";
  // In a dialect without a vocabulary, the number of a word is not checked.
  if (name === "builtins.KeyError") return dialect === "pb" ? "BANANA_UNKNOWN_WORD" : "BANANA_NO_VOCABULARY";
  throw new Error(`No code for ${name}: ${message}`);
}

describe("banana-malformed.json: invalid and incomplete bytes", () => {
  test.each(readVectors<Malformed>("banana-malformed.json"))("$name", (vector) => {
    const dialect = vector.dialect ?? "none";
    const { delivered, error, bytes } = scanBytewise(hex(vector.hex), dialect);
    expect(delivered).toStrictEqual(vector.delivered_before.map(untag));
    expect(error?.code).toBe(vector.error === null ? undefined : codeOf(vector.error, vector.dialect));
    if (vector.error_after_bytes !== undefined) expect(bytes).toBe(vector.error_after_bytes);

    const whole = scan([hex(vector.hex)], dialect);
    expect(whole.delivered).toStrictEqual(delivered);
    expect(whole.error?.code).toBe(error?.code);
    expect(whole.error?.offset).toBe(error?.offset);
  });
});

interface Unencodable {
  name: string;
  dialect: "pb" | "none";
  value: Tagged | null;
  python: string;
  error: { message: string };
}

describe("banana-encode-errors.json: values that cannot be encoded", () => {
  test.each(readVectors<Unencodable>("banana-encode-errors.json"))("$name", ({ dialect, value, name, error }) => {
    if (value !== null) {
      expect(() => encode(untag(value), { dialect })).toThrow(BananaError);
      return;
    }
    expect(error.message).toMatch(/^Banana cannot send/);
    const stray = new Map<string, unknown>([
      ["str", "x"],
      ["None", null],
      ["dict", {}],
      ["set", new Set()],
    ]).get(name);
    expect(() => encode(stray as never, { dialect })).toThrow(TypeError);
  });
});

interface Negotiation {
  name: string;
  role: "server" | "client";
  sends_on_connect: string;
  received: string[];
  sends_in_reply: string;
  dialect: string | null;
  lose_connection: boolean;
  delivered: Tagged[];
  error: { class: string } | null;
}

describe("banana-negotiation.json: choosing a dialect", () => {
  test.each(readVectors<Negotiation>("banana-negotiation.json"))("$name", (vector) => {
    const sent: string[] = [];
    const session = new Session({
      role: vector.role === "server" ? "listener" : "initiator",
      send: (bytes) => sent.push(toHex(bytes)),
    });
    session.start();
    expect(sent.splice(0).join("")).toBe(vector.sends_on_connect);
    const delivered: Expression[] = [];
    let closes = false;
    try {
      for (const chunk of vector.received) {
        session.push(hex(chunk));
        for (let next = session.next(); next !== undefined; next = session.next()) delivered.push(next);
      }
    } catch (error) {
      expect(error).toBeInstanceOf(BananaError);
      closes = true;
    }
    expect(sent.join("")).toBe(vector.sends_in_reply);
    expect(delivered).toStrictEqual(vector.delivered.map(untag));
    expect(closes).toBe(vector.lose_connection || vector.error !== null);
    // Twisted continues to read after a bad choice and accepts a good one after it. A session does not: it must be
    // closed (trap 33).
    if (!vector.lose_connection) expect(session.dialect?.name ?? null).toBe(vector.dialect);
  });
});

function scanBytewise(bytes: Uint8Array, dialect: "pb" | "none"): ReturnType<typeof scan> {
  return scan(
    Array.from(bytes, (byte) => Uint8Array.of(byte)),
    dialect,
  );
}

function scan(chunks: Uint8Array[], dialect: "pb" | "none") {
  const scanner = new Scanner({ dialect: dialect === "pb" ? pb : none });
  const delivered: Expression[] = [];
  let bytes = 0;
  try {
    for (const chunk of chunks) {
      scanner.push(chunk);
      bytes += chunk.length;
      for (let next = scanner.next(); next !== undefined; next = scanner.next()) delivered.push(next);
    }
  } catch (error) {
    return { delivered, bytes, error: error as BananaError };
  }
  return { delivered, bytes, error: undefined };
}
