// Tests the ESLint rule for our English, and checks the spelling of the documents, which ESLint does not read.

/* eslint pb/english: "off" -- the table has the spellings that the rule reports */

import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { Linter } from "eslint";
import { expect, it } from "vitest";
import { english, findBritishSpelling } from "./english.js";

const root = fileURLToPath(new URL("../../", import.meta.url));

it.each([
  ["// Sets the color of the flavor.", []],
  ["// Sets the colour.", ["spelling"]],
  ["/** Closes the link\n * when the peer cancelled it. */", ["spelling"]],
  ["// Sets `element.colour`.", []],
  ['throw new Error("unserialisable value");', ["spelling"]],
  ["const text = `${x} was cancelled`;", ["spelling"]],
  ['const results = { "other centre": "cancelled" };', []],
  ["// The caller who waits is rejected.", []],
  ["// Whoever calls it waits.", ["subject"]],
  ["/**\n * Closes the link. Nobody reads it.\n */", ["subject"]],
  [`// ${"word ".repeat(24)}`, ["width"]],
  [`f(); /* ${"word ".repeat(20)}*/ g("${"word ".repeat(5)}");`, ["width"]],
  [`f("${"word ".repeat(30)}");`, []],
  [`// https://example.org/${"path/".repeat(30)}`, []],
  [`f("${"word ".repeat(30)}"); // prettier-ignore`, []],
])("reports in %j: %j", (code, expected) => {
  const config = { plugins: { pb: { rules: { english } } }, rules: { "pb/english": "error" } } as const;
  expect(new Linter().verify(code, config).map(({ messageId }) => messageId)).toEqual(expected);
});

it("finds American spelling in every document", () => {
  const { stdout } = spawnSync("git", ["ls-files", "*.md"], { cwd: root, encoding: "utf8" });
  const documents = stdout.split("\n").filter((path) => path !== "" && !path.includes("/peers/"));
  expect(documents).toContain("README.md");
  const findings = documents.map((path) => {
    const prose = readFileSync(join(root, path), "utf8").replace(/^```[^]*?^```/gm, "");
    return [path, findBritishSpelling(prose)];
  });
  expect(findings.filter(([, word]) => word !== undefined)).toEqual([]);
});
