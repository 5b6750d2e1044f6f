// The charges of references and caches agree with the memory that they take, measured in a separate process.

import { execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";

const flags = ["--single-threaded", "--no-flush-bytecode", "--expose-gc", "--import", "tsx", "--conditions=@pb/source"];
const program = fileURLToPath(new URL("../support/heap-of-references.ts", import.meta.url));
const rows = JSON.parse(execFileSync(process.execPath, [...flags, program], { encoding: "utf8" })) as {
  readonly name: string;
  readonly charged: number;
  readonly measured: number;
}[];

test.each(rows)("a $name is charged $charged bytes and takes $measured", ({ charged, measured }) => {
  expect(charged).toBeLessThan(1.5 * measured);
  expect(charged).toBeGreaterThan(measured / 1.5);
});
