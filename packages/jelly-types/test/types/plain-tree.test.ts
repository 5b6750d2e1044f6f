// Plain data that is written once.

import { BananaWriter, decode, none, pb } from "@pb/banana";
import { Jellier, jelly, JellyError, PlainTree, unjelly } from "@pb/jelly-types";
import { expect, test } from "vitest";

const shared = { x: [1.5, null, true, "ü"] };
const value = { list: [shared, shared], text: "a", "": {}, n: -0, big: 2 ** 53 };

test.each([pb, none])("a tree is written as its value is, but without references, in the dialect $name", (dialect) => {
  const tree = new PlainTree(value);
  for (let copy = 0; copy < 2; copy++) {
    const writer = new BananaWriter({ dialect });
    new Jellier(writer).writeGraph([tree, tree, 7]);
    const expected = jelly([structuredClone(value), structuredClone(value), 7]) as unknown[];
    const unshared = JSON.parse(JSON.stringify(value)) as object;
    const twice = jelly([
      { ...unshared, n: -0, big: 2 ** 53 },
      { ...structuredClone(unshared), n: -0, big: 2 ** 53 },
      7,
    ]);
    expect(expected).not.toEqual(twice);
    expect(decode(writer.take(), { dialect })).toEqual(twice);
  }
  expect(tree.bytesIn(dialect)).toBe(tree.bytesIn(dialect));
});

test("a tree can be written without a connection", () => {
  expect(unjelly(jelly([new PlainTree({ a: [1] })]))).toEqual([{ a: [1] }]);
});

test("a message that contains a tree may refer to what is before and behind it", () => {
  const object = { y: 1 };
  const writer = new BananaWriter();
  new Jellier(writer).writeGraph([object, new PlainTree([1]), object]);
  const read = unjelly(decode(writer.take())) as unknown[];
  expect(read).toEqual([{ y: 1 }, [1], { y: 1 }]);
  expect(read[0]).toBe(read[2]);
});

let deep: unknown = 1;
for (let level = 0; level < 151; level++) deep = [deep];
const cycle: unknown[] = [];
cycle.push(cycle);

test.each([
  [149, 1],
  [1, 149],
  [100, 50],
])("%i levels around a tree of %i are as deep as values may be, and one more is too deep", (around, inside) => {
  const nest = (value: unknown, levels: number): unknown => (levels === 0 ? value : [nest(value, levels - 1)]);
  const tree = new PlainTree(nest(1, inside));
  for (let time = 0; time < 2; time++) {
    const write = (levels: number): void => new Jellier(new BananaWriter()).writeGraph(nest(tree, levels));
    write(around);
    expect(() => write(around + 1)).toThrow(expect.objectContaining({ code: "JELLY_TOO_DEEP" }));
    expect(() => jelly(nest(tree, around + 1))).toThrow(expect.objectContaining({ code: "JELLY_TOO_DEEP" }));
  }
  expect(unjelly(jelly(nest(tree, around)))).toEqual(nest(1, around + inside));
});

test.each<[what: string, value: unknown, code: string, path: string]>([
  ["undefined", { a: [1, undefined] }, "JELLY_NOT_JELLYABLE", "$.a[1]"],
  ["a function", [() => 1], "JELLY_NOT_JELLYABLE", "$[0]"],
  ["a bigint", { "a b": 1n }, "JELLY_NOT_JELLYABLE", '$["a b"]'],
  ["a Map", { a: new Map([["b", 1]]) }, "JELLY_NOT_JELLYABLE", "$.a"],
  ["a Date", [new Date(0)], "JELLY_NOT_JELLYABLE", "$[0]"],
  ["bytes", [new Uint8Array(2)], "JELLY_NOT_JELLYABLE", "$[0]"],
  ["an object of a class", { a: [new (class Point {})()] }, "JELLY_NOT_JELLYABLE", "$.a[0]"],
  ["a lone surrogate", { a: "\ud800" }, "JELLY_LONE_SURROGATE", "$.a"],
  ["text that is too long", ["x".repeat(655_361)], "JELLY_STRING_TOO_LONG", "$[0]"],
  ["values that are too deep", deep, "JELLY_TOO_DEEP", "[0]"],
  ["a cycle", cycle, "JELLY_TOO_DEEP", "[0]"],
])("%s is refused, with the path", (_what, refused, code, path) => {
  const error = (() => {
    try {
      new PlainTree(refused).bytesIn(pb);
    } catch (thrown) {
      return thrown;
    }
    return undefined;
  })();
  expect(error).toBeInstanceOf(JellyError);
  expect(error).toMatchObject({ code, path: expect.stringContaining(path) as unknown });
});
