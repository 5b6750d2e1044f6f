// Traversals of graphs of plain containers.

import { describe, expect, test } from "vitest";
import { FrozenSet, tuple, Tuple } from "@pb/jelly-types";
import { kwargs, Kwargs } from "@pb/broker";
import { mapGraph, someObject } from "../../src/wire/graph.js";

/** An object that is not a container. */
class Leaf {
  readonly inside = {};
}

const DEPTH = 30_000;

/** A graph of `DEPTH` containers around `leaf`. */
function nested(leaf: unknown, wrap: (inner: unknown) => unknown): unknown {
  let graph = leaf;
  for (let depth = 0; depth < DEPTH; depth++) graph = wrap(graph);
  return graph;
}

const wraps: readonly (readonly [string, (inner: unknown) => unknown])[] = [
  ["lists", (inner) => [inner]],
  ["tuples", (inner) => tuple(inner)],
  ["sets", (inner) => new Set([inner])],
  ["maps", (inner) => new Map([["key", inner]])],
  ["plain objects", (inner) => ({ inner })],
];

describe("someObject", () => {
  const visitAll = (graph: unknown, seen?: Set<object>): object[] => {
    const visited: object[] = [];
    someObject(graph, (object) => visited.push(object) === 0, seen);
    return visited;
  };

  test.each([
    ["a list", (leaf: Leaf) => [1, leaf, "text"]],
    ["a tuple", (leaf: Leaf) => tuple(leaf, null)],
    ["a set", (leaf: Leaf) => new Set<unknown>([undefined, leaf])],
    ["a frozenset", (leaf: Leaf) => new FrozenSet<unknown>([leaf, 2n])],
    ["a map", (leaf: Leaf) => new Map([["key", leaf]])],
    ["a plain object", (leaf: Leaf) => ({ leaf })],
    ["an object without a prototype", (leaf: Leaf) => Object.assign(Object.create(null) as object, { leaf })],
    ["keyword arguments", (leaf: Leaf) => kwargs({ leaf })],
  ])("visits %s and the objects in it, but nothing inside other objects", (_what, wrap) => {
    const leaf = new Leaf();
    const graph = wrap(leaf);
    expect(visitAll(graph)).toEqual([graph, leaf]);
  });

  test.each([1, "text", null, undefined, 2n, Symbol("s"), () => 1])("visits nothing for %s", (value) => {
    expect(visitAll(value)).toEqual([]);
  });

  test("visits a shared object once, and ends in a cycle", () => {
    const leaf = new Leaf();
    const cycle: unknown[] = [leaf, { leaf }];
    cycle.push(cycle, new Map([["again", cycle]]));
    expect(visitAll(cycle).filter((object) => object === leaf)).toHaveLength(1);
    expect(visitAll(cycle)).toHaveLength(4);
  });

  test("returns true and stops when the visitor returns true", () => {
    const visited: unknown[] = [];
    const [first, second] = [new Leaf(), new Leaf()];
    expect(someObject([first, second], (object) => visited.push(object) > 0 && object === first)).toBe(true);
    expect(visited).not.toContain(second);
    expect(someObject([first, second], () => false)).toBe(false);
  });

  test("leaves out the objects of `seen`, and adds those that it visits", () => {
    const [old, fresh] = [new Leaf(), new Leaf()];
    const seen = new Set<object>([old]);
    const graph = [old, fresh];
    expect(visitAll(graph, seen)).toEqual([graph, fresh]);
    expect(seen).toEqual(new Set([old, graph, fresh]));
  });

  test.each([...wraps, ["frozensets", (inner: unknown) => new FrozenSet([inner])] as const])(
    `visits ${DEPTH} nested %s without a stack overflow`,
    (_what, wrap) => {
      const leaf = new Leaf();
      expect(someObject(nested(leaf, wrap), (object) => object === leaf)).toBe(true);
    },
  );
});

describe("mapGraph", () => {
  const [leaf, replacement] = [new Leaf(), new Leaf()];
  const replaceLeaf = (object: object): { value: unknown } | undefined =>
    object === leaf ? { value: replacement } : undefined;

  test("copies containers of every kind with the objects in them replaced", () => {
    const other = new Leaf();
    const withoutPrototype = Object.assign(Object.create(null) as object, { leaf });
    const graph = [
      leaf,
      tuple(leaf, 1),
      new Set<unknown>([leaf, "text"]),
      new FrozenSet<unknown>([leaf, null]),
      new Map<unknown, unknown>([[1, leaf]]),
      { leaf, other },
      withoutPrototype,
      kwargs({ leaf }),
    ] as const;
    const copy = mapGraph(graph, replaceLeaf) as typeof graph;
    expect(copy).toEqual([
      replacement,
      tuple(replacement, 1),
      new Set([replacement, "text"]),
      new FrozenSet([replacement, null]),
      new Map([[1, replacement]]),
      { leaf: replacement, other },
      Object.assign(Object.create(null) as object, { leaf: replacement }),
      kwargs({ leaf: replacement }),
    ]);
    expect(copy[0]).toBe(replacement);
    expect(copy[1]).toBeInstanceOf(Tuple);
    expect(copy[2].has(replacement)).toBe(true);
    expect(copy[3].has(replacement)).toBe(true);
    expect(copy[5].other).toBe(other);
    expect(Object.getPrototypeOf(copy[6])).toBeNull();
    expect(copy[7]).toBeInstanceOf(Kwargs);
    expect(graph[5].leaf).toBe(leaf); // The original is unchanged.
  });

  test.each([1, "text", null, undefined, leaf])("returns %s itself when it is not replaced", (value) => {
    expect(mapGraph(value, () => undefined)).toBe(value);
  });

  test("copies a key named __proto__ as data", () => {
    const graph = JSON.parse('{ "__proto__": { "polluted": true } }') as object;
    const copy = mapGraph(graph, () => undefined) as object;
    expect(Object.keys(copy)).toEqual(["__proto__"]);
    expect(Object.getPrototypeOf(copy)).toBe(Object.prototype);
  });

  test("maps a shared container and a replaced object once each", () => {
    const shared = [leaf];
    let calls = 0;
    const copy = mapGraph([shared, { shared }, leaf], (object) => {
      if (object === leaf) calls++;
      return replaceLeaf(object);
    }) as [unknown[], { shared: unknown[] }, Leaf];
    expect(copy[1].shared).toBe(copy[0]);
    expect(copy[0]).not.toBe(shared);
    expect(copy[2]).toBe(copy[0][0]);
    expect(calls).toBe(1);
  });

  test("keeps cycles through containers of every kind", () => {
    const list: unknown[] = [leaf];
    list.push(list, new Map([["list", list]]), { list }, new Set([list]));
    const copy = mapGraph(list, replaceLeaf) as [Leaf, unknown, Map<string, unknown>, { list: unknown }, Set<unknown>];
    expect(copy).not.toBe(list);
    expect([copy[0], copy[1], copy[2].get("list"), copy[3].list, [...copy[4]][0]]).toEqual([
      replacement,
      copy,
      copy,
      copy,
      copy,
    ]);
  });

  test("keeps a cycle that passes through a frozenset, from either end", () => {
    const list: unknown[] = [leaf];
    const set = new FrozenSet<unknown>([list]);
    list.push(set);

    const setCopy = mapGraph(set, replaceLeaf) as FrozenSet<unknown[]>;
    const [listInSet] = [...setCopy];
    expect(listInSet![0]).toBe(replacement);
    expect(listInSet![1]).toBe(setCopy);

    const listCopy = mapGraph(list, replaceLeaf) as [Leaf, FrozenSet];
    expect(listCopy[0]).toBe(replacement);
    expect(listCopy[1].has(listCopy)).toBe(true);
  });

  test("keeps frozensets shared that other frozensets contain", () => {
    const inner = new FrozenSet([leaf]);
    const [one, two] = mapGraph([new FrozenSet([inner, 1]), new FrozenSet([inner, 2])], replaceLeaf) as FrozenSet[];
    const shared = [...one!][0] as FrozenSet;
    expect(two!.has(shared)).toBe(true);
    expect(shared.has(replacement)).toBe(true);
  });

  test("replaces an object by a graph that is mapped as well", () => {
    const promise = {};
    const copy = mapGraph([promise, promise], (object, map) =>
      object === promise ? { value: map([leaf]) } : replaceLeaf(object),
    ) as unknown[][];
    expect(copy[0]).toEqual([replacement]);
    expect(copy[1]).toBe(copy[0]);
  });

  test.each(wraps)(`copies ${DEPTH} nested %s without a stack overflow`, (_what, wrap) => {
    const copy = mapGraph(nested(leaf, wrap), replaceLeaf);
    expect(someObject(copy, (object) => object === replacement)).toBe(true);
    expect(someObject(copy, (object) => object === leaf)).toBe(false);
  });
});
