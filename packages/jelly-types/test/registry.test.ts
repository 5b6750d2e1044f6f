import { jelly, TypeRegistry, unjelly } from "@pb/jelly-types";
import { expect, test } from "vitest";
import { errorOf, sexp } from "./helpers/support.js";

class Account {}
class Other {}

test("a registry sees what its parent learns later", () => {
  const parent = new TypeRegistry();
  const child = new TypeRegistry(parent);
  expect(errorOf(() => jelly(new Account(), { registry: child })).code).toBe("JELLY_NOT_JELLYABLE");
  parent.registerCopy("Account", Account);
  expect(jelly(new Account(), { registry: child })).toEqual(sexp(["Account", ["dictionary"]]));
  expect(unjelly(sexp(["Account", ["dictionary"]]), { registry: child })).toBeInstanceOf(Account);
});

test("a child stands in front of its parent, which knows nothing of it", () => {
  const parent = new TypeRegistry().registerCopy("Account", Account);
  const child = new TypeRegistry(parent).registerCopy("Account", Other).registerCopy("Konto", Account);
  expect(unjelly(sexp(["Account", ["dictionary"]]), { registry: child })).toBeInstanceOf(Other);
  expect(jelly(new Account(), { registry: child })).toEqual(sexp(["Konto", ["dictionary"]]));
  expect(jelly(new Account(), { registry: parent })).toEqual(sexp(["Account", ["dictionary"]]));
});

test("two registries know nothing of each other", () => {
  new TypeRegistry().registerCopy("Account", Account);
  expect(() => jelly(new Account(), { registry: new TypeRegistry() })).toThrow();
});

test("one name and one class are registered once", () => {
  const registry = new TypeRegistry().registerCopy("Account", Account);
  expect(() => registry.registerCopy("Account", Other)).toThrow("already");
  expect(() => registry.registerCopy("Other", Account)).toThrow("already");
  expect(unjelly(sexp(["Account", ["dictionary"]]), { registry })).toBeInstanceOf(Account);
});

test("what makes a graph cannot be registered", () => {
  expect(() => new TypeRegistry().registerCopy("reference", Account)).toThrow(TypeError);
});

test("a sealed registry takes no more, but can be extended", () => {
  const registry = new TypeRegistry().seal();
  expect(() => registry.registerCopy("Account", Account)).toThrow("sealed");
  expect(() => new TypeRegistry(registry).registerCopy("Account", Account)).not.toThrow();
});

test("a registered type takes the place of a standard one", () => {
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
