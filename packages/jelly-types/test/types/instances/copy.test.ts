import { BananaReader, decode, encode, pb, runSteps, Scanner } from "@pb/banana";
import { jelly, JellyError, TypeRegistry, unjelly, Unjellier, setOwnProperties } from "@pb/jelly-types";
import { describe, expect, test } from "vitest";
import { errorOf, sexp } from "../../helpers/support.js";

class Invoice {
  number = 0;
  lines: Line[] = [];
  constructor(number = 0) {
    ran.push("constructor");
    this.number = number;
  }
  total(): number {
    return this.lines.reduce((sum, line) => sum + line.price, 0);
  }
}

class Line {
  invoice: Invoice | undefined;
  price = 0;
}

const ran: string[] = [];
const types = new TypeRegistry().registerCopy("shop.Invoice", Invoice).registerCopy("shop.Line", Line);

function travel<T>(value: T, registry = types, options = {}): T {
  const bytes = encode(jelly(value, { registry }), { dialect: "pb" });
  return unjelly(decode(bytes, { dialect: "pb" }), { registry, ...options }) as T;
}

describe("a class registered by name", () => {
  test("is written as its name and its own properties", () => {
    const expression = jelly(new Invoice(7), { registry: types });
    expect(expression).toEqual(
      sexp(["shop.Invoice", ["dictionary", [["unicode", "number"], 7], [["unicode", "lines"], ["list"]]]]),
    );
  });

  test("is read as an instance whose constructor has not run", () => {
    const invoice = new Invoice(7);
    ran.length = 0;
    const arrived = travel(invoice);
    expect(arrived).toBeInstanceOf(Invoice);
    expect(arrived).toEqual(invoice);
    expect(arrived.total()).toBe(0);
    expect(ran).toEqual([]);
  });

  test("keeps cycles between instances", () => {
    const invoice = new Invoice(1);
    const line = new Line();
    line.invoice = invoice;
    invoice.lines = [line, line];
    const arrived = travel(invoice);
    expect(arrived.lines[0]).toBe(arrived.lines[1]);
    expect(arrived.lines[0]!.invoice).toBe(arrived);
  });

  test("may contain itself directly, which Twisted cannot read", () => {
    const line = new Line() as Line & { me: unknown };
    line.me = line;
    const arrived = travel(line);
    expect(arrived.me).toBe(arrived);
  });

  test("keeps cycles through dicts, sets, maps and tuples", () => {
    const line = new Line() as unknown as Record<string, unknown>;
    line.dict = { line };
    line.set = new Set([line]);
    line.map = new Map([[1, line]]);
    const arrived = travel(line) as any;
    expect(arrived.dict.line).toBe(arrived);
    expect([...arrived.set]).toEqual([arrived]);
    expect(arrived.map.get(1)).toBe(arrived);
  });

  test("accepts attribute names that are bytes, as old peers send them", () => {
    const arrived = unjelly(sexp(["shop.Line", ["dictionary", ["price", 5]]]), { registry: types });
    expect(arrived).toEqual(Object.assign(Object.create(Line.prototype), { price: 5 }));
  });

  describe("with attribute names that are bytes, passes on a state whose", () => {
    class Kept {
      constructor(readonly state: unknown) {}
    }
    const registry = new TypeRegistry().registerCopy("shop.Kept", Kept, {
      create: (state) => new Kept(state),
      getState: () => ({}),
    });
    const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text);
    const stateOf = (wire: Parameters<typeof sexp>[0]): unknown =>
      (unjelly(sexp(["shop.Kept", wire]), { registry }) as Kept).state;

    test("keys are all names as an object", () => {
      const state = stateOf(["dictionary", [utf8("größe"), 1], [["unicode", "b"], 2], [utf8("7"), 3], [utf8("b"), 4]]);
      expect(state).toEqual(Object.assign(Object.create(null), { 7: 3, größe: 1, b: 4 }));
    });

    test("other keys make it a Map with all keys as they were sent", () => {
      const state = stateOf(["dictionary", [utf8("a"), 1], [["unicode", "b"], 2], [5, 3], [utf8("c"), 4]]);
      expect(state).toEqual(new Map<unknown, unknown>([[utf8("a"), 1], ["b", 2], [5, 3], [utf8("c"), 4]])); // prettier-ignore
    });

    test("entries are a shared dict, whose keys stay bytes elsewhere", () => {
      const dict = ["reference", 1, ["dictionary", [utf8("a"), 1]]];
      const [shared, copy] = unjelly(sexp(["list", dict, ["shop.Kept", ["dereference", 1]]]), { registry }) as [
        unknown,
        Kept,
      ];
      expect(shared).toEqual(new Map([[utf8("a"), 1]]));
      expect(copy.state).toEqual(Object.assign(Object.create(null), { a: 1 }));
    });

    test("values are dicts with such keys, which stay bytes", () => {
      const inner = new Map([[utf8("b"), 1]]);
      expect(stateOf(["dictionary", [utf8("a"), ["dictionary", [utf8("b"), 1]]]])).toMatchObject({ a: inner });
    });

    test("name is not UTF-8 with an error", () => {
      expect(errorOf(() => stateOf(["dictionary", [new Uint8Array([255]), 1]]))).toMatchObject({
        code: "JELLY_BAD_UTF8",
        path: "$[a key]",
      });
    });

    test.each([1000, 20_000])("%d entries are read in steps", (count) => {
      for (const last of ["name0", 5]) {
        const entries = Array.from({ length: count }, (_, index) => [utf8(`name${index}`), index]);
        const bytes = encode(sexp(["shop.Kept", ["dictionary", ...entries, [last, -1]]]), { dialect: pb });
        const scanner = new Scanner({ dialect: pb });
        scanner.push(bytes);
        const reader = new BananaReader();
        scanner.advance(reader);
        const { state } = runSteps(new Unjellier({ registry }).readGraphInSteps(reader)) as Kept;
        if (last === "name0") expect(state).toMatchObject({ name0: -1, [`name${count - 1}`]: count - 1 });
        else expect([...(state as Map<unknown, unknown>)].slice(-2)).toEqual([[utf8(`name${count - 1}`), count - 1], [5, -1]]); // prettier-ignore
      }
    });
  });

  test("accepts None for a state without attributes, as Python 3.11 sends it", () => {
    expect(unjelly(sexp(["shop.Line", ["None"]]), { registry: types })).toBeInstanceOf(Line);
  });

  test("refuses a state that is not a dict, a missing state, and more than one state", () => {
    for (const rest of [[5], [["list"]], [["dictionary", [1, 2]]], [], [["dictionary"], ["dictionary"]]]) {
      const error = errorOf(() => unjelly(sexp(["shop.Line", ...rest]), { registry: types }));
      expect(error).toMatchObject({ code: "JELLY_MALFORMED" });
    }
  });

  test("reports the path to a value that cannot be sent", () => {
    const invoice = new Invoice();
    invoice.lines = [new Line()];
    (invoice.lines[0] as any).secret = () => 1;
    expect(errorOf(() => jelly({ invoice }, { registry: types })).path).toBe("$.invoice.lines[0].secret");
  });
});

describe("a state from a peer", () => {
  class Guarded {
    constructor() {
      throw new Error("The constructor ran");
    }
    set balance(_value: number) {
      throw new Error("A setter ran");
    }
    get balance(): number {
      throw new Error("A getter ran");
    }
    greet(): string {
      return "hello";
    }
  }
  const registry = new TypeRegistry().registerCopy("Guarded", Guarded);

  test("calls no setter and no getter, and replaces neither a member nor a prototype", () => {
    const state = ["balance", "__proto__", "constructor", "toString", "greet", "@@iterator", "12"].map((name) => [
      ["unicode", name],
      ["dictionary", [["unicode", "polluted"], 1]],
    ]);
    const dropped: unknown[] = [];
    const onDropped = (type: string, names: readonly string[]) => dropped.push(type, names);
    const arrived = unjelly(sexp(["Guarded", ["dictionary", ...(state as any)]]), { registry, onDropped }) as any;
    expect(Object.getPrototypeOf(arrived)).toBe(Guarded.prototype);
    expect(Object.getOwnPropertyNames(arrived)).toEqual(["12", "@@iterator"]);
    expect(dropped).toEqual(["Guarded", ["balance", "__proto__", "constructor", "toString", "greet"]]);
    expect(({} as any).polluted).toBeUndefined();
    expect(Guarded.prototype.greet()).toBe("hello");
  });
});

describe("hooks", () => {
  class Point {
    readonly #x: number;
    readonly #y: number;
    constructor(x: number, y: number) {
      this.#x = x;
      this.#y = y;
    }
    get sum(): number {
      return this.#x + this.#y;
    }
    static readonly state = (point: Point): [number, number] => [point.#x, point.#y];
  }

  test("create makes the instance from the state", () => {
    const registry = new TypeRegistry().registerCopy("Point", Point, {
      getState: Point.state,
      create: ([x, y]) => new Point(x, y),
    });
    expect(travel(new Point(3, 4), registry).sum).toBe(7);
    const [one, two] = travel([new Point(1, 1), new Point(1, 2)], registry);
    expect([one.sum, two.sum]).toEqual([2, 3]);
    const point = new Point(1, 1);
    const shared = travel([point, point], registry);
    expect(shared[0]).toBe(shared[1]);
  });

  test("getState and setState convert the state", () => {
    const registry = new TypeRegistry().registerCopy("Line", Line, {
      getState: ({ price }) => ({ cents: Math.round(price * 100) }),
      setState(line, { cents }) {
        line.price = cents / 100;
      },
    });
    const line = new Line();
    line.price = 9.95;
    expect(jelly(line, { registry })).toEqual(sexp(["Line", ["dictionary", [["unicode", "cents"], 995]]]));
    expect(travel(line, registry).price).toBe(9.95);
  });

  test("parse checks a received state", () => {
    const registry = new TypeRegistry().registerCopy("Line", Line, {
      parse(state) {
        const { price } = state as { price: unknown };
        if (typeof price !== "number") throw new TypeError("A price is a number");
        return { price };
      },
    });
    expect(travel(Object.assign(new Line(), { price: 5 }), registry).price).toBe(5);
    const error = errorOf(() => unjelly(sexp(["Line", ["dictionary", [["unicode", "price"], "5"]]]), { registry }));
    expect(error).toBeInstanceOf(TypeError); // the program's own error, as it was thrown
    expect(error.message).toBe("A price is a number");
  });

  test("parse may return a new object for the default setState", () => {
    const registry = new TypeRegistry().registerCopy("Line", Line, { parse: () => ({ price: 1 }) });
    expect(travel(new Line(), registry).price).toBe(1);
  });

  test("errors of hooks are not wrapped", () => {
    const thrown = new Error("mine");
    const registry = new TypeRegistry().registerCopy("Line", Line, {
      getState: () => {
        throw thrown;
      },
    });
    expect(errorOf(() => jelly([new Line()], { registry }))).toBe(thrown);
  });

  test("afterRead is called with the whole graph read, for inner instances first", () => {
    const seen: unknown[] = [];
    const registry = new TypeRegistry()
      .registerCopy("Invoice", Invoice, { afterRead: (invoice) => seen.push(["invoice", invoice.lines.length]) })
      .registerCopy("Line", Line, { afterRead: (line) => seen.push(["line", line.invoice?.number]) });
    const invoice = new Invoice(8);
    invoice.lines = [Object.assign(new Line(), { invoice })];
    travel(invoice, registry);
    expect(seen).toEqual([
      ["line", 8],
      ["invoice", 1],
    ]);
  });

  test("afterRead is called for instances of create too", () => {
    const seen: number[] = [];
    const registry = new TypeRegistry().registerCopy("Point", Point, {
      getState: Point.state,
      create: ([x, y]) => new Point(x, y),
      afterRead: (point) => seen.push(point.sum),
    });
    travel([new Point(1, 2)], registry);
    expect(seen).toEqual([3]);
  });

  test("a state that refers to a later object is applied when that object is read", () => {
    const states: unknown[] = [];
    const registry = new TypeRegistry().registerCopy("Line", Line, {
      setState: (_line, state) => states.push(JSON.stringify(state)),
    });
    const later = [
      "Line",
      [
        "dictionary",
        [
          ["unicode", "list"],
          ["dereference", 1],
        ],
      ],
    ];
    unjelly(
      sexp([
        "list",
        later,
        ["reference", 1, ["list", 5]],
        ["Line", ["dereference", 2]],
        ["reference", 2, ["dictionary"]],
      ]),
      {
        registry,
      },
    );
    expect(states).toEqual(['{"list":[5]}', "{}"]);
  });

  test("inner states are applied first, also when they had to wait", () => {
    const order: string[] = [];
    const registry = new TypeRegistry().registerCopy("Line", Line, {
      setState(_line, state) {
        order.push(state.name as string);
      },
    });
    const inner = [
      "Line",
      [
        "dictionary",
        [
          ["unicode", "name"],
          ["unicode", "inner"],
        ],
        [
          ["unicode", "top"],
          ["dereference", 1],
        ],
      ],
    ];
    const outer = [
      "Line",
      [
        "dictionary",
        [["unicode", "inner"], inner],
        [
          ["unicode", "name"],
          ["unicode", "outer"],
        ],
      ],
    ];
    unjelly(sexp(["reference", 1, ["dictionary", [["unicode", "outer"], outer]]]), { registry });
    expect(order).toEqual(["inner", "outer"]);
  });

  test("create waits for a complete state", () => {
    const registry = new TypeRegistry().registerCopy("Line", Line, {
      create: (state) => ({ made: JSON.stringify(state) }) as unknown as Line,
    });
    const made = unjelly(
      sexp([
        "list",
        ["reference", 2, ["Line", ["dereference", 1]]],
        ["reference", 1, ["list", 5]],
        ["dereference", 2],
        ["tuple", ["dereference", 2]],
        [
          "dictionary",
          [
            ["unicode", "line"],
            ["dereference", 2],
          ],
        ],
      ]),
      { registry },
    ) as any[];
    expect(made[0]).toEqual({ made: "[5]" });
    expect(made[2]).toBe(made[0]);
    expect(made[3][0]).toBe(made[0]);
    expect(made[4].line).toBe(made[0]);
  });

  test("create may use the instance that contains its state", () => {
    const registry = new TypeRegistry()
      .registerCopy("Invoice", Invoice)
      .registerCopy("Line", Line, { create: (state) => Object.assign(new Line(), state) });
    const invoice = new Invoice(3);
    invoice.lines = [Object.assign(new Line(), { invoice })];
    const arrived = travel(invoice, registry);
    expect(arrived.lines[0]!.invoice).toBe(arrived);
    expect(arrived.number).toBe(3);
  });

  test("the state of create cannot contain the new instance", () => {
    const registry = new TypeRegistry().registerCopy("Line", Line, {
      create: (state) => Object.assign(new Line(), state),
    });
    const line = new Line() as any;
    line.self = line;
    expect(errorOf(() => travel(line, registry))).toMatchObject({ code: "JELLY_UNRESOLVED_REFERENCE" });
    line.self = [{ line }];
    expect(errorOf(() => travel(line, registry))).toMatchObject({ code: "JELLY_UNRESOLVED_REFERENCE" });
    const list: unknown[] = [];
    list.push(Object.assign(new Line(), { list }));
    expect(errorOf(() => travel(list, registry))).toMatchObject({ code: "JELLY_UNRESOLVED_REFERENCE" });
  });

  test("hooks receive objects even when dicts are read as Maps", () => {
    const states: unknown[] = [];
    const registry = new TypeRegistry().registerCopy("Line", Line, { setState: (_line, state) => states.push(state) });
    travel(Object.assign(new Line(), { price: 2, invoice: undefined }), registry, { dicts: "map" });
    expect(states).toEqual([{ price: 2, invoice: null }]);
  });

  const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
  test.each<[string, unknown[][]]>([
    ["text, array indices, byte strings and a number", [["b", 0], ["2", 1], ["1", 2], [bytes("a"), 3], [5, 4]]], // prettier-ignore
    ["byte strings, among them array indices, and a number", [[bytes("b"), 0], [bytes("7"), 1], [bytes("3"), 2], [5, 3]]], // prettier-ignore
    [
      "a number before an array index",
      [
        [5, 0],
        ["1", 1],
        [bytes("0"), 2],
      ],
    ],
  ])("hooks receive the Map that was sent when it has other keys than names: %s", (_, entries) => {
    const states: unknown[] = [];
    const registry = new TypeRegistry().registerCopy("Line", Line, { setState: (_line, state) => states.push(state) });
    const state = jelly(new Map(entries as [unknown, unknown][]));
    unjelly([bytes("Line"), state], { registry, dicts: "map" });
    expect([...(states[0] as Map<unknown, unknown>)]).toEqual(entries);
  });
});

describe("registerCopyTree", () => {
  class Shape {
    name = "";
  }
  class Circle extends Shape {
    radius = 1;
  }
  const module = { Shape, Circle, helper: () => 1, VERSION: 3 };

  test("registers a base class and every class that extends it", () => {
    const registry = new TypeRegistry().registerCopyTree("shapes", module, Shape);
    expect(travel([new Circle(), new Shape()], registry)).toEqual([new Circle(), new Shape()]);
    expect(jelly(new Circle(), { registry })).toContainEqual(sexp("shapes.Circle"));
  });

  test("an unregistered subclass throws", () => {
    const registry = new TypeRegistry().registerCopy("shapes.Shape", Shape);
    const error = errorOf(() => jelly({ shape: new Circle() }, { registry }));
    expect(error).toBeInstanceOf(JellyError);
    expect(error).toMatchObject({ code: "JELLY_NOT_JELLYABLE", path: "$.shape" });
    expect(error.message).toContain("an instance of Circle");
  });

  test("an unregistered subclass is sent as its base with subclasses: true", () => {
    const registry = new TypeRegistry().registerCopy("shapes.Shape", Shape, { subclasses: true });
    const arrived = travel(new Circle() as Shape, registry);
    expect(arrived).toBeInstanceOf(Shape);
    expect(arrived).not.toBeInstanceOf(Circle);
    expect(arrived).toMatchObject({ radius: 1 });
  });
});

test("refuses a name that is not printable ASCII without spaces", () => {
  for (const name of ["", "a b", "ü"]) expect(() => new TypeRegistry().registerCopy(name, Line)).toThrow(TypeError);
});

test.for<[string, unknown, string]>([
  ["no class", undefined, "must be a class, not undefined"],
  ["an instance", new Line(), "must be a class, not an instance of Line"],
  ["Map", Map, "Copies of Map would lose their state, which Map does not keep in properties"],
  ["a class that extends Date", class Day extends Date {}, "Copies of Day would lose their state, which Date does not"],
  ["bytes", Uint8Array, "Copies of Uint8Array would lose their state"],
])("refuses to register %s", ([, type, message]) => {
  expect(() => new TypeRegistry().registerCopy("shop.X", type as typeof Line)).toThrow(message);
});

test("register takes handlers only", () => {
  expect(() => new TypeRegistry().register(Line as never)).toThrow("registerCopy a name and a class");
});

test("a copied error has the properties of its state, but no message, name or stack that cannot be printed", () => {
  class Refused extends Error {}
  const registry = new TypeRegistry().registerCopy("shop.Refused", Refused);
  const state = { message: { text: "m" }, name: ["n"], stack: "here", detail: { row: 1 }, rows: [1, 2], code: 7 };
  const error = unjelly([Buffer.from("shop.Refused"), jelly(state)], { registry }) as Refused;
  expect(error).toBeInstanceOf(Refused);
  expect(Object.fromEntries(Object.entries(error))).toEqual({ detail: { row: 1 }, rows: [1, 2], code: 7 });
  expect([error.message, error.name]).toEqual(["", "Error"]);
});

test.each([
  [199, ""],
  [200, ""],
  [201, "…"],
])("the path of a value under a key of %d characters", (length, cut) => {
  const step = `["-${"x".repeat(Math.min(length, 200) - 1)}"${cut}]`;
  expect(() => jelly({ [`-${"x".repeat(length - 1)}`]: Symbol("s") })).toThrow(`(at $${step})`);
});

test("registers a class that extends Map with hooks, and an Error without", () => {
  class Bag extends Map<string, number> {}
  const registry = new TypeRegistry()
    .registerCopy("shop.Bag", Bag, {
      getState: (bag) => ({ ...Object.fromEntries(bag) }),
      create: (state) => new Bag(Object.entries(state)),
    })
    .registerCopy("shop.Error", RangeError);
  const bag = unjelly(jelly(new Bag([["a", 1]]), { registry }), { registry }) as Bag;
  expect(bag.get("a")).toBe(1);
});

/** A peer could otherwise end the process with a state for which the promise rejects. */
test.for(["parse", "setState", "create", "afterRead"])("the hook %s must not be async", async (hook) => {
  const plain = new TypeRegistry().registerCopy("shop.Line", Line);
  const registry = new TypeRegistry().registerCopy("shop.Line", Line, {
    [hook]: () => Promise.reject(new Error("late")),
  });
  const sent = jelly(new Line(), { registry: plain });
  expect(() => unjelly(sent, { registry })).toThrow(`The hook ${hook} of a copy returned a promise`);
  await new Promise((resolve) => setTimeout(resolve)); // an unhandled rejection fails the test run
});

describe("a class with private members", () => {
  class Money {
    #cents = 0;
    get cents(): number {
      return this.#cents;
    }
    static of(cents: number): Money {
      const money = new Money();
      money.#cents = cents;
      return money;
    }
  }

  test("is refused where it is registered, with advice", () => {
    expect(() => new TypeRegistry().registerCopy("shop.Money", Money)).toThrow(
      /Money has private members \(#\).*the option create, and to send them, getState/,
    );
    class Sub extends Money {}
    expect(() => new TypeRegistry().registerCopy("shop.Money", Sub)).toThrow(TypeError);
  });

  test("travels with getState and create, and is only sent without create", () => {
    const getState = ({ cents }: Money) => ({ cents });
    const create = ({ cents }: { cents: number }) => Money.of(cents);
    const both = new TypeRegistry().registerCopy("shop.Money", Money, { getState, create });
    const sent = jelly(Money.of(5), { registry: both });
    expect((unjelly(sent, { registry: both }) as Money).cents).toBe(5);
    const sending = new TypeRegistry().registerCopy("shop.Money", Money, { getState });
    expect(jelly(Money.of(5), { registry: sending })).toEqual(sent);
    expect(() => unjelly(sent, { registry: sending })).toThrow("the option create");
  });
});

test("a field that holds a function is not replaced by an entry of the state", () => {
  class Button {
    constructor() {
      setOwnProperties(this, { press: "text", label: "OK" });
    }
    press = (): string => "pressed";
    label = "";
  }
  const button = new Button();
  setOwnProperties(button, { press: "text", label: "OK" });
  expect(button.press()).toBe("pressed");
  expect(button.label).toBe("OK");
});
