import { runInNewContext } from "node:vm";
import { BananaWriter, encode } from "@pb/banana";
import {
  Float,
  FrozenSet,
  Jellier,
  jelly,
  JellyError,
  Tuple,
  tuple,
  TypeRegistry,
  unjelly,
  Unpersistable,
} from "@pb/jelly-types";
import { describe, expect, test } from "vitest";
import { deepInTheStack, errorOf, sexp } from "../helpers/support.js";

class Unregistered {}

/** Writes to bytes, to which the limits of Banana apply. */
function write(value: unknown, options = {}): Uint8Array {
  const writer = new BananaWriter({ dialect: "pb" });
  new Jellier(writer, options).writeGraph(value);
  return writer.take();
}

describe("values that cannot be sent", () => {
  const refused: [string, unknown, string][] = [
    ["a function", () => 1, "JELLY_NOT_JELLYABLE"],
    ["a class", Unregistered, "JELLY_NOT_JELLYABLE"],
    ["a symbol", Symbol("s"), "JELLY_NOT_JELLYABLE"],
    ["an instance of an unregistered class", new Unregistered(), "JELLY_NOT_JELLYABLE"],
    ["an instance of a subclass of Map", new (class extends Map {})(), "JELLY_NOT_JELLYABLE"],
    ["an instance of a subclass of Array", new (class extends Array {})(), "JELLY_NOT_JELLYABLE"],
    ["a WeakMap", new WeakMap(), "JELLY_NOT_JELLYABLE"],
    ["a promise", Promise.resolve(1), "JELLY_NOT_JELLYABLE"],
    ["an error", new Error("x"), "JELLY_NOT_JELLYABLE"],
    ["a regular expression", /x/, "JELLY_NOT_JELLYABLE"],
    ["a boxed string", new String("x"), "JELLY_NOT_JELLYABLE"],
    ["an array of doubles", new Float64Array(1), "JELLY_NOT_JELLYABLE"],
    ["a view on bytes", new DataView(new ArrayBuffer(1)), "JELLY_NOT_JELLYABLE"],
    ["a generator", (function* () {})(), "JELLY_NOT_JELLYABLE"],
    ["a proxy of an instance", new Proxy(new Unregistered(), {}), "JELLY_NOT_JELLYABLE"],
    ["a lone surrogate", "\ud800", "JELLY_LONE_SURROGATE"],
    ["an integer of more than 448 bits", 2n ** 448n, "JELLY_INTEGER_TOO_LARGE"],
    ["a negative integer of more than 448 bits", -(2n ** 448n), "JELLY_INTEGER_TOO_LARGE"],
    ["text of more than 655,360 bytes", "ü".repeat(327_681), "JELLY_STRING_TOO_LONG"],
    ["more than 655,360 bytes", new Uint8Array(655_361), "JELLY_STRING_TOO_LONG"],
    ["a list of more than 655,359 items", new Array(655_360).fill(0), "JELLY_LIST_TOO_LONG"],
    ["a set with a list in it", new Set([[]]), "JELLY_UNHASHABLE"],
  ];

  test.each(refused)("%s throws an error with a code and the path", (_name, invalid, code) => {
    for (const [value, path] of [
      [invalid, "$"],
      [{ items: [1, 2, 3, { price: invalid }] }, "$.items[3].price"],
      [tuple(new Map([[1, invalid]])), "$[0][1]"],
    ] as const) {
      const error = errorOf(() => write(value));
      expect(error).toBeInstanceOf(JellyError);
      expect(error.code).toBe(code);
      expect(error.path.startsWith(path)).toBe(true);
      expect(error.message).toContain("(at $");
    }
  });

  test("the largest values that can be sent", () => {
    expect(unjelly(jelly(2n ** 448n - 1n))).toBe(2n ** 448n - 1n);
    expect(() => write([2n ** 448n - 1n, -(2n ** 448n) + 1n])).not.toThrow();
    expect(() => write(["x".repeat(655_360), new Uint8Array(655_360)])).not.toThrow();
    expect(() => write(new Array(655_359).fill(0))).not.toThrow();
  });

  test("after an error, the caller can truncate the writer and write the next graph", () => {
    const writer = new BananaWriter({ dialect: "pb" });
    const jellier = new Jellier(writer);
    const list = [1];
    const start = writer.position;
    expect(() => jellier.writeGraph([list, list, () => 1])).toThrow(JellyError);
    writer.truncate(start);
    jellier.writeGraph([list]);
    expect(writer.take()).toEqual(encode(jelly([list]), { dialect: "pb" }));
  });
});

test("writes each graph as a new jellier does, whatever it has written before", () => {
  const [list, map, key] = [[1], new Map<unknown, unknown>(), tuple(1, "a")];
  const ring: unknown[] = ["ring"];
  ring.push(ring);
  map.set("self", map).set(key, list);
  const graphs: unknown[] = [
    [list, list, [list]],
    ring,
    map,
    new Set([key, tuple(key, key)]),
    { a: list, b: { c: ring, d: [map, map] } },
    [list, [[() => 1]]], // Fails.
    new Set([tuple(list)]), // Fails.
    Array.from({ length: 300 }, (_, index) => [index, list, { index }]),
  ];
  const written = (jellier: Jellier, writer: BananaWriter, graph: unknown): unknown => {
    const [start, before] = [writer.position, jellier.cycles];
    try {
      jellier.writeGraph(graph);
    } catch (error) {
      writer.truncate(start);
      return error;
    }
    const { cycles } = jellier;
    return [Buffer.from(writer.take()).toString("latin1"), cycles - before];
  };
  const usedWriter = new BananaWriter({ dialect: "pb" });
  const depth = 6; // Few, so that one that is not forgotten is noticed.
  const used = new Jellier(usedWriter, { depth });
  for (let round = 0; round < 3; round++) {
    for (const graph of graphs) {
      const writer = new BananaWriter({ dialect: "pb" });
      expect(written(used, usedWriter, graph)).toStrictEqual(written(new Jellier(writer, { depth }), writer, graph));
    }
  }
});

describe("values that need no registration", () => {
  test("undefined is None in every position", () => {
    expect(unjelly(jelly([undefined, { a: undefined }, new Array(1)]))).toEqual([null, { a: null }, [null]]);
    expect(jelly(undefined)).toEqual(sexp(["None"]));
  });

  test("all byte arrays are bytes", () => {
    const bytes = [
      new Uint8Array([1]),
      Buffer.from([1]),
      new Uint8Array([1]).buffer,
      new Uint8Array([0, 1, 2]).subarray(1, 2),
    ];
    expect(unjelly(jelly(bytes))).toEqual(bytes.map(() => new Uint8Array([1])));
  });

  test("safe integers are ints, other numbers are floats", () => {
    expect(jelly([1, 1n, 2 ** 53 - 1])).toEqual(sexp(["list", 1, 1, 2 ** 53 - 1]));
    const floats = [1.5, -0, NaN, Infinity, 2 ** 53, new Float(2)];
    expect(unjelly(jelly(floats), { floats: "exact" })).toEqual([1.5, -0, NaN, Infinity, 2 ** 53, new Float(2)]);
    expect(unjelly(jelly(2n ** 53n))).toBe(2n ** 53n);
  });

  test("arrays, objects and bytes of another realm", () => {
    const foreign = runInNewContext(
      "({ list: [1, [2]], object: { a: { b: 1 } }, bytes: new Uint8Array([1]), buffer: new Uint8Array([2]).buffer })",
    ) as object;
    expect(Object.getPrototypeOf(foreign)).not.toBe(Object.prototype);
    expect(unjelly(jelly(foreign))).toEqual({
      list: [1, [2]],
      object: { a: { b: 1 } },
      bytes: new Uint8Array([1]),
      buffer: new Uint8Array([2]),
    });
    for (const value of [
      "new Map()",
      "new (class extends Array {})()",
      "new (class X {})()",
      "/x/",
      "new Date()",
      "Object.create({})",
    ]) {
      expect(errorOf(() => jelly(runInNewContext(value))).code, value).toBe("JELLY_NOT_JELLYABLE");
    }
    const list = runInNewContext("const l = []; l.push(l); l") as unknown[];
    const arrived = unjelly(jelly(list)) as unknown[];
    expect(arrived[0]).toBe(arrived);
  });

  test("text of all Unicode characters is not normalized", () => {
    for (const text of ["e\u0301", "\u{1f600}", "\0", "\ufeff", "\uffff", "\u{10ffff}", "a".repeat(1000) + "ü"]) {
      expect(unjelly(jelly(text))).toBe(text);
    }
  });

  test("tuples are tuples, and the result of map is a list", () => {
    const point = tuple(1, "two");
    expect(point).toBeInstanceOf(Tuple);
    expect(point[0]).toBe(1);
    expect(unjelly(jelly(point))).toBeInstanceOf(Tuple);
    expect(Object.getPrototypeOf(unjelly(jelly(point.map((item) => item))))).toBe(Array.prototype);
    expect(tuple(3)).toHaveLength(1);
  });

  test("an Unpersistable is sent on", () => {
    expect(jelly(new Unpersistable("why"))).toEqual(sexp(["unpersistable", "why"]));
  });
});

describe("shared objects", () => {
  test("get ids in the order of second occurrences", () => {
    const [a, b] = [[1], [2]];
    expect(jelly([a, b, b, a])).toEqual(
      sexp([
        "list",
        ["reference", 2, ["list", 1]],
        ["reference", 1, ["list", 2]],
        ["dereference", 1],
        ["dereference", 2],
      ]),
    );
  });

  test("are recognized by identity, not by equality", () => {
    expect(jelly([[1], [1]])).toEqual(sexp(["list", ["list", 1], ["list", 1]]));
  });

  test("are never scalars", () => {
    const bytes = new Uint8Array([120]);
    expect(jelly([bytes, bytes])).toEqual(sexp(["list", "x", "x"]));
  });

  test("are not shared between graphs", () => {
    const writer = new BananaWriter();
    const jellier = new Jellier(writer);
    const list = [1];
    jellier.writeGraph([list, list]);
    const first = writer.take();
    jellier.writeGraph([list, list]);
    expect(writer.take()).toEqual(first);
  });
});

describe("nesting depth", () => {
  class Node {
    child: unknown = null;
  }
  const registry = new TypeRegistry().registerCopy("Node", Node);
  /** Nests values `depth` deep. */
  const nesters: Record<string, (inner: unknown) => unknown> = {
    list: (inner) => [inner],
    tuple: (inner) => tuple(inner),
    object: (inner) => ({ k: inner }),
    map: (inner) => new Map([[1, inner]]),
    frozenset: (inner) => new FrozenSet([inner]),
    copy: (inner) => Object.assign(new Node(), { child: inner }),
    "shared list": (inner) => [inner, inner],
  };
  const nest = (name: string, depth: number): unknown => {
    let value: unknown = null;
    for (let left = depth; left > 0; left--) value = nesters[name]!(value);
    return value;
  };

  test.each(["list", "tuple", "object", "map", "frozenset", "copy", "shared list"])(
    "500 of %s travel, also from deep in the stack; the 501st is too much",
    (name) => {
      const levels = name === "copy" ? 250 : 500; // an instance and its state
      const options = { registry, depth: 500 };
      const value = deepInTheStack(2000, () => unjelly(jelly(nest(name, levels), options), options));
      expect(value).toBeDefined();
      const tooDeep = errorOf(() => deepInTheStack(2000, () => jelly(nest(name, levels + 1), options)));
      expect(tooDeep).toMatchObject({ code: "JELLY_TOO_DEEP" });
      const wire = jelly(nest(name, levels + 1), { registry, depth: 2000 });
      expect(errorOf(() => deepInTheStack(2000, () => unjelly(wire, options)))).toMatchObject({
        code: "JELLY_TOO_DEEP",
      });
    },
  );

  test("the default can be read by a stock Twisted", () => {
    expect(() => jelly(nest("list", 150))).not.toThrow();
    expect(errorOf(() => jelly(nest("list", 151)))).toMatchObject({ code: "JELLY_TOO_DEEP" });
  });

  test("counts nested values, not elements", () => {
    const leaves = [1, "text", new Uint8Array(1), true, null, new Float(1), new Date(0)];
    let value: unknown = leaves;
    for (let left = 149; left > 0; left--) value = [value];
    expect(unjelly(jelly(value), { depth: 150 })).toBeDefined();
  });

  test("does not overflow the stack at any depth that Banana allows", async () => {
    const { decode } = await import("@pb/banana");
    for (const name of Object.keys(nesters)) {
      for (const depth of [330, 500, 1000]) {
        const wire = jelly(nest(name, depth), { registry, depth: 5000 });
        let received;
        try {
          received = decode(encode(wire));
        } catch {
          continue; // the scanner's own limit
        }
        deepInTheStack(3000, () => {
          try {
            unjelly(received, { registry });
          } catch (error) {
            expect(error).toMatchObject({ code: "JELLY_TOO_DEEP" });
          }
        });
      }
    }
  });
});
