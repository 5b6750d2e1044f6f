// Prints, for each type, the bytes of memory that one value is charged and the bytes that it takes. Run with
// `--expose-gc --single-threaded --no-flush-bytecode`: so nothing but the values changes the heap, and the figures are
// the same each time.

import { BananaReader, encode, pb, readExpression, Scanner } from "@pb/banana";
import { TypeRegistry, Unjellier } from "@pb/jelly-types";
import { sexp } from "./support.js";

type Wire = Parameters<typeof sexp>[0];

const text = (value: string): Wire => ["unicode", value];
const range = <T = number>(count: number, make: (index: number) => T = (index) => index as T): T[] =>
  Array.from({ length: count }, (_, i) => make(i));
const double = (value: number): Wire => value + 0.5;
const dict = (entries: number, key: (index: number) => Wire): Wire => [
  "dictionary",
  ...range(entries, (index) => [key(index), 1]),
];
const known = (index: number): Wire => text(`name${index}`);
const bytesOf = (value: string): Uint8Array => new TextEncoder().encode(value);
const byteName = (index: number): Wire => bytesOf(`name${index}`);
let serial = 0;
/** A text that no other value contains, of at least eight characters. */
const fresh = (length = 8): string => `k${1_000_000 + ++serial}`.padEnd(length, "x");

/** As {@link fresh}, but the values with the index and with the two that follow have the same text. */
const freshOfThree = (index: number, item = 0): string => {
  if (index % 3 === 0 && item === 0) ++serial;
  return `three${1_000_000 + serial}${item}`;
};

class Item {}
class Made {
  constructor(readonly state: unknown) {}
}
const registry = new TypeRegistry()
  .registerCopy("shop.Own", Item)
  .registerCopy("shop.Known", class extends Item {})
  .registerCopy("shop.Optional", class extends Item {})
  .registerCopy("shop.Made", Made, { create: (state) => new Made(state), getState: () => ({}) });

/** The first value is the state of all others. */
const withSharedState = (index: number, entries: number): Wire =>
  index === 0 ? ["reference", 1, dict(entries, known)] : ["shop.Known", ["dereference", 1]];

/** A value of each type, as it is written. Their text is new: repeated keys take less memory than they are charged. */
const types: Record<string, (index: number) => Wire> = {
  "small integer": (index) => index & 127,
  "integer of 40 bits among others": (index) => (index % 2 === 0 ? 2 ** 39 + index : ["None"]),
  "bigint of 60 bits": (index) => 2n ** 60n + BigInt(index),
  "bigint of 65 bits": (index) => 2n ** 64n + BigInt(index),
  "bigint of 448 bits": (index) => 2n ** 447n + BigInt(index),
  "float among others": (index) => (index % 2 === 0 ? double(index) : ["None"]),
  "empty byte string": () => new Uint8Array(0),
  "byte string of 1": () => new Uint8Array(1),
  "byte string of 60": () => new Uint8Array(60),
  "byte string of 1000": () => new Uint8Array(1000),
  "text of 9": () => text(fresh(9)),
  "text of 32": () => text(fresh(32)),
  "text of 500": () => text(fresh(500)),
  "Chinese text of 500": () => text("漢".repeat(490) + fresh()),
  "empty list": () => ["list"],
  "list of 1": (index) => ["list", index & 127],
  "list of 10": () => ["list", ...range(10, (item) => item)],
  "list of 20 integers": () => ["list", ...range(20, (item) => item)],
  "list of 20 floats": (index) => ["list", ...range(20, (item) => double(item + index))],
  "tuple of 3": () => ["tuple", 1, 2, 3],
  "empty dict": () => ["dictionary"],
  "dict of 1": () => dict(1, () => text(fresh())),
  "dict of 4": () => dict(4, () => text(fresh())),
  "dict of 10": () => dict(10, () => text(fresh())),
  "dict of 16": () => dict(16, () => text(fresh())),
  "dict of 20": () => dict(20, () => text(fresh())),
  "dict of 60": () => dict(60, () => text(fresh())),
  "dict of 100": () => dict(100, () => text(fresh())),
  "dict of 1 small index": () => dict(1, () => text("1023")),
  "dict of 10 small indices": () => dict(10, (index) => text(String(100 * index))),
  "dict of 100 small indices": () => dict(100, (index) => text(String(10 * index))),
  "dict of integers, 1": (index) => dict(1, () => index),
  "dict of integers, 5": () => dict(5, (item) => item),
  "dict of integers, 100": () => dict(100, (item) => item),
  "dict of text and an integer": () => ["dictionary", [text(fresh()), 1], [5, 1]],
  "empty set": () => ["set"],
  "set of 3": () => ["set", 1, 2, 3],
  "set of 100": () => ["set", ...range(100, (item) => item)],
  "frozenset of 3": () => ["frozenset", 1, 2, 3],
  date: () => ["date", "2026 11 27"],
  datetime: () => ["datetime", "2026 11 27 18 30 5 17"],
  "datetime of three numbers": () => ["datetime", "1 1 1"],
  time: () => ["time", "18 30 5 17"],
  timedelta: () => ["timedelta", "5 17 3"],
  decimal: (index) => ["decimal", index, -2],
  "decimal of 60 bits": (index) => ["decimal", 2n ** 60n + BigInt(index), index],
  "copy of 3": () => ["shop.Own", dict(3, () => text(fresh()))],
  "unknown copy": () => ["shop.Item", dict(3, () => text(fresh()))],
  unpersistable: () => ["unpersistable", fresh(40)],
  // Keys that repeat.
  "dict of 3 known keys": () => dict(3, known),
  "dict of 4 known keys": () => dict(4, known),
  "dict of 5 known keys": () => dict(5, known),
  "dict of 9 known keys": () => dict(9, known),
  "dict of 16 known keys": () => dict(16, known),
  "dict of 17 known keys": () => dict(17, known),
  "dict of 100 known keys": () => dict(100, known),
  "dict of 1000 known keys": () => dict(1000, known),
  "dict of 1000": () => dict(1000, () => text(fresh())),
  "dict of 3 long known keys": () =>
    dict(3, (index) => text(`a-key-with-a-long-name-that-is-not-in-the-cache-${index}`)),
  "dict of 3 Chinese known keys": () => dict(3, (index) => text(`漢${index}`)),
  "dict of 3 known keys in another order": (index) => dict(3, (item) => known((index + item) % 3)),
  "dict of 8 known keys in any order": (index) => dict(8, (item) => known((item * (1 + 2 * (index % 4)) + index) % 8)),
  "dict of 4 known keys of 40": (index) => dict(4, (item) => known((index * (2 * item + 1)) % 40)),
  "dict of 3 known keys and a new one": () => [
    "dictionary",
    ...range(3, (index) => [known(index), 1]),
    [text(fresh()), 1],
  ],
  "dict of a new key and 3 known": () => ["dictionary", [text(fresh()), 1], ...range(3, (index) => [known(index), 1])],
  "dict of 3 keys that come three times": (index) => dict(3, (item) => text(freshOfThree(index, item))),
  "dict of 3 known keys, and 4 after a key that comes three times": (index) =>
    dict(7, (item) => (item === 3 ? text(freshOfThree(index)) : known(item))),
  "dict of a key of byte strings": () => dict(3, (index) => new Uint8Array([index])),
  "copy without state": () => ["shop.Known", ["None"]],
  "copy with an empty state": () => ["shop.Known", ["dictionary"]],
  "copy of 3 known": () => ["shop.Known", dict(3, known)],
  "copy of 20 known": () => ["shop.Known", dict(20, known)],
  "copy of 60 known": () => ["shop.Known", dict(60, known)],
  "copy of a class with 11 optional properties": (index) => [
    "shop.Optional",
    ["dictionary", ...range(11).flatMap((bit) => (((index % 2048) >> bit) & 1 ? [[known(bit), 1]] : []))],
  ],
  "copy of 3 known names of bytes": () => ["shop.Known", dict(3, byteName)],
  "copy of 20 known names of bytes": () => ["shop.Known", dict(20, byteName)],
  "copy of 3 long known names of bytes": () => [
    "shop.Known",
    dict(3, (index) => bytesOf(`an-attribute-with-a-long-name-that-is-not-in-the-cache-${index}`)),
  ],
  "copy of 40 indices of bytes": () => ["shop.Known", dict(40, (index) => bytesOf(String(7 * index)))],
  "made copy of 3 known names of bytes": () => ["shop.Made", dict(3, byteName)],
  "copy of 2 names of bytes and one of text": () => [
    "shop.Known",
    ["dictionary", [byteName(0), 1], [known(1), 1], [byteName(2), 1]],
  ],
  "copy of 10": () => ["shop.Own", dict(10, () => text(fresh()))],
  "copy of 60": () => ["shop.Own", dict(60, () => text(fresh()))],
  "copy of 10 whose state is shared": (index) => withSharedState(index, 10),
  "copy of 40 whose state is shared": (index) => withSharedState(index, 40),
  "copy of 40 indices": () => ["shop.Known", dict(40, (index) => text(String(7 * index)))],
  "dict of 43 known": () => dict(43, known),
  "unknown copy of 3 known": () => ["shop.Item", dict(3, known)],
  "unknown copy without state": () => ["shop.Item", ["None"]],
  "made copy of 3 known": () => ["shop.Made", dict(3, known)],
  "reference to a list": (index) => ["reference", index, ["list"]],
  "reference with an id that is text": (index) => ["reference", new TextEncoder().encode(`x${index}`), ["list"]],
  "reference and two dereferences": (index) => [
    "list",
    ["reference", index, ["list"]],
    ["dereference", index],
    ["dereference", index],
  ],
  dereference: (index) => (index === 0 ? ["reference", 1, ["list"]] : ["dereference", 1]),
  "dereference before its reference": (index) =>
    index % 2 === 0 ? ["dereference", index + 1] : ["reference", index, ["list"]],
  "list in itself": (index) => ["reference", index, ["list", ["dereference", index]]],
  "copy that contains itself": (index) => [
    "reference",
    index,
    ["shop.Known", ["dictionary", [known(0), ["dereference", index]]]],
  ],
  "text of 9 that repeats": () => text("abcdefghi"),
  "text of 30 that repeats": () => text("abcdefghijklmnopqrstuvwxyz1234"),
  "text of 1": (index) => text(String.fromCharCode(97 + (index % 26))),
  "text of 1 of 100": (index) => text(String.fromCharCode(0x100 + (index % 100))),
  "accented text of 30": () => text("é".repeat(22) + fresh()),
  "emoji text of 20": () => text("😀".repeat(6) + fresh()),
  "list of 5 texts": () => ["list", ...range(5, () => text(fresh()))],
  "set of 5 texts": () => ["set", ...range(5, () => text(fresh()))],
  "set of 5": () => ["set", 1, 2, 3, 4, 5],
  "set of 17": () => ["set", ...range(17, (item) => item)],
  "frozenset of tuples": () => ["frozenset", ["tuple", 1], ["tuple", 2]],
  "empty frozenset": () => ["frozenset"],
  "empty tuple": () => ["tuple"],
  "tuple of 2 texts": () => ["tuple", text(fresh()), text(fresh())],
  "dict of tuples": (index) => dict(3, (item) => ["tuple", index, item]),
  "lists in lists": () => range(20).reduce<Wire>((inner) => ["list", inner], 1),
  "dicts in dicts": () => range(20).reduce<Wire>((inner) => ["dictionary", [known(0), inner]], 1),
  boolean: (index) => ["boolean", index % 2 === 0 ? "true" : "false"],
  "negative integer": (index) => -index,
  "decimal of 448 bits": (index) => ["decimal", 2n ** 447n + BigInt(index), index],
  "short unpersistable": () => ["unpersistable", fresh()],
  "Greek text of 30": () => text("α".repeat(22) + fresh()),
  "Chinese text of 9": () => text("漢" + fresh()),
  "list of 20 booleans": () => ["list", ...range(20, () => ["boolean", "true"] as Wire)],
  "list of 20 None": () => ["list", ...range(20, () => ["None"] as Wire)],
  "list of 20 repeated texts": () => ["list", ...range(20, (index) => known(index % 3))],
  "dict of 40 known long keys": () => dict(40, (index) => text(`another-key-with-a-long-name-of-the-program-${index}`)),
  rows: (index) => [
    "list",
    ...range(10, (row) => [
      "dictionary",
      [text("id"), index * 10 + row],
      [text("name"), text(fresh())],
      [text("price"), double(row)],
      [text("tags"), ["list", text("new"), text("hot")]],
      [text("at"), ["datetime", "2026 11 27 18 30 5 17"]],
    ]),
  ],
};

/** More of the small ones, because the rest of the heap changes by a few kilobytes meanwhile. */
function countOf(make: (index: number) => Wire): number {
  const { length } = encode(sexp(make(0)));
  return length < 80 ? 6000 : length < 4000 ? 1000 : 100;
}

function bytesInUse(): number {
  for (let round = 0; round < 2; round++) globalThis.gc!();
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
}

/** What a value is charged and what it takes, in bytes. */
interface Sample {
  readonly charged: number;
  readonly measured: number;
}

/** What must not be freed between the two looks at the heap: compiled code drops a variable after its last use. */
let kept: unknown[] = [];

type Read = (reader: BananaReader, heap: { left: number }) => unknown;

/** A list of values as bytes. Their tree is free again before memory is measured. */
const chunkOf = (count: number, make: (index: number) => Wire): Uint8Array =>
  encode(sexp(["list", ...range(count, make)]), { dialect: pb });

/** Allocates what all values of a type share once, such as shapes and code. */
function warmUp(chunk: Uint8Array, read: Read): void {
  const scanner = new Scanner({ dialect: pb });
  const reader = new BananaReader();
  scanner.lend(chunk);
  scanner.advance(reader);
  read(reader, { left: Number.MAX_SAFE_INTEGER });
}

/** Reads the values and returns what each of them is charged and takes, without its place in the list. */
function measure(chunk: Uint8Array, count: number, read: Read): Sample {
  const heap = { left: Number.MAX_SAFE_INTEGER };
  const scanner = new Scanner({ dialect: pb });
  const reader = new BananaReader();
  scanner.lend(chunk);
  scanner.advance(reader);
  kept = [chunk, scanner, reader];
  const before = bytesInUse();
  const values = read(reader, heap);
  const measured = (bytesInUse() - before) / count - 8;
  kept.length = 0;
  if (!Array.isArray(values)) throw new TypeError("Not a list");
  return { charged: (Number.MAX_SAFE_INTEGER - heap.left) / count - 8, measured };
}

function isOff({ charged, measured }: Sample): boolean {
  return charged > 1.3 * measured + 1 || charged < measured / 1.3 - 1;
}

function readValue(reader: BananaReader, heap: { left: number }): unknown {
  return new Unjellier({ registry, heap, unknownCopies: "keep" }).readGraph(reader);
}

/** With the option `dicts: "map"`. A copy with array indices among its attributes is charged more than it takes. */
function readMaps(reader: BananaReader, heap: { left: number }): unknown {
  return new Unjellier({ registry, heap, unknownCopies: "keep", dicts: "map" }).readGraph(reader);
}

/** How values are read, and which types are read in this way. */
const readers: [string, Read, RegExp][] = [
  ["value", readValue, /./],
  // The others are lists and byte strings.
  ["tree", readExpression, /integer$|bits|float|byte string|empty list|list of 1$/],
  ["map", readMaps, /^dict|copy(?!.*indices)/],
];

// Warms up what all measurements share, such as compiled code.
for (const make of Object.values(types)) for (const [, read] of readers) warmUp(chunkOf(100, make), read);
measure(chunkOf(6000, types["small integer"]!), 6000, readValue);

/** The rows whose names match, to measure a few of them by hand. */
const only = new RegExp(process.argv[2] ?? "");

const rows = readers.flatMap(([kind, read, readTypes]) =>
  Object.entries(types).flatMap(([name, make]) => {
    if (!readTypes.test(name) || !only.test(name)) return [];
    const count = countOf(make);
    warmUp(chunkOf(Math.min(count, 3000), make), read);
    let sample = measure(chunkOf(count, make), count, read);
    // What V8 allocates once, such as compiled code, is not there the next time.
    for (let again = 0; again < 3 && isOff(sample); again++) sample = measure(chunkOf(count, make), count, read);
    return { name: `${name} (${kind})`, count, ...sample };
  }),
);
console.log(JSON.stringify(rows));
