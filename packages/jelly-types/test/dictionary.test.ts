import { decode, encode } from "@pb/banana";
import { Float, jelly, tuple, unjelly } from "@pb/jelly-types";
import { describe, expect, test } from "vitest";
import { errorOf, sexp } from "./support.js";

function travel(value: unknown, options = {}): any {
  return unjelly(decode(encode(jelly(value))), options);
}

describe("an object", () => {
  test("arrives without a prototype", () => {
    const arrived = travel({ a: 1, b: { c: 2 } });
    expect(Object.getPrototypeOf(arrived)).toBeNull();
    expect(Object.getPrototypeOf(arrived.b)).toBeNull();
    expect(arrived).toEqual({ a: 1, b: { c: 2 } });
  });

  test("keeps the order of its keys, but for those that look like numbers", () => {
    expect(Object.keys(travel({ b: 1, a: 2 }))).toEqual(["b", "a"]);
    const wire = jelly(new Map([["b", 1], ["2", 2], ["1", 3]])); // prettier-ignore
    expect(Object.keys(unjelly(wire) as object)).toEqual(["1", "2", "b"]);
    expect([...(unjelly(wire, { dicts: "map" }) as Map<string, number>).keys()]).toEqual(["b", "2", "1"]);
  });

  test("has nothing but what was sent", () => {
    const keys = ["__proto__", "constructor", "prototype", "toString", "valueOf", "hasOwnProperty", "__defineGetter__", "then", "0", "-1", "1e3", "@@iterator", "Symbol(Symbol.iterator)", ""]; // prettier-ignore
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

  test("shadows nothing it does not have", () => {
    expect("toString" in travel({ a: 1 })).toBe(false);
    expect(travel({ a: 1 }).constructor).toBeUndefined();
  });

  test("is written the same with and without a prototype, and whatever its keys are", () => {
    const bare = Object.assign(Object.create(null), { a: 1 });
    expect(jelly(bare)).toEqual(jelly({ a: 1 }));
    const odd = Object.defineProperty({}, "__proto__", { value: 5, enumerable: true });
    expect(jelly(odd)).toEqual(sexp(["dictionary", [["unicode", "__proto__"], 5]]));
  });

  test("leaves out what is not enumerable and what symbols name", () => {
    expect(jelly(Object.defineProperty({ [Symbol("s")]: 1 }, "hidden", { value: 1 }))).toEqual(sexp(["dictionary"]));
  });
});

describe("a Map", () => {
  test("is a dict with keys of any kind", () => {
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

  test("comes back as an object when every key is text", () => {
    expect(travel(new Map([["a", 1]]))).toEqual({ a: 1 });
    expect(travel(new Map([["a", 1]]), { dicts: "map" })).toEqual(new Map([["a", 1]]));
    expect(travel(new Map())).toEqual({});
  });

  test("is what an object turns into at the first key that is not text", () => {
    const wire = jelly(new Map<unknown, unknown>([["__proto__", 1], ["b", 2], [3, 3], ["d", 4]])); // prettier-ignore
    expect([...(unjelly(wire) as Map<unknown, unknown>)]).toEqual([["__proto__", 1], ["b", 2], [3, 3], ["d", 4]]); // prettier-ignore
  });

  test("may contain itself", () => {
    const map = new Map<unknown, unknown>();
    map.set(1, map);
    map.set("list", [map]);
    const arrived = travel(map);
    expect(arrived.get(1)).toBe(arrived);
    expect(arrived.get("list")[0]).toBe(arrived);
  });

  test("keeps -0.0 apart from 0 where floats are exact", () => {
    const wire = sexp(["dictionary", [0, 1]]) as any;
    wire[1][0] = -0;
    expect([...(unjelly(wire, { floats: "exact" }) as Map<unknown, unknown>).keys()]).toEqual([new Float(-0)]);
    expect(encode(jelly(unjelly(wire, { floats: "exact" })))).toEqual(encode(wire));
  });

  test("has no key that Python could not hash", () => {
    for (const key of [[], {}, new Map(), new Set(), tuple(1, [])]) {
      expect(errorOf(() => jelly({ map: new Map([[key, 1]]) }))).toMatchObject({
        code: "JELLY_UNHASHABLE",
        path: expect.stringMatching(/^\$\.map\[an instance of/),
      });
    }
    for (const key of [["list"], ["dictionary"], ["set"], ["tuple", ["list"]]]) {
      expect(errorOf(() => unjelly(sexp(["dictionary", [key, 1]])))).toMatchObject({ code: "JELLY_UNHASHABLE" });
    }
  });

  test("has no key that turns out later to be one that Python could not hash", () => {
    const wire = ["list", ["dictionary", [["tuple", ["dereference", 1]], 1]], ["reference", 1, ["list"]]];
    expect(errorOf(() => unjelly(sexp(wire as any)))).toMatchObject({ code: "JELLY_UNHASHABLE" });
  });

  test("is no way to make us look at one tuple again and again", () => {
    const big = ["reference", 1, ["tuple", ...Array.from({ length: 20_000 }, (_, index) => index)]];
    const entries = Array.from({ length: 20_000 }, (_, index) => [["tuple", index, ["dereference", 1]], index]);
    const start = process.cpuUsage();
    unjelly(sexp(["list", big, ["dictionary", ...entries]]));
    expect(process.cpuUsage(start).user).toBeLessThan(2_000_000); // microseconds of processor time
  });

  describe("whose keys are big integers", () => {
    const alike = (count: number): bigint[] => Array.from({ length: count }, (_, index) => (BigInt(index) << 64n) | 7n);
    const unlike = (count: number): bigint[] => alike(count).map((key, index) => -(key + 2n ** 80n + BigInt(index)));
    const dict = (keys: bigint[]): unknown => ["dictionary", ...keys.map((key) => [key, 1])];

    // V8 compares each of them with all others: 20,000, which are 260 kB, took a second; 640,000 take a quarter of an hour.
    test.each([
      ["a dict", dict],
      ["a set", (keys: bigint[]) => ["set", ...keys]],
      ["a frozenset", (keys: bigint[]) => ["frozenset", ...keys]],
      ["many dicts", (keys: bigint[]) => ["list", ...keys.map((key) => dict([key]))]],
      [
        "sets of what comes later",
        (keys: bigint[]) => [
          "list",
          ...keys.map((_, index) => ["set", ["dereference", index]]),
          ...keys.map((key, index) => ["reference", index, key]),
        ],
      ],
    ])("is no way to make us compare each with all others: %s", (_, make) => {
      expect(errorOf(() => unjelly(sexp(make(alike(2000)) as any)))).toMatchObject({ code: "JELLY_UNHASHABLE" });
      expect(() => unjelly(sexp(make(alike(1000)) as any))).not.toThrow();
      expect(() => unjelly(sexp(make(unlike(2000)) as any))).not.toThrow();
    });

    test("may have the same key in any number of dicts", () => {
      const dicts = Array.from({ length: 1000 }, () => dict([2n ** 70n]));
      expect(unjelly(sexp(["list", ...dicts] as any))).toHaveLength(1000);
    });
  });

  test("survives a tuple that contains itself as a key, which Python does not have", () => {
    const wire = ["list", ["reference", 1, ["tuple", ["dereference", 1]]], ["dictionary", [["dereference", 1], 1]]];
    const [self, map] = unjelly(sexp(wire)) as any[];
    expect(map.get(self)).toBe(1);
  });

  test("takes no key that has not arrived yet", () => {
    const wire = ["list", ["dictionary", [["dereference", 1], 1]], ["reference", 1, ["tuple", 1]]];
    expect(errorOf(() => unjelly(sexp(wire as any)))).toMatchObject({ code: "JELLY_MALFORMED" });
  });
});

test("errors name the key", () => {
  const lone = "\ud800";
  expect(errorOf(() => jelly({ items: [1, { price: lone }] })).path).toBe("$.items[1].price");
  expect(errorOf(() => jelly({ [lone]: 1 })).path).toBe('$["\\ud800"]');
  expect(errorOf(() => jelly(new Map([[3, lone]]))).path).toBe("$[3]");
  expect(errorOf(() => jelly({ "a b": lone })).path).toBe('$["a b"]');
  expect(errorOf(() => jelly({ ["x".repeat(1e5)]: lone })).message.length).toBeLessThan(500);
  expect(errorOf(() => unjelly(sexp(["dictionary", [["unicode", "a"], ["foo"]]]))).path).toBe("$.a");
});
