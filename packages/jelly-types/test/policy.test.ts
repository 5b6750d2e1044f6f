import {
  InsecureJellyError,
  jelly,
  PythonName,
  SecurityPolicy,
  TypeRegistry,
  UnknownCopy,
  unjelly,
} from "@pb/jelly-types";
import { describe, expect, test } from "vitest";
import { errorOf, sexp } from "./helpers/support.js";

function read(wire: unknown, policy: SecurityPolicy): unknown {
  return unjelly(sexp(wire as any), { policy });
}

const { bare, standard, everything } = SecurityPolicy;

describe("a policy", () => {
  test("allows scalars and sets when bare, and nothing else", () => {
    for (const type of [
      "None",
      "boolean",
      "unicode",
      "decimal",
      "datetime",
      "date",
      "time",
      "timedelta",
      "set",
      "frozenset",
    ]) {
      expect(bare.allowsType(type)).toBe(true);
    }
    for (const type of ["list", "tuple", "dictionary", "reference", "dereference", "unpersistable", "persistent"]) {
      expect(bare.allowsType(type)).toBe(false);
      expect(bare.allowBasicTypes().allowsType(type)).toBe(true);
      expect(standard.allowsType(type)).toBe(true);
    }
  });

  test("does not name code by default", () => {
    for (const type of ["class", "module", "function", "method", "instance"]) {
      expect(standard.allowsType(type)).toBe(false);
      const error = errorOf(() => read([type, "os.system"], standard));
      expect(error).toBeInstanceOf(InsecureJellyError);
      expect(error.typeName).toBe(type);
      expect(error.code).toBe("JELLY_NOT_ALLOWED");
    }
  });

  test("never changes: allowing more makes a new one", () => {
    standard.allowTypes("class").allowModules("os").allowInstancesOf("shop.Invoice");
    expect(standard.allowsType("class")).toBe(false);
    expect(standard.allowsModule("os")).toBe(false);
    expect(standard.allowsClass("shop.Invoice")).toBe(false);
  });

  test("can have types taken away, except from all names", () => {
    const policy = standard.refuseTypes("set", "list");
    expect(read(["frozenset"], policy)).toBeDefined();
    for (const wire of [["set"], ["list"]]) expect(() => read(wire, policy)).toThrow(InsecureJellyError);
    expect(read(["list"], policy.allowTypes("list"))).toEqual([]);
    expect(() => everything.refuseTypes("set")).toThrow(TypeError);
  });

  test("allows instances of classes by name: they arrive as data", () => {
    const policy = bare.allowInstancesOf("shop.Invoice");
    const wire = ["shop.Invoice", ["dictionary", [["unicode", "n"], 1]]];
    expect(read(wire, policy)).toEqual(Object.assign(new UnknownCopy("shop.Invoice"), { state: { n: 1 } }));
    expect(read(["class", "shop.Invoice"], policy)).toEqual(new PythonName("class", "shop.Invoice"));
    expect(read(["module", "shop"], policy)).toEqual(new PythonName("module", "shop"));
    expect(policy.allowsType("list")).toBe(true);
    expect(policy.allowsType("function")).toBe(false);
    expect(errorOf(() => read(["shop.Ledger", ["dictionary"]], policy))).toMatchObject({ typeName: "shop.Ledger" });
    expect(errorOf(() => read(["bank.Invoice", ["dictionary"]], policy)).message).toContain("module bank");
  });

  test("reads the instances of old peers under the same conditions", () => {
    const policy = standard.allowInstancesOf("shop.Invoice");
    const wire = ["instance", ["class", "shop.Invoice"], ["dictionary", [["unicode", "n"], 1]]];
    expect(read(wire, policy)).toMatchObject({ name: "shop.Invoice", state: { n: 1 } });
    class Invoice {}
    const registry = new TypeRegistry().registerCopy("shop.Invoice", Invoice);
    expect(unjelly(sexp(wire as any), { policy, registry })).toBeInstanceOf(Invoice);
    expect(errorOf(() => read(["instance", ["class", "os.X"], ["dictionary"]], policy))).toMatchObject({
      typeName: "os.X",
    });
    expect(errorOf(() => read(["instance", 5, ["dictionary"]], policy))).toMatchObject({ code: "JELLY_MALFORMED" });
    expect(errorOf(() => read(["instance"], policy))).toMatchObject({ code: "JELLY_MALFORMED" });
  });

  test("does not stand in the way of what is registered", () => {
    class Invoice {}
    const registry = new TypeRegistry().registerCopy("Invoice", Invoice);
    expect(unjelly(sexp(["Invoice", ["None"]]), { policy: bare, registry })).toBeInstanceOf(Invoice);
  });

  test("of tools allows all names, and still makes nothing but names of them", () => {
    expect(read(["function", "os.system"], everything)).toEqual(new PythonName("function", "os.system"));
    expect(read(["os.system", ["list"]], everything)).toMatchObject({ name: "os.system", state: [] });
    expect(errorOf(() => read(["remote", 1], everything))).toBeInstanceOf(InsecureJellyError);
  });
});

describe("Python names", () => {
  const policy = standard
    .allowTypes("class", "module", "function", "method")
    .allowModules("os", "shop")
    .allowClasses("shop.Invoice");
  const names = [
    new PythonName("class", "shop.Invoice"),
    new PythonName("module", "os"),
    new PythonName("function", "os.getpid"),
    new PythonName("method", "total", [1], new PythonName("class", "shop.Invoice")),
  ];

  test("travel where a policy allows them", () => {
    for (const name of names) expect(unjelly(jelly(name, { policy }), { policy })).toEqual(name);
    expect(names.map(String)).toEqual(["shop.Invoice", "os", "os.getpid", "shop.Invoice.total"]);
  });

  test("are refused on both sides where none does", () => {
    for (const name of names) {
      expect(errorOf(() => jelly([name]))).toBeInstanceOf(InsecureJellyError);
      expect(errorOf(() => unjelly(jelly(name, { policy })))).toBeInstanceOf(InsecureJellyError);
    }
    for (const name of [
      new PythonName("class", "shop.Ledger"),
      new PythonName("class", "str"),
      new PythonName("module", "sys"),
      new PythonName("function", "sys.exit"),
      new PythonName("method", "total", null, new PythonName("class", "shop.Ledger")),
    ]) {
      expect(errorOf(() => jelly(name, { policy })).code, String(name)).toBe("JELLY_NOT_ALLOWED");
      expect(errorOf(() => unjelly(jelly(name, { policy: everything }), { policy })).code).toBe("JELLY_NOT_ALLOWED");
    }
  });

  test("of methods have a class, and an instance that may arrive later", () => {
    expect(errorOf(() => jelly(new PythonName("method", "m"), { policy }))).toMatchObject({
      code: "JELLY_NOT_JELLYABLE",
    });
    for (const wire of [["method", "m"], ["method", "m", 1, 2], ["class"], ["class", 5]]) {
      expect(errorOf(() => read(wire, policy))).toMatchObject({ code: "JELLY_MALFORMED" });
    }
    const wire = ["list", ["method", "m", ["dereference", 1], ["class", "shop.Invoice"]], ["reference", 1, ["list"]]];
    const [method, self] = read(wire, policy) as [PythonName, unknown];
    expect(method.self).toBe(self);
  });
});

describe("copies of classes that nobody registered", () => {
  const keep = { unknownCopies: "keep" } as const;

  test("are an error that names the class", () => {
    const error = errorOf(() => unjelly(sexp(["list", ["shop.Invoice", ["dictionary"]]])));
    expect(error).toBeInstanceOf(InsecureJellyError);
    expect(error).toMatchObject({ typeName: "shop.Invoice", path: "$[0]", code: "JELLY_NOT_ALLOWED" });
    expect(error.message).toContain("shop.Invoice");
  });

  test("are kept and sent on unchanged, where asked for", () => {
    for (const wire of [
      ["shop.Invoice", ["dictionary", [["unicode", "n"], 1], ["b", ["None"]]]],
      ["tag", 5],
      [
        "list",
        [
          "reference",
          1,
          [
            "a.B",
            [
              "dictionary",
              [
                ["unicode", "me"],
                ["dereference", 1],
              ],
            ],
          ],
        ],
        ["dereference", 1],
      ],
    ]) {
      const expression = sexp(wire);
      expect(jelly(unjelly(expression, { ...keep, dicts: "map" }))).toEqual(expression);
    }
  });

  test("have a name and one state", () => {
    for (const wire of [["a.B"], ["a.B", 1, ["dictionary"]]]) {
      const error = errorOf(() => unjelly(sexp(wire), keep));
      expect(error).toMatchObject({ code: "JELLY_MALFORMED" });
      expect(error.message).toContain("a.B");
    }
  });

  test("do not take the words of the protocol", () => {
    for (const word of [
      "remote",
      "local",
      "cached",
      "lcache",
      "copy",
      "cache",
      "class",
      "function",
      "module",
      "method",
    ]) {
      expect(
        errorOf(() => unjelly(sexp([word, "x"]), keep)),
        word,
      ).toBeInstanceOf(InsecureJellyError);
    }
  });

  test("with a name as long as a novel make a short message", () => {
    const error = errorOf(() => unjelly(sexp(["x".repeat(50_000), 1])));
    expect(error.message.length).toBeLessThan(500);
  });
});
