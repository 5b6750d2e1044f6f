// Prints, for each type, the bytes of memory that one value is charged and the bytes that it takes. Run with
// `--expose-gc --single-threaded --no-flush-bytecode`: so nothing but the values changes the heap, and the figures are
// the same each time.

import { BananaReader, encode, pb, readExpression, Scanner } from "@pb/banana";
import { TypeRegistry, Unjellier } from "@pb/jelly-types";
import { sexp } from "./support.js";

type Wire = Parameters<typeof sexp>[0];

const text = (value: string): Wire => ["unicode", value];
const range = <T>(count: number, make: (index: number) => T): T[] => Array.from({ length: count }, (_, i) => make(i));
const double = (value: number): Wire => value + 0.5;
const dict = (entries: number, key: (index: number) => Wire): Wire => [
  "dictionary",
  ...range(entries, (index) => [key(index), 1]),
];
let serial = 0;
/** A text that no other value contains, of at least eight characters. */
const fresh = (length = 8): string => `k${1_000_000 + ++serial}`.padEnd(length, "x");

class Item {}
const registry = new TypeRegistry().registerCopy("shop.Own", Item);

/** A value of each type, as it is written. Their text is new: repeated keys take less memory than they are charged. */
const types: Record<string, (index: number) => Wire> = {
  "small integer": (index) => index & 127,
  "integer of 40 bits among others": (index) => (index % 2 === 0 ? 2 ** 39 + index : ["None"]),
  "bigint of 60 bits": (index) => 2n ** 60n + BigInt(index),
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
};

/** More of the small ones, because the rest of the heap changes by a few kilobytes meanwhile. */
const countOf = (make: (index: number) => Wire): number => (encode(sexp(make(0))).length < 80 ? 6000 : 500);

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

/** Allocates what all values of a type share once, such as shapes and code. */
function warmUp(wire: Wire[], read: Read): void {
  const scanner = new Scanner({ dialect: pb });
  const reader = new BananaReader();
  scanner.lend(encode(sexp(["list", ...wire]), { dialect: pb }));
  scanner.advance(reader);
  read(reader, { left: Number.MAX_SAFE_INTEGER });
}

/** Reads the values and returns what each of them is charged and takes, without its place in the list. */
function measure(wire: Wire[], read: Read): Sample {
  const chunk = encode(sexp(["list", ...wire]), { dialect: pb });
  const heap = { left: Number.MAX_SAFE_INTEGER };
  const scanner = new Scanner({ dialect: pb });
  const reader = new BananaReader();
  scanner.lend(chunk);
  scanner.advance(reader);
  kept = [wire, chunk, scanner, reader];
  const before = bytesInUse();
  const values = read(reader, heap);
  const measured = (bytesInUse() - before) / wire.length - 8;
  kept.length = 0;
  if (!Array.isArray(values)) throw new TypeError("Not a list");
  return { charged: (Number.MAX_SAFE_INTEGER - heap.left) / wire.length - 8, measured };
}

function readValue(reader: BananaReader, heap: { left: number }): unknown {
  return new Unjellier({ registry, heap, unknownCopies: "keep" }).readGraph(reader);
}

const readers: [string, Read][] = [
  ["value", readValue],
  ["tree", readExpression],
];
/** A tree has only these types; the others are lists and byte strings. */
const inTrees = /integer$|bits|float|byte string|empty list|list of 1$/;

measure(range(6000, types["small integer"]!), readValue); // Warms up what all measurements share.

const rows = readers.flatMap(([kind, read]) =>
  Object.entries(types).flatMap(([name, make]) => {
    if (kind === "tree" && !inTrees.test(name)) return [];
    const wire = (): Wire[] => range(countOf(make), make);
    warmUp(wire(), read);
    return { name: `${name} (${kind})`, count: countOf(make), ...measure(wire(), read) };
  }),
);
console.log(JSON.stringify(rows));
