// What a value is charged is what it takes, measured in a process of its own.

import { execFileSync } from "node:child_process";
import { decode, encode } from "@pb/banana";
import { jelly, TypeRegistry, unjelly } from "@pb/jelly-types";
import { describe, expect, test } from "vitest";
import { typescript } from "../../../../tools/process/program.js";
import { errorOf, sexp } from "../helpers/support.js";

interface Row {
  readonly name: string;
  readonly count: number;
  readonly charged: number;
  readonly measured: number;
}

const flags = ["--single-threaded", "--no-flush-bytecode", "--expose-gc"];
const [node, ...program] = typescript("packages/jelly-types/test/helpers/heap-of-values.ts");
const rows = JSON.parse(execFileSync(node, [...flags, ...program], { encoding: "utf8" })) as Row[];

/** So many bytes all values of a row together may differ besides: 8 for each of 6,000 small ones. */
const TOLERANCE = 50_000;

test.each(rows)("$name is charged $charged bytes and takes $measured", ({ count, charged, measured }) => {
  expect(charged).toBeLessThan(1.5 * measured + TOLERANCE / count);
  expect(charged).toBeGreaterThan(measured / 1.5 - TOLERANCE / count);
});

test.each(["datetime", "time"])("a %s has no box for each of its numbers", (name) => {
  expect(rows.find((row) => row.name === `${name} (value)`)!.measured).toBeLessThan(90);
});

describe("the limit", () => {
  const heap = (left: number): { heap: { left: number } } => ({ heap: { left } });

  test("refuses a graph that takes more, before it is read", () => {
    const wire = sexp(["list", ...Array.from({ length: 1000 }, (): string[] => ["list"])]);
    expect(unjelly(wire, heap(41_000))).toHaveLength(1000);
    expect(errorOf(() => unjelly(wire, heap(40_000)))).toMatchObject({ code: "JELLY_HEAP_TOO_LARGE" });
  });

  class Plain {}
  test.each([
    ["properties", {}],
    ["setState", { setState: (instance: Plain, state: object) => void Object.assign(instance, state) }],
    ["parse", { parse: (state: unknown) => ({ ...Object(state) }) }],
    ["create", { create: (state: object) => Object.assign(new Plain(), state), getState: () => ({}) }],
  ])("counts the state that many copies share for each of them: %s", (_name, options) => {
    const registry = new TypeRegistry().registerCopy("shop.Plain", Plain, options);
    const entries = Array.from({ length: 100 }, (_, index) => [["unicode", `name${index}`], 1]);
    const state = ["reference", 1, ["dictionary", ...entries]];
    const copies = Array.from({ length: 300 }, () => ["shop.Plain", ["dereference", 1]]);
    for (const graph of [
      ["list", state, ...copies],
      ["list", ...copies, state],
    ])
      expect(errorOf(() => unjelly(sexp(graph), { registry, heap: { left: 240_000 } }))).toMatchObject({
        code: "JELLY_HEAP_TOO_LARGE",
      });
  });

  test("is 256 MiB for a graph and for a tree", () => {
    const many = <T>(count: number, value: T): T[] => new Array<T>(count).fill(value);
    const lists = encode(many(600_000, many(50, 0)));
    expect(errorOf(() => decode(lists))).toMatchObject({ code: "BANANA_HEAP_TOO_LARGE" });
    const dict = sexp(["dictionary", ...Array.from({ length: 9 }, (_, key) => [key, 0])]);
    const maps = [sexp("list"), ...many(650_000, dict)];
    expect(errorOf(() => unjelly(maps))).toMatchObject({ code: "JELLY_HEAP_TOO_LARGE" });
  });
});

test("a dict whose keys are array indices keeps its type and its order", () => {
  const dict = Object.assign(Object.create(null) as object, {
    1023: 1,
    b: 2,
    7: 3,
    a: 4,
    4294967294: 5,
    4294967295: 6,
  });
  expect(unjelly(jelly(dict))).toEqual(dict);
  expect(Object.keys(unjelly(jelly(dict)) as object)).toEqual(Object.keys(dict));
});
