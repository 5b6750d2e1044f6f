// Checks that README.md shows the programs in test/guide with their real output.
// To update it after a change of a program: npx vitest run packages/cluster/test/docs.test.ts --update

import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { format } from "node:util";
import { afterEach, expect, test, vi } from "vitest";

const root = new URL("../", import.meta.url);
const read = (path: string): string => readFileSync(new URL(path, root), "utf8");

afterEach(() => void vi.restoreAllMocks());

test("the README shows its programs unchanged, with their output", async () => {
  const outputs: string[] = [];
  for (const program of ["two-nodes", "presence"]) {
    const lines: string[] = [];
    vi.spyOn(console, "log").mockImplementation((...args) => void lines.push(format(...args)));
    await import(fileURLToPath(new URL(`test/guide/${program}.ts`, root)));
    expect(lines.length).toBeGreaterThan(1);
    outputs.push(lines.join("\n"));
  }
  const expected = read("README.md")
    .replaceAll(/(^```ts file=(\S+)\n)[^]*?(^```$)/gm, (_block, start: string, file: string, end: string) => {
      return `${start}${read(file)}${end}`;
    })
    .replaceAll(/(^```text\n)[^]*?(^```$)/gm, (_block, start: string, end: string) => {
      return `${start}${outputs.shift() ?? "no program"}\n${end}`;
    });
  expect(outputs).toEqual([]);
  await expect(expected).toMatchFileSnapshot(fileURLToPath(new URL("README.md", root)));
});
