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

test.each(rows)("a $name is charged $charged bytes and takes $measured", ({ charged, measured }) => {
  expect(charged).toBeLessThan(1.5 * measured);
  expect(charged).toBeGreaterThan(measured / 1.5);
});
