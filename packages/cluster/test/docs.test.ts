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
  const lines: string[] = [];
  vi.spyOn(console, "log").mockImplementation((...args) => void lines.push(format(...args)));
  await import(fileURLToPath(new URL("test/guide/two-nodes.ts", root)));
  const expected = read("README.md")
    .replaceAll(/(^```ts file=(\S+)\n)[^]*?(^```$)/gm, (_block, start: string, file: string, end: string) => {
      return `${start}${read(file)}${end}`;
    })
    .replace(
      /(^```text\n)[^]*?(^```$)/m,
      (_block, start: string, end: string) => `${start}${lines.join("\n")}\n${end}`,
    );
  expect(lines).toHaveLength(2);
  await expect(expected).toMatchFileSnapshot(fileURLToPath(new URL("README.md", root)));
});
