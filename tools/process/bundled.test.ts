import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, onTestFinished, test } from "vitest";
import { bundled } from "./bundled.js";
import { typescript } from "./program.js";

const cache = fileURLToPath(new URL("../../node_modules/.cache/", import.meta.url));

function folderWith(files: Readonly<Record<string, string>>): string {
  mkdirSync(cache, { recursive: true });
  const folder = mkdtempSync(join(cache, "pb-bundled-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
  return folder;
}

function output(program: string): string {
  const [node, ...args] = typescript(program, "an argument");
  return execFileSync(node, args, { encoding: "utf8" });
}

test("a bundle is used until one of its sources changes", () => {
  const folder = folderWith({
    "main.ts":
      'import { text } from "./text.js"; console.log(text, process.argv[2], new Error().stack?.split("\\n")[1]);',
    "text.ts": 'export const text: string = "first";',
  });
  const program = join(folder, "main.ts");
  expect(output(program)).toMatch(/^first an argument +at .*main\.ts:1:\d+/);
  const bundle = bundled(program)!;
  writeFileSync(bundle, 'console.log("the same bundle");');
  expect(output(program)).toBe("the same bundle\n");
  writeFileSync(join(folder, "text.ts"), 'export const text: string = "changed";');
  expect(output(program)).toMatch(/^changed an argument/);
});

test("a program that looks for files beside its source is not bundled", () => {
  const program = join(folderWith({ "main.ts": "console.log(import.meta.url);" }), "main.ts");
  expect([bundled(program), bundled(program)]).toEqual([undefined, undefined]);
  expect(output(program)).toMatch(/^file:.*main\.ts\n$/);
});
