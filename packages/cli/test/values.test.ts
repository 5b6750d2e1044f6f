// The values of arguments and results.

import { Float } from "@pb/banana";
import { Decimal, FrozenSet, Tuple, tuple, UnknownCopy } from "@pb/jelly-types";
import { expect, test } from "vitest";
import { parseArgument, parseValue } from "../src/values/parse-value.js";
import { quoted, showValue } from "../src/values/show-value.js";

const read = (text: string): unknown => parseValue(text, "argument 1");

test("integers and floats are distinct, and long integers keep their digits", () => {
  expect(read("[7, -0, 1e400]")).toEqual([7, 0, new Float(Infinity)]);
  expect(read("7.0")).toEqual(new Float(7));
  expect(read("1e2")).toEqual(new Float(100));
  expect(read("123456789012345678901234567890")).toBe(123456789012345678901234567890n);
  expect(read('["7.0", "a\\"1.0"]')).toEqual(["7.0", 'a"1.0']);
});

test.each([
  '{"$ascii": "abc"}',
  '{"$bytes": "AP8="}',
  '{"$bytes": ""}',
  '{"$tuple": [1, {"$tuple": []}]}',
  '{"$set": [1, 2]}',
  '{"$frozenset": ["a"]}',
  '{"$dict": [[1, "a"], ["$b", null]]}',
  '{"$dict": [["$only", 1]]}',
  '{"$decimal": "1.10"}',
  '{"$date": "2026-01-31"}',
  '{"$timedelta": [1, 2, 3]}',
  '{"$float": "nan"}',
  '{"$float": "-inf"}',
  '{"a": [true, false, null, 7, 7.0, 2.5, 123456789012345678901]}',
  '"\\u001b[31m\\u009b\\u202e\\n"',
])("%s is shown as it is written", (text) => {
  expect(showValue(read(text)).replaceAll("\\n", "\\u000a")).toBe(text.replaceAll("\\n", "\\u000a"));
});

test("times are shown in the forms that are read", () => {
  for (const text of ['{"$datetime": "2026-01-31T12:00:01.5"}', '{"$time": "12:00"}']) {
    const shown = showValue(read(text));
    expect(showValue(read(shown))).toBe(shown);
  }
});

test("bytes can be written in three forms", () => {
  expect(read('[{"$bytes": "AP8="}, {"$hex": "00ff"}, {"$ascii": "a"}]')).toEqual([
    Uint8Array.of(0, 255),
    Uint8Array.of(0, 255),
    Uint8Array.of(97),
  ]);
  expect(read('{"$tuple": [1]}')).toBeInstanceOf(Tuple);
  expect(read('{"$frozenset": [1]}')).toBeInstanceOf(FrozenSet);
  expect(read('{"$decimal": "1.10"}')).toEqual(Decimal.parse("1.10"));
});

test("text that begins with a letter needs no quotes", () => {
  expect(["lobby", "true", "null", "7", '"7"'].map((text) => parseArgument(text, "argument 1"))).toEqual([
    "lobby",
    true,
    null,
    7,
    "7",
  ]);
});

test.each([
  ["[1, 2", /^argument 1: "\[1, 2" cannot be read/],
  ["", /^argument 1: "" cannot be read/],
  ["\u001b[31m", /cannot be read/],
  ['{"$nosuch": 1}', /there is no form "\$nosuch"; .*\$bytes, /],
  ['{"$constructor": 1}', /there is no form/],
  ['{"$bytes": "?"}', /\$bytes contains "\?", which is not base64/],
  ['{"$hex": "abc"}', /not hex/],
  ['{"$ascii": "ü"}', /not ASCII/],
  ['{"$bytes": 1}', /\$bytes contains .*; expected a string/],
  ['{"$tuple": 1}', /expected an array/],
  ['{"$dict": [1]}', /expected arrays of a key and a value/],
  ['{"$int": "x"}', /expected digits/],
  ['{"$float": "x"}', /expected a number/],
  ['{"$float": ""}', /expected a number/],
  ['{"$decimal": "x"}', /^argument 1: \$decimal: /],
  ['{"$date": "2026-02-31"}', /^argument 1: \$date: /],
  ['{"$timedelta": [1]}', /three integers/],
])("%j is refused with its place", (text, message) => {
  expect(() => read(text)).toThrow(
    expect.objectContaining({ code: "CLI_USAGE", message: expect.stringMatching(message) }),
  );
});

test("results that cannot be written as arguments are shown too", () => {
  const cycle: unknown[] = [];
  cycle.push(cycle);
  expect(showValue(cycle)).toBe('[{"$cycle": true}]');
  const once = [1];
  expect(showValue([once, once])).toBe("[[1], [1]]");
  expect(showValue(new UnknownCopy("shop.Point", { x: 1 }))).toBe('{"$class": "shop.Point", "state": {"x": 1}}');
  expect(showValue(new URL("http://a"))).toBe('{"$other": "an instance of URL"}');
  expect(showValue(-0)).toBe("-0.0");
});

test("long values have several lines", () => {
  expect(showValue({ a: [1, 2], b: tuple("long text", 3), c: [] }, 30)).toBe(
    [
      "{",
      '  "a": [1, 2],',
      '  "b": {',
      '    "$tuple": [',
      '      "long text",',
      "      3",
      "    ]",
      "  },",
      '  "c": []',
      "}",
    ].join("\n"),
  );
});

test("no control character of a peer is shown as it is", () => {
  const all = String.fromCodePoint(...Array.from({ length: 0x2100 }, (_, code) => code), 0xfeff, 0xe0001, 0xd800);
  expect(quoted(all)).not.toMatch(/[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/u);
  expect(JSON.parse(quoted(all))).toBe(all);
});
