/**
 * npm run checklist [-- --report FILE]: runs the tests of the checklist, or reads vitest's JSON report from a file;
 * writes TABLE.md, and prints the lines without a passing test. Fails when a line has no passing test.
 */

import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { checklist, judge, page } from "./checklist.js";
import type { Report } from "./checklist.js";

const { values } = parseArgs({ options: { report: { type: "string" } } });
const result = judge(checklist, values.report === undefined ? runTests() : read(values.report));
writeFileSync(new URL("TABLE.md", import.meta.url), page(result));
console.log(`\n${result.summary}`);
for (const problem of result.problems) console.error(problem);
process.exitCode = result.problems.length === 0 ? 0 : 1;

function read(file: string): Report {
  return JSON.parse(readFileSync(file, "utf8")) as Report;
}

function runTests(): Report {
  const folder = mkdtempSync(join(tmpdir(), "pb-checklist-"));
  const file = join(folder, "report.json");
  const args = ["node_modules/vitest/vitest.mjs", "run", "/checklist-", "--reporter=json", `--outputFile.json=${file}`];
  spawnSync(process.execPath, args, { stdio: ["ignore", "ignore", "inherit"] });
  const report = read(file);
  rmSync(folder, { recursive: true });
  return report;
}
