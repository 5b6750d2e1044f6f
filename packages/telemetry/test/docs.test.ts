// README.md and GUIDE.md show the programs in test/guide with their output.
// To update the documents after a change of a program: npx vitest run packages/telemetry/test/docs.test.ts --update

import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { format } from "node:util";
import { afterEach, expect, test, vi } from "vitest";
import * as conventions from "../src/conventions.js";

const packageRoot = new URL("../", import.meta.url);
const read = (path: string): string => readFileSync(new URL(path, packageRoot), "utf8");
const documents = ["README.md", "GUIDE.md"];

/** A code block of a program, with a block of its output. */
const blocks = /^```ts file=(\S+)\n[^]*?^```\n(?:\n```text\n[^]*?^```\n)?/gm;

afterEach(() => vi.restoreAllMocks());

async function outputOf(file: string): Promise<string> {
  const lines: string[] = [];
  const log = vi.spyOn(console, "log").mockImplementation((...args) => void lines.push(format(...args)));
  await import(fileURLToPath(new URL(file, packageRoot)));
  log.mockRestore();
  return lines.join("\n");
}

test.each(documents)("%s shows each program unchanged, with its output", async (document) => {
  const shown = read(document);
  let expected = "";
  let end = 0;
  for (const { 0: block, 1: file = "", index } of shown.matchAll(blocks)) {
    const program = `\`\`\`ts file=${file}\n${read(file)}\`\`\`\n`;
    expected += `${shown.slice(end, index)}${program}\n\`\`\`text\n${await outputOf(file)}\n\`\`\`\n`;
    end = index + block.length;
  }
  await expect(expected + shown.slice(end)).toMatchFileSnapshot(fileURLToPath(new URL(document, packageRoot)));
});

test("every program is shown, and every name of a span or metric is explained", () => {
  const shown = documents.map(read).join("");
  for (const file of readdirSync(new URL("test/guide/", packageRoot)))
    expect(shown).toContain(` file=test/guide/${file}\n`);
  const names = Object.values(conventions).filter((value) => typeof value === "string");
  for (const name of names) expect(shown).toContain(`\`${name}\``);
});
