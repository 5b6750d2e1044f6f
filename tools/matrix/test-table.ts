/**
 * Runs tests with programs that npm installs, and shows the results as a table: a row per program, a column per run.
 */

import { spawnSync } from "node:child_process";
import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { markdownTable } from "markdown-table";
import type { JsonTestResults } from "vitest/node";

/** Runs a shell command with a package of npm on its path. Returns the lines it prints; undefined if it fails. */
export function linesFromNpm(specifier: string, command: string): string[] | undefined {
  const args = ["--yes", "-p", specifier, "-c", command];
  const { status, stdout } = spawnSync("npx", args, { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] });
  if (status !== 0) console.error(`${specifier} is not available: npm cannot install it.`);
  return status === 0 ? stdout.trim().split("\n") : undefined;
}

/** Runs vitest in a program and returns the cell of the table. Failed tests are listed on stderr. */
export function runTests(program: readonly string[], args: readonly string[], env: NodeJS.ProcessEnv = {}): string {
  const file = join(tmpdir(), `pb-test-table-${process.pid}.json`);
  const [command, ...flags] = program;
  const vitest = ["node_modules/vitest/vitest.mjs", "run", "--typecheck.enabled=false", "--reporter=json"];
  spawnSync(command!, [...flags, ...vitest, `--outputFile=${file}`, ...args], {
    env: { ...process.env, ...env },
    stdio: "ignore",
    timeout: 900_000,
  });
  if (!existsSync(file)) {
    process.exitCode = 1;
    return "**did not run**";
  }
  const { numPassedTests, testResults } = JSON.parse(readFileSync(file, "utf8")) as JsonTestResults;
  rmSync(file);
  const failed = testResults.flatMap(({ name, status, assertionResults }) => {
    const tests = assertionResults.filter((test) => test.status === "failed").map(({ fullName }) => fullName);
    return status === "failed" && tests.length === 0 ? [name] : tests; // a file that could not be loaded
  });
  for (const test of failed) console.error(`${program.join(" ")}: ${test}`);
  if (failed.length > 0 || numPassedTests === 0) process.exitCode = 1;
  return failed.length === 0 ? `${numPassedTests} pass` : `${numPassedTests} pass, **${failed.length} fail**`;
}

/** Prints the table. When all rows are there, also writes it to `page`, below a text and the date. */
export function showTable(table: readonly (readonly string[])[], page: URL, text: string, rows: number): void {
  console.log(markdownTable(table));
  const date = new Date().toISOString().slice(0, 10);
  if (table.length === rows + 1) writeFileSync(page, `${text}\n\nLast run: ${date}\n\n${markdownTable(table)}\n`);
}
