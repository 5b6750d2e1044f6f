import { expect, test } from "vitest";
import { none, pb, standardDialects, Vocabulary } from "@pb/banana";

test("pb has the 31 words of Twisted, and none has no vocabulary", () => {
  expect(pb.vocabulary?.size).toBe(31);
  expect([...pb.vocabulary!].map(([number]) => number)).toStrictEqual(
    Array.from({ length: 31 }, (_, index) => index + 1),
  );
  expect(pb.vocabulary?.word(31)).toBe("uncache");
  expect(none.vocabulary).toBeUndefined();
  expect(standardDialects.map(({ name }) => name)).toStrictEqual(["pb", "none"]);
});

test("finds every word by its number, its text and its bytes, and nothing else", () => {
  const vocabulary = new Vocabulary([
    [0, "a"],
    [1000, "b".repeat(31)],
    [7, "b".repeat(32)],
  ]);
  for (const [number, word] of vocabulary) {
    expect(vocabulary.word(number)).toBe(word);
    expect(vocabulary.number(word)).toBe(number);
    expect(vocabulary.numberOfBytes(new TextEncoder().encode(word))).toBe(number);
  }
  for (const word of ["", "A", "b", "b".repeat(33), "é"]) {
    expect(vocabulary.number(word)).toBeUndefined();
    expect(vocabulary.numberOfBytes(new TextEncoder().encode(word))).toBeUndefined();
  }
  for (const number of [1, 127, 128, 999, 2 ** 31]) expect(vocabulary.word(number)).toBeUndefined();
});

test.each([
  [[[-1, "a"]]],
  [[[1.5, "a"]]],
  [[[2 ** 31, "a"]]],
  [[[1, ""]]],
  [[[1, "é"]]],
  [
    [
      [1, "a"],
      [1, "b"],
    ],
  ],
  [
    [
      [1, "a"],
      [2, "a"],
    ],
  ],
])("refuses the words %o", (words) => {
  expect(() => new Vocabulary(words as [number, string][])).toThrow(TypeError);
});
