import { BananaReader, decode, encode, pb, Scanner } from "@pb/banana";
import { Float, jelly, tuple, unjelly, Unjellier } from "@pb/jelly-types";
import { describe, expect, test } from "vitest";
import { dictShapes } from "../../src/reading/shapes.js";
import { errorOf, processorTime, sexp } from "../helpers/support.js";

function travel(value: unknown, options = {}): any {
  return unjelly(decode(encode(jelly(value))), options);
}

describe("objects one after the other", () => {
  /** The entries of each dict, which the wire can repeat. */
  type Entries = readonly (readonly [string, unknown])[];

  const long = "x".repeat(200);
  const kinds: Record<string, Entries> = {
    "the first": [["id", 1], ["name", "a"]],
    "the same keys": [["id", 2], ["name", "b"]],
    "another order": [["name", "c"], ["id", 3]],
    "fewer keys": [["id", 4]],
    "more keys": [["id", 5], ["name", "d"], ["price", 0.5]],
    "other keys of the same length": [["ie", 6], ["nami", "e"]],
    "a key twice": [["id", 7], ["id", 8]],
    "a long key": [["id", 9], [long, 10]],
    "a key that is not ASCII": [["id", 11], ["größe", 12]],
    "an array index": [["7", 13], ["name", "f"]],
    "controls in a key": [["id", 14], ["\0\0\0\0\0\0\0\0", 15]],
    "a key like a method": [["__proto__", 16], ["constructor", 17]],
    "the same keys inside": [["id", [["id", [["id", 18], ["name", "g"]]], ["name", "h"]]], ["name", "i"]],
    "other keys inside": [["id", [["name", 19], ["id", 20]]], ["name", "j"]],
    nothing: [],
  }; // prettier-ignore

  const toWire = (entries: Entries): Parameters<typeof sexp>[0] => [
    "dictionary",
    ...entries.map(([key, value]): Parameters<typeof sexp>[0] => [
      ["unicode", key],
      Array.isArray(value) ? toWire(value as Entries) : typeof value === "string" ? ["unicode", value] : Number(value),
    ]),
  ];
  const toObject = (entries: Entries): object => {
    const object = Object.create(null) as Record<string, unknown>;
    for (const [key, value] of entries) object[key] = Array.isArray(value) ? toObject(value as Entries) : value;
    return object;
  };

  test.each(Object.keys(kinds))("keep their own keys beside those of %s", (kind) => {
    const order = Object.keys(kinds).flatMap((other) => [kind, kind, other, kind, other, other, kind]);
    const scanner = new Scanner({ dialect: pb });
    const reader = new BananaReader();
    scanner.push(encode(sexp(["list", ...order.map((each) => toWire(kinds[each]!))]), { dialect: pb }));
    expect(scanner.advance(reader)).toBe(true);
    const arrived = new Unjellier().readGraph(reader) as object[];
    expect(arrived.map((each) => JSON.stringify(each))).toEqual(
      order.map((each) => JSON.stringify(toObject(kinds[each]!))),
    );
    for (const each of arrived) expect(Object.getPrototypeOf(each)).toBeNull();
  });
});

describe("hidden classes", () => {
  let serial = 0;
  const freshKey = (): string => `fresh${++serial}`;
  const dictOf = (...keys: string[]): Record<string, number> => Object.fromEntries(keys.map((key) => [key, 1]));
  const scanner = new Scanner({ dialect: pb });
  const reader = new BananaReader();
  const unjellier = new Unjellier();

  /** Reads a value. Returns how many sequences of keys were added. */
  const added = (value: unknown): number => {
    const before = dictShapes().count;
    scanner.push(encode(jelly(value), { dialect: pb }));
    expect(scanner.advance(reader)).toBe(true);
    expect(unjellier.readGraph(reader)).toEqual(value);
    return dictShapes().count - before;
  };

  test("are not created for keys that come once or twice", () => {
    for (const entries of [1, 3]) {
      const ids = Array.from({ length: 1000 }, () => dictOf(...Array.from({ length: entries }, freshKey)));
      expect(added(ids.flatMap((dict) => [dict, { ...dict }]))).toBe(0);
    }
  });

  test("are created for a dict whose first key comes for the third time", () => {
    const dict = dictOf(freshKey(), freshKey(), freshKey());
    expect([1, 2, 3, 4].map(() => added(dict))).toEqual([0, 0, 3, 0]);
  });

  test("are created when a key comes for the third time after the same keys", () => {
    const [first, second, third] = [freshKey(), freshKey(), freshKey()];
    for (let left = 3; left > 0; left--) added(dictOf(first, second));
    const ids = Array.from({ length: 1000 }, () => dictOf(first, second, freshKey(), third));
    expect([added(ids), added(ids[999]), added(ids[999])]).toEqual([0, 0, 2]);
  });

  test("are created for two kinds of dicts that take turns", () => {
    const pairs = Array.from({ length: 100 }, () => [dictOf(freshKey()), dictOf(freshKey())]);
    expect(pairs.map((pair) => [1, 2, 3].map(() => added(pair)))).toEqual(pairs.map(() => [0, 0, 2]));
  });

  test("are created for many ids that take turns, and differ in a few letters", () => {
    const ids = Array.from({ length: 60 }, (_, index) => dictOf(`user-${100 + index}-of-the-team`));
    expect([1, 2, 3, 4].map(() => added(ids))).toEqual([0, 0, 60, 0]);
  });

  test("are kept for known keys when others have taken all places, until most keys have changed", () => {
    const [first, second] = [freshKey(), freshKey()];
    for (let left = 3; left > 0; left--) added(dictOf(first, second));
    const tree = dictShapes();
    while (!tree.isFull) {
      const dict = dictOf(freshKey());
      added([dict, { ...dict }, { ...dict }]);
    }
    const late = dictOf(freshKey());
    expect([1, 2, 3, 4].map(() => added(late))).toEqual([0, 0, 0, 0]);
    expect(dictShapes()).toBe(tree);
    expect(tree.root.find(first)?.find(second)?.isKnown).toBe(true);

    const many = Array.from({ length: 1000 }, () => ({ ...late }));
    for (let left = 66; left > 0; left--) added(many);
    expect(dictShapes()).not.toBe(tree);
    expect(dictShapes().root.find(Object.keys(late)[0]!)?.isKnown).toBe(true);
  });
});

describe("an object", () => {
  test("is read without a prototype", () => {
    const arrived = travel({ a: 1, b: { c: 2 } });
    expect(Object.getPrototypeOf(arrived)).toBeNull();
    expect(Object.getPrototypeOf(arrived.b)).toBeNull();
    expect(arrived).toEqual({ a: 1, b: { c: 2 } });
  });

  test("keeps the order of its keys, except those that look like numbers", () => {
    expect(Object.keys(travel({ b: 1, a: 2 }))).toEqual(["b", "a"]);
    const wire = jelly(new Map([["b", 1], ["2", 2], ["1", 3]])); // prettier-ignore
    expect(Object.keys(unjelly(wire) as object)).toEqual(["1", "2", "b"]);
    expect([...(unjelly(wire, { dicts: "map" }) as Map<string, number>).keys()]).toEqual(["b", "2", "1"]);
  });

  test("has only the entries that were sent", () => {
    const keys = [
      ...["__proto__", "constructor", "prototype", "toString", "valueOf", "hasOwnProperty", "__defineGetter__", "then"],
      ...["0", "-1", "1e3", "@@iterator", "Symbol(Symbol.iterator)", ""],
    ];
    const sent = Object.fromEntries(keys.map((key) => [key, { polluted: key }]));
    Object.defineProperty(sent, "__proto__", { value: { polluted: "__proto__" }, enumerable: true });
    const before = Object.getOwnPropertyNames(Object.prototype);
    const arrived = travel(sent);
    expect(Object.keys(arrived).sort()).toEqual([...keys].sort());
    for (const key of keys) expect(arrived[key]).toEqual({ polluted: key });
    expect(Object.getPrototypeOf(arrived)).toBeNull();
    expect(Object.getOwnPropertyNames(Object.prototype)).toEqual(before);
    expect(({} as any).polluted).toBeUndefined();
  });

  test("has no inherited properties", () => {
    expect("toString" in travel({ a: 1 })).toBe(false);
    expect(travel({ a: 1 }).constructor).toBeUndefined();
  });

  test("is written the same with and without a prototype, with any keys", () => {
    const bare = Object.assign(Object.create(null), { a: 1 });
    expect(jelly(bare)).toEqual(jelly({ a: 1 }));
    const odd = Object.defineProperty({}, "__proto__", { value: 5, enumerable: true });
    expect(jelly(odd)).toEqual(sexp(["dictionary", [["unicode", "__proto__"], 5]]));
  });

  test("is written without properties that are not enumerable or have symbol keys", () => {
    expect(jelly(Object.defineProperty({ [Symbol("s")]: 1 }, "hidden", { value: 1 }))).toEqual(sexp(["dictionary"]));
  });
});

describe("a Map", () => {
  test("is written as a dict with keys of any type", () => {
    const map = new Map<unknown, unknown>([
      [1, "int"],
      [new Float(1.5), "float"],
      ["text", "text"],
      [null, "none"],
      [true, "true"],
      [tuple(1, tuple(2, "x")), [3]],
      [new Uint8Array([1]), "bytes"],
    ]);
    expect(travel(map)).toEqual(new Map([...map].map(([key, value]) => [key instanceof Float ? 1.5 : key, value])));
  });

  test("is read as an object when every key is text", () => {
    expect(travel(new Map([["a", 1]]))).toEqual({ a: 1 });
    expect(travel(new Map([["a", 1]]), { dicts: "map" })).toEqual(new Map([["a", 1]]));
    expect(travel(new Map())).toEqual({});
  });

  test("replaces an object at the first key that is not text", () => {
    const wire = jelly(new Map<unknown, unknown>([["__proto__", 1], ["b", 2], [3, 3], ["d", 4]])); // prettier-ignore
    expect([...(unjelly(wire) as Map<unknown, unknown>)]).toEqual([["__proto__", 1], ["b", 2], [3, 3], ["d", 4]]); // prettier-ignore
  });

  test("replaces an object whose values are read later", () => {
    const k = ["unicode", "k"];
    const target = ["reference", 1, ["list", 5]];
    const read = (...entries: unknown[]) => unjelly(sexp(["list", ["dictionary", ...entries], target] as any)) as any[];
    const [map, list] = read([k, ["dereference", 1]], [3, 3]);
    expect([map.get("k"), map.get(3)]).toEqual([list, 3]);
    expect(map.get("k")).toBe(list);
    const [other] = read([3, 3], [k, ["dereference", 1]]);
    expect(other.get("k")).toEqual([5]);
  });

  test("may contain itself", () => {
    const map = new Map<unknown, unknown>();
    map.set(1, map);
    map.set("list", [map]);
    const arrived = travel(map);
    expect(arrived.get(1)).toBe(arrived);
    expect(arrived.get("list")[0]).toBe(arrived);
  });

  test("distinguishes -0.0 from 0 when floats are exact", () => {
    const wire = sexp(["dictionary", [0, 1]]) as any;
    wire[1][0] = -0;
    expect([...(unjelly(wire, { floats: "exact" }) as Map<unknown, unknown>).keys()]).toEqual([new Float(-0)]);
    expect(encode(jelly(unjelly(wire, { floats: "exact" })))).toEqual(encode(wire));
  });

  test("refuses a key that Python cannot hash", () => {
    for (const key of [[], {}, new Map(), new Set(), tuple(1, [])]) {
      expect(errorOf(() => jelly({ map: new Map([[key, 1]]) }))).toMatchObject({
        code: "JELLY_UNHASHABLE",
        path: expect.stringMatching(/^\$\.map\[an instance of/),
      });
    }
    for (const key of [["list"], ["dictionary"], ["set"], ["tuple", ["list"]]]) {
      for (const before of [[], [[["unicode", "a"], 1]], [[1, 1]]])
        expect(errorOf(() => unjelly(sexp(["dictionary", ...before, [key, 1]] as any)))).toMatchObject({
          code: "JELLY_UNHASHABLE",
          path: "$[a key]",
        });
    }
  });

  test("refuses a key that Python cannot hash when it is complete only later", () => {
    const wire = ["list", ["dictionary", [["tuple", ["dereference", 1]], 1]], ["reference", 1, ["list"]]];
    expect(errorOf(() => unjelly(sexp(wire as any)))).toMatchObject({ code: "JELLY_UNHASHABLE" });
  });

  test("checks a shared tuple only once", () => {
    const big = ["reference", 1, ["tuple", ...Array.from({ length: 20_000 }, (_, index) => index)]];
    const entries = Array.from({ length: 20_000 }, (_, index) => [["tuple", index, ["dereference", 1]], index]);
    const wire = sexp(["list", big, ["dictionary", ...entries]]);
    expect(processorTime(() => unjelly(wire))).toBeLessThan(2000);
  });

  test("accepts a key that is a tuple that contains itself, which Python does not have", () => {
    const wire = ["list", ["reference", 1, ["tuple", ["dereference", 1]]], ["dictionary", [["dereference", 1], 1]]];
    const [self, map] = unjelly(sexp(wire)) as any[];
    expect(map.get(self)).toBe(1);
  });

  test("refuses a key that refers to an object that is not read yet", () => {
    const wire = ["list", ["dictionary", [["dereference", 1], 1]], ["reference", 1, ["tuple", 1]]];
    expect(errorOf(() => unjelly(sexp(wire as any)))).toMatchObject({ code: "JELLY_MALFORMED" });
  });
});

describe("a repeated key has the value of its last entry", () => {
  const k = ["unicode", "k"];
  const later = ["dereference", 1];
  const read = (...entries: unknown[]): any =>
    (unjelly(sexp(["list", ["dictionary", ...entries], ["reference", 1, ["list", 5]]] as any)) as any[])[0];

  test.each([
    ["a value that is read later, then one that is read now", [later, 7], 7],
    ["a value that is read now, then one that is read later", [7, later], [5]],
    ["two values that are read later", [later, later], [5]],
    ["a value that is read later between two others", [6, later, 7], 7],
  ])("%s", (_, values, last) => {
    expect(read(...values.map((value) => [k, value])).k).toEqual(last);
    expect(read(...values.map((value) => [1, value])).get(1)).toEqual(last);
    expect(read(...values.map((value) => [k, value]), [1, 1]).get("k")).toEqual(last);
    expect(read([1, 1], ...values.map((value) => [k, value])).get("k")).toEqual(last);
    expect(read([k, values[0]], [1, 1], ...values.slice(1).map((value) => [k, value])).get("k")).toEqual(last);
  });
});

test("a value that is read later is set in an object that became a hash table", () => {
  const text = (key: string): string[] => ["unicode", key];
  const read = (key: string): any => {
    const dict = ["dictionary", [text("a"), ["dereference", 1]], [text(key), 2]];
    return unjelly(sexp(["list", dict, ["reference", 1, ["list", 5]]]));
  };
  for (const key of ["b", "b", "b", "b", "never before"]) {
    const [dict, list] = read(key);
    expect(dict).toEqual({ a: [5], [key]: 2 });
    expect(dict.a).toBe(list);
  }
});

test("errors contain the path to the key", () => {
  const lone = "\ud800";
  expect(errorOf(() => jelly({ items: [1, { price: lone }] })).path).toBe("$.items[1].price");
  expect(errorOf(() => jelly({ [lone]: 1 })).path).toBe('$["\\ud800"]');
  expect(errorOf(() => jelly(new Map([[3, lone]]))).path).toBe("$[3]");
  expect(errorOf(() => jelly({ "a b": lone })).path).toBe('$["a b"]');
  expect(errorOf(() => jelly({ ["x".repeat(1e5)]: lone })).message.length).toBeLessThan(500);
  expect(errorOf(() => unjelly(sexp(["dictionary", [["unicode", "a"], ["foo"]]]))).path).toBe("$.a");
});
