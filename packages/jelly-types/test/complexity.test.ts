// The work is linear in the number of objects, shared or not. Counts how often each block of the published code runs.

import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type * as JellyTypes from "@pb/jelly-types";
import { counted } from "../../../tools/complexity/block-counter.js";
import { sexp } from "./helpers/support.js";
import type { Counted } from "../../../tools/complexity/block-counter.js";

type Written = Parameters<typeof sexp>[0];

let code: Counted<typeof JellyTypes>;

beforeAll(async () => {
  code = await counted<typeof JellyTypes>(new URL("../src/index.ts", import.meta.url));
});

afterAll(() => code[Symbol.dispose]());

describe("ten times the objects take at most ten times the work", () => {
  type Make = (count: number) => unknown[];
  const nodes: Make = (count) => Array.from({ length: count }, (_, index) => [index]);
  const twice: Make = (count) => {
    const shared = nodes(count);
    return [...shared, ...shared.toReversed()];
  };
  const members: Make = (count) => [new Set(nodes(count).map(() => code.exports.tuple(1)))];

  test("nested states that wait for an object check each dereference once", () => {
    const { TypeRegistry, unjelly } = code.exports;
    class Nested {}
    class Made {}
    const types = new TypeRegistry()
      .registerCopy("test.Nested", Nested)
      .registerCopy("test.Made", Made, { create: () => new Made() });
    const inside = (...values: Written[]): Written => [
      "dictionary",
      ...values.map((value, index): Written => [["unicode", `key${index}`], value]),
    ];
    const graph = (depth: number): ReturnType<typeof sexp> => {
      let nested: Written = ["list", ...Array.from({ length: 2000 }, () => ["dereference", 1])];
      for (let level = 0; level < depth; level++) nested = ["test.Nested", inside(nested)];
      // The instance that is made is missing until all other states are complete.
      const made: Written = ["test.Made", inside(["dereference", 2])];
      return sexp(["reference", 1, ["test.Nested", inside(nested, made, ["reference", 2, ["list"]])]]);
    };
    const [shallow, deep] = [2, 100].map((depth) => {
      const expression = graph(depth);
      return code.countBlocks(() => void unjelly(expression, { registry: types }));
    });
    expect(deep! / shallow!).toBeLessThan(1.5);
  });

  test.each<[string, Make]>([
    ["lists that occur once", nodes],
    ["lists that occur twice", twice],
    ["tuples in a set", members],
  ])("%s", (_, make) => {
    const { jelly, unjelly } = code.exports;
    const perObject = [1000, 10_000].map((count) => {
      const value = make(count);
      const expression = jelly(value);
      return {
        writing: code.countBlocks(() => void jelly(value)) / count,
        reading: code.countBlocks(() => void unjelly(expression)) / count,
      };
    });
    const [few, many] = [perObject[0]!, perObject[1]!];
    expect(many.writing / few.writing).toBeLessThan(1.5);
    expect(many.reading / few.reading).toBeLessThan(1.5);
    expect(few.writing).toBeGreaterThan(1);
  });
});
