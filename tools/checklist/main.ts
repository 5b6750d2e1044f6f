// npm run checklist: runs the tests that Twisted's own tests of PB ask for, prints how each line stands, and writes tools/checklist/TABLE.md. Fails on a gap.
// With --report FILE it takes the results of a run of vitest from there.

import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { areas, gaps, judge, page, summary } from "./checklist.js";
import type { Report } from "./checklist.js";

const { values } = parseArgs({ options: { report: { type: "string" } } });
const written = fileURLToPath(new URL("TABLE.md", import.meta.url));

const judged = judge(areas, values.report === undefined ? runTests() : read(values.report));
for (const { title, lines } of areas) {
  console.log(`\n${title}`);
  for (const line of lines) {
    const { status, tests } = judged.rows.get(line)!;
    console.log(`  ${status.padEnd(8)}  ${line.id}: ${line.checks}`);
    for (const test of status === "not here" ? [line.why!] : tests) console.log(`            ${test}`);
  }
}
mkdirSync(dirname(written), { recursive: true });
writeFileSync(written, page(areas, judged.rows));

console.log(`\n${summary(judged.rows)}`);
const open = gaps(judged);
for (const gap of open) console.error(gap);
process.exitCode = open.length === 0 ? 0 : 1;

function read(file: string): Report {
  return JSON.parse(readFileSync(file, "utf8")) as Report;
}

function runTests(): Report {
  const folder = mkdtempSync(join(tmpdir(), "pb-checklist-"));
  try {
    const file = join(folder, "report.json");
    const vitest = fileURLToPath(new URL("../../node_modules/vitest/vitest.mjs", import.meta.url));
    const args = [vitest, "run", "/checklist-", "--reporter=json", `--outputFile.json=${file}`];
    spawnSync(process.execPath, args, { stdio: ["ignore", "ignore", "inherit"] });
    return read(file);
  } finally {
    rmSync(folder, { recursive: true });
  }
}
