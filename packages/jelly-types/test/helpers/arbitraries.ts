// Generators for property tests: all values that Python has too, alone and in graphs with shared objects and cycles.

import fc from "fast-check";
import { Float } from "@pb/banana";
import { CalendarDate, DateTime, Decimal, FrozenSet, TimeDelta, TimeOfDay, Tuple } from "@pb/jelly-types";
import { keyOf, Thing } from "./python.js";

const LARGEST = 2n ** 448n - 1n;

const integer = fc.oneof(
  { weight: 3, arbitrary: fc.integer({ min: -200, max: 200 }).map(BigInt) },
  fc.bigInt({ min: -(2n ** 70n), max: 2n ** 70n }),
  fc.bigInt({ min: -LARGEST, max: LARGEST }),
  fc.constantFrom(
    2n ** 31n - 1n,
    2n ** 31n,
    -(2n ** 31n),
    -(2n ** 31n) - 1n,
    2n ** 53n,
    -(2n ** 53n),
    LARGEST,
    -LARGEST,
  ),
);

const float = fc
  .double()
  .map((value) => (Number.isSafeInteger(value) && !Object.is(value, -0) ? new Float(value) : value));

const text = fc.oneof(
  fc.string({ unit: "grapheme", maxLength: 12 }),
  fc.string({ unit: "binary", maxLength: 12 }).filter((value) => value.isWellFormed()),
  fc.constantFrom(
    "",
    "list",
    "None",
    "__proto__",
    "constructor",
    "toString",
    "12",
    "\0",
    "\u{1f600}",
    "it's",
    '"',
    "'\"",
  ),
);

const bytes = fc.oneof(
  fc.uint8Array({ maxLength: 20 }),
  fc.constantFrom("list", "dictionary", "unicode", "remote").map((word) => new TextEncoder().encode(word)),
);

const time = fc.tuple(fc.nat(23), fc.nat(59), fc.nat(59), fc.oneof(fc.constant(0), fc.nat(999_999)));
const day = fc
  .date({ min: new Date("0001-01-01T00:00:00Z"), max: new Date("9999-12-31T00:00:00Z"), noInvalidDate: true })
  .map((date) => [date.getUTCFullYear(), date.getUTCMonth() + 1, date.getUTCDate()] as const);

export const leaf: fc.Arbitrary<unknown> = fc.oneof(
  fc.constant(null),
  fc.boolean(),
  integer,
  float,
  text,
  bytes,
  fc
    .tuple(fc.bigInt({ min: -(10n ** 30n), max: 10n ** 30n }), fc.integer({ min: -60, max: 60 }))
    .map(([coefficient, exponent]) => new Decimal(coefficient, exponent)),
  fc.tuple(day, time).map(([date, clock]) => new DateTime(...date, ...clock)),
  day.map((date) => new CalendarDate(...date)),
  time.map((clock) => new TimeOfDay(...clock)),
  fc
    .tuple(fc.integer({ min: -999_999_999, max: 999_999_998 }), fc.nat(86_399), fc.nat(999_999))
    .map((span) => new TimeDelta(...span)),
);

type Kind = "list" | "tuple" | "dict" | "set" | "frozenset" | "thing";

interface Item {
  readonly leaf: unknown;
  /** The node of the graph with that number, if there is one. */
  readonly node: number | undefined;
  readonly name: string;
  readonly key: unknown;
}

interface Plan {
  readonly kind: Kind;
  readonly items: readonly Item[];
}

const NODES = 8;

const plan: fc.Arbitrary<Plan> = fc.record({
  kind: fc.constantFrom<Kind[]>("list", "list", "tuple", "tuple", "dict", "dict", "set", "frozenset", "thing"),
  items: fc.array(
    fc.record({
      leaf,
      node: fc.option(fc.nat(NODES - 1), { nil: undefined }),
      name: text,
      key: fc.oneof(
        leaf,
        fc.array(leaf, { maxLength: 2 }).map((items) => Tuple.from(items)),
      ),
    }),
    { maxLength: 5 },
  ),
});

/** Any graph that Python can have, with ints as bigints, dicts as Maps, shared objects and cycles. */
export const graph: fc.Arbitrary<unknown> = fc.array(plan, { minLength: 1, maxLength: NODES }).map(grow);

function grow(plans: readonly Plan[]): unknown {
  const nodes: unknown[] = plans.map(({ kind }) => shell(kind));
  // Tuples and frozensets contain only later nodes, so that no cycle consists of them alone.
  for (let index = plans.length - 1; index >= 0; index--) {
    const { kind, items } = plans[index]!;
    if (kind !== "tuple" && kind !== "frozenset") continue;
    const values = items.map((item) => {
      const isThere = item.node !== undefined && (item.node > index || isMutable(plans[item.node]?.kind));
      return isThere ? (nodes[item.node] ?? null) : item.leaf;
    });
    nodes[index] = kind === "tuple" ? Tuple.from(values) : new FrozenSet(distinct(values));
  }
  for (const [index, { kind, items }] of plans.entries()) {
    const values = items.map((item) => (item.node === undefined ? item.leaf : (nodes[item.node] ?? item.leaf)));
    const node = nodes[index];
    if (kind === "list") (node as unknown[]).push(...values);
    if (kind === "set") for (const member of distinct(values)) (node as Set<unknown>).add(member);
    if (kind === "dict") fillMap(node as Map<unknown, unknown>, items, values);
    if (kind === "thing") for (const [place, { name }] of items.entries()) define(node as Thing, name, values[place]);
  }
  return nodes[0];
}

function shell(kind: Kind): unknown {
  return kind === "list"
    ? []
    : kind === "dict"
      ? new Map()
      : kind === "set"
        ? new Set()
        : kind === "thing"
          ? new Thing()
          : null;
}

function isMutable(kind: Kind | undefined): boolean {
  return kind === "list" || kind === "dict" || kind === "set" || kind === "thing";
}

/** An object moves entries whose names look like numbers to the front. Names of methods of the class are dropped. */
function define(thing: Thing, name: string, value: unknown): void {
  if (/^\d+$/.test(name) || name in Thing.prototype) return;
  Object.defineProperty(thing, name, { value, writable: true, enumerable: true, configurable: true });
}

function fillMap(map: Map<unknown, unknown>, items: readonly Item[], values: readonly unknown[]): void {
  const known = new Set<string>();
  for (const [index, { key }] of items.entries()) {
    if (known.has(keyOf(key))) continue;
    known.add(keyOf(key));
    map.set(asKey(key), values[index]);
  }
}

/** The values that may be members of one set: hashable, and no two equal ones in Python. */
function distinct(values: readonly unknown[]): unknown[] {
  const known = new Map<string, unknown>();
  for (const value of values) if (isHashable(value) && !known.has(keyOf(value))) known.set(keyOf(value), asKey(value));
  return [...known.values()];
}

/** A Map and a Set convert -0 to 0. */
function asKey(value: unknown): unknown {
  return Object.is(value, -0) ? new Float(-0) : value;
}

function isHashable(value: unknown): boolean {
  if (value instanceof Tuple) return value.every(isHashable);
  return !Array.isArray(value) && !(value instanceof Map) && !(value instanceof Set);
}
