// Long graphs are read in steps: with the same results, and so that no step takes long.

import { decode } from "@pb/banana";
import type { Expression } from "@pb/banana";
import { TypeRegistry, Unjellier } from "@pb/jelly-types";
import fc from "fast-check";
import { isDeepStrictEqual } from "node:util";
import { describe, expect, test } from "vitest";
import { fromHex, policies, readVectors } from "../helpers/graphs.js";
import { measureSteps, readBoth, scanned } from "../helpers/steps.js";
import { sexp } from "../helpers/support.js";

type Written = Parameters<typeof sexp>[0];

class Blank {}
class Made {
  constructor(readonly state: unknown) {}
}
const order: unknown[] = [];
const registry = new TypeRegistry()
  .registerCopy("test.Blank", Blank, { afterRead: (instance) => order.push(Object.keys(instance)) })
  .registerCopy("test.Made", Made, { create: (state) => new Made(state), afterRead: () => order.push("made") });

describe("the result is that of reading at once", () => {
  const vectors = [...readVectors("jelly.json"), ...readVectors("jelly-insecure.json")].filter(
    ({ hex }) => hex !== null,
  );
  test.each(vectors.map(({ name, hex, taster }) => [name, hex!, taster]))("vector %s", (_, hex, taster) => {
    const { whole, inSteps } = readBoth(decode(fromHex(hex), { dialect: "pb" }), { policy: policies[taster] });
    expect(inSteps).toEqual(whole);
  });

  const leaf = fc.constantFrom<Written>(
    0,
    -1,
    300,
    2 ** 40,
    2n ** 100n,
    "",
    "bytes",
    ["None"],
    ["None", 1],
    ["boolean", "true"],
    ["boolean", "maybe"],
    ["unicode", "text"],
    ["unicode", "\xff漢"],
    ["unicode", "a", ["list", 1, 2]],
    ["unicode"],
    ["dereference", 1],
    ["dereference", 2],
    ["dereference", 3, ["list"]],
    ["decimal", 5, -1, 9],
    ["date", "2026 11 27"],
    [],
    [5],
    "x",
    ["unpersistable", ["why", 1]],
    ["persistent", ["id", 2], 3],
    ["module", "shop"],
    ["remote", 5],
    ["set", ["list"]],
  );
  const values = fc.letrec<{ value: Written; entry: Written }>((tie) => {
    const many = fc.array(tie("value"), { maxLength: 4 });
    const id = fc.constantFrom<Written>(1, 2, 3, "three");
    return {
      entry: fc.oneof(
        fc.tuple(fc.constantFrom<Written>(["unicode", "a"], ["unicode", "7"], ["unicode", "b"], 5), tie("value")),
        many,
      ),
      value: fc.oneof(
        { maxDepth: 5, depthSize: "medium" },
        leaf,
        fc.tuple(fc.constantFrom("list", "tuple", "set", "frozenset"), many).map(([atom, items]) => [atom, ...items]),
        fc.array(tie("entry"), { maxLength: 4 }).map((entries) => ["dictionary", ...entries]),
        fc.tuple(id, tie("value")).map(([number, value]) => ["reference", number, value]),
        fc
          .tuple(fc.constantFrom("test.Blank", "test.Made", "test.Unknown"), fc.array(tie("entry"), { maxLength: 3 }))
          .map(([name, entries]) => [name, ["dictionary", ...entries]]),
        many.map((items) => ["instance", ["class", "test.Blank"], ...items]),
        many.map((items) => ["method", "name", ...items]),
      ),
    };
  });

  test("for arbitrary graphs, valid and invalid", () => {
    const codes = new Map<unknown, number>();
    const property = fc.property(values.value, fc.option(fc.nat({ max: 2000 })), (value, left) => {
      const outcomes = [{ dicts: "object" }, { dicts: "map", integers: "bigint", floats: "exact" }].map((exactness) => {
        const options = { registry, ...exactness, ...(left === null ? {} : { heap: { left } }) };
        return readBoth(sexp(value), options as object);
      });
      for (const { whole, inSteps } of outcomes) {
        const kind = whole.error?.code ?? "value";
        codes.set(kind, (codes.get(kind) ?? 0) + 1);
        expect(inSteps).toEqual(whole);
      }
    });
    fc.assert(property, { numRuns: 1500, seed: 15 });
    expect([...codes.keys()].sort()).toEqual([
      "JELLY_DUPLICATE_REFERENCE",
      "JELLY_HEAP_TOO_LARGE",
      "JELLY_MALFORMED",
      "JELLY_NOT_ALLOWED",
      "JELLY_UNHASHABLE",
      "JELLY_UNRESOLVED_REFERENCE",
      "value",
    ]);
  });

  const [key, later] = [["unicode", "k"] as Written, ["dereference", 1] as Written];
  test.each<[string, Written]>([
    ["of a dict", ["dictionary", [key, later]]],
    ["of a dict that becomes a Map", ["dictionary", [key, later], [3, later], [4, 4]]],
    ["of a key that occurs again", ["dictionary", [key, later], [key, 7]]],
    ["of a key of a Map that occurs again", ["dictionary", [3, later], [3, 7], [4, later]]],
    ["of a list", ["list", later, 1, later]],
    ["of a tuple", ["tuple", later, ["tuple", later]]],
    ["of an instance", ["test.Blank", ["dictionary", [key, later]]]],
  ])("a value %s that is read later", (_where, value) => {
    const { whole, inSteps } = readBoth(sexp(["list", value, ["reference", 1, ["list", 5]]]), { registry });
    expect(whole.error).toBeUndefined();
    expect(inSteps).toEqual(whole);
  });

  test("instances are finished in the same order", () => {
    const graph = [
      "test.Blank",
      [
        "dictionary",
        [
          ["unicode", "a"],
          ["test.Made", ["list", ["test.Blank", ["dictionary"]]]],
        ],
      ],
    ];
    const finished = (): unknown[] => order.splice(0);
    finished();
    const { whole, inSteps } = readBoth(sexp(graph), { registry });
    expect(inSteps).toEqual(whole);
    // Four times to warm up, whole, and in steps.
    expect(finished()).toEqual([1, 2, 3, 4, 5, 6].flatMap(() => [[], "made", ["a"]]));
  });
});

describe("a step reads about 16 KiB", () => {
  const repeat = (count: number, item: (index: number) => Written): Written[] =>
    Array.from({ length: count }, (_, index) => item(index));
  const large: Record<string, () => Written> = {
    "a list of integers": () => ["list", ...repeat(60_000, (index) => index)],
    "a list of empty lists": () => ["list", ...repeat(50_000, () => ["list"])],
    "dicts in tuples": () => [
      "list",
      ...repeat(50, () => ["tuple", ...repeat(1000, (index) => ["dictionary", [["unicode", "key"], index]])]),
    ],
    "a dict": () => ["dictionary", ...repeat(40_000, (index) => [["unicode", `key${index}`], index])],
    "a dict with tuples as keys": () => [
      "dictionary",
      ...repeat(50, (row) => [["tuple", row, ...repeat(5000, (index) => index)], 1]),
    ],
    "a set": () => ["set", ...repeat(60_000, (index) => index)],
    "a frozenset": () => ["frozenset", ...repeat(60_000, (index) => index)],
    "states in states": () =>
      repeat(100, (index) => index).reduce<Written>(
        (inner, index) => [
          "test.Blank",
          [
            "dictionary",
            [["unicode", "n"], inner],
            [
              ["unicode", "x"],
              ["list", ...repeat(2000, () => index)],
            ],
          ],
        ],
        ["None"],
      ),
    "states that are made of integers": () => [
      "list",
      ...repeat(20, () => ["test.Made", ["list", ...repeat(20_000, (index) => index)]]),
    ],
    "a shared list": () => ["reference", 1, ["list", ...repeat(40_000, () => ["dereference", 1])]],
    "surplus elements": () => [
      "list",
      ["None", ["list", ...repeat(50_000, (index) => index)]],
      ["decimal", 1, 2, ["list", ...repeat(50_000, (index) => index)]],
    ],
    "the id of a persistent, of integers": () => ["persistent", ["id", ...repeat(50_000, (index) => index)]],
    "a long reason, of integers": () => ["unpersistable", repeat(50_000, (index) => index)],
    "lists nested 400 deep": () =>
      repeat(400, (index) => index).reduce<Written>(
        (inner, index) => ["list", inner, ...repeat(200, () => index)],
        ["list"],
      ),
  };
  test.each(Object.entries(large))("of %s", (name, make) => {
    const expression: Expression = sexp(make());
    const whole = scanned(expression);
    const value = new Unjellier({ registry }).readGraph(whole);
    const reader = scanned(expression);
    const { result, most, count } = measureSteps(reader, new Unjellier({ registry }).readGraphInSteps(reader));
    expect(reader.offset).toBe(whole.offset);
    expect(isDeepStrictEqual(result, value)).toBe(true);
    // Consecutive integers are read by one call, in a few milliseconds at most.
    if (name.includes("integers")) return;
    expect(most).toBeLessThan(40_000);
    expect(count).toBeGreaterThan(whole.offset / 40_000);
  });

  test("when reading is given up, the next graph is read as usual", () => {
    const unjellier = new Unjellier({ registry });
    const steps = unjellier.readGraphInSteps(
      scanned(sexp(["reference", 1, ["list", ...repeat(40_000, () => ["dereference", 1])]])),
    );
    steps.next();
    steps.return(undefined);
    expect(unjellier.readGraph(scanned(sexp(["reference", 1, ["list", 5]])))).toEqual([5]);
  });

  test("many integers are charged their places only", () => {
    const heap = { left: 10_000_000 };
    const integers = sexp(["list", ...Array.from({ length: 100_000 }, (_, index) => index)]);
    new Unjellier({ heap }).readGraph(scanned(integers));
    expect(10_000_000 - heap.left).toBeLessThan(8.1 * 100_000);
  });
});
