/**
 * npm run checklist [-- --report FILE]: runs the tests of the checklist, or reads vitest's JSON report from a file;
 * writes TABLE.md, and prints the lines without a passing test. Fails when a line has no passing test.
 */

import { readFileSync, writeFileSync } from "node:fs";
import { parseArgs } from "node:util";
import type { JsonTestResults } from "vitest/node";
import { runVitest } from "../matrix/test-table.js";
import { judge } from "./checklist.js";
import list from "./checklist.json" with { type: "json" };
import type { Area } from "./checklist.js";

const { values } = parseArgs({ options: { report: { type: "string" } } });
const report =
  values.report === undefined
    ? runVitest([process.execPath], ["/checklist-"])
    : (JSON.parse(readFileSync(values.report, "utf8")) as JsonTestResults);
if (report === undefined) throw new Error("vitest did not run");
const { problems, summary, page } = judge(list as Area[], report.testResults);
writeFileSync(new URL("TABLE.md", import.meta.url), page);
console.log(`\n${summary}`);
for (const problem of problems) console.error(problem);
process.exitCode = problems.length === 0 ? 0 : 1;
