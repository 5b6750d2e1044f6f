// Patches: what they say, how they are applied, and what is refused.

import { describe, expect, onTestFinished, test, vi } from "vitest";
import { diff, isEqual } from "../../src/state/diff.js";
import type { Operation } from "../../src/state/diff.js";
import { PatchedState, reconcile } from "../../src/state/patch.js";
import { adopt, seal } from "../../src/state/plain.js";
import { LongPointers } from "../../src/state/pointer.js";

function apply(state: unknown, operations: unknown): unknown {
  const patched = new PatchedState(adopt(state));
  patched.apply(operations);
  return patched.finish();
}

function codeOf(run: () => unknown): unknown {
  try {
    run();
  } catch (error) {
    return (error as { readonly code?: unknown }).code;
  }
  return "no error";
}

const [a, b, c, d] = ["a", "b", "c", "d"].map((name) => ({ name }));

const rows: [what: string, before: unknown, after: unknown, operations: readonly Operation[]][] = [
  ["nothing", { a: [1, { b: null }] }, { a: [1, { b: null }] }, []],
  ["a changed entry", { a: { b: 1, c: 2 } }, { a: { b: 1, c: 3 } }, [["/a/c", 3]]],
  ["an added entry", { a: {} }, { a: { b: [] } }, [["/a/b", []]]],
  ["a removed entry", { a: { b: 1 }, c: 2 }, { a: { b: 1 } }, [["/c"]]],
  ["a renamed entry", { a: 1 }, { b: 1 }, [["/b", 1], ["/a"]]],
  ["another kind of value", { a: [] }, { a: {} }, [["/a", {}]]],
  ["the whole state", [1], { a: 1 }, [["", { a: 1 }]]],
  ["keys with / and ~", { "a/b": { "~": 1 } }, { "a/b": { "~": 2 } }, [["/a~1b/~0", 2]]],
  ["the empty key", { "": 1 }, { "": 2 }, [["/", 2]]],
  ["NaN, which equals itself", { a: NaN, b: 0 }, { a: NaN, b: -0 }, [["/b", -0]]],
  [
    "names of Object.prototype",
    {},
    { constructor: 1, toString: null },
    [
      ["/constructor", 1],
      ["/toString", null],
    ],
  ],
  ["a changed item", [1, 2, 3], [1, 5, 3], [["/1", 5]]],
  ["an item at the end", [1, 2], [1, 2, 3], [["", 2, 0, [3]]]],
  ["an item at the start", [2, 3], [1, 2, 3], [["", 0, 0, [1]]]],
  ["an item in the middle", [1, 3], [1, 2, 3], [["", 1, 0, [2]]]],
  ["removed items", [1, 2, 3, 4], [1, 4], [["", 1, 2, []]]],
  [
    "a shorter list with a changed item",
    [{ x: 1 }, 2, 3],
    [{ x: 9 }, 3],
    [
      ["/0/x", 9],
      ["", 1, 1, []],
    ],
  ],
  ["an emptied list", { l: [1, 2] }, { l: [] }, [["/l", 0, 2, []]]],
  [
    "a list that moves",
    [a, b, c],
    [b, c, d],
    [
      ["", 0, 1, []],
      ["", 2, 0, [d]],
    ],
  ],
  [
    "a list that moves back",
    [b, c, d],
    [a, b, c],
    [
      ["", 0, 0, [a]],
      ["", 3, 1, []],
    ],
  ],
];

test.each(rows)(
  "the patch for %s says what has changed, and makes the same of a copy",
  (_what, before, after, operations) => {
    expect(diff(before, after)).toEqual(operations);
    expect(apply(before, operations)).toEqual(after);
    expect(diff(apply(before, operations), after)).toEqual([]);
  },
);

test("what a patch does not change stays the same object, and all of it is frozen", () => {
  const before = adopt({ a: { b: { c: 1 } }, d: [{ e: 1 }, { f: 1 }] }) as Record<string, never>;
  const patched = new PatchedState(before);
  patched.apply([
    ["/a/b/c", 2],
    ["/d/0/e", 3],
  ]);
  patched.apply([["/d", 2, 0, [{ g: 1 }]]]);
  const after = patched.finish() as typeof before;
  expect(after).toEqual({ a: { b: { c: 2 } }, d: [{ e: 3 }, { f: 1 }, { g: 1 }] });
  expect(before).toEqual({ a: { b: { c: 1 } }, d: [{ e: 1 }, { f: 1 }] });
  expect(after.d![1]).toBe(before.d![1]);
  for (const part of [after, after.a, after.d, after.d![0], after.d![2]]) expect(Object.isFrozen(part)).toBe(true);
});

test("reconcile keeps the identity of all that is equal", () => {
  const before = adopt({ a: { b: [1, { c: 2 }] }, d: { e: 1 } }) as Record<string, unknown>;
  const after = reconcile(before, adopt({ d: { e: 2 }, a: { b: [1, { c: 2 }] } })) as typeof before;
  expect(after).toEqual({ a: { b: [1, { c: 2 }] }, d: { e: 2 } });
  expect(after.a).toBe(before.a);
  expect(reconcile(before, adopt({ a: { b: [1, { c: 2 }] }, d: { e: 1 } }))).toBe(before);
});

test("random states: the patch between any two makes the second of the first", () => {
  let seed = 7;
  const random = (below: number): number => (seed = (seed * 48_271) % 0x7fffffff) % below;
  const value = (depth: number): unknown => {
    const kind = random(depth > 3 ? 4 : 7);
    if (kind < 4) return [null, true, random(5), `t${random(5)}`][kind];
    if (kind === 4) return Array.from({ length: random(5) }, () => value(depth + 1));
    return Object.fromEntries(Array.from({ length: random(5) }, () => [`k/${random(6)}~`, value(depth + 1)]));
  };
  for (let run = 0; run < 500; run++) {
    const [before, after] = [value(0), value(0)];
    expect(apply(before, diff(before, after))).toEqual(after);
  }
});

test("random updates of a wide dict: their patches are those of a comparison of all entries", () => {
  let seed = 11;
  const random = (below: number): number => (seed = (seed * 48_271) % 0x7fffffff) % below;
  const value = (): unknown => [random(3), 0, -0, NaN, null, { x: random(3) }, [random(3)]][random(7)];
  const wide = (size: number): object =>
    Object.fromEntries(Array.from({ length: size }, (_, at) => [`k${at}`, value()]));
  type Wide = Record<string, Record<string, unknown>>;
  // Each state with the same values that nothing is known about.
  let states: [known: Wide, unknown: Wide][] = [];
  const forget = (state: Wide): Wide =>
    Object.fromEntries(Object.entries(state).map(([key, dict]) => [key, { ...dict }]));
  const add = (state: Wide): void => {
    seal(state, states.at(-1)?.[0]);
    states.push([state, forget(state)]);
  };
  const changes: ((draft: Wide) => void)[] = [
    (draft) => (draft.a![`k${random(700)}`] = value()),
    // eslint-disable-next-line @typescript-eslint/no-dynamic-delete -- what a recipe does
    (draft) => delete draft.a![`k${random(700)}`],
    (draft) => ([draft.a, draft.b] = [draft.b!, draft.a!]),
    (draft) => (draft.b = draft.a!),
    (draft) => (draft.a = { ...draft.a, [`n${random(5)}`]: 1, [`n${random(5)}`]: 2 }),
    (draft) => (draft.a = { ...draft.a, constructor: random(2), toString: 1 }),
    (draft) => Object.assign(draft.a!, wide(600)),
    (draft) => (draft.a = Object.fromEntries(Object.entries(draft.a!).slice(random(300)))),
  ];
  for (let run = 0; run < 6; run++) {
    states = [];
    add({ a: wide(600), b: wide(520) } as Wide);
    for (let update = 0; update < 12; update++) {
      const draft = forget(states.at(-1)![0]);
      for (let times = random(3); times >= 0; times--)
        changes[random(changes.length - (random(4) === 0 ? 0 : 2))]!(draft);
      add(draft);
      const [[before, same], [after, other]] = [states[random(states.length)]!, states.at(-1)!];
      const sorted = (operations: readonly Operation[]): unknown => operations.toSorted(([a], [b]) => (a < b ? -1 : 1));
      const [found, all] = [diff(before, after), diff(same, other)];
      expect(isEqual(sorted(found), sorted(all))).toBe(true);
      if (before === states.at(-2)![0]) expect(isEqual(found, all)).toBe(true);
      const patched = new PatchedState(same);
      patched.apply(found);
      expect(diff(patched.finish(), other)).toEqual([]);
    }
  }
});

describe("a patch that does not apply is refused:", () => {
  const state = { a: { b: 1 }, l: [1, 2, 3] };
  test.each<[what: string, operations: unknown]>([
    ["a missing place", [["/x/y", 1]]],
    ["a place below a scalar", [["/a/b/c", 1]]],
    ["a removal of nothing", [["/a/x"]]],
    ["a removal of an item", [["/l/0"]]],
    ["a removal of everything", [[""]]],
    ["an item behind the end", [["/l/3", 1]]],
    ["an index with a sign", [["/l/-0", 1]]],
    ["an index with a zero in front", [["/l/01", 1]]],
    ["an index in another notation", [["/l/1e0", 1]]],
    ["the length of a list", [["/l/length", 0]]],
    ["__proto__ as a key", [["/__proto__", { x: 1 }]]],
    ["__proto__ in a path", [["/__proto__/x", 1]]],
    ["constructor in a path", [["/constructor/prototype/x", 1]]],
    ["prototype in a path", [["/a/prototype/x", 1]]],
    ["a method of lists in a path", [["/l/push/x", 1]]],
    ["__proto__ in a value", [["/a", JSON.parse('{"__proto__": {"x": 1}}')]]],
    ["a pointer without a slash", [["a", 1]]],
    ["a pointer with a wrong escape", [["/a~2", 1]]],
    ["a pointer that is no text", [[7, 1]]],
    ["a pointer with too many keys", [["/a".repeat(101), 1]]],
    ["a step that is no list", ["/a"]],
    ["a step with three elements", [["/l", 0, 1]]],
    ["a splice of a dict", [["/a", 0, 0, []]]],
    ["a splice behind the end", [["/l", 4, 0, []]]],
    ["a splice of more than there is", [["/l", 1, 3, []]]],
    ["a splice with a negative index", [["/l", -1, 0, []]]],
    ["a splice with a fraction", [["/l", 0.5, 0, []]]],
    ["a splice without items", [["/l", 0, 0, null]]],
    [
      "three splices of one list",
      [
        ["/l", 0, 1, []],
        ["/l", 0, 1, []],
        ["/l", 0, 1, []],
      ],
    ],
    ["no list", { a: 1 }],
  ])("%s", (_what, operations) => {
    expect(codeOf(() => apply(state, operations))).toMatch(/^LIVE_(BAD_PATCH|NOT_PLAIN)$/);
    expect(({} as { x?: unknown }).x).toBeUndefined();
  });
});

test("a splice may have more items than a function has room for arguments", () => {
  const items = Array.from({ length: 200_000 }, (_, index) => index);
  expect(apply([-2, "old", -1], [["", 1, 1, items]])).toEqual([-2, ...items, -1]);
});

test("names of Object.prototype are ordinary keys", () => {
  const after = apply({}, [
    ["/constructor", { prototype: 1 }],
    ["/constructor/prototype", 2],
    ["/toString", 3],
  ]);
  expect(Object.entries(after as object)).toEqual([
    ["constructor", { prototype: 2 }],
    ["toString", 3],
  ]);
});

test("a value that contains one object a billion times is refused, and costs no more than its objects", () => {
  let bomb: unknown = [1];
  for (let level = 0; level < 40; level++) bomb = [bomb, bomb];
  expect(codeOf(() => apply({ a: 1 }, [["/a", bomb]]))).toBe("LIVE_TOO_LARGE");
});

describe("a state that cannot travel is refused, and nothing of it is frozen:", () => {
  const cycle: Record<string, unknown> = {};
  cycle.self = { cycle };
  let deep: unknown = 1;
  for (let level = 0; level < 101; level++) deep = [deep];
  test.each<[what: string, value: unknown, code: string]>([
    ["undefined", undefined, "LIVE_NOT_PLAIN"],
    ["a function", () => 1, "LIVE_NOT_PLAIN"],
    ["a symbol", Symbol("x"), "LIVE_NOT_PLAIN"],
    ["a bigint", 1n, "LIVE_NOT_PLAIN"],
    ["a date", new Date(0), "LIVE_NOT_PLAIN"],
    ["bytes", new Uint8Array(1), "LIVE_NOT_PLAIN"],
    ["a Map", new Map(), "LIVE_NOT_PLAIN"],
    ["an instance", new (class Point {})(), "LIVE_NOT_PLAIN"],
    ["a subclass of Array", new (class extends Array {})(), "LIVE_NOT_PLAIN"],
    ["a promise", Promise.resolve(), "LIVE_NOT_PLAIN"],
    ["a getter", { get x() { return 1; } }, "LIVE_NOT_PLAIN"], // prettier-ignore
    ["a hidden property", Object.defineProperty({}, "x", { value: 1 }), "LIVE_NOT_PLAIN"],
    ["a symbol as a key", { [Symbol.iterator]: 1 }, "LIVE_NOT_PLAIN"],
    ["__proto__ as a key", JSON.parse('{"__proto__": 1}'), "LIVE_NOT_PLAIN"],
    ["a hole", [1, , 2], "LIVE_NOT_PLAIN"], // eslint-disable-line no-sparse-arrays
    ["a lone surrogate", "\ud800", "LIVE_NOT_PLAIN"],
    ["a lone surrogate in a key", { "\udc00": 1 }, "LIVE_NOT_PLAIN"],
    ["text that is too long", "ä".repeat(327_681), "LIVE_TOO_LARGE"],
    ["a cycle", cycle, "LIVE_TOO_DEEP"],
    ["a value that is too deep", deep, "LIVE_TOO_DEEP"],
  ])("%s", (_what, value, code) => {
    const state = { good: { x: 1 }, bad: { value } };
    expect(codeOf(() => seal(state, undefined))).toBe(code);
    expect(Object.isFrozen(state.good)).toBe(false);
  });

  test("what its predecessor has inherited", () => {
    const before = { x: 1 };
    seal(before, undefined);
    expect(codeOf(() => seal({ ...before, constructor: Object }, before))).toBe("LIVE_NOT_PLAIN");
  });

  test("the error names the place", () => {
    expect(() => seal({ rows: [{ "a b": new Date() }] }, undefined)).toThrow('(at $.rows[0]["a b"])');
  });
});

test("a long pointer is split once, however many steps of a packed patch repeat it", () => {
  const key = "~".repeat(1000);
  const pointer = `/${"~0".repeat(1000)}/a`;
  const replace = vi.spyOn(String.prototype, "replaceAll");
  const steps = Array.from({ length: 500 }, (_, step) => [pointer, step]);
  try {
    expect(apply({ [key]: { a: 0 } }, [...steps, [`/${"~0".repeat(1000)}/b`, true]])).toEqual({ [key]: { a: 499, b: true } }); // prettier-ignore
    expect(replace.mock.calls.length).toBeLessThan(20);
  } finally {
    replace.mockRestore();
  }
});

test("a pointer of many short keys is split once", () => {
  const state = Array.from({ length: 10 }).reduce((inner: object) => ({ "~": inner }), { a: 0 });
  const patched = new PatchedState(adopt(state));
  const replace = vi.spyOn(String.prototype, "replaceAll");
  onTestFinished(() => replace.mockRestore());
  patched.apply(Array.from({ length: 500 }, (_, value) => [`${"/~0".repeat(10)}/a`, value]));
  expect(replace.mock.calls.length).toBeLessThan(100);
  expect(JSON.stringify(patched.finish())).toContain('"a":499');
});

test("a patch takes no time for the lists and dicts that earlier patches of the turn have copied", () => {
  const patched = new PatchedState(adopt({ rows: Array.from({ length: 1000 }, () => ({ a: 0 })), b: 0 }));
  patched.apply(Array.from({ length: 1000 }, (_, row) => [`/rows/${row}/a`, 1]));
  const set = vi.spyOn(Map.prototype, "set");
  onTestFinished(() => set.mockRestore());
  for (let value = 1; value <= 100; value++) patched.apply([["/b", value]]);
  expect(set.mock.calls.length).toBeLessThan(1000);
  expect(patched.finish()).toMatchObject({ b: 100 });
});

test("a long pointer is split once, also by later patches", () => {
  const pointers = new LongPointers();
  const long = `/a${"x".repeat(200)}/b`;
  const split = vi.spyOn(String.prototype, "split");
  onTestFinished(() => split.mockRestore());
  for (let round = 0; round < 3; round++) {
    const keys = pointers.keysOf(long, 10)!;
    expect(keys).toEqual([`a${"x".repeat(200)}`, "b"]);
    keys.pop(); // The caller may change them.
  }
  expect(split.mock.contexts.filter((text) => String(text) === long)).toHaveLength(1);
  expect(pointers.keysOf("/a".repeat(200), 10)).toBeUndefined();
  // The number of remembered pointers is limited. A forgotten pointer is split again.
  for (let index = 0; index < 3; index++) pointers.keysOf(`/${String(index).repeat(100_000)}`, 10);
  expect(pointers.keysOf(long, 10)).toHaveLength(2);
  expect(split.mock.contexts.filter((text) => String(text) === long)).toHaveLength(2);
});
