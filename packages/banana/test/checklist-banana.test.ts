/**
 * The checks of Twisted's own codec tests (twisted.spread.test.test_banana), under the same names. `npm run checklist`
 * lists them in a table.
 */
import { BananaError, BananaReader, decode, encode, Float, pb, Scanner, Session } from "@pb/banana";
import type { Expression } from "@pb/banana";
import { expect, test } from "vitest";

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const hex = (data: Uint8Array): string => Buffer.from(data).toString("hex");
const again = (value: Expression): Expression => decode(encode(value));

/** Feeds a scanner one byte at a time. Returns the expression, and after how many bytes it was complete. */
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

test("MathTests.test_int2b128: writes integers in base 128, least significant digit first", () => {
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

test("BananaTests.test_string: decodes an encoded byte string", () => {
  expect(again(bytes("hello"))).toEqual(bytes("hello"));
});

test("BananaTests.test_unsupportedUnicode: refuses text with an error that names its type", () => {
  expect(() => encode("hello" as never)).toThrow(TypeError);
  expect(() => encode("hello" as never)).toThrow(/string/);
});

test("BananaTests.test_unsupportedBuiltinType: refuses a built-in object with an error that names its type", () => {
  expect(() => encode(Map as never)).toThrow(/function/i);
  expect(() => encode(new Map() as never)).toThrow(/Map|object/);
});

test("BananaTests.test_unsupportedUserType: refuses an instance of a class with an error that names its type", () => {
  class Outsider {}
  expect(() => encode(new Outsider() as never)).toThrow(TypeError);
  expect(() => encode(new Outsider() as never)).toThrow(/Outsider|object/);
});

test("BananaTests.test_int: decodes the encoded integer 10151", () => {
  expect(again(10151)).toBe(10151);
  expect(Number.isInteger(again(10151))).toBe(true);
});

test("BananaTests.test_encodeTooLargeLong: refuses to encode 2**448", () => {
  expect(again(2n ** 448n - 1n)).toBe(2n ** 448n - 1n);
  expect(() => encode(2n ** 448n)).toThrow(BananaError);
});

test("BananaTests.test_decodeTooLargeLong: refuses to decode an integer of more than 64 digits", () => {
  const tooLong = Uint8Array.of(...Array<number>(64).fill(0), 1, 0x85);
  expect(() => decode(tooLong)).toThrow(BananaError);
});

test("BananaTests.test_encodeTooSmallLong: refuses to encode -(2**448)", () => {
  expect(again(-(2n ** 448n) + 1n)).toBe(-(2n ** 448n) + 1n);
  expect(() => encode(-(2n ** 448n))).toThrow(BananaError);
});

test("BananaTests.test_decodeTooSmallLong: refuses to decode a negative integer of more than 64 digits", () => {
  const tooLong = Uint8Array.of(...Array<number>(64).fill(0), 1, 0x86);
  expect(() => decode(tooLong)).toThrow(BananaError);
});

test("BananaTests.test_integer: decodes the encoded integer 1015", () => {
  expect(again(1015)).toBe(1015);
});

test("BananaTests.test_negative: decodes the encoded integer -1015", () => {
  expect(again(-1015)).toBe(-1015);
});

test("BananaTests.test_float: keeps 1015.0 a float", () => {
  const written = encode(new Float(1015));
  expect(hex(written)).toBe("84408fb80000000000");
  const scanner = new Scanner();
  scanner.push(written);
  const reader = new BananaReader();
  expect(scanner.advance(reader)).toBe(true);
  expect(reader.kind()).toBe("float");
});

test("BananaTests.test_list: decodes encoded nested lists of all kinds of elements", () => {
  const list = [1, 2, [3, 4], [30.5, 40.25], 5, [bytes("six"), bytes("seven"), [bytes("eight"), 9]], [10], []];
  expect(again(list)).toEqual(list);
});

test("BananaTests.test_partial: decodes nested lists and integers beyond 2**63 one byte at a time", () => {
  const list = [
    1, 2, [3, 4], [30.5, 40.25], 5, [bytes("six"), bytes("seven"), [bytes("eight"), 9]], [10],
    [2n ** 64n, -(2n ** 64n), 2n ** 70n, -(2n ** 70n)], [],
  ]; // prettier-ignore
  const data = encode(list);
  expect(byteByByte(data)).toBe(data.length);
  expect(decode(data)).toEqual(list);
});

test("BananaTests.test_oversizedList: refuses a list of 4.3e9 elements as soon as its head is complete", () => {
  expect(errorOf(() => byteByByte(Uint8Array.of(1, 2, 3, 4, 20, 0x80))).code).toBe("BANANA_LIST_TOO_LONG");
});

test("BananaTests.test_oversizedString: refuses a string of 4.3e9 bytes as soon as its head is complete", () => {
  expect(errorOf(() => byteByByte(Uint8Array.of(1, 2, 3, 4, 20, 0x82))).code).toBe("BANANA_STRING_TOO_LONG");
});

test("BananaTests.test_crashString: refuses a list of 1.7e10 elements, and allocates no memory for it", () => {
  const before = process.memoryUsage().rss;
  expect(errorOf(() => decode(Uint8Array.of(0, 0, 0, 0, 0x40, 0x80))).code).toBe("BANANA_LIST_TOO_LONG");
  expect(process.memoryUsage().rss - before).toBeLessThan(64 * 1024 * 1024);
});

test("BananaTests.test_crashNegativeLong: decodes the encoded integer -2**31", () => {
  expect(again(-2147483648)).toBe(-2147483648);
});

test("BananaTests.test_sizedIntegerTypes: writes each integer with the type byte for its size", () => {
  expect(hex(encode(2147483647))).toBe("7f7f7f7f0781");
  expect(hex(encode(2147483648))).toBe("000000000885");
  expect(hex(encode(-2147483648))).toBe("000000000883");
  expect(hex(encode(-2147483649))).toBe("010000000886");
});

test("DialectTests.test_dialectNotSet: refuses a vocabulary word in dialect none", () => {
  expect(() => decode(Uint8Array.of(16, 0x87))).toThrow(BananaError);
});

test("DialectTests.test_receivePb: reads vocabulary word 16 as `remote` in dialect pb", () => {
  expect(decode(Uint8Array.of(16, 0x87), { dialect: "pb" })).toEqual(bytes("remote"));
});

test("DialectTests.test_receiveIllegalPb: refuses vocabulary word 122 in dialect pb", () => {
  expect(() => decode(Uint8Array.of(122, 0x87), { dialect: "pb" })).toThrow(BananaError);
});

test("DialectTests.test_sendPb: sends `remote` as a vocabulary word in dialect pb", () => {
  expect(hex(encode(bytes("remote"), { dialect: "pb" }))).toBe("1087");
  const sent: Uint8Array[] = [];
  const session = new Session({ role: "listener", dialects: [pb], send: (data) => sent.push(data) });
  session.start();
  session.push(encode(bytes("pb")));
  session.next();
  expect(session.dialect).toBe(pb);
});

test("GlobalCoderTests.test_statelessDecode: decodes valid bytes after a call with invalid bytes", () => {
  const undecodable = Uint8Array.of(0x7f, 0x7f, 0x7f, 0x7f, 0x7f, 0x80);
  expect(() => decode(undecodable)).toThrow(BananaError);
  expect(decode(encode(bytes("foo")))).toEqual(bytes("foo"));
  expect(() => decode(encode(bytes("foo")).subarray(0, 3))).toThrow(BananaError);
  expect(decode(encode(1))).toBe(1);
});
