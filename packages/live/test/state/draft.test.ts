// Drafts, in comparison with plain objects to which the same is done.

import { inspect } from "node:util";
import { describe, expect, test } from "vitest";
import { applyLazily, applyRecipe } from "../../src/state/recipe.js";
import { seal } from "../../src/state/plain.js";
import { plainOf } from "../../src/state/wide-dict.js";
import { changeRandomly, firstState, randomOf, wideDict } from "../support/random-recipes.js";

type State = Record<string, never>;

const clone = (value: unknown): object => JSON.parse(JSON.stringify(value)) as object;

function isDeeplyFrozen(value: unknown): boolean {
  if (typeof value !== "object" || value === null) return true;
  return Object.isFrozen(value) && Object.values(value).every(isDeeplyFrozen);
}

describe.each(["plain", "lazy"])("a %s draft", (kind) => {
  const apply = (state: object, recipe: (draft: never) => unknown): object =>
    kind === "lazy" ? applyLazily(state, recipe) : applyRecipe(state, recipe as (draft: object) => unknown);

  test.each([1, 2, 3])("becomes what a plain object does, and its state stays as it is (seed %i)", (seed) => {
    const random = randomOf(1000 + seed);
    let state = firstState(random) as object;
    seal(state, undefined);
    const kept: [state: object, text: string][] = [];
    for (let update = 0; update < 30; update++) {
      const model = clone(plainOf(state));
      const steps = random(1_000_000) + 1;
      const views: string[] = [];
      const before = state;
      state = apply(before, (draft) =>
        changeRandomly(draft, randomOf(steps), (seen) => views.push(JSON.stringify(seen))),
      );
      const modelViews: string[] = [];
      changeRandomly(model, randomOf(steps), (seen) => modelViews.push(JSON.stringify(seen)));
      expect(views).toEqual(modelViews);
      seal(state, before);
      // The texts also tell whether the order of keys is the same. Some states are never read, so that they stay lazy.
      if (update % 3 === 0) expect(JSON.stringify(plainOf(state))).toBe(JSON.stringify(model));
      if (update % 9 === 0) kept.push([plainOf(state) as object, JSON.stringify(model)]);
      if (update % 10 === 0) expect(isDeeplyFrozen(plainOf(state))).toBe(true);
      if (Object.keys(model).length < 4) break;
    }
    for (const [plain, text] of kept) expect(JSON.stringify(plain)).toBe(text);
  });

  function sealed(): State {
    const state = firstState(randomOf(5)) as State;
    seal(state, undefined);
    return state;
  }

  function next(state: object, recipe: (draft: never) => unknown): State {
    const after = apply(state, recipe);
    seal(after, state);
    return plainOf(after) as State;
  }

  test("keeps the objects that it does not change", () => {
    const state = sealed() as Record<string, Record<string, unknown>>;
    const after = next(state, (draft: Record<string, Record<string, unknown>>) => {
      draft.wide!.k5 = { x: 1 };
      JSON.stringify(draft.small);
    });
    expect([after.small, after.list, after.deep, after.lists]).toEqual([state.small, state.list, state.deep, state.lists]); // prettier-ignore
    for (const key of ["small", "list", "deep", "lists"]) expect(after[key]).toBe(state[key]);
    expect(after.wide).not.toBe(state.wide);
    for (const key of Object.keys(after.wide!)) if (key !== "k5") expect(after.wide![key]).toBe(state.wide![key]);
    expect(next(state, (draft) => JSON.stringify(draft))).toBe(state);
    expect(next(state, (draft: Record<string, Record<string, unknown>>) => (draft.wide!.k0 = state.wide!.k0))).toBe(state); // prettier-ignore
  });

  test("refuses what a draft cannot be used for", () => {
    const state = sealed();
    const refused: [string, (draft: Record<string, object>) => unknown][] = [
      ["__proto__", (draft) => ((draft.small as { __proto__: unknown }).__proto__ = {})],
      ["property", (draft) => Object.defineProperty(draft.wide!, "k0", { value: 1 })],
      ["prototype", (draft) => Object.setPrototypeOf(draft.small!, null)],
      ["frozen", (draft) => Object.freeze(draft.list)],
      ["list", (draft) => Object.assign(draft.list!, { name: 1 })],
      ["list", (draft) => Object.assign(draft.list!, { 4294967295: 1 })],
    ];
    for (const [text, recipe] of refused) expect(() => apply(state, recipe as never)).toThrow(text);
  });

  test("gives sort the entries of dicts that earlier recipes have changed", () => {
    const first = { rooms: [{ users: wideDict(randomOf(1)) }, { users: wideDict(randomOf(2)) }] };
    seal(first, undefined);
    interface Rooms {
      rooms: { users: Record<string, unknown> }[];
    }
    const changed = apply(first, ({ rooms }: Rooms) => {
      rooms.forEach(({ users }, at) => (users.k1 = at === 0 ? 5 : 3));
      delete rooms[1]!.users.k2;
    });
    seal(changed, first);
    const seen: (readonly [number, unknown])[] = [];
    const after = next(changed, ({ rooms }: Rooms) => {
      rooms.sort((one, other) => (one.users.k1 as number) - (other.users.k1 as number));
      rooms.sort(
        (...both) => (seen.push(...both.map(({ users }) => [Object.keys(users).length, users.k1] as const)), 0),
      );
      rooms[0]!.users.k3 = "first";
    });
    expect(seen).toEqual(expect.arrayContaining([[529, 3], [530, 5]])); // prettier-ignore
    expect((after as unknown as Rooms).rooms.map(({ users }) => [users.k1, users.k3 === "first"])).toEqual([[3, true], [5, false]]); // prettier-ignore
  });

  test("may have undefined for a while, and tells 0 from -0", () => {
    type Dicts = Record<string, Record<string, unknown>>;
    const state = sealed();
    const seen: unknown[] = [];
    const after: Dicts = next(state, ({ wide, small }: Dicts) => {
      for (const dict of [wide!, small!]) {
        dict.k1 = 5;
        dict.k1 = undefined;
        dict.k1 ??= 6;
        dict.added = undefined;
        seen.push(dict.added, "added" in dict, Object.keys(dict).includes("added"));
        delete dict.added;
        dict.zero = 0;
      }
    });
    expect(seen).toEqual([undefined, true, true, undefined, true, true]);
    expect([after.wide!.k1, after.small!.k1, "added" in after.wide!, "added" in after.small!]).toEqual([6, 6, false, false]); // prettier-ignore
    const last: Dicts = next(after, ({ wide, small }: Dicts) => (wide!.zero = small!.zero = -0)); // prettier-ignore
    expect([last.wide!.zero, last.small!.zero]).toEqual([-0, -0]);
    expect(() => next(state, ({ wide }: Dicts) => (wide!.k1 = undefined))).toThrow("undefined"); // prettier-ignore
  });

  test("cannot be used after its recipe", () => {
    const kept: Record<string, { x?: number }>[] = [];
    apply(sealed(), (draft: Record<string, Record<string, { x?: number }>>) => kept.push(draft.wide!, draft.small!));
    for (const draft of kept) {
      expect(() => draft.a).toThrow("after its recipe");
      expect(() => (draft.a = {})).toThrow("after its recipe");
      expect(() => Object.keys(draft)).toThrow("after its recipe");
    }
  });

  test("of a recipe that has failed cannot be put into a state", () => {
    const state = sealed();
    const kept: Record<string, unknown>[] = [];
    const fail = (draft: Record<string, Record<string, unknown>>): never => {
      for (const dict of [draft.wide!, draft.small!]) {
        dict.k1 = "failed";
        kept.push(dict);
      }
      throw new RangeError("stop");
    };
    expect(() => apply(state, fail)).toThrow("stop");
    for (const part of kept)
      for (const value of [part, { part }, Object.freeze([part])])
        expect(() => next(state, (draft: Record<string, unknown>) => (draft.new = value))).toThrow("after its recipe");
  });

  test("is copied as it is into the state of another recipe that runs in this one", () => {
    const other: object = { a: null };
    seal(other, undefined);
    const copies: unknown[] = [];
    const after = next(sealed(), (draft: Record<string, Record<string, unknown>>) => {
      draft.small!.x = { y: 1 };
      draft.wide!.k1 = draft.small;
      for (const value of [draft.small, { in: [draft.wide] }, draft.deep]) {
        copies.push(plainOf(next(other, (inner: Record<string, unknown>) => (inner.a = value))));
        (draft.small!.x as Record<string, unknown>).y = 2;
        draft.wide!.k2 = "later";
      }
    });
    const [small, wide, deep] = copies as { a: Record<string, Record<string, Record<string, unknown>>> }[];
    expect(small!.a.x).toEqual({ y: 1 });
    const first = (wide!.a.in as unknown as Record<string, unknown>[])[0]!;
    expect([first.k1, first.k2]).toEqual([{ ...small!.a, x: { y: 2 } }, "later"]);
    expect(Object.keys(first)).toEqual(Object.keys(after.wide!));
    expect(deep!.a).toEqual(after.deep);
    expect(after.small).toEqual({ ...small!.a, x: { y: 2 } });
    expect([...copies, after].every(isDeeplyFrozen)).toBe(true);
  });

  test("may be in a frozen object of the program, which is copied, and of which there are drafts, too", () => {
    const kept = Object.freeze({ part: null });
    const after = next(sealed(), (draft: Record<string, Record<string, unknown>>) => {
      draft.frozen = Object.freeze({ part: draft.small, list: Object.freeze([draft.wide, { in: draft.wide }]), kept });
      draft.small!.later = 1;
      draft.wide!.k1 = 2;
      draft.changed = Object.freeze({ x: 1, part: draft.small, list: Object.freeze([draft.small]) });
      draft.changed.x = 2;
      (draft.changed.list as unknown[]).push(3);
    }) as Record<string, unknown>;
    const { small, wide } = after;
    expect(after.frozen).toEqual({ part: small, list: [wide, { in: wide }], kept });
    expect((after.frozen as Record<string, unknown>).kept).toBe(kept);
    expect(after.changed).toEqual({ x: 2, part: small, list: [small, 3] });
    for (const value of [new Date(0), new Map(), new (class Point {})()])
      expect(() => next(sealed(), (draft: Record<string, unknown>) => {
        draft.frozen = Object.freeze(value);
        Reflect.get(draft.frozen as object, "x");
      })).toThrow("an instance of"); // prettier-ignore
  });

  test("refuses objects of the program that are nested too deep", () => {
    let deep: Record<string, unknown> = {};
    for (let level = 0; level < 20_000; level++) deep = { deep };
    const recipes: ((draft: Record<string, Record<string, unknown>>) => unknown)[] = [
      (draft) => (draft.own = deep),
      (draft) => (draft.wide!.k1 = [deep]),
      (draft) => ((draft.small!.own = deep), (draft.own = { small: draft.small })),
    ];
    for (const recipe of recipes) expect(() => next(sealed(), recipe)).toThrow("nested more than 100 deep");
  });

  test("shows what it contains", () => {
    apply(sealed(), (draft: Record<string, Record<string, unknown>>) => {
      draft.small = { list: [1, { x: 1 }] };
      draft.wide!.k1 = draft.small;
      draft.deep!.self = draft.deep;
      expect(inspect(draft.small)).toBe("{ list: [ 1, { x: 1 } ] }");
      expect(inspect(draft.list)).toBe(inspect(clone(draft.list)));
      (draft.list as unknown as unknown[]).push(draft.small.list);
      expect(inspect(draft.list)).toBe(inspect(clone(draft.list)));
      expect(inspect(draft.wide)).toBe(inspect(clone(draft.wide)));
      expect(inspect(draft.deep)).toMatch(/^<ref \*1> \{[^]*self: \[Circular \*1\]\s*\}$/);
      expect(draft.small).toEqual({ list: [1, { x: 1 }] });
    });
  });

  test("that was put into an object of the program leaves a plain object there, also of a wide dict", () => {
    const state = sealed();
    const own: Record<string, Record<string, unknown>> = {};
    const after = next(state, (draft: Record<string, Record<string, unknown>>) => {
      draft.wide!.k1 = "changed";
      own.wide = draft.wide!;
      own.deep = draft.deep!;
      (draft.deep!.inner as Record<string, Record<string, unknown>>).wide!.k2 = "also changed";
      draft.own = own;
    });
    expect(after.own).toBe(own);
    expect([own.wide!.k1, Object.keys(own.wide!).length]).toEqual(["changed", Object.keys(state.wide!).length]);
    expect(JSON.stringify(own.deep)).toBe(JSON.stringify(after.deep));
    expect(isDeeplyFrozen(own)).toBe(true);
    expect(Object.getPrototypeOf(own.wide)).toBe(Object.prototype);
  });

  test("that contains itself is refused", () => {
    const state = sealed();
    const recipes: ((draft: Record<string, Record<string, unknown>>) => unknown)[] = [
      (draft) => (draft.wide!.self = draft.wide),
      (draft) => (draft.small!.self = draft),
      (draft) => (draft.wide!.self = { again: draft.wide }),
      (draft) => {
        const own: Record<string, unknown> = {};
        own.self = own;
        draft.wide!.own = own;
      },
    ];
    for (const recipe of recipes) expect(() => next(state, recipe as never)).toThrow(/deep|itself/);
  });
});

test("dicts that share a past can be changed apart from each other", () => {
  const random = randomOf(3);
  let state: object = { a: wideDict(random), list: [] };
  seal(state, undefined);
  const model = clone(state) as Record<string, Record<string, unknown>>;
  const update = (recipe: (draft: Record<string, Record<string, unknown>>) => unknown): void => {
    const after = applyLazily(state, recipe);
    seal(after, state);
    state = after;
  };
  const recipes: ((draft: Record<string, Record<string, unknown>>) => unknown)[] = [
    (draft) => void (draft.a!.k1 = "first"),
    (draft) => void (draft.b = draft.a!),
    (draft) => void (draft.a!.k2 = "only a"),
    (draft) => void (draft.b!.k3 = "only b"),
    (draft) => ((draft.a!.k4 = "a again"), (draft.b!.k4 = "b again"), delete draft.b!.k2),
    (draft) => void ((draft.c = draft.b!), (draft.c.k5 = "b and c")),
    (draft) => void ((draft.a!.k6 = "a"), (draft.b!.k6 = "b"), (draft.c!.k6 = "c")),
  ];
  for (const recipe of recipes) {
    update(recipe);
    recipe(model);
    // Later recipes change one place only.
    for (const key of Object.keys(model)) model[key] = clone(model[key]) as Record<string, unknown>;
  }
  expect(JSON.stringify(plainOf(state))).toBe(JSON.stringify(model));
});

interface Document {
  readonly cards: Record<string, unknown>;
}

interface Documents {
  doc: Document;
  undo: unknown[];
  readonly other: { readonly wide: Record<string, unknown> & { readonly k0: Record<string, unknown> } };
}

test("a dict in two places keeps the order of its keys in one when entries are removed in the other", () => {
  const random = randomOf(4);
  const wide = { ...wideDict(random), k0: wideDict(random) };
  let state: object = { doc: { cards: wideDict(random) }, undo: [], other: { wide } } satisfies Documents;
  seal(state, undefined);
  const model = clone(state) as Documents;
  const recipes: ((draft: Documents) => unknown)[] = [
    ({ doc }) => (doc.cards.k1 = "first"),
    ({ undo, doc }) => undo.push(doc), // A dict that contains the wide one,
    ({ doc }) => delete doc.cards.k1,
    ({ undo, doc }) => undo.push(doc.cards), // the wide one itself,
    ({ doc }) => (doc.cards.k2 = "second"),
    ({ doc }) => (delete doc.cards.k3, (doc.cards.k3 = "last"), delete doc.cards.k2),
    ({ undo, doc }) => ((doc.cards.k5 = "third"), undo.push(doc.cards)), // one that the same update has changed,
    ({ doc }) => delete doc.cards.k5,
    ({ other }) => (other.wide.k0.k1 = "inner"),
    ({ undo, other }) => undo.push(other.wide), // and one in another one.
    ({ other }) => (delete other.wide.k0.k2, delete other.wide.k7),
  ];
  for (const recipe of recipes) {
    const after = applyLazily(state, recipe);
    seal(after, state);
    state = after;
    recipe(model);
    // The same objects are not in two places of the model.
    model.undo = clone(model.undo) as unknown[];
    model.doc = clone(model.doc) as Document;
  }
  expect(JSON.stringify(plainOf(state))).toBe(JSON.stringify(model));
});
