// Prints, for packed patches of each kind, the bytes of memory that one is charged and the bytes that it takes. Run
// with `--expose-gc --single-threaded --no-flush-bytecode`, as the test `heap` of @pb/jelly-types.

import { pack } from "../../src/packed/pack.js";
import { Places } from "../../src/packed/places.js";
import { Unpacker } from "../../src/packed/unpack.js";
import type { Operation } from "../../src/state/diff.js";

const range = <T>(count: number, item: (index: number) => T): T[] => Array.from({ length: count }, (_, i) => item(i));
const sets = (count: number, value: (index: number) => unknown): Operation[] =>
  range(count, (index) => ["/a", value(index)]);
const dict = (entries: number): object => Object.fromEntries(range(entries, (index) => [`key ${index}`, index]));

const patches: Record<string, Operation[]> = {
  "small numbers": sets(20_000, (index) => index % 256),
  "large numbers": sets(5000, (index) => 2 ** 40 + index),
  floats: sets(5000, (index) => index + 0.5),
  "texts of 3": sets(8000, (index) => String(100 + (index % 900))),
  "texts of 100": sets(500, (index) => String(index).padEnd(100, "x")),
  "Chinese texts of 40": sets(400, (index) => String(index).padEnd(40, "漢")),
  "empty lists": [["/a", range(30_000, () => [])]],
  "lists of one": [["/a", range(15_000, () => [1])]],
  "lists of 20": [["/a", range(1000, () => range(20, (index) => index))]],
  "lists in lists": [["/a", range(300, () => range(90, (index) => index).reduce<unknown>((inner) => [inner], 1))]],
  "a list of 30,000": [["/a", range(30_000, () => null)]],
  "empty dicts": [["/a", range(30_000, () => ({}))]],
  "dicts of one": [["/a", range(5000, () => dict(1))]],
  "dicts of 5": [["/a", range(1000, () => dict(5))]],
  "a dict of 4,000": [["/a", dict(4000)]],
  splices: range(10_000, () => ["/a", 0, 1, [1]]),
  removals: range(30_000, () => ["/a"]),
};

function bytesInUse(): number {
  for (let round = 0; round < 2; round++) globalThis.gc!();
  return process.memoryUsage().heapUsed;
}

const ROUNDS = 5;

/** What must not be freed between the two looks at the heap. */
const kept: unknown[] = [];

const rows = Object.entries(patches).map(([name, operations]) => {
  const bytes = pack(0, 1, operations, new Places(), true);
  if (bytes === undefined) throw new TypeError(`The patch of ${name} is too large`);
  new Unpacker().read(bytes);
  kept.push(bytes, operations);
  // V8 may free something else between two looks, in one round of many.
  const rounds = range(ROUNDS, () => measure(bytes, operations.length));
  kept.length = 0;
  rounds.sort((one, other) => one.measured - other.measured);
  return { name, wire: bytes.length, ...rounds[ROUNDS >> 1] };
});
console.log(JSON.stringify(rows));

function measure(bytes: Uint8Array, operations: number): { charged: number; measured: number } {
  const unpacker = new Unpacker();
  kept.push(unpacker);
  const before = bytesInUse();
  const patch = unpacker.read(bytes);
  const measured = bytesInUse() - before;
  if (patch.operations.length !== operations) throw new TypeError("Another patch");
  return { charged: patch.heapBytes, measured };
}
