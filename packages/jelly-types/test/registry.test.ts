import { madeBy } from "@pb/banana";
import type { PackageCopy } from "@pb/banana";
import { InsecureJellyError, jelly, JellyError, TypeRegistry, unjelly } from "@pb/jelly-types";
import { describe, expect, test } from "vitest";
import { errorOf, sexp } from "./helpers/support.js";

class Account {}
class Other {}

describe("TypeRegistry", () => {
  test("finds types that are registered in the parent later", () => {
    const parent = new TypeRegistry();
    const child = new TypeRegistry(parent);
    expect(errorOf(() => jelly(new Account(), { registry: child })).code).toBe("JELLY_NOT_JELLYABLE");
    parent.registerCopy("Account", Account);
    expect(jelly(new Account(), { registry: child })).toEqual(sexp(["Account", ["dictionary"]]));
    expect(unjelly(sexp(["Account", ["dictionary"]]), { registry: child })).toBeInstanceOf(Account);
  });

  test("takes precedence over its parent, and does not change it", () => {
    const parent = new TypeRegistry().registerCopy("Account", Account);
    const child = new TypeRegistry(parent).registerCopy("Account", Other).registerCopy("Konto", Account);
    expect(unjelly(sexp(["Account", ["dictionary"]]), { registry: child })).toBeInstanceOf(Other);
    expect(jelly(new Account(), { registry: child })).toEqual(sexp(["Konto", ["dictionary"]]));
    expect(jelly(new Account(), { registry: parent })).toEqual(sexp(["Account", ["dictionary"]]));
  });

  test("shares nothing with another registry", () => {
    new TypeRegistry().registerCopy("Account", Account);
    expect(() => jelly(new Account(), { registry: new TypeRegistry() })).toThrow();
  });

  test("refuses a name or a class that is registered already", () => {
    const registry = new TypeRegistry().registerCopy("Account", Account);
    expect(() => registry.registerCopy("Account", Other)).toThrow("already");
    expect(() => registry.registerCopy("Other", Account)).toThrow("already");
    expect(unjelly(sexp(["Account", ["dictionary"]]), { registry })).toBeInstanceOf(Account);
  });

  test("refuses the atoms of references", () => {
    expect(() => new TypeRegistry().registerCopy("reference", Account)).toThrow(TypeError);
  });

  test.each(["its own", "its parent's"])("tells objects of another copy of a package: %s", (whose) => {
    const copyOf = (version: string) =>
      class {
        get [madeBy](): PackageCopy {
          return { name: "@shop/parts", version };
        }
      };
    const [Here, There] = [copyOf("1.0.0"), copyOf("2.0.0")];
    const parts = new TypeRegistry().registerCopy("Account", Account).registerCopy("Part", Here);
    const registry = whose === "its own" ? parts : new TypeRegistry(parts).registerCopy("Other", Other);
    const text = /created by another copy of @shop\/parts \(2\.0\.0; this is 1\.0\.0\)/;
    expect(() => jelly(new There(), { registry })).toThrow(text);
    expect(() => jelly(new (class Unknown {})(), { registry })).not.toThrow(/another copy/);
  });

  test("refuses registrations after seal, but can be extended", () => {
    const registry = new TypeRegistry().seal();
    expect(() => registry.registerCopy("Account", Account)).toThrow("sealed");
    expect(() => new TypeRegistry(registry).registerCopy("Account", Account)).not.toThrow();
  });

  test("replaces a standard type", () => {
    const registry = new TypeRegistry().register<Date>({
      atoms: ["datetime"],
      classes: [Date],
      isScalar: true,
      jelly(value, { writer }) {
        writer.list(2);
        writer.word("datetime");
        writer.word(String(value.getUTCFullYear()) + " 1 1");
      },
      unjelly({ reader }) {
        return new Date(`${reader.word().slice(0, 4)}-01-01T00:00:00Z`);
      },
    });
    const date = new Date("2020-01-01T00:00:00Z");
    expect(unjelly(jelly(date, { registry }), { registry })).toEqual(date);
  });
});

test("a handler without jelly only reads", () => {
  const registry = new TypeRegistry().register({
    atoms: ["Account"],
    classes: [],
    unjelly(unjellier, items) {
      unjellier.skip(items);
      return new Account();
    },
  });
  expect(unjelly(sexp(["Account"]), { registry })).toBeInstanceOf(Account);
  const error = errorOf(() => jelly({ account: new Account() }, { registry }));
  expect(error).toBeInstanceOf(JellyError);
  expect(error).toMatchObject({ code: "JELLY_NOT_JELLYABLE", path: "$.account" });
});

test("a handler without unjelly only writes", () => {
  const registry = new TypeRegistry().register({
    atoms: [],
    classes: [Account],
    jelly(_account, { writer }) {
      writer.list(1);
      writer.word("Account");
    },
  });
  const written = jelly(new Account(), { registry });
  expect(written).toEqual(sexp(["Account"]));
  const error = errorOf(() => unjelly(written, { registry }));
  expect(error).toBeInstanceOf(InsecureJellyError);
  expect(error).toMatchObject({ code: "JELLY_NOT_ALLOWED", typeName: "Account" });
});

test("register refuses atoms without unjelly and classes without jelly, and then registers nothing", () => {
  const registry = new TypeRegistry();
  const jellyAccount = () => undefined;
  const unjellyAccount = () => new Account();
  expect(() => registry.register({ atoms: ["Account"], classes: [Account], jelly: jellyAccount })).toThrow(
    new TypeError("The handler of the atom Account has no unjelly method"),
  );
  expect(() => registry.register({ atoms: ["Account"], classes: [Account], unjelly: unjellyAccount })).toThrow(
    new TypeError("The handler of the class Account has no jelly method"),
  );
  expect(registry.reading("Account")).toBeUndefined();
  expect(registry.writing(new Account())).toBeUndefined();
});
