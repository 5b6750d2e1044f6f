// What a value is charged is what it takes, measured in a process of its own.

import { execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { decode, encode } from "@pb/banana";
import { jelly, unjelly } from "@pb/jelly-types";
import { describe, expect, test } from "vitest";
import { errorOf, sexp } from "../helpers/support.js";

interface Row {
  readonly name: string;
  readonly count: number;
  readonly charged: number;
  readonly measured: number;
}

const flags = ["--single-threaded", "--no-flush-bytecode", "--expose-gc", "--import", "tsx", "--conditions=@pb/source"];
const program = fileURLToPath(new URL("../helpers/heap-of-values.ts", import.meta.url));
const rows = JSON.parse(execFileSync(process.execPath, [...flags, program], { encoding: "utf8" })) as Row[];

/** So many bytes all values of a row together may differ besides: 8 for each of 12,000 small ones. */
const TOLERANCE = 100_000;

test.each(rows)("$name is charged $charged bytes and takes $measured", ({ count, charged, measured }) => {
  expect(charged).toBeLessThan(1.5 * measured + TOLERANCE / count);
  expect(charged).toBeGreaterThan(measured / 1.5 - TOLERANCE / count);
});

describe("the limit", () => {
  const heap = (left: number): { heap: { left: number } } => ({ heap: { left } });

  test("refuses a graph that takes more, before it is read", () => {
    const wire = sexp(["list", ...Array.from({ length: 1000 }, (): string[] => ["list"])]);
    expect(unjelly(wire, heap(60_000))).toHaveLength(1000);
    expect(errorOf(() => unjelly(wire, heap(50_000)))).toMatchObject({ code: "JELLY_HEAP_TOO_LARGE" });
  });

  test("is 256 MiB for a graph and for a tree", () => {
    const lists = encode(Array.from({ length: 600_000 }, () => new Array<number>(50).fill(0)));
    expect(errorOf(() => decode(lists))).toMatchObject({ code: "BANANA_HEAP_TOO_LARGE" });
    const maps = sexp([
      "list",
      ...Array.from({ length: 650_000 }, () => [
        "dictionary",
        [0, 0],
        [1, 0],
        [2, 0],
        [3, 0],
        [4, 0],
        [5, 0],
        [6, 0],
        [7, 0],
        [8, 0],
      ]),
    ]);
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
