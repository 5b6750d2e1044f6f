// The charges of references and caches agree with the memory that they take, measured in a separate process.

import { execFileSync } from "node:child_process";
import { expect, test } from "vitest";
import { typescript } from "../../../../tools/process/program.js";

const flags = ["--single-threaded", "--no-flush-bytecode", "--expose-gc"];
const [node, ...program] = typescript("packages/broker/test/support/heap-of-references.ts");
const rows = JSON.parse(execFileSync(node, [...flags, ...program], { encoding: "utf8" })) as {
  readonly name: string;
  readonly charged: number;
  readonly measured: number;
}[];

/** The changes of the rest of the heap, and the bytes on the wire, which are refunded at the end of the graph. */
const TOLERANCE = 16;

test.each(rows)("a $name is charged $charged bytes and takes $measured", ({ charged, measured }) => {
  expect(charged).toBeLessThan(1.5 * measured + TOLERANCE);
  expect(charged).toBeGreaterThan(measured / 1.5 - TOLERANCE);
});
