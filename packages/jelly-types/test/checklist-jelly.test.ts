/**
 * What Twisted's own tests of jelly check (twisted.spread.test.test_jelly) and what makes sense outside Python, by the names they have there.
 * `npm run checklist` puts them into a table.
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

test("JellyTests.test_dateTime: a datetime with microseconds and a timedelta come back", () => {
  const [now, delta] = [new DateTime(2026, 11, 22, 13, 37, 59, 123456), new TimeDelta(5, 29, 7)];
  expect(again([now, delta])).toEqual([now, delta]);
});

test("JellyTests.test_bananaTimeTypes: all times pass through jelly and Banana, as words of decimal digits", () => {
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

test("JellyTests.test_decimal: decimals come back exactly", () => {
  for (const text of ["9.95", "0", "123456", "-78.901"]) {
    expect(again(Decimal.parse(text)).toString()).toBe(text);
  }
});

test("JellyTests.test_decimalUnjelly: a decimal is a mantissa and an exponent", () => {
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

test("JellyTests.test_decimalSecurity: decimals are allowed, until they are not", () => {
  const wire = jelly(Decimal.parse("9.95"));
  expect(unjelly(wire, { policy: SecurityPolicy.bare })).toEqual(Decimal.parse("9.95"));
  expect(() => unjelly(wire, { policy: SecurityPolicy.bare.refuseTypes("decimal") })).toThrow(InsecureJellyError);
});

test("JellyTests.test_set: a set comes back", () => {
  expect(again(new Set([1, 2, 3]))).toEqual(new Set([1, 2, 3]));
  expect(again(new Set([1, 2, 3]))).not.toBeInstanceOf(FrozenSet);
});

test("JellyTests.test_frozenset: a frozenset comes back as one", () => {
  const frozen = again(new FrozenSet([1, 2, 3]));
  expect(frozen).toBeInstanceOf(FrozenSet);
  expect([...frozen]).toEqual([1, 2, 3]);
});

test("JellyTests.test_setSecurity: sets are allowed, until they are not", () => {
  const wire = jelly(new Set([1]));
  expect(unjelly(wire, { policy: SecurityPolicy.bare })).toEqual(new Set([1]));
  expect(() => unjelly(wire, { policy: SecurityPolicy.bare.refuseTypes("set") })).toThrow(InsecureJellyError);
});

test("JellyTests.test_frozensetSecurity: frozensets are allowed, until they are not", () => {
  const wire = jelly(new FrozenSet([1]));
  expect(unjelly(wire, { policy: SecurityPolicy.bare })).toBeInstanceOf(FrozenSet);
  expect(() => unjelly(wire, { policy: SecurityPolicy.bare.refuseTypes("frozenset") })).toThrow(InsecureJellyError);
});

test("JellyTests.test_identity: a list that contains itself twice still does", () => {
  const list: unknown[] = [];
  list.push(list, list);
  const back = again(list);
  expect(back).toHaveLength(2);
  expect(back[0]).toBe(back);
  expect(back[1]).toBe(back);
});

test("JellyTests.test_str: text comes back as text, bytes as bytes", () => {
  expect(again("Hello, caf\u00e9")).toBe("Hello, caf\u00e9");
  expect(again(new Uint8Array([104, 105]))).toEqual(new Uint8Array([104, 105]));
});

test("JellyTests.test_stressReferences: sharing, and a cycle through a tuple, survive", () => {
  const list: unknown[] = [];
  const outer = tuple({ list }, list);
  list.push(outer);
  const back = again(outer) as unknown as [{ list: unknown[] }, unknown[]];
  expect(back).toBeInstanceOf(Tuple);
  expect(back[0].list).toBe(back[1]);
  expect(back[1][0]).toBe(back);
});

test("JellyTests.test_moreReferences: so does a tuple in a list in a tuple", () => {
  const list: unknown[] = [];
  const inner = tuple(list);
  list.push(tuple(inner));
  const back = again(list) as [[unknown[]]];
  expect(back[0][0]).toBeInstanceOf(Tuple);
  expect(back[0][0][0]).toBe(back);
});

test("JellyTests.test_typeSecurity: where only bare types are allowed, a dictionary is none", () => {
  expect(() => unjelly(jelly({}), { policy: SecurityPolicy.bare })).toThrow(InsecureJellyError);
});

class Allowed {
  declare other: unknown;
}
class Forbidden {
  declare other: unknown;
}

test("JellyTests.test_classSecurity: what is not allowed is unpersistable when sent, and refused when it is sent all the same", () => {
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

test("JellyTests.test_unjellyable: a name brings the class that is registered for it", () => {
  const sender = new TypeRegistry().registerCopy("test.A", Allowed);
  const receiver = new TypeRegistry().registerCopy("test.A", Forbidden);
  const original = new Allowed();
  original.other = 3;
  const back = unjelly(jelly(original, { registry: sender }), { registry: receiver });
  expect(back).toBeInstanceOf(Forbidden);
  expect((back as Forbidden).other).toBe(3);
});

test("JellyTests.test_persistentStorage: an object may travel as an id, and be the same one afterwards", () => {
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

test("CircularReferenceTests.test_set: a cycle through a set survives", () => {
  const registry = new TypeRegistry().registerCopy("test.A", Allowed);
  const object = new Allowed();
  object.other = new Set([object]);
  const back = unjelly(jelly(object, { registry }), { registry }) as Allowed;
  expect(back.other).toBeInstanceOf(Set);
  expect([...(back.other as Set<unknown>)]).toEqual([back]);
  expect([...(back.other as Set<unknown>)][0]).toBe(back);
});

// Lines about Python's own objects, as far as they mean something here

class TreeNode {
  declare left: unknown;
  declare right: unknown;
  declare parent: TreeNode;
  declare children: TreeNode[];
}
const nodes = new TypeRegistry().registerCopy("test.Node", TreeNode);
const nodeAgain = (node: TreeNode): TreeNode =>
  unjelly(jelly(node, { registry: nodes }), { registry: nodes }) as TreeNode;

test("JellyTests.test_simple: an object of a class that both sides know comes back with its properties", () => {
  const node = Object.assign(new TreeNode(), { left: 1, right: "two" });
  expect(nodeAgain(node)).toEqual(node);
  expect(nodeAgain(node)).toBeInstanceOf(TreeNode);
});

test("JellyTests.test_newStyle: two properties that hold one object still do", () => {
  const shared = Object.assign(new TreeNode(), { left: 1 });
  const back = nodeAgain(Object.assign(new TreeNode(), { left: shared, right: shared }));
  expect(back.left).toBe(back.right);
  expect(back.left).toEqual(shared);
});

test("JellyTests.test_newStyleClassesAttributes: a tree that points at parents and children comes back; what belongs to the class is not sent", () => {
  const [parent, child] = [new TreeNode(), new TreeNode()];
  parent.children = [child];
  child.parent = parent;
  expect(JSON.stringify(jelly(child, { registry: nodes }))).not.toContain("constructor");
  const back = nodeAgain(parent);
  expect(back.children[0]!.parent).toBe(back);
});

test("JellyDeprecationTests.test_deprecatedUnjellyingInstanceAtom: the old form of an instance is read where a policy allows it", () => {
  const wire = sexp(["instance", ["class", "test.Old"], ["dictionary", [["unicode", "x"], 1]]]);
  const policy = SecurityPolicy.standard.allowInstancesOf("test.Old");
  expect(unjelly(wire, { policy })).toBeInstanceOf(UnknownCopy);
  expect(() => unjelly(wire)).toThrow(InsecureJellyError);
});

test("CircularReferenceTests.test_frozenset: a cycle through a frozenset survives", () => {
  const node = new TreeNode();
  node.left = new FrozenSet([node]);
  const back = nodeAgain(node);
  expect(back.left).toBeInstanceOf(FrozenSet);
  expect([...(back.left as FrozenSet)][0]).toBe(back);
});
