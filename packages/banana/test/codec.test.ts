import { runInNewContext } from "node:vm";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { BananaError, decode, encode, Float, inspect, Scanner, Vocabulary } from "@pb/banana";
import type { BananaErrorCode, CodecOptions, Dialect, Expression } from "@pb/banana";
import { dialect, expression, nearBanana } from "./helpers/arbitraries.js";
import { hex, toHex } from "./helpers/tagged.js";

function codeOf(work: () => unknown): BananaErrorCode | undefined {
  try {
    work();
  } catch (error) {
    expect(error).toBeInstanceOf(BananaError);
    return (error as BananaError).code;
  }
  return undefined;
}

describe("encode and decode", () => {
  test("decode returns the expression that was encoded", () => {
    fc.assert(
      fc.property(expression, dialect, (value, spoken) => {
        expect(decode(encode(value, { dialect: spoken }), { dialect: spoken })).toStrictEqual(value);
      }),
      { numRuns: 500 },
    );
  });

  test("encode accepts read-only arrays", () => {
    const constant = [1, [2, [-3n]]] as const;
    expect(toHex(encode(constant))).toBe(toHex(encode([1, [2, [-3n]]])));
    // @ts-expect-error -- text is not an expression, read-only or not
    expect(() => encode(["text"] as const)).toThrow(TypeError);
  });

  test("re-encoding decoded bytes gives the canonical encoding, which is stable", () => {
    fc.assert(
      fc.property(nearBanana, dialect, (bytes, spoken) => {
        let value: Expression;
        try {
          value = decode(bytes, { dialect: spoken });
        } catch (error) {
          expect(error).toBeInstanceOf(BananaError);
          expect((error as BananaError).offset).toBeLessThanOrEqual(bytes.length);
          return;
        }
        const canonical = encode(value, { dialect: spoken });
        expect(decode(canonical, { dialect: spoken })).toStrictEqual(value);
        expect(encode(decode(canonical, { dialect: spoken }), { dialect: spoken })).toStrictEqual(canonical);
        // The shortest element has one byte; `81` without a digit has one byte, and two when it is encoded again.
        expect(canonical.length).toBeLessThanOrEqual(2 * bytes.length);
      }),
      { numRuns: 2000 },
    );
  });
});

// Canonical bytes and their values, at the limits of each element type.
test.each<[string, Expression]>([
  ["0081", 0],
  ["7f7f7f7f0781", 2 ** 31 - 1],
  ["000000000885", 2 ** 31],
  ["010000000885", 2 ** 31 + 1],
  ["7f7f7f7f0783", -(2 ** 31) + 1],
  ["000000000883", -(2 ** 31)],
  ["010000000886", -(2 ** 31) - 1],
  ["7f7f7f7f7f7f7f0f85", 2 ** 53 - 1],
  ["00000000000000 1085", 2n ** 53n],
  ["7f7f7f7f7f7f7f0f86", -(2 ** 53) + 1],
  ["000000000000001086", -(2n ** 53n)],
  [`${"7f".repeat(64)}85`, 2n ** 448n - 1n],
  [`${"7f".repeat(64)}86`, -(2n ** 448n) + 1n],
  [`${"00".repeat(63)}0185`, 2n ** 441n],
  ["844000000000000000", new Float(2)],
  ["848000000000000000", -0],
  ["840000000000000000", new Float(0)],
  ["847ff8000000000000", NaN],
  ["84fff8000000000000", new Float(NaN, 0xfff8000000000000n)],
  ["847ff0000000000001", new Float(NaN, 0x7ff0000000000001n)],
  ["847ff0000000000000", Infinity],
  ["844340000000000000", 2 ** 53],
  ["0080", []],
  ["0082", new Uint8Array()],
])("%s is the canonical encoding of its value", (bytes, value) => {
  const spaceless = bytes.replaceAll(" ", "");
  expect(decode(hex(spaceless))).toStrictEqual(value);
  expect(toHex(encode(value))).toBe(spaceless);
});

describe("encodings that are not canonical", () => {
  test.each<[string, Expression]>([
    ["81", 0],
    ["0083", 0],
    ["86", 0],
    ["0185", 1],
    ["0586", -5],
    ["7f7f7f7f7f7f7f7f7f81", 2n ** 63n - 1n],
    [`01${"00".repeat(63)}81`, 1],
    [`05${"00".repeat(63)}844000000000000000`, new Float(2)],
    ["80", []],
    ["03000082616263", hex("616263")],
    ["01000087", hex("4e6f6e65")],
    ["048241", hex("41")],
  ])("%s is decoded as Twisted does", (bytes, value) => {
    if (bytes === "048241") expect(codeOf(() => decode(hex(bytes)))).toBe("BANANA_TRUNCATED");
    else expect(decode(hex(bytes), { dialect: "pb" })).toStrictEqual(value);
  });
});

describe("invalid bytes", () => {
  test.each<[string, BananaErrorCode, number]>([
    ["", "BANANA_TRUNCATED", 0],
    ["0280", "BANANA_TRUNCATED", 2],
    ["01810181", "BANANA_TRAILING_BYTES", 2],
    ["0180 90", "BANANA_UNKNOWN_TYPE", 2],
    ["0180 05ff", "BANANA_UNKNOWN_TYPE", 2],
    ["0180 2087", "BANANA_UNKNOWN_WORD", 2],
    ["0280 0181 01002882", "BANANA_STRING_TOO_LONG", 4],
    ["0280 0181 01002880", "BANANA_LIST_TOO_LONG", 4],
    [`0180 ${"00".repeat(65)}81`, "BANANA_PREFIX_TOO_LONG", 2],
  ])("%s throws %s with the offset %d", (bytes, code, offset) => {
    expect.assertions(2);
    try {
      decode(hex(bytes.replaceAll(" ", "")), { dialect: "pb" });
    } catch (error) {
      expect((error as BananaError).code).toBe(code);
      // A limit may be exceeded in the middle of an element; the offset is that of its first byte.
      expect((error as BananaError).offset).toBe(offset);
    }
  });
});

describe("the input of decode", () => {
  const bytes = encode([new Uint8Array(3000), 1.5]);
  const value = decode(bytes);

  test("may be a Node Buffer, of which byte strings are plain copies", () => {
    const buffer = Buffer.from(bytes);
    const [string] = decode(buffer) as [Uint8Array];
    expect(string.constructor).toBe(Uint8Array);
    expect(string.buffer.byteLength).toBe(3000);
    buffer.fill(1);
    expect(string.every((byte) => byte === 0)).toBe(true);
  });

  test("may be a part of a larger buffer", () => {
    const larger = new Uint8Array(bytes.length + 10).fill(0xff);
    larger.set(bytes, 5);
    expect(decode(larger.subarray(5, 5 + bytes.length))).toStrictEqual(value);
  });

  test("is copied before it is read when it is shared memory", () => {
    const shared = new Uint8Array(new SharedArrayBuffer(bytes.length));
    shared.set(bytes);
    expect(decode(shared)).toStrictEqual(value);
  });

  test("may be a byte array of another realm, as may a byte string to encode", async () => {
    const { runInNewContext } = await import("node:vm");
    const foreign = runInNewContext("Uint8Array.of(1, 2)") as Uint8Array;
    expect(foreign).not.toBeInstanceOf(Uint8Array);
    expect(toHex(encode([foreign]))).toBe("018002820102");
    expect(decode(runInNewContext("Uint8Array.of(1, 0x81)") as Uint8Array)).toBe(1);
  });
});

describe("the output of encode", () => {
  test("belongs to the caller, including its buffer", () => {
    const first = encode([1, 2, 3]);
    const second = encode([4, 5, 6]);
    expect(first.buffer).not.toBe(second.buffer);
    expect(first.buffer.byteLength).toBe(first.length);
    second.fill(0);
    expect(toHex(first)).toBe("0380018102810381");
  });

  test("is correct for expressions after a large one", () => {
    for (const length of [100_000, 10, 70_000, 0, 655_360]) {
      const bytes = new Uint8Array(length).fill(7);
      const [decoded, number] = decode(encode([bytes, length])) as [Uint8Array, number];
      // `toStrictEqual` takes seconds for so many bytes.
      expect(Buffer.compare(decoded, bytes)).toBe(0);
      expect(number).toBe(length);
    }
  });

  test("is correct when encode is called inside encode", () => {
    const list: Expression[] = [1, 0, 3];
    Object.defineProperty(list, 1, { get: () => encode([9]) });
    expect(toHex(encode(list))).toBe("0380018104820180098103 81".replaceAll(" ", ""));
  });

  test("contains no bytes of an earlier call that threw", () => {
    expect(() => encode([1, "text" as never])).toThrow(TypeError);
    expect(toHex(encode([]))).toBe("0080");
    expect(() => decode(hex("0180"))).toThrow(BananaError);
    expect(decode(hex("0080"))).toStrictEqual([]);
  });
});

test.each([["text"], [true], [null], [undefined], [{}], [new Map()], [Symbol("s")], [() => 1], [new Date()]])(
  "%s is not one of Banana's values",
  (value) => {
    expect(() => encode(value as never)).toThrow(TypeError);
    const type = value === null ? "null" : typeof value;
    expect(() => encode([1, value as never])).toThrow(new RegExp(`^Banana has no ${type}, only integers`));
  },
);

test("a list that contains itself throws BANANA_TOO_DEEP", () => {
  const list: Expression[] = [];
  list.push(list);
  expect(codeOf(() => encode(list))).toBe("BANANA_TOO_DEEP");
});

test("a dialect of the application sends its own words as numbers", () => {
  const words = new Vocabulary([
    [0, "zero"],
    [200, "two hundred"],
    [2 ** 31 - 1, "x".repeat(100)],
  ]);
  const own: CodecOptions & { dialect: Dialect } = { dialect: { name: "own", vocabulary: words } };
  const value = ["zero", "two hundred", "x".repeat(100), "y".repeat(100)].map((word) => new TextEncoder().encode(word));
  const bytes = encode(value, own);
  expect(toHex(bytes.subarray(0, 13))).toBe("04800087480187" + "7f7f7f7f0787");
  expect(decode(bytes, own)).toStrictEqual(value);
  expect(codeOf(() => decode(bytes))).toBe("BANANA_NO_VOCABULARY");
  expect(codeOf(() => decode(bytes, { dialect: "pb" }))).toBe("BANANA_UNKNOWN_WORD");
  expect(inspect(bytes, own)).toContain("(zero 'two hundred'");
});

test.each([
  null,
  undefined,
  5,
  "abc",
  [1, 2],
  {},
  new ArrayBuffer(3),
  new Uint16Array(2),
  new DataView(new ArrayBuffer(2)),
])("%o is not taken for bytes", (value) => {
  const bytes = value as Uint8Array;
  expect(() => decode(bytes)).toThrow(new TypeError("Expected a Uint8Array"));
  expect(() => new Scanner().push(bytes)).toThrow(TypeError);
  expect(() => new Scanner().lend(bytes)).toThrow(TypeError);
});

test("bytes of any realm and every view of bytes are taken", () => {
  const bytes = encode([1, Uint8Array.of(2)]);
  for (const view of [bytes, Buffer.from(bytes), runInNewContext("Uint8Array.from(bytes)", { bytes }) as Uint8Array])
    expect(decode(view)).toEqual([1, Uint8Array.of(2)]);
});

test.each([null, undefined, "abc"])("inspect refuses %o", (value) => {
  expect(() => inspect(value as unknown as Uint8Array)).toThrow(TypeError);
});
