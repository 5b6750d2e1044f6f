import fc from "fast-check";
import { jelly, unjelly } from "@pb/jelly-types";
import { describe, expect, test } from "vitest";
import { collidingBigints, collidingDoubles, collidingIndices, collidingIntegers } from "../helpers/colliding-keys.js";
import { errorOf, processorTime, sexp } from "../helpers/support.js";

type Keys = unknown[];
type Make = (keys: Keys) => unknown;

const set: Make = (keys) => ["set", ...keys];
const containers: [string, Make][] = [
  ["a set", set],
  ["a frozenset", (keys) => ["frozenset", ...keys]],
  ["a dict", (keys) => ["dictionary", ...keys.map((key) => [key, 1])]],
  [
    "a set of what comes later",
    (keys) => [
      "list",
      ["set", ...keys.map((_, index) => ["dereference", index])],
      ...keys.map((key, index) => ["reference", index, key]),
    ],
  ],
];

function sequence(count: number, value: (index: number) => unknown): Keys {
  return Array.from({ length: count }, (_, index) => value(index));
}

describe("keys whose hashes a peer has chosen", () => {
  describe.each<[string, Keys]>([
    ["integers", collidingIntegers(20_000)],
    ["doubles", collidingDoubles(20_000)],
    ["bigints", collidingBigints(20_000)],
    ["bigints with the same lowest 64 bits", sequence(20_000, (index) => (BigInt(index) << 64n) | 7n)],
    [
      "integers behind keys that do not collide",
      [...sequence(5_000, (index) => index * 3), ...collidingIntegers(5_000)],
    ],
    ["integers in descending order", collidingIntegers(20_000).toReversed()],
    ["integers and their repetitions", [...collidingIntegers(60), ...sequence(20_000, () => collidingIntegers(1)[0])]],
  ])("%s", (_, keys) => {
    test.each(containers)("are refused in %s", (_, make) => {
      const wire = sexp(make(keys) as any);
      let error: unknown;
      expect(processorTime(() => (error = errorOf(() => unjelly(wire))))).toBeLessThan(1000);
      expect(error).toMatchObject({ code: "JELLY_UNHASHABLE" });
    });
  });

  test("are refused when a dict of text becomes a Map, where V8 hashes digits as numbers", () => {
    const entries = collidingIndices(20_000).map((key) => [["unicode", key], 1]);
    const wire = sexp(["dictionary", ...entries, [1, 1]]);
    expect(processorTime(() => attempt(() => unjelly(wire)))).toBeLessThan(1000);
  });

  test("cost little in many small containers", () => {
    const keys = [...collidingIntegers(24), ...collidingDoubles(24), ...collidingBigints(24)];
    const wire = sexp(["list", ...sequence(2000, () => set(keys.slice(0, 24)))] as any);
    expect(unjelly(wire)).toHaveLength(2000);
  });
});

test("ids of references may be any numbers, at no cost", () => {
  const timeOf = (ids: Keys): number => {
    const wire = sexp([
      "list",
      ...ids.map((id) => ["reference", id, ["list"]]),
      ...ids.map((id) => ["dereference", id]),
    ] as any);
    const time = processorTime(() => {
      const read = unjelly(wire) as unknown[];
      expect(read[0]).toBe(read[ids.length]);
    });
    return time;
  };
  for (const ids of [collidingIntegers(20_000), collidingBigints(20_000), collidingIndices(20_000)])
    expect(timeOf(ids)).toBeLessThan(1000);
});

describe("regular keys are read, whatever their distance", () => {
  const COUNT = 20_000;
  const sequences: [string, (index: number) => number][] = [
    ["a range", (index) => index],
    ["a negative range", (index) => -index],
    ["fractions", (index) => index * 0.5],
    ["tenths", (index) => index / 10],
    ["1/2^40", (index) => index / 2 ** 40],
    ["squares", (index) => index * index],
    ["timestamps", (index) => 1.8e9 + index / 1000],
    ["milliseconds", (index) => 1.8e12 + 1000 * index],
    ["the largest safe integers", (index) => Number.MAX_SAFE_INTEGER - index],
    ["powers of two", (index) => 2 ** ((index % 2000) - 1000) * (1 + Math.floor(index / 2000) / 64)],
    ...[1, 4, 10, 16, 20, 24, 30, 32].map((power): [string, (index: number) => number] => [
      `multiples of 2^${power}`,
      (index) => index * 2 ** power,
    ]),
  ];

  test.each(sequences)("%s", (_, value) => {
    const members = sequence(COUNT, value) as number[];
    const distinct = new Set(members);
    const read = unjelly(jelly(distinct)) as Set<number>;
    expect([read.size, members.every((member) => read.has(member))]).toEqual([distinct.size, true]);
    const map = unjelly(jelly(new Map(members.map((key) => [key, 1])))) as Map<number, number>;
    expect([map.size, members.every((member) => map.has(member))]).toEqual([distinct.size, true]);
  });

  test("bigints: a range above 2^64, and 256 networks of IPv6", () => {
    const range = new Set(sequence(10_000, (index) => 2n ** 64n + BigInt(index)));
    expect(unjelly(jelly(range))).toEqual(range);
    const networks = new Set(sequence(256, (index) => BigInt(index + 1) << 64n));
    expect(unjelly(jelly(networks))).toEqual(networks);
  });

  test("any random ones", () => {
    const key = fc.oneof(fc.integer(), fc.double({ noNaN: true }), fc.maxSafeInteger());
    fc.assert(
      fc.property(fc.uniqueArray(key, { minLength: 33, maxLength: 1000, size: "max" }), (keys) => {
        expect([...(unjelly(jelly(new Set(keys))) as Set<number>)]).toEqual([...new Set(keys)]);
      }),
      { numRuns: 20 },
    );
  });
});

function attempt(action: () => unknown): void {
  try {
    action();
  } catch {
    // Whether an engine hashes digits as numbers depends on its version.
  }
}
