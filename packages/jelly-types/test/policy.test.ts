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

describe("SecurityPolicy", () => {
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

  test("allows no names of code by default", () => {
    for (const type of ["class", "module", "function", "method", "instance"]) {
      expect(standard.allowsType(type)).toBe(false);
      const error = errorOf(() => read([type, "os.system"], standard));
      expect(error).toBeInstanceOf(InsecureJellyError);
      expect(error.typeName).toBe(type);
      expect(error.code).toBe("JELLY_NOT_ALLOWED");
    }
  });

  test("is immutable: each change returns a new policy", () => {
    standard.allowTypes("class").allowModules("os").allowInstancesOf("shop.Invoice");
    expect(standard.allowsType("class")).toBe(false);
    expect(standard.allowsModule("os")).toBe(false);
    expect(standard.allowsClass("shop.Invoice")).toBe(false);
  });

  test("allows the module of a class, which is all before the last dot, and no module around it", () => {
    const policy = standard.allowClasses("shop.orders.Invoice", "Plain");
    expect(["shop.orders", "", "shop", "shop.orders.Invoice"].map((name) => policy.allowsModule(name))).toEqual([
      true,
      true,
      false,
      false,
    ]);
    expect(policy.allowsClass("shop.orders.Receipt")).toBe(false);
    expect(policy.allowsClass("shop.Invoice")).toBe(false);
  });

  test("refuses types, but not when it allows all names", () => {
    const policy = standard.refuseTypes("set", "list");
    expect(read(["frozenset"], policy)).toBeDefined();
    for (const wire of [["set"], ["list"]]) expect(() => read(wire, policy)).toThrow(InsecureJellyError);
    expect(read(["list"], policy.allowTypes("list"))).toEqual([]);
    expect(() => everything.refuseTypes("set")).toThrow(TypeError);
  });

  test("allows instances of classes by name, which are read as data", () => {
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

  test("applies the same rules to the old form of instances", () => {
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

  test("does not apply to registered types", () => {
    class Invoice {}
    const registry = new TypeRegistry().registerCopy("Invoice", Invoice);
    expect(unjelly(sexp(["Invoice", ["None"]]), { policy: bare, registry })).toBeInstanceOf(Invoice);
  });

  test("that allows all names still reads them as names only", () => {
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

  test("are sent and read when the policy allows them", () => {
    for (const name of names) expect(unjelly(jelly(name, { policy }), { policy })).toEqual(name);
    expect(names.map(String)).toEqual(["shop.Invoice", "os", "os.getpid", "shop.Invoice.total"]);
  });

  test("are refused in both directions when it does not", () => {
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

  test("of methods have a class, and an instance that may be read later", () => {
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

describe("copies of unregistered classes", () => {
  const keep = { unknownCopies: "keep" } as const;

  test("throw an error with the name of the class", () => {
    const error = errorOf(() => unjelly(sexp(["list", ["shop.Invoice", ["dictionary"]]])));
    expect(error).toBeInstanceOf(InsecureJellyError);
    expect(error).toMatchObject({ typeName: "shop.Invoice", path: "$[0]", code: "JELLY_NOT_ALLOWED" });
    expect(error.message).toContain("shop.Invoice");
  });

  test("are kept and sent on unchanged with unknownCopies: keep", () => {
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

  test("need exactly one state", () => {
    for (const wire of [["a.B"], ["a.B", 1, ["dictionary"]]]) {
      const error = errorOf(() => unjelly(sexp(wire), keep));
      expect(error).toMatchObject({ code: "JELLY_MALFORMED" });
      expect(error.message).toContain("a.B");
    }
  });

  test("cannot have a reserved name of the protocol", () => {
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

  test("with a very long name give a short error message", () => {
    const error = errorOf(() => unjelly(sexp(["x".repeat(50_000), 1])));
    expect(error.message.length).toBeLessThan(500);
  });
});
