// Names that a class can have on the wire.

import { describe, expect, test } from "vitest";
import { jelly, JellyError, TypeRegistry, unjelly } from "@pb/jelly-types";
import { errorOf, sexp } from "./helpers/support.js";

class Fruit {
  color = "red";
}

const WORDS =
  "None boolean unicode decimal datetime time date timedelta set frozenset list tuple dictionary reference dereference " +
  "persistent unpersistable class module function method instance remote local cached lcache copy cache";

describe("a class cannot have a name", () => {
  test.each([...WORDS.split(" "), "", "no spaces", "Früchte", "a\nb", "tab\t"])("that is %j", (name) => {
    expect(() => new TypeRegistry().registerCopy(name, Fruit)).toThrow(TypeError);
    expect(() => new TypeRegistry().registerCopy("shop.Fruit", Fruit, { aliases: [name] })).toThrow(TypeError);
  });

  test("of another type than text", () => {
    expect(() => new TypeRegistry().registerCopy(5 as never, Fruit)).toThrow("must be a text");
  });
});

test("names that only look like words of Jelly are accepted", () => {
  for (const name of ["List", "shop.list", "none", "dict", "builtins.set", "message"])
    expect(() => new TypeRegistry().registerCopy(name, Fruit)).not.toThrow();
});

describe("a class with several names", () => {
  const registry = new TypeRegistry().registerCopy("shop.Fruit", Fruit, { aliases: ["__main__.Fruit", "Fruit"] });

  test("is received under each of them, and sent under the first one", () => {
    for (const name of ["shop.Fruit", "__main__.Fruit", "Fruit"]) {
      const fruit = unjelly(
        sexp([
          name,
          [
            "dictionary",
            [
              ["unicode", "color"],
              ["unicode", "green"],
            ],
          ],
        ]),
        { registry },
      );
      expect(fruit).toBeInstanceOf(Fruit);
      expect((fruit as Fruit).color).toBe("green");
    }
    expect(jelly(new Fruit(), { registry })).toEqual(
      sexp([
        "shop.Fruit",
        [
          "dictionary",
          [
            ["unicode", "color"],
            ["unicode", "red"],
          ],
        ],
      ]),
    );
  });

  test("keeps its other names for itself", () => {
    expect(() => registry.registerCopy("Fruit", class Other {})).toThrow("The type Fruit is registered already");
    expect(() => new TypeRegistry().registerCopy("a.A", Fruit).registerCopy("b.B", Fruit)).toThrow(
      "The class Fruit is registered already, as a.A: give its other names as aliases",
    );
    expect(() => new TypeRegistry().registerCopy("a.A", Fruit, { aliases: ["a.A"] })).not.toThrow();
  });

  test("has a sound error for a wrong state under each name", () => {
    expect(errorOf(() => unjelly(sexp(["__main__.Fruit", ["list"]]), { registry }))).toBeInstanceOf(JellyError);
  });
});
