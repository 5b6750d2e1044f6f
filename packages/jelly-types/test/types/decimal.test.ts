import { Decimal, jelly, unjelly } from "@pb/jelly-types";
import { describe, expect, test } from "vitest";
import { errorOf, processorTime, sexp } from "../helpers/support.js";

/** Text that Python parses, the coefficient, the exponent, and the text that Python prints. */
const rows: [string, bigint, number, string][] = [
  ["0", 0n, 0, "0"],
  ["-0", 0n, 0, "0"],
  ["1", 1n, 0, "1"],
  ["+1", 1n, 0, "1"],
  ["-1", -1n, 0, "-1"],
  ["9.95", 995n, -2, "9.95"],
  ["1.10", 110n, -2, "1.10"],
  ["0.00", 0n, -2, "0.00"],
  ["1.E3", 1n, 3, "1E+3"],
  ["1E+3", 1n, 3, "1E+3"],
  [".5", 5n, -1, "0.5"],
  [" 1 ", 1n, 0, "1"],
  ["123E+3", 123n, 3, "1.23E+5"],
  ["-123E+3", -123n, 3, "-1.23E+5"],
  ["0E+5", 0n, 5, "0E+5"],
  ["0.000001", 1n, -6, "0.000001"],
  ["0.0000001", 1n, -7, "1E-7"],
  ["0E-7", 0n, -7, "0E-7"],
  ["1E-30", 1n, -30, "1E-30"],
  ["-0.5E-10", -5n, -11, "-5E-11"],
  ["1.23E-9", 123n, -11, "1.23E-9"],
  ["123456789012345678901234567890.5", 1234567890123456789012345678905n, -1, "123456789012345678901234567890.5"],
];

describe.each(rows)("Decimal(%j)", (text, coefficient, exponent, written) => {
  test(`is ${coefficient}e${exponent}, prints as ${written}, and is sent and read`, () => {
    const decimal = Decimal.parse(text);
    expect(decimal).toEqual(new Decimal(coefficient, exponent));
    expect(decimal.toString()).toBe(written);
    expect(Decimal.parse(written)).toEqual(decimal);
    expect(JSON.stringify(decimal)).toBe(`"${written}"`);
    const wire = jelly(decimal);
    expect(wire).toEqual(
      sexp(["decimal", Number(coefficient) > 2 ** 53 ? coefficient : Number(coefficient), exponent]),
    );
    expect(unjelly(wire)).toEqual(decimal);
  });
});

test("parse refuses NaN, infinities and other text", () => {
  for (const text of [
    "NaN",
    "-NaN",
    "sNaN",
    "Infinity",
    "-Infinity",
    "inf",
    "",
    ".",
    "e5",
    "1e",
    "0x10",
    "1,5",
    "1 2",
    "1".repeat(20_000),
  ]) {
    expect(() => Decimal.parse(text)).toThrow(TypeError);
  }
});

test("parse refuses a long text at once", () => {
  const text = "1".repeat(10_000_000);
  expect(processorTime(() => expect(() => Decimal.parse(text)).toThrow(TypeError))).toBeLessThan(1000);
});

test.each([
  ["blanks before a letter", `${" ".repeat(9_999)}x`],
  ["blanks between a digit and a letter", `1${" ".repeat(9_998)}x`],
  ["digits before a letter", `${"1".repeat(9_999)}x`],
  ["digits of an exponent before a letter", `1e${"1".repeat(9_997)}x`],
])("parse takes linear time for %s", (_, text) => {
  const parseOften = (): void => {
    for (let count = 0; count < 20; count++) expect(() => Decimal.parse(text)).toThrow(TypeError);
  };
  expect(processorTime(parseOften)).toBeLessThan(1000);
});

test("refuses an exponent that is not a safe integer", () => {
  expect(() => new Decimal(1, 0.5)).toThrow(TypeError);
  expect(() => new Decimal(1, 2 ** 53)).toThrow(RangeError);
  expect(() => Decimal.parse("1e99999999999999999999")).toThrow(RangeError);
  expect(errorOf(() => unjelly(sexp(["decimal", 1, 2n ** 60n])))).toMatchObject({ code: "JELLY_MALFORMED" });
  const far = new Decimal(1, Number.MAX_SAFE_INTEGER);
  expect(unjelly(jelly(far))).toEqual(far);
  expect(far.toString()).toBe("1E+9007199254740991");
  expect(far.toNumber()).toBe(Infinity);
});

test("compares coefficient and exponent, and converts to the nearest number", () => {
  expect(new Decimal(110, -2).equals(Decimal.parse("1.10"))).toBe(true);
  expect(new Decimal(110, -2).equals(Decimal.parse("1.1"))).toBe(false);
  expect(Decimal.parse("0.1").toNumber()).toBe(0.1);
  expect(Decimal.parse("-1.5e300").toNumber()).toBe(-1.5e300);
});

test("reads all digits of a float coefficient, as Twisted does", () => {
  const rows: [number, string, number][] = [
    [1.5, "15", 0],
    [-2.25, "-225", 1],
    [0.1, "1000000000000000055511151231257827021181583404541015625", 0],
    [1e300, String(BigInt(1e300)), 0],
    [-0.0, "0", 0],
  ];
  for (const [value, digits, exponent] of rows) {
    const wire = sexp(["decimal", 0, exponent]) as any;
    wire[1] = Object.is(value, -0) || !Number.isSafeInteger(value) ? value : value;
    expect(unjelly(wire)).toEqual(new Decimal(BigInt(digits), exponent));
  }
  for (const value of [NaN, Infinity]) {
    const wire = sexp(["decimal", 0, 0]) as any;
    wire[1] = value;
    expect(errorOf(() => unjelly(wire))).toMatchObject({ code: "JELLY_MALFORMED" });
  }
});

test("refuses to send a coefficient of more than 448 bits", async () => {
  const { encode } = await import("@pb/banana");
  expect(() => encode(jelly(new Decimal(2n ** 448n)))).toThrow();
  expect(() => encode(jelly(new Decimal(2n ** 448n - 1n)))).not.toThrow();
});
