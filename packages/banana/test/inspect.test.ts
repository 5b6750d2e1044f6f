import { describe, expect, test } from "vitest";
import { encode, Float, inspect, inspectExpression } from "@pb/banana";
import type { Expression } from "@pb/banana";
import { hex } from "./helpers/tagged.js";

const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text);

test.each<[Expression, string]>([
  [5, "5"],
  [-(2n ** 70n), "-1180591620717411303424"],
  [2.5, "2.5"],
  [new Float(2), "2.0"],
  [-0, "-0.0"],
  [NaN, "nan"],
  [-Infinity, "-inf"],
  [1e300, "1e+300"],
  [2 ** 53, "9007199254740992.0"],
  [[], "()"],
  [[[], [[]]], "(() (()))"],
  [[utf8("message"), 1, utf8("remote_x.y/z")], "(message 1 remote_x.y/z)"],
  [[utf8("5"), utf8(""), utf8("two words"), utf8("it's\n\t\\")], String.raw`('5' '' 'two words' 'it\'s\n\t\\')`],
  [[hex("00ff"), utf8("é")], "(<00ff> <c3a9>)"],
  [[utf8("a".repeat(2000))], `('${"a".repeat(1024)}'… 2000 bytes)`],
  [[new Uint8Array(200)], `(<${"00".repeat(64)}… 200 bytes>)`],
])("prints %o", (expression, text) => {
  expect(inspectExpression(expression)).toBe(text);
  expect(inspect(expression)).toBe(text);
});

test("cuts a long expression", () => {
  const text = inspectExpression(new Array<number>(600_000).fill(7));
  expect(text.length).toBeLessThan(20_100);
  expect(text.endsWith("…")).toBe(true);
});

describe("inspect of bytes", () => {
  test("prints the offset of each list", () => {
    const call = [
      utf8("message"),
      1,
      utf8("root"),
      utf8("echo"),
      1,
      [utf8("tuple"), [utf8("unicode"), utf8("hi")], 2],
      3,
      [],
    ];
    expect(inspect(encode(call, { dialect: "pb" }), { dialect: "pb" })).toBe(
      [
        "     0  (message 1 root echo 1",
        "    20   (tuple",
        "    24    (unicode hi)",
        "    39    2)",
        "    41   3",
        "    43   ())",
      ].join("\n"),
    );
  });

  test("prints any number of expressions", () => {
    expect(inspect(hex("018105840000000000000000"))).toBe("     0  1\n     2  0.0");
    expect(inspect(hex(""), {})).toBe("");
    expect(inspect(Buffer.from("0181", "hex"))).toBe("     0  1");
  });

  test("prints bytes that are not Banana as a byte string when there are no options", () => {
    for (const text of ["pb", "", "two words", "é", "🍌"])
      expect(inspect(utf8(text))).toBe(inspectExpression(utf8(text)));
    expect(inspect(hex("0280"))).toBe("<0280>");
    expect(inspect(hex("01800887"))).toBe("     0  (list)");
    expect(inspectExpression(hex("0181"))).toBe("<0181>");
  });

  test.each([
    ["0281", "     0  2"],
    ["0280018105", "     0  (1\n     4  ! BANANA_TRUNCATED"],
    ["0280018190", "     0  (1\n     4  ! BANANA_UNKNOWN_TYPE"],
    ["01802087", "     0  (\n     2  ! BANANA_UNKNOWN_WORD"],
    ["81ff", "     0  0\n     1  ! BANANA_UNKNOWN_TYPE"],
    ["0180".repeat(2000), "  2048  ! BANANA_TOO_DEEP"],
    ["7b".repeat(64), "     0  ! BANANA_TRUNCATED"],
    [`0281${"7b".repeat(65)}`, "     0  2\n     2  ! BANANA_PREFIX_TOO_LONG"],
  ])("prints the valid part of %.10s, then the error and its offset", (bytes, expected) => {
    expect(inspect(hex(bytes), {})).toContain(expected);
  });
});
