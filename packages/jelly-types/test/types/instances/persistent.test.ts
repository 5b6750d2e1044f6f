import { decode, encode } from "@pb/banana";
import { jelly, TypeRegistry, unjelly, Unpersistable } from "@pb/jelly-types";
import { expect, test } from "vitest";
import { errorOf, sexp } from "../../helpers/support.js";

class Table {
  constructor(readonly name: string) {}
}
const tables = new Map(["users", "orders"].map((name) => [name, new Table(name)]));
const text = new TextDecoder();

const persistentStore = (instance: object): Uint8Array | undefined =>
  instance instanceof Table ? new TextEncoder().encode(instance.name) : undefined;
const persistentLoad = (id: unknown): unknown => tables.get(text.decode(id as Uint8Array));

test("writes an instance as its id, and reads the same instance", () => {
  const wire = jelly({ from: tables.get("users") }, { persistentStore });
  expect(wire).toEqual(
    sexp([
      "dictionary",
      [
        ["unicode", "from"],
        ["persistent", "users"],
      ],
    ]),
  );
  expect(unjelly(decode(encode(wire)), { persistentLoad })).toEqual({ from: tables.get("users") });
});

test("dereferences an instance that occurs twice", () => {
  const users = tables.get("users");
  const wire = jelly([users, users], { persistentStore });
  expect(wire).toEqual(sexp(["list", ["reference", 1, ["persistent", "users"]], ["dereference", 1]]));
  expect(unjelly(wire, { persistentLoad })).toEqual([users, users]);
});

test("calls persistentStore for instances only, and sends the instance when it returns undefined", () => {
  const asked: object[] = [];
  const store = (instance: object): undefined => void asked.push(instance);
  const registry = new TypeRegistry().registerCopy("Table", Table);
  const users = tables.get("users")!;
  const wire = jelly([users, [], {}, new Map(), new Date(0), new Uint8Array(1), "x"], {
    registry,
    persistentStore: store,
  });
  expect(asked).toEqual([users]);
  expect(wire).toContainEqual(
    sexp([
      "Table",
      [
        "dictionary",
        [
          ["unicode", "name"],
          ["unicode", "users"],
        ],
      ],
    ]),
  );
  expect(errorOf(() => jelly([users], { persistentStore: store }))).toMatchObject({ code: "JELLY_NOT_JELLYABLE" });
});

test("an id may be any expression", () => {
  const wire = jelly(tables.get("users"), { persistentStore: () => [1, [2.5, new Uint8Array([120])]] });
  expect(unjelly(wire, { persistentLoad: (id) => ({ id }) })).toEqual({ id: [1, [2.5, new Uint8Array([120])]] });
});

test("reads an Unpersistable without persistentLoad, as Twisted does", () => {
  expect(unjelly(sexp(["persistent", "x"]))).toEqual(new Unpersistable("Persistent callback not found"));
  expect(errorOf(() => unjelly(sexp(["persistent"])))).toMatchObject({ code: "JELLY_MALFORMED" });
});

test("an Unpersistable has a text for any kind of reason", () => {
  const reasons: [unknown, string][] = [
    ["why", "why"],
    [new Uint8Array([0xc3, 0xbc]), "ü"],
    [new Uint8Array([0xff]), "\ufffd"],
    [5, "5"],
    [["unicode", "x"], "(unicode x)"],
  ];
  for (const [reason, words] of reasons) {
    const found = unjelly(sexp(["unpersistable", reason] as any)) as Unpersistable;
    expect(found.reason).toBe(words);
    expect(String(found)).toBe(words);
  }
  expect(errorOf(() => unjelly(sexp(["unpersistable"])))).toMatchObject({ code: "JELLY_MALFORMED" });
});
