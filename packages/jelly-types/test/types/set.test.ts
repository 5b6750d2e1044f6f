import { decode, encode } from "@pb/banana";
import { Float, FrozenSet, jelly, tuple, unjelly } from "@pb/jelly-types";
import { expect, test } from "vitest";
import { errorOf, sexp } from "../helpers/support.js";

function travel<T>(value: T): T {
  return unjelly(decode(encode(jelly(value)))) as T;
}

test("writes and reads sets and frozensets", () => {
  for (const set of [new Set(), new Set([1, "a", null, true]), new FrozenSet(), new FrozenSet([1, "a"])]) {
    expect(travel(set)).toEqual(set);
  }
  expect(travel(new FrozenSet([1]))).toBeInstanceOf(FrozenSet);
  expect([...travel(new Set([new FrozenSet([1, 2])])).values()].map((inner) => [...inner])).toEqual([[1, 2]]);
});

test("a FrozenSet has the methods of a Set that do not modify it", () => {
  const set = new FrozenSet(["a", "b"]);
  expect(set.size).toBe(2);
  expect(set.has("a")).toBe(true);
  expect([...set]).toEqual(["a", "b"]);
  expect([...set.keys()]).toEqual([...set.values()]);
  expect([...set.entries()]).toEqual([["a", "a"], ["b", "b"]]); // prettier-ignore
  const seen: unknown[] = [];
  set.forEach(function (this: unknown, member, again, whole) {
    seen.push(member === again && whole === set && this === seen);
  }, seen);
  expect(seen).toEqual([true, true]);
  expect(Object.prototype.toString.call(set)).toBe("[object FrozenSet]");
  expect("add" in set).toBe(false);
});

test.each<[left: unknown[], right: unknown[]]>([
  [
    [1, 2, 3],
    [2, 3, 4],
  ],
  [
    [1, 2, 3, 4, 5],
    [5, 1],
  ],
  [
    [3, 1],
    [1, 2, 3, NaN],
  ],
  [
    [NaN, -0],
    [NaN, 0],
  ],
  [[], [1]],
  [[1], []],
  [
    ["a", "b"],
    ["b", "a"],
  ],
  [["a"], ["b", "c"]],
])("%j and %j are combined and compared as in ES2025", (left, right) => {
  const inBoth = left.filter((member) => right.includes(member));
  const onlyLeft = left.filter((member) => !right.includes(member));
  const onlyRight = right.filter((member) => !left.includes(member));
  for (const other of [new Set(right), new FrozenSet(right), new Map(right.map((key) => [key, 0]))]) {
    const set = new FrozenSet(left);
    expect(set.union(other)).toEqual(new Set([...left, ...right]));
    expect(set.intersection(other)).toEqual(new Set(inBoth));
    expect(set.difference(other)).toEqual(new Set(onlyLeft));
    expect(set.symmetricDifference(other)).toEqual(new Set([...onlyLeft, ...onlyRight]));
    expect(set.isSubsetOf(other)).toBe(onlyLeft.length === 0);
    expect(set.isSupersetOf(other)).toBe(onlyRight.length === 0);
    expect(set.isDisjointFrom(other)).toBe(inBoth.length === 0);
    expect([...set]).toEqual([...new Set(left)]);
  }
});

test("the methods that combine sets refuse an array", () => {
  const set: any = new FrozenSet([1]);
  const methods = ["union", "intersection", "difference", "symmetricDifference", "isSubsetOf", "isSupersetOf"];
  for (const method of [...methods, "isDisjointFrom"]) expect(() => set[method]([1])).toThrow(TypeError);
});

test("members keep their order when some are read later", () => {
  for (const atom of ["set", "frozenset"]) {
    const wire = [
      "list",
      [atom, 1, ["dereference", 1], 2, ["dereference", 2]],
      ["reference", 2, ["tuple", 4]],
      ["reference", 1, ["tuple", 3]],
    ];
    const [set] = unjelly(sexp(wire)) as [Set<unknown>];
    expect([...set]).toEqual([1, [3], 2, [4]]);
  }
});

test("refuses a member that is read later and cannot be hashed", () => {
  const wire = ["list", ["set", ["dereference", 1]], ["reference", 1, ["list"]]];
  expect(errorOf(() => unjelly(sexp(wire as any)))).toMatchObject({ code: "JELLY_UNHASHABLE" });
});

test("refuses members that Python cannot hash, when writing and when reading", () => {
  for (const member of [[], {}, new Map(), new Set(), tuple([])]) {
    expect(errorOf(() => jelly([new Set([1, member])]))).toMatchObject({ code: "JELLY_UNHASHABLE", path: "$[0][1]" });
    expect(errorOf(() => jelly(new FrozenSet([member])))).toMatchObject({ code: "JELLY_UNHASHABLE" });
  }
});

test("a set may contain an object that contains the set", () => {
  const set = new Set<unknown>();
  const member = tuple(new FrozenSet([1]), 2);
  set.add(member);
  const shared = travel([set, member, set]);
  expect(shared[0]).toBe(shared[2]);
  expect((shared[0] as Set<unknown>).has(shared[1])).toBe(true);
});

test("keeps -0.0 a float when floats are exact", () => {
  const wire = sexp(["set", 0, 1]) as any;
  wire[1] = -0;
  expect([...(unjelly(wire, { floats: "exact" }) as Set<unknown>)]).toEqual([new Float(-0), 1]);
});
