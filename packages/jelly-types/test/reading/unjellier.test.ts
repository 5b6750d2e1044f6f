import fc from "fast-check";
import { runInNewContext } from "node:vm";
import { BananaReader, inspectExpression, pb, TreeReader } from "@pb/banana";
import type { Expression } from "@pb/banana";
import { FrozenSet, jelly, JellyError, SecurityPolicy, TypeRegistry, Unjellier, unjelly } from "@pb/jelly-types";
import { describe, expect, test, vi } from "vitest";
import { graph, leaf } from "../helpers/arbitraries.js";
import { difference } from "../helpers/graphs.js";
import { things } from "../helpers/python.js";
import { written } from "../helpers/steps.js";
import { errorOf, processorTime, sexp } from "../helpers/support.js";
import { garbageCollector } from "../../../../tools/gc/garbage-collector.js";

function read(wire: unknown, options = {}): any {
  return unjelly(sexp(wire as any), options);
}

describe("references", () => {
  test("return the same object", () => {
    const [a, b, c] = read([
      "list",
      ["reference", 7, ["list", 1]],
      ["dereference", 7],
      ["reference", "x", ["dictionary"]],
    ]);
    expect(a).toBe(b);
    expect(c).not.toBe(a);
  });

  test("may come before their object, in every kind of container", () => {
    const forward = ["dereference", 1];
    const [list, tuple, dict, map, set, frozenset, target] = read([
      "list",
      ["list", forward],
      ["tuple", forward],
      ["dictionary", [["unicode", "k"], forward]],
      ["dictionary", [1, forward]],
      ["set", forward],
      ["frozenset", forward],
      ["reference", 1, ["tuple", 5]],
    ]);
    for (const found of [list[0], tuple[0], dict.k, map.get(1), [...set][0], [...frozenset][0]])
      expect(found).toBe(target);
    expect(frozenset).toBeInstanceOf(FrozenSet);
  });

  test("may refer to numbers, and need not be dereferenced", () => {
    expect(
      read(["list", ["reference", 1, 5], ["dereference", 1], ["reference", 2, ["None"]], ["dereference", 2]]),
    ).toEqual([5, 5, null, null]);
  });

  test("may be nested directly in each other", () => {
    const [inner, outer] = read([
      "list",
      ["reference", 1, ["reference", 2, ["list", ["dereference", 1]]]],
      ["dereference", 2],
    ]);
    expect(inner).toBe(outer);
    expect(inner[0]).toBe(inner);
    const twice = read(["list", ["dereference", 1], ["reference", 1, ["dereference", 2]], ["reference", 2, ["list"]]]);
    expect(twice[0]).toBe(twice[2]);
    expect(twice[1]).toBe(twice[2]);
  });

  test("distinguish integer ids from text ids", () => {
    const [number, text, big] = read([
      "list",
      ["reference", 1, ["list"]],
      ["reference", "1", ["list"]],
      ["reference", 2n ** 70n, ["list"]],
    ]);
    expect(number).not.toBe(text);
    expect(big).toEqual([]);
  });

  test("to a missing object throw, in every position", () => {
    const registry = new TypeRegistry().registerCopy("T", class {}).registerCopy("F", class {}, { create: () => ({}) });
    for (const wire of [
      ["dereference", 1],
      ["list", ["dereference", 1]],
      ["set", ["dereference", 1]],
      ["reference", 1, ["dereference", 1]],
      ["list", ["reference", 1, ["dereference", 2]], ["reference", 2, ["dereference", 1]]],
      ["T", ["dereference", 1]],
      [
        "T",
        [
          "dictionary",
          [
            ["unicode", "k"],
            ["dereference", 1],
          ],
        ],
      ],
      ["F", ["dereference", 1]],
      ["F", ["list", ["dereference", 1]]],
      ["reference", 1, ["F", ["dereference", 1]]],
      [
        "list",
        ["F", ["dereference", 1]],
        ["reference", 1, ["F", ["dereference", 2]]],
        ["reference", 2, ["list", ["dereference", 3]]],
      ],
    ]) {
      expect(
        errorOf(() => read(wire, { registry })),
        JSON.stringify(wire),
      ).toMatchObject({
        code: "JELLY_UNRESOLVED_REFERENCE",
      });
    }
  });

  test("need unique ids", () => {
    for (const wire of [
      ["list", ["reference", 1, 5], ["reference", 1, 5]],
      ["reference", 1, ["list", ["reference", 1, 5]]],
      ["list", ["dereference", 1], ["reference", 1, ["list"]], ["reference", 1, ["list"]]],
    ]) {
      expect(errorOf(() => read(wire))).toMatchObject({ code: "JELLY_DUPLICATE_REFERENCE" });
    }
  });

  test("in a long backward chain do not overflow the stack", () => {
    const links = Array.from({ length: 20_000 }, (_, index) => [
      "reference",
      20_000 - index,
      ["dereference", 19_999 - index],
    ]);
    const chain = read([
      "list",
      ["dereference", 20_000],
      ...links.slice(0, -1),
      ["reference", 1, ["dereference", 0]],
      ["reference", 0, ["list"]],
    ]);
    expect(chain[0]).toBe(chain.at(-1));
  });

  test("to one shared list take linear time, also for `create` hooks", () => {
    const registry = new TypeRegistry().registerCopy("F", class {}, { create: () => ({}) });
    const made = Array.from({ length: 5000 }, () => ["F", ["tuple", ["dereference", 2], ["dereference", 1]]]);
    const wire = ["list", ["reference", 2, ["list", ["dereference", 1]]], ...made, ["reference", 1, ["list"]]];
    expect(processorTime(() => read(wire, { registry }))).toBeLessThan(2000);
  });
});

describe("one Unjellier", () => {
  test("reads the next graph after an error", () => {
    const unjellier = new Unjellier();
    const from = (wire: unknown): TreeReader => new TreeReader(sexp(wire as any));
    expect(() => unjellier.readGraph(from(["list", ["dereference", 1], ["foo"]]))).toThrow(JellyError);
    expect(unjellier.readGraph(from(["list", ["reference", 1, 5]]))).toEqual([5]);
    expect(errorOf(() => unjellier.readGraph(from(["dereference", 1])))).toMatchObject({
      code: "JELLY_UNRESOLVED_REFERENCE",
    });
  });

  test("may be used by a hook while it reads a graph", () => {
    class Envelope {
      content: unknown;
    }
    const registry = new TypeRegistry();
    const unjellier = new Unjellier({ registry });
    registry.registerCopy("Envelope", Envelope, {
      setState(envelope, state) {
        envelope.content = unjellier.readGraph(new TreeReader(state.inner as Expression));
      },
    });
    const wire = sexp([
      "list",
      ["reference", 1, ["Envelope", ["dictionary", [["unicode", "inner"], 5]]]],
      ["dereference", 1],
    ]);
    const [one, two] = unjellier.readGraph(new TreeReader(wire)) as Envelope[];
    expect(one).toBe(two);
    expect(one!.content).toBe(5);
  });

  test("finds types that are registered later", () => {
    const registry = new TypeRegistry();
    const unjellier = new Unjellier({ registry });
    const wire = sexp(["T", ["dictionary"]]);
    expect(() => unjellier.readGraph(new TreeReader(wire))).toThrow(JellyError);
    class T {}
    registry.registerCopy("T", T);
    expect(unjellier.readGraph(new TreeReader(wire))).toBeInstanceOf(T);
  });
});

describe("one Unjellier that reads many graphs", () => {
  class T {}
  class F {
    constructor(readonly state: unknown) {}
  }
  const registry = new TypeRegistry()
    .registerCopy("T", T)
    .registerCopy("F", F, { create: (state: unknown) => new F(state) })
    .registerCopy("A", class A {}, {
      afterRead: () => {
        completed++;
      },
    });
  /** How many instances of A were completed by the graph that is being read. */
  let completed = 0;
  const deep = (levels: number): unknown => (levels === 0 ? 1 : ["list", deep(levels - 1)]);
  const forward = ["dereference", 1];
  const target = ["reference", 1, ["list", 5]];

  /** Graphs that leave something to be done until they are complete, and graphs that fail at each stage. */
  const graphs: [subject: string, wire: unknown][] = [
    ["a shared object", ["list", target, forward]],
    ["a reference to an object that comes later", ["list", forward, ["set", ["tuple", 1]], target]],
    ["an instance with an incomplete state", ["list", ["T", ["dictionary", [["unicode", "k"], forward]]], target]],
    ["an instance that is created later", ["list", ["F", forward], target]],
    ["an instance that is created later, alone", ["F", ["list", forward, target]]],
    ["instances that are told when the graph is complete", ["list", ["A", ["dictionary"]], ["A", ["dictionary"]]]],
    ["an error after such an instance", ["list", ["A", ["dictionary"]], ["foo"]]],
    ["a set with an incomplete member", ["list", ["set", forward], ["reference", 1, ["tuple", 1]]]],
    ["an incomplete key", ["list", ["dictionary", [["tuple", forward], 1]], ["reference", 1, ["tuple", 5]]]],
    ["an incomplete key without a hash", ["list", ["dictionary", [["tuple", forward], 1]], ["reference", 1, ["list"]]]],
    ["a reference to a missing object", ["list", target, ["dereference", 2]]],
    ["an error in an object that has an id", ["reference", 1, ["list", ["foo"]]]],
    ["an error inside of many lists", ["list", ["list", ["list", ["F", forward], ["foo"]]], target]],
    ["an error in a key", ["dictionary", [["tuple", forward], 1], [["list"], 2]]],
    ["a repeated id", ["list", target, target]],
    ["an error in a text that has an id", ["reference", 1, ["unicode", Uint8Array.of(0xff)]]],
    ["an error in bytes that have an id", ["list", ["reference", 1, ["dereference"]]]],
    ["values with an id that are nested as deep as possible", ["reference", 1, deep(500)]],
    ["values with an id that are nested too deep", ["reference", 1, deep(501)]],
    ["values that are nested as deep as possible", deep(500)],
    ["values that are nested too deep", deep(501)],
    ["a long text and a large number", ["list", ["unicode", "x".repeat(1000)], 2n ** 600n]],
    ["keys that are large numbers", ["dictionary", [2n ** 70n, 1], [2n ** 71n, 2]]],
  ];

  const atOnce = (unjellier: Unjellier, wire: unknown): unknown =>
    unjellier.readGraph(new TreeReader(sexp(wire as any)));

  /** With a pause wherever there may be one. */
  const inSteps = (unjellier: Unjellier, wire: unknown): unknown => {
    const { bytes, lists } = written(sexp(wire as any));
    const reader = new BananaReader().reset(bytes, 0, bytes.length, pb, 0, undefined, lists);
    const steps = unjellier.readGraphInSteps(reader);
    for (;;) {
      const next = steps.next();
      if (next.done === true) return next.value;
    }
  };

  const outcome = (unjellier: Unjellier, wire: unknown, read = atOnce): unknown => {
    completed = 0;
    try {
      const value = read(unjellier, wire);
      return { value, completed };
    } catch (error) {
      return { code: (error as JellyError).code, path: (error as JellyError).path, completed };
    }
  };

  test.each([
    ["at once", atOnce],
    ["in steps", inSteps],
  ])("reads each %s as a new one does, whatever it has read before", (_, read) => {
    const shared = new Unjellier({ registry });
    const { left } = shared.heap;
    for (let round = 0; round < 2; round++) {
      for (const [before, first] of graphs) {
        for (const [subject, wire] of graphs) {
          outcome(shared, first, read);
          const label = `${subject}, after ${before}`;
          expect(outcome(shared, wire, read), label).toEqual(outcome(new Unjellier({ registry }), wire, read));
          expect(shared.heap.left, label).toBe(left);
        }
      }
    }
  });

  test("keeps nothing of a graph that it has read", async () => {
    const collect = garbageCollector();
    for (const read of [atOnce, inSteps]) {
      const shared = new Unjellier({ registry });
      const shapes = [
        ["tuple", 1],
        ["list", 1],
        ["set", 1],
        ["A", ["dictionary"]],
        ["F", ["list"]],
        ["T", ["dictionary"]],
      ];
      const references = shapes.map((shape) => {
        const key = shape[0] === "tuple" ? [["dictionary", [["dereference", 1], 1]]] : [];
        const [object] = read(shared, ["list", ["reference", 1, shape], ["dereference", 1], ...key]) as object[];
        return new WeakRef(object!);
      });
      await vi.waitFor(() => {
        collect();
        expect(shapes.filter((_, index) => references[index]!.deref() !== undefined)).toEqual([]);
      });
      expect(outcome(shared, ["list"], read)).toEqual({ value: [], completed: 0 });
    }
  });

  test.each(graphs.filter(([subject]) => !subject.includes("nested")))("reads %s 1,100 times", (_, wire) => {
    const shared = new Unjellier({ registry });
    const expected = outcome(new Unjellier({ registry }), wire);
    for (let time = 0; time < 1100; time++) {
      const actual = outcome(shared, wire);
      if (time % 300 === 0 || time > 1095) expect(actual).toEqual(expected);
    }
  });

  test("takes the memory of each graph from an allowance that it shares with others", () => {
    const heap = { left: 1e6 };
    const shared = new Unjellier({ heap });
    outcome(shared, ["unicode", "x".repeat(1000)]);
    const one = 1e6 - heap.left;
    expect(one).toBeGreaterThan(1000);
    for (let time = 2; time <= 10; time++) {
      outcome(shared, ["unicode", "x".repeat(1000)]);
      expect(1e6 - heap.left).toBe(time * one);
    }
  });

  test("takes nothing for byte strings without bytes", () => {
    const taken = (element: unknown): number => {
      const heap = { left: 1_000_000 };
      read(["list", ...Array.from({ length: 1000 }, () => element)], { heap });
      return 1_000_000 - heap.left;
    };
    expect(taken(new Uint8Array(0))).toBe(taken(1));
    expect(taken(new Uint8Array(1))).toBeGreaterThan(taken(1) + 50_000);
  });

  test("remembers a bounded number of the atoms that a peer invents", () => {
    const policy = SecurityPolicy.standard;
    const asked = vi.spyOn(policy, "allowsType");
    try {
      const shared = new Unjellier({ policy, unknownCopies: "keep" });
      const atoms = Array.from({ length: 5000 }, (_, index) => `invented${index}`);
      const readAll = () => atoms.forEach((atom) => outcome(shared, [atom, ["dictionary"]]));
      readAll();
      asked.mockClear();
      readAll();
      // The policy is asked again about each atom that is not remembered.
      const forgotten = new Set(asked.mock.calls.map(([atom]) => atom).filter((atom) => atom.startsWith("invented")));
      expect(forgotten.size).toBeGreaterThan(4000);
      expect(forgotten.size).toBeLessThan(5000);
    } finally {
      asked.mockRestore();
    }
  });
});

test("the value itself may be an instance that is created when the graph is complete", () => {
  class Envelope {
    constructor(readonly state: unknown) {}
  }
  const registry = new TypeRegistry().registerCopy("Envelope", Envelope, { create: (state) => new Envelope(state) });
  const wire = sexp(["Envelope", ["list", ["dereference", 1], ["reference", 1, ["list", 5]]]]);
  const value = unjelly(wire, { registry });
  expect(value).toBeInstanceOf(Envelope);
  expect(value).toEqual(new Envelope([[5], [5]]));
});

test("exactness options keep differences that JavaScript values lose", () => {
  const wire = sexp(["list", 1, ["dictionary", [["unicode", "a"], 2]]]);
  expect(unjelly(wire)).toEqual([1, { a: 2 }]);
  expect(unjelly(wire, { integers: "bigint", dicts: "map" })).toEqual([1n, new Map([["a", 2n]])]);
});

describe("any s-expression", () => {
  class Made {
    constructor(readonly state: unknown) {}
  }
  const registry = new TypeRegistry()
    .registerCopy("T", class T {})
    .registerCopy("F", Made, { create: (state) => new Made(state) });

  const atom = fc.constantFrom("list", "tuple", "set", "frozenset", "dictionary", "T", "F", "x.Y", "unicode", "boolean", "None",
    "datetime", "date", "time", "timedelta", "decimal", "unpersistable", "persistent", "class", "module", "function", "method",
    "instance", "reference", "dereference", "remote", "__proto__", "constructor", "toString", ""); // prettier-ignore
  const { wire } = fc.letrec((tie) => ({
    wire: fc.oneof(
      { depthSize: "large", withCrossShrink: true },
      fc.integer({ min: -3, max: 3 }),
      fc.constantFrom("x", "true", "2020 1 1", "__proto__", ""),
      tie("list"),
    ),
    list: fc.oneof(
      {
        weight: 6,
        arbitrary: fc.tuple(atom, fc.array(tie("wire"), { maxLength: 4 })).map(([word, rest]) => [word, ...rest]),
      },
      { weight: 3, arbitrary: fc.tuple(fc.nat(3), tie("wire")).map(([id, value]) => ["reference", id, value]) },
      { weight: 3, arbitrary: fc.nat(3).map((id) => ["dereference", id]) },
      {
        weight: 3,
        arbitrary: fc
          .array(fc.tuple(fc.constantFrom(["unicode", "k"], ["unicode", "__proto__"], 1), tie("wire")), {
            maxLength: 3,
          })
          .map((entries) => ["dictionary", ...entries]),
      },
      { weight: 2, arbitrary: fc.tuple(fc.constantFrom("T", "F", "x.Y"), tie("list")) },
    ),
  }));

  test("is read as a value without placeholders, or throws a JellyError", () => {
    const before = Object.getOwnPropertyNames(Object.prototype).length;
    fc.assert(
      fc.property(wire, fc.boolean(), (written, everything) => {
        const policy = everything ? SecurityPolicy.everything : SecurityPolicy.standard;
        try {
          requireWhole(unjelly(sexp(written as any), { registry, policy, unknownCopies: "keep" }));
        } catch (error) {
          expect(error).toBeInstanceOf(JellyError);
        }
        expect(Object.getOwnPropertyNames(Object.prototype).length).toBe(before);
      }),
      { numRuns: 3000 },
    );
  });
});

/** Throws when a value contains a placeholder or another internal object of the unjellier. */
function requireWhole(value: unknown): void {
  const seen = new Set([value]);
  for (const item of seen) {
    if (typeof item !== "object" || item === null) continue;
    expect(Object.getPrototypeOf(item)?.constructor.name).not.toBe("Placeholder");
    const parts =
      item instanceof Map ? [...item].flat() : Symbol.iterator in item ? [...(item as any)] : Object.values(item);
    for (const part of parts) seen.add(part);
  }
}

test("returns every value and every graph unchanged", () => {
  const exact = { integers: "bigint", floats: "exact", dicts: "map", registry: things } as const;
  fc.assert(
    fc.property(fc.oneof(leaf, graph), (value) => {
      expect(difference(unjelly(jelly(value, { registry: things }), exact), value)).toBeUndefined();
    }),
    { numRuns: 2000 },
  );
});

describe("what is no expression", () => {
  test.each([
    ["text", "abc"],
    ["JSON", '["list", 1]'],
    ["null", null],
    ["undefined", undefined],
    ["a boolean", true],
    ["an ArrayBuffer", new ArrayBuffer(3)],
    ["other numbers", new Uint16Array(2)],
    ["a Date", new Date(0)],
  ])("(%s) is refused, alone and in a list", (_name, value) => {
    const list = new TextEncoder().encode("list");
    for (const expression of [value, [list, value], [list, [list, value]]])
      expect(() => unjelly(expression as never)).toThrow(/^Banana has no/);
    expect(() => inspectExpression(value as never)).toThrow(TypeError);
  });

  test("does not include bytes of another realm", () => {
    const foreign = (text: string): Uint8Array =>
      runInNewContext("Uint8Array.from(bytes)", { bytes: [...Buffer.from(text)] }) as Uint8Array;
    expect(foreign("x")).not.toBeInstanceOf(Uint8Array);
    expect(unjelly([foreign("list"), [foreign("unicode"), foreign("abc")], [foreign("None")]])).toEqual(["abc", null]);
  });
});
