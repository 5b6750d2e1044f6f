/**
 * npm run mutants -- FILES: changes the named source files in many small ways, one at a time, runs the tests of their
 * package on each change, and writes which changes no test noticed. `--changed` takes the files that differ from main
 * and fails when one has unnoticed changes. No file is started after `--minutes=N`.
 */
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { parseArgs } from "node:util";
import { equivalent, notEquivalent, resultsPage } from "./results.js";
import type { FileResult, Results, Survivor } from "./results.js";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { changed: { type: "boolean", default: false }, minutes: { type: "string", default: "Infinity" } },
});
const files = values.changed ? changedFiles() : positionals;
if (files.length === 0) console.log("No source file of a portable package to mutate.");
for (const file of files) if (!existsSync(file)) throw new Error(`There is no file ${file}.`);

/** A change, as Stryker reports it. Lines and columns count from 1. */
interface Mutant {
  readonly status: string;
  readonly replacement?: string;
  readonly location: Readonly<Record<"start" | "end", { readonly line: number; readonly column: number }>>;
}

const resultsFile = new URL("results.json", import.meta.url);
const results = JSON.parse(readFileSync(resultsFile, "utf8")) as Results;
const end = Date.now() + Number(values.minutes) * 60_000;
for (const file of files) {
  if (Date.now() >= end) {
    console.log(`${file}: not run, because the time is over.`);
    continue;
  }
  const result = mutate(file, end - Date.now());
  if (result === undefined) continue;
  const left = notEquivalent(file, result.survivors);
  console.log(
    `${file}: ${result.killed} noticed, ${left.length} not, ${equivalent(file, result.survivors)} equivalent`,
  );
  for (const { line, code, replacement } of left) console.log(`  ${file}:${line}\n    - ${code}\n    + ${replacement}`);
  if (values.changed) {
    if (left.length > 0) process.exitCode = 1;
    continue; // CI writes no page.
  }
  results[file] = result;
  writeFileSync(resultsFile, `${JSON.stringify(results, undefined, 1)}\n`);
  writeFileSync(new URL("RESULTS.md", import.meta.url), resultsPage(results));
}

/** The source files of the portable packages that differ from the branch main. */
function changedFiles(): string[] {
  const args = ["diff", "--name-only", "--diff-filter=d", "--merge-base", "main", "--", "packages/*/src/**.ts"];
  const { stdout } = spawnSync("git", args, { encoding: "utf8" });
  return stdout.split("\n").filter((file) => /^packages\/(banana|jelly-types|broker|cred|transport)\//.test(file));
}

/**
 * Mutates one file: runs its own test file, and then, on the changes that it did not notice, all tests of the package.
 * Returns undefined when the tests fail without a change, or when the time is over.
 */
function mutate(file: string, timeout: number): FileResult | undefined {
  const end = Date.now() + timeout;
  const ownTests = file.replace("/src/", "/test/").replace(/ts$/, "test.ts");
  const packageTests = `packages/${file.split("/")[1]!}/test/**/*.test.ts`;
  let left = [file];
  let result: FileResult | undefined;
  for (const tests of existsSync(ownTests) ? [ownTests, packageTests] : [packageTests]) {
    const mutants = runStryker(left, tests, end - Date.now());
    if (mutants === "no tests") continue;
    if (mutants === undefined) break;
    const noticed = mutants.filter(({ status }) => status === "Killed" || status === "Timeout").length;
    const missed = mutants.filter(({ status }) => status === "Survived" || status === "NoCoverage");
    const lines = readFileSync(file, "utf8").split("\n");
    result = {
      date: new Date().toISOString().slice(0, 10),
      killed: (result?.killed ?? 0) + noticed,
      survivors: missed.map((mutant) => survivorOf(mutant, lines)),
    };
    if (missed.length === 0) break;
    left = missed.map(({ location: { start, end } }) => {
      return `${file}:${start.line}:${start.column - 1}-${end.line}:${end.column - 1}`;
    });
  }
  return result;
}

function runStryker(patterns: readonly string[], tests: string, timeout: number): Mutant[] | "no tests" | undefined {
  const folder = mkdtempSync(join(tmpdir(), "pb-mutants-"));
  try {
    const report = join(folder, "report.json");
    const config = join(folder, "stryker.json");
    writeFileSync(config, JSON.stringify(options(patterns, tests, folder, report)));
    const stryker = ["node_modules/@stryker-mutator/core/bin/stryker.js", "run", config];
    const { status, stdout, stderr } = spawnSync(process.execPath, stryker, {
      encoding: "utf8",
      env: { ...process.env, PB_MUTANTS_TESTS: tests },
      ...(Number.isFinite(timeout) && { timeout: Math.max(1, timeout) }),
    });
    if (status === 0) {
      const { files } = JSON.parse(readFileSync(report, "utf8")) as { files: Record<string, { mutants: Mutant[] }> };
      return Object.values(files).flatMap(({ mutants }) => mutants);
    }
    if (stdout.includes("No tests were found")) return "no tests";
    console.log(status === null ? `${patterns[0]!}: the time is over.` : stdout + stderr);
    if (status !== null) process.exitCode = 1;
    return undefined;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function options(patterns: readonly string[], tests: string, folder: string, report: string) {
  const [file] = patterns[0]!.split(":");
  return {
    testRunner: "vitest",
    plugins: ["@stryker-mutator/vitest-runner"],
    mutate: patterns,
    // The texts of messages have tests of their own. A test cannot notice a change that runs before it starts.
    mutator: { excludedMutations: ["StringLiteral"] },
    ignoreStatic: true,
    vitest: { configFile: "tools/mutants/vitest.config.ts", related: true },
    coverageAnalysis: "perTest",
    incremental: true,
    incrementalFile: `node_modules/.cache/pb-mutants/${tests.replaceAll("*", "")}/${basename(file!)}.json`,
    concurrency: 2,
    timeoutMS: 5_000,
    reporters: ["json"],
    jsonReporter: { fileName: report },
    tempDirName: join(folder, "sandbox"),
    checkers: [],
  };
}

function survivorOf({ location: { start, end }, replacement = "" }: Mutant, lines: string[]): Survivor {
  const first = lines[start.line - 1]!;
  const changed = first.slice(0, start.column - 1) + replacement + first.slice(end.column - 1);
  return { line: start.line, code: first.trim(), replacement: start.line === end.line ? changed.trim() : replacement };
}
