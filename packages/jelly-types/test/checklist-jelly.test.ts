/**
 * The checks of Twisted's own jelly tests (twisted.spread.test.test_jelly) that apply outside Python, under the same
 * names. `npm run checklist` lists them in a table.
 */
import { decode, encode } from "@pb/banana";
import {
  CalendarDate,
  DateTime,
  Decimal,
  FrozenSet,
  InsecureJellyError,
  jelly,
  SecurityPolicy,
  TimeDelta,
  TimeOfDay,
  Tuple,
  tuple,
  TypeRegistry,
  UnknownCopy,
  unjelly,
  Unpersistable,
} from "@pb/jelly-types";
import { expect, test } from "vitest";
import { sexp } from "./helpers/support.js";

const again = <T>(value: T): T => unjelly(decode(encode(jelly(value)))) as T;

test("JellyTests.test_dateTime: returns a datetime with microseconds and a timedelta unchanged", () => {
  const [now, delta] = [new DateTime(2026, 11, 22, 13, 37, 59, 123456), new TimeDelta(5, 29, 7)];
  expect(again([now, delta])).toEqual([now, delta]);
});

test("JellyTests.test_bananaTimeTypes: sends all time types as decimal numbers in text", () => {
  const times = [
    new DateTime(2001, 2, 3, 4, 5, 6, 7),
    new CalendarDate(2001, 2, 3),
    new TimeOfDay(1, 2, 3, 4),
    new TimeDelta(1, 2, 3),
  ];
  expect(again(times)).toEqual(times);
  expect(jelly(times[0])).toEqual(sexp(["datetime", "2001 2 3 4 5 6 7"]));
  expect(jelly(times[3])).toEqual(sexp(["timedelta", "1 2 3"]));
});

test("JellyTests.test_decimal: returns decimals unchanged", () => {
  for (const text of ["9.95", "0", "123456", "-78.901"]) {
    expect(again(Decimal.parse(text)).toString()).toBe(text);
  }
});

test("JellyTests.test_decimalUnjelly: reads a decimal from its mantissa and its exponent", () => {
  const rows = [
    [995, -2, "9.95"],
    [0, 0, "0"],
    [123456, 0, "123456"],
    [-78901, -3, "-78.901"],
  ] as const;
  for (const [mantissa, exponent, text] of rows) {
    expect(String(unjelly(sexp(["decimal", mantissa, exponent])))).toBe(text);
  }
});

test("JellyTests.test_decimalSecurity: allows decimals by default, and refuses them after refuseTypes", () => {
  const wire = jelly(Decimal.parse("9.95"));
  expect(unjelly(wire, { policy: SecurityPolicy.bare })).toEqual(Decimal.parse("9.95"));
  expect(() => unjelly(wire, { policy: SecurityPolicy.bare.refuseTypes("decimal") })).toThrow(InsecureJellyError);
});

test("JellyTests.test_set: returns a set unchanged", () => {
  expect(again(new Set([1, 2, 3]))).toEqual(new Set([1, 2, 3]));
  expect(again(new Set([1, 2, 3]))).not.toBeInstanceOf(FrozenSet);
});

test("JellyTests.test_frozenset: returns a frozenset as a frozenset", () => {
  const frozen = again(new FrozenSet([1, 2, 3]));
  expect(frozen).toBeInstanceOf(FrozenSet);
  expect([...frozen]).toEqual([1, 2, 3]);
});

test("JellyTests.test_setSecurity: allows sets by default, and refuses them after refuseTypes", () => {
  const wire = jelly(new Set([1]));
  expect(unjelly(wire, { policy: SecurityPolicy.bare })).toEqual(new Set([1]));
  expect(() => unjelly(wire, { policy: SecurityPolicy.bare.refuseTypes("set") })).toThrow(InsecureJellyError);
});

test("JellyTests.test_frozensetSecurity: allows frozensets by default, and refuses them after refuseTypes", () => {
  const wire = jelly(new FrozenSet([1]));
  expect(unjelly(wire, { policy: SecurityPolicy.bare })).toBeInstanceOf(FrozenSet);
  expect(() => unjelly(wire, { policy: SecurityPolicy.bare.refuseTypes("frozenset") })).toThrow(InsecureJellyError);
});

test("JellyTests.test_identity: returns a list that contains itself twice", () => {
  const list: unknown[] = [];
  list.push(list, list);
  const back = again(list);
  expect(back).toHaveLength(2);
  expect(back[0]).toBe(back);
  expect(back[1]).toBe(back);
});

test("JellyTests.test_str: returns text as text and bytes as bytes", () => {
  expect(again("Hello, caf\u00e9")).toBe("Hello, caf\u00e9");
  expect(again(new Uint8Array([104, 105]))).toEqual(new Uint8Array([104, 105]));
});

test("JellyTests.test_stressReferences: keeps shared objects and a cycle through a tuple", () => {
  const list: unknown[] = [];
  const outer = tuple({ list }, list);
  list.push(outer);
  const back = again(outer) as unknown as [{ list: unknown[] }, unknown[]];
  expect(back).toBeInstanceOf(Tuple);
  expect(back[0].list).toBe(back[1]);
  expect(back[1][0]).toBe(back);
});

test("JellyTests.test_moreReferences: keeps a shared tuple inside a list inside a tuple", () => {
  const list: unknown[] = [];
  const inner = tuple(list);
  list.push(tuple(inner));
  const back = again(list) as [[unknown[]]];
  expect(back[0][0]).toBeInstanceOf(Tuple);
  expect(back[0][0][0]).toBe(back);
});

test("JellyTests.test_typeSecurity: refuses a dictionary when only bare types are allowed", () => {
  expect(() => unjelly(jelly({}), { policy: SecurityPolicy.bare })).toThrow(InsecureJellyError);
});

class Allowed {
  declare other: unknown;
}
class Forbidden {
  declare other: unknown;
}

test("JellyTests.test_classSecurity: refuses to send or read a class that is not allowed", () => {
  const registry = new TypeRegistry().registerCopy("test.Allowed", Allowed);
  const [first, second] = [new Allowed(), new Allowed()];
  first.other = second;
  second.other = first;
  const [one, two] = unjelly(jelly([first, second], { registry }), { registry }) as [Allowed, Allowed];
  expect(one).toBeInstanceOf(Allowed);
  expect([one.other, two.other]).toEqual([two, one]);
  expect(one.other).toBe(two);

  expect(() => jelly([new Forbidden()], { registry })).toThrow(/\$\[0\]|Forbidden/);
  const placeholder = new Unpersistable("instance of class test.Forbidden deemed insecure");
  expect(unjelly(jelly([placeholder]), { registry })).toEqual([placeholder]);
  const both = new TypeRegistry(registry).registerCopy("test.Forbidden", Forbidden);
  expect(() => unjelly(jelly(new Forbidden(), { registry: both }), { registry })).toThrow(InsecureJellyError);
});

test("JellyTests.test_unjellyable: reads a copy as the class that is registered for its name", () => {
  const sender = new TypeRegistry().registerCopy("test.A", Allowed);
  const receiver = new TypeRegistry().registerCopy("test.A", Forbidden);
  const original = new Allowed();
  original.other = 3;
  const back = unjelly(jelly(original, { registry: sender }), { registry: receiver });
  expect(back).toBeInstanceOf(Forbidden);
  expect((back as Forbidden).other).toBe(3);
});

test("JellyTests.test_persistentStorage: sends an object as an id and reads the same object", () => {
  class Shelf {}
  const shelves = [new Shelf(), new Shelf()];
  const persistentStore = (object: object): number | undefined =>
    object instanceof Shelf ? shelves.indexOf(object) : undefined;
  const persistentLoad = (id: unknown): unknown => shelves[Number(id)];
  const wire = jelly([shelves[1], "x", shelves[0], shelves[1]], { persistentStore });
  const back = unjelly(decode(encode(wire)), { persistentLoad }) as unknown[];
  expect(back[0]).toBe(shelves[1]);
  expect(back[2]).toBe(shelves[0]);
  expect(back[3]).toBe(shelves[1]);
});

test("CircularReferenceTests.test_set: keeps a cycle through a set", () => {
  const registry = new TypeRegistry().registerCopy("test.A", Allowed);
  const object = new Allowed();
  object.other = new Set([object]);
  const back = unjelly(jelly(object, { registry }), { registry }) as Allowed;
  expect(back.other).toBeInstanceOf(Set);
  expect([...(back.other as Set<unknown>)]).toEqual([back]);
  expect([...(back.other as Set<unknown>)][0]).toBe(back);
});

// Checks of plain Python objects, as far as they apply here.

class TreeNode {
  declare left: unknown;
  declare right: unknown;
  declare parent: TreeNode;
  declare children: TreeNode[];
}
const nodes = new TypeRegistry().registerCopy("test.Node", TreeNode);
const nodeAgain = (node: TreeNode): TreeNode =>
  unjelly(jelly(node, { registry: nodes }), { registry: nodes }) as TreeNode;

test("JellyTests.test_simple: returns an instance of a registered class with its properties", () => {
  const node = Object.assign(new TreeNode(), { left: 1, right: "two" });
  expect(nodeAgain(node)).toEqual(node);
  expect(nodeAgain(node)).toBeInstanceOf(TreeNode);
});

test("JellyTests.test_newStyle: keeps one object in two properties one object", () => {
  const shared = Object.assign(new TreeNode(), { left: 1 });
  const back = nodeAgain(Object.assign(new TreeNode(), { left: shared, right: shared }));
  expect(back.left).toBe(back.right);
  expect(back.left).toEqual(shared);
});

test("JellyTests.test_newStyleClassesAttributes: returns a tree with parents and children, without static properties", () => {
  const [parent, child] = [new TreeNode(), new TreeNode()];
  parent.children = [child];
  child.parent = parent;
  expect(JSON.stringify(jelly(child, { registry: nodes }))).not.toContain("constructor");
  const back = nodeAgain(parent);
  expect(back.children[0]!.parent).toBe(back);
});

test("JellyDeprecationTests.test_deprecatedUnjellyingInstanceAtom: reads the old form of an instance when the policy allows it", () => {
  const wire = sexp(["instance", ["class", "test.Old"], ["dictionary", [["unicode", "x"], 1]]]);
  const policy = SecurityPolicy.standard.allowInstancesOf("test.Old");
  expect(unjelly(wire, { policy })).toBeInstanceOf(UnknownCopy);
  expect(() => unjelly(wire)).toThrow(InsecureJellyError);
});

test("CircularReferenceTests.test_frozenset: keeps a cycle through a frozenset", () => {
  const node = new TreeNode();
  node.left = new FrozenSet([node]);
  const back = nodeAgain(node);
  expect(back.left).toBeInstanceOf(FrozenSet);
  expect([...(back.left as FrozenSet)][0]).toBe(back);
});
