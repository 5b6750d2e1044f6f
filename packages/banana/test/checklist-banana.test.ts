/**
 * What Twisted's own tests of its codec check (twisted.spread.test.test_banana), by the names they have there. `npm run checklist` puts them
 * into a table.
 */
import { BananaError, BananaReader, decode, encode, Float, pb, Scanner, Session } from "@pb/banana";
import type { Expression } from "@pb/banana";
import { expect, test } from "vitest";

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const hex = (data: Uint8Array): string => Buffer.from(data).toString("hex");
const again = (value: Expression): Expression => decode(encode(value));

/** Feeds a scanner one byte at a time: the expression that came out, and after how many bytes. */
function byteByByte(data: Uint8Array, options: ConstructorParameters<typeof Scanner>[0] = {}) {
  const scanner = new Scanner(options);
  for (const [index, byte] of data.entries()) {
    scanner.push(Uint8Array.of(byte));
    if (scanner.next() !== undefined) return index + 1;
  }
  return undefined;
}

function errorOf(work: () => unknown): BananaError {
  try {
    work();
  } catch (error) {
    if (error instanceof BananaError) return error;
    throw error;
  }
  throw new Error("nothing was thrown");
}

test("MathTests.test_int2b128: integers are written in base 128, least significant digit first", () => {
  const numbers = [
    ...Array.from({ length: 100 }, (_, n) => n),
    ...Array.from({ length: 100 }, (_, n) => 1000 + n),
    ...Array.from({ length: 100 }, (_, n) => 1_000_000 + n),
  ];
  for (const number of numbers) {
    const written = encode(number);
    const digits = written.subarray(0, -1);
    expect(digits.reduceRight((sum, digit) => sum * 128 + digit, 0)).toBe(number);
    expect(decode(written)).toBe(number);
  }
  const large = encode(2n ** 100n).subarray(0, -1);
  expect(large.reduceRight((sum, digit) => sum * 128n + BigInt(digit), 0n)).toBe(2n ** 100n);
});

test("BananaTests.test_string: a byte string comes back", () => {
  expect(again(bytes("hello"))).toEqual(bytes("hello"));
});

test("BananaTests.test_unsupportedUnicode: text is refused, and the error says what it is", () => {
  expect(() => encode("hello" as never)).toThrow(TypeError);
  expect(() => encode("hello" as never)).toThrow(/string/);
});

test("BananaTests.test_unsupportedBuiltinType: a builtin object is refused, and the error says what it is", () => {
  expect(() => encode(Map as never)).toThrow(/function/i);
  expect(() => encode(new Map() as never)).toThrow(/Map|object/);
});

test("BananaTests.test_unsupportedUserType: an object of some class is refused, and the error says what it is", () => {
  class Outsider {}
  expect(() => encode(new Outsider() as never)).toThrow(TypeError);
  expect(() => encode(new Outsider() as never)).toThrow(/Outsider|object/);
});

test("BananaTests.test_int: 10151 comes back as an integer", () => {
  expect(again(10151)).toBe(10151);
  expect(Number.isInteger(again(10151))).toBe(true);
});

test("BananaTests.test_encodeTooLargeLong: 2**448 is not written", () => {
  expect(again(2n ** 448n - 1n)).toBe(2n ** 448n - 1n);
  expect(() => encode(2n ** 448n)).toThrow(BananaError);
});

test("BananaTests.test_decodeTooLargeLong: an integer of more than 64 digits is not read", () => {
  const tooLong = Uint8Array.of(...Array<number>(64).fill(0), 1, 0x85);
  expect(() => decode(tooLong)).toThrow(BananaError);
});

test("BananaTests.test_encodeTooSmallLong: -(2**448) is not written", () => {
  expect(again(-(2n ** 448n) + 1n)).toBe(-(2n ** 448n) + 1n);
  expect(() => encode(-(2n ** 448n))).toThrow(BananaError);
});

test("BananaTests.test_decodeTooSmallLong: a negative integer of more than 64 digits is not read", () => {
  const tooLong = Uint8Array.of(...Array<number>(64).fill(0), 1, 0x86);
  expect(() => decode(tooLong)).toThrow(BananaError);
});

test("BananaTests.test_integer: 1015 comes back", () => {
  expect(again(1015)).toBe(1015);
});

test("BananaTests.test_negative: -1015 comes back", () => {
  expect(again(-1015)).toBe(-1015);
});

test("BananaTests.test_float: 1015.0 stays a float", () => {
  const written = encode(new Float(1015));
  expect(hex(written)).toBe("84408fb80000000000");
  const scanner = new Scanner();
  scanner.push(written);
  const reader = new BananaReader();
  expect(scanner.advance(reader)).toBe(true);
  expect(reader.kind()).toBe("float");
});

test("BananaTests.test_list: nested lists of everything come back", () => {
  const list = [1, 2, [3, 4], [30.5, 40.25], 5, [bytes("six"), bytes("seven"), [bytes("eight"), 9]], [10], []];
  expect(again(list)).toEqual(list);
});

test("BananaTests.test_partial: it is the same one byte at a time, with integers beyond 2**63 on both sides of zero", () => {
  const list = [
    1, 2, [3, 4], [30.5, 40.25], 5, [bytes("six"), bytes("seven"), [bytes("eight"), 9]], [10],
    [2n ** 64n, -(2n ** 64n), 2n ** 70n, -(2n ** 70n)], [],
  ]; // prettier-ignore
  const data = encode(list);
  expect(byteByByte(data)).toBe(data.length);
  expect(decode(data)).toEqual(list);
});

test("BananaTests.test_oversizedList: a list that announces 4.3e9 elements is an error as soon as it has", () => {
  expect(errorOf(() => byteByByte(Uint8Array.of(1, 2, 3, 4, 20, 0x80))).code).toBe("BANANA_LIST_TOO_LONG");
});

test("BananaTests.test_oversizedString: a string that announces 4.3e9 bytes is one, too", () => {
  expect(errorOf(() => byteByByte(Uint8Array.of(1, 2, 3, 4, 20, 0x82))).code).toBe("BANANA_STRING_TOO_LONG");
});

test("BananaTests.test_crashString: a list of 1.7e10 elements, written with zeros in front, takes no memory", () => {
  const before = process.memoryUsage().rss;
  expect(errorOf(() => decode(Uint8Array.of(0, 0, 0, 0, 0x40, 0x80))).code).toBe("BANANA_LIST_TOO_LONG");
  expect(process.memoryUsage().rss - before).toBeLessThan(64 * 1024 * 1024);
});

test("BananaTests.test_crashNegativeLong: -2**31 comes back", () => {
  expect(again(-2147483648)).toBe(-2147483648);
});

test("BananaTests.test_sizedIntegerTypes: each integer has the type byte of its size", () => {
  expect(hex(encode(2147483647))).toBe("7f7f7f7f0781");
  expect(hex(encode(2147483648))).toBe("000000000885");
  expect(hex(encode(-2147483648))).toBe("000000000883");
  expect(hex(encode(-2147483649))).toBe("010000000886");
});

test("DialectTests.test_dialectNotSet: a word of the vocabulary is an error in dialect none", () => {
  expect(() => decode(Uint8Array.of(16, 0x87))).toThrow(BananaError);
});

test("DialectTests.test_receivePb: in dialect pb, word 16 is `remote`", () => {
  expect(decode(Uint8Array.of(16, 0x87), { dialect: "pb" })).toEqual(bytes("remote"));
});

test("DialectTests.test_receiveIllegalPb: in dialect pb, word 122 is an error", () => {
  expect(() => decode(Uint8Array.of(122, 0x87), { dialect: "pb" })).toThrow(BananaError);
});

test("DialectTests.test_sendPb: `remote` is sent as a word where pb was agreed on", () => {
  expect(hex(encode(bytes("remote"), { dialect: "pb" }))).toBe("1087");
  const sent: Uint8Array[] = [];
  const session = new Session({ role: "listener", dialects: [pb], send: (data) => sent.push(data) });
  session.start();
  session.push(encode(bytes("pb")));
  session.next();
  expect(session.dialect).toBe(pb);
});

test("GlobalCoderTests.test_statelessDecode: what was bad does not spoil what comes after it", () => {
  const undecodable = Uint8Array.of(0x7f, 0x7f, 0x7f, 0x7f, 0x7f, 0x80);
  expect(() => decode(undecodable)).toThrow(BananaError);
  expect(decode(encode(bytes("foo")))).toEqual(bytes("foo"));
  expect(() => decode(encode(bytes("foo")).subarray(0, 3))).toThrow(BananaError);
  expect(decode(encode(1))).toBe(1);
});
