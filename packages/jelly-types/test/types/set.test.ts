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
