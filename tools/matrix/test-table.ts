/**
 * Runs tests with programs that npm installs, and shows the results as a table: a row per program, a column per run.
 */

import { spawnSync } from "node:child_process";
import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { markdownTable } from "markdown-table";
import type { JsonTestResults } from "vitest/node";

export interface TestTable {
  /** The programs of all rows. Those on the command line are run, without any there all of them. */
  readonly programs: readonly string[];
  /** Returns the name of a row and the command that runs a script; undefined if the program is not available. */
  readonly find: (program: string) => { name: string; command: readonly string[] } | undefined;
  /** The arguments of vitest, and the variables of its environment, by the title of each column. */
  readonly columns: Readonly<Record<string, { args: readonly string[]; env?: NodeJS.ProcessEnv }>>;
  /** The file that gets the text, the date and the table when all programs have run. */
  readonly page: URL;
  readonly text: string;
}

/** Prints the table. The process fails when a test fails or a program is not available. */
export function showTestTable({ programs, find, columns, page, text }: TestTable): void {
  const chosen = process.argv.length > 2 ? process.argv.slice(2) : programs;
  const found = chosen.flatMap((program) => find(program) ?? []);
  if (found.length < chosen.length) process.exitCode = 1;
  const rows = found.map(({ name, command }) => [
    name,
    ...Object.values(columns).map(({ args, env }) => cellOf(command, runVitest(command, args, env))),
  ]);
  const table = markdownTable([["", ...Object.keys(columns)], ...rows]);
  console.log(table);
  const date = new Date().toISOString().slice(0, 10);
  if (rows.length === programs.length) writeFileSync(page, `${text}\n\nLast run: ${date}\n\n${table}\n`);
}

/** Installs a package of npm that contains a program. Returns the path and the version of the program. */
export function programFromNpm(specifier: string, program: string): { path: string; version: string } | undefined {
  const args = ["--yes", "-p", specifier, "-c", `command -v ${program} && ${program} --version`];
  const { stdout } = spawnSync("npx", args, { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] });
  const [, path, version] = /^(.*)\n.*?(\d+\.\d+\.\d+)/.exec(stdout) ?? [];
  if (path !== undefined && version !== undefined) return { path, version };
  console.error(`${specifier} is not available: npm cannot install it.`);
  return undefined;
}

/** Runs vitest in a program and returns its report; undefined if there is none. */
export function runVitest(
  [command, ...flags]: readonly string[],
  args: readonly string[],
  env: NodeJS.ProcessEnv = {},
): JsonTestResults | undefined {
  const file = join(tmpdir(), `pb-test-table-${process.pid}.json`);
  const vitest = ["node_modules/vitest/vitest.mjs", "run", "--typecheck.enabled=false", "--reporter=json"];
  spawnSync(command!, [...flags, ...vitest, `--outputFile=${file}`, ...args], {
    env: { ...process.env, ...env },
    stdio: "ignore",
    timeout: 900_000,
  });
  if (!existsSync(file)) return undefined;
  const report = JSON.parse(readFileSync(file, "utf8")) as JsonTestResults;
  rmSync(file);
  return report;
}

/** Returns the cell for a report. Failed tests are listed on stderr. */
function cellOf(command: readonly string[], report: JsonTestResults | undefined): string {
  const failed = (report?.testResults ?? []).flatMap(({ name, status, assertionResults }) => {
    const tests = assertionResults.filter((test) => test.status === "failed").map(({ fullName }) => fullName);
    return status === "failed" && tests.length === 0 ? [name] : tests; // a file that could not be loaded
  });
  for (const test of failed) console.error(`${command.join(" ")}: ${test}`);
  const passed = report?.numPassedTests ?? 0;
  if (failed.length > 0 || passed === 0) process.exitCode = 1;
  if (report === undefined) return "**did not run**";
  return failed.length === 0 ? `${passed} pass` : `${passed} pass, **${failed.length} fail**`;
}
