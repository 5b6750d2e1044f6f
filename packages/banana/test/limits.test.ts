import { describe, expect, test } from "vitest";
import { BananaError, BananaReader, BananaWriter, Float, Scanner } from "@pb/banana";
import { decode, defaultLimits, encode, readExpression, withLimits } from "@pb/banana";
import type { BananaErrorCode, BananaLimits, Expression } from "@pb/banana";
import { scan } from "./helpers/arbitraries.js";

interface Row {
  limit: keyof BananaLimits;
  value: number;
  allowed: Expression;
  refused: Expression;
  code: BananaErrorCode;
}

const nested = (depth: number): Expression => {
  let list: Expression[] = [];
  for (let level = 1; level < depth; level++) list = [list];
  return list;
};

/** The limit itself is allowed and one more is not, in every way of reading and in writing. */
const rows: Row[] = [
  { limit: "stringBytes", value: 3, allowed: bytes(3), refused: bytes(4), code: "BANANA_STRING_TOO_LONG" },
  { limit: "stringBytes", value: 200, allowed: bytes(200), refused: bytes(201), code: "BANANA_STRING_TOO_LONG" },
  { limit: "listLength", value: 3, allowed: [1, 2, 3], refused: [1, 2, 3, 4], code: "BANANA_LIST_TOO_LONG" },
  { limit: "listLength", value: 1, allowed: [1], refused: [bytes(2), bytes(3)], code: "BANANA_LIST_TOO_LONG" },
  { limit: "depth", value: 1, allowed: [1], refused: [[]], code: "BANANA_TOO_DEEP" },
  { limit: "depth", value: 2, allowed: [[1], []], refused: [[[]]], code: "BANANA_TOO_DEEP" },
  { limit: "depth", value: 1, allowed: [1], refused: [[bytes(2), bytes(3)]], code: "BANANA_TOO_DEEP" },
  {
    limit: "depth",
    value: 2,
    allowed: [[bytes(2), bytes(3)], 7],
    refused: [[[bytes(2), bytes(3)], 7]],
    code: "BANANA_TOO_DEEP",
  },
  { limit: "depth", value: 20, allowed: nested(20), refused: nested(21), code: "BANANA_TOO_DEEP" },
  { limit: "integerDigits", value: 1, allowed: [127, -127], refused: 128, code: "BANANA_INTEGER_TOO_LARGE" },
  { limit: "integerDigits", value: 2, allowed: 16383, refused: -16384, code: "BANANA_INTEGER_TOO_LARGE" },
  { limit: "integerDigits", value: 4, allowed: 2 ** 28 - 1, refused: 2 ** 28, code: "BANANA_INTEGER_TOO_LARGE" },
  { limit: "integerDigits", value: 8, allowed: 2n ** 56n - 1n, refused: 2n ** 56n, code: "BANANA_INTEGER_TOO_LARGE" },
];

describe("limits of the application", () => {
  test.each(rows)("$limit of $value is exact", ({ limit, value, allowed, refused, code }) => {
    const limits = { [limit]: value };
    expect(decode(encode(allowed), { limits })).toStrictEqual(allowed);
    expect(encode(allowed, { limits })).toStrictEqual(encode(allowed));
    for (const work of [() => decode(encode(refused), { limits }), () => encode(refused, { limits })]) {
      expect(work).toThrow(expect.objectContaining({ code }));
    }
    const whole = encode([allowed, refused]);
    const bytewise = Array.from(whole, (byte) => Uint8Array.of(byte));
    const wider = { [limit]: limit === "depth" || limit === "listLength" ? value + 1 : value };
    expect(scan(bytewise, { limits: wider })).toStrictEqual(scan([whole], { limits: wider }));
  });

  test("prefixBytes is exact", () => {
    const limits = { prefixBytes: 2 };
    expect(decode(Uint8Array.of(1, 0, 0x81), { limits })).toBe(1);
    expect(() => decode(Uint8Array.of(1, 0, 0, 0x81), { limits })).toThrow(
      expect.objectContaining({ code: "BANANA_PREFIX_TOO_LONG" }),
    );
  });

  test("the scanner reads more digits than a double can hold", () => {
    const digits = new Uint8Array(400).fill(0);
    const bytes = Uint8Array.from([...digits, 0x82, ...digits, 0x81]);
    const { delivered } = scan([bytes], { limits: { prefixBytes: 500, integerDigits: 500 } });
    expect(delivered).toStrictEqual([new Uint8Array(0), 0]);
    digits.fill(0x7f);
    expect(decode(Uint8Array.from([...digits, 0x81]), { limits: { prefixBytes: 500, integerDigits: 500 } })).toBe(
      2n ** 2800n - 1n,
    );
    expect(scan([Uint8Array.from([...digits, 0x82])], { limits: { prefixBytes: 500 } }).code).toBe(
      "BANANA_STRING_TOO_LONG",
    );
  });

  test.each([1, 7, 20, 21, 22, 200])("expressionBytes of %d is exact", (expressionBytes) => {
    const limits = { expressionBytes };
    for (const value of [
      bytes(5),
      bytes(18),
      bytes(19),
      [1, 2, 3],
      [1.5, 2.5],
      [[], [], bytes(3), 3.5],
      bytes(197),
      bytes(198),
    ]) {
      const encoded = encode(value);
      const expected = encoded.length <= expressionBytes ? undefined : "BANANA_EXPRESSION_TOO_LARGE";
      expect(scan([encoded], { limits }).code).toBe(expected);
      expect(
        scan(
          Array.from(encoded, (byte) => Uint8Array.of(byte)),
          { limits },
        ).code,
      ).toBe(expected);
    }
  });

  test("refuses an expression that will be too large as soon as this is known", () => {
    const scanner = new Scanner({ limits: { expressionBytes: 1000 } });
    scanner.push(Uint8Array.of(0x68, 0x07, 0x82)); // a string of 1,000
    expect(() => scanner.next()).toThrow(expect.objectContaining({ code: "BANANA_EXPRESSION_TOO_LARGE", offset: 0 }));
    expect(() => scanner.next()).toThrow(BananaError);
  });
});

describe("the default limits", () => {
  const most = 655_360;

  test("allow a string of 655,360 bytes and a list of 655,360 elements, and not one more", () => {
    expect((decode(encode(bytes(most))) as Uint8Array).length).toBe(most);
    expect((decode(encode(new Array<number>(most).fill(0))) as Expression[]).length).toBe(most);
    expect(() => encode(bytes(most + 1))).toThrow(expect.objectContaining({ code: "BANANA_STRING_TOO_LONG" }));
    expect(() => encode(new Array<number>(most + 1).fill(0))).toThrow(
      expect.objectContaining({ code: "BANANA_LIST_TOO_LONG" }),
    );
  });

  test.each(["a", "é", "€", "😀"])("count the UTF-8 bytes of text of %s", (character) => {
    const size = new TextEncoder().encode(character).length;
    const fits = character.repeat(Math.floor(most / size));
    const writer = new BananaWriter();
    writer.text(fits);
    expect(new TextDecoder().decode(decode(writer.take()) as Uint8Array)).toBe(fits);
    expect(() => writer.text(fits + character)).toThrow(expect.objectContaining({ code: "BANANA_STRING_TOO_LONG" }));
    // The last characters are not dropped where the others take all bytes.
    const full = "a".repeat(most - size) + character;
    const over = full + "b".repeat(size - character.length || 1);
    expect(() => writer.text(over)).toThrow(expect.objectContaining({ code: "BANANA_STRING_TOO_LONG" }));
  });

  test("allow lists nested 1,024 deep, and not one more", () => {
    expect(encode(decode(encode(nested(1024)))).length).toBe(2048);
    expect(() => encode(nested(1025))).toThrow(expect.objectContaining({ code: "BANANA_TOO_DEEP" }));
  });

  test("can be raised to far deeper lists, which do not overflow the stack", () => {
    const limits = { depth: 200_000 };
    expect(encode(decode(encode(nested(200_000), { limits }), { limits }), { limits }).length).toBe(400_000);
  });
});

test.each([
  [{ depth: 0 }],
  [{ depth: -1 }],
  [{ depth: NaN }],
  [{ depth: null }],
  [{ depth: "5" }],
  [{ stringBytes: 1.5 }],
  [{ listLength: Infinity }],
  [{ listLength: 2 ** 31 }],
  [{ toString: 1 }],
  [{ unknown: 1 }],
])("refuses the limits %o", (limits) => {
  expect(() => withLimits(limits as object as Partial<BananaLimits>)).toThrow(TypeError);
  expect(() => new Scanner({ limits: limits as object })).toThrow(TypeError);
});

test("keeps the default of every limit that is not given", () => {
  expect(withLimits({ depth: 5 })).toStrictEqual({ ...defaultLimits, depth: 5 });
  expect(withLimits({ depth: 5, stringBytes: undefined })).toStrictEqual({ ...defaultLimits, depth: 5 });
});

function bytes(length: number): Uint8Array {
  return new Uint8Array(length);
}

describe("heapBytes", () => {
  /** The bytes that `readExpression` counts, by the table of `src/reading/heap.ts`, and `next` where it differs. */
  const sizes: [string, Expression, number, number?][] = [
    ["an integer of 31 bits", 2 ** 31 - 1, 0, 16 + 5],
    ["a larger integer of five digits", 2 ** 34, 16 + 6, 16 + 5],
    ["a negative integer of nine digits", -(2n ** 62n), 16 + 10, 16 + 9],
    ["a byte string", bytes(1000), 204 + 1000],
    ["a double", 1.5, 16],
    ["an integral double", new Float(2), 56],
    ["an empty list", [], 48],
    ["a list with other lists in it", [[1, 2], [], [bytes(10), bytes(0)]], 4 * 48 + 8 * 7 + 204 + 10],
  ];

  test.each(sizes)("counts %s", (_what, value, size, sizeOfNext = size) => {
    const encoded = encode(value);
    const scanner = new Scanner();
    scanner.push(encoded);
    const [reader, allowance] = [new BananaReader(), { left: size }];
    expect(scanner.advance(reader)).toBe(true);
    expect(readExpression(reader, allowance)).toStrictEqual(value);
    expect(allowance.left).toBe(0);
    const next = (heapBytes: number) => scan([encoded], { limits: { heapBytes } });
    expect(next(sizeOfNext).delivered).toStrictEqual([value]);
    expect(next(sizeOfNext - 1)).toMatchObject({ delivered: [], code: "BANANA_HEAP_TOO_LARGE" });
  });
});
