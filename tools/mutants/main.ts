/**
 * npm run mutants -- FILES: changes the named source files in many small ways, one at a time, runs the tests of their
 * package that reach the change, and writes which changes no test notices.
 *
 * npm run mutants -- --own FILES: with the test file of the same name only, which is quick, and writes nothing.
 *
 * npm run mutants -- --sample=N PACKAGES: the same with N changes of each package, chosen at random (`--seed=TEXT`), or
 * with as many of them as can be tested in `--minutes=N`. A smaller sample than the one before is printed and not
 * written, unless `--replace` is given.
 *
 * npm run mutants -- --changed: with the files that differ from main, without writing anything. It fails when the score
 * of a file is lower than before, and lower than the target. No file is started after `--minutes=N`.
 */
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { isSmaller, readResults, scoreOf, sizeOf, splitSurvivors, TARGET, writeResults } from "./results.js";
import type { Result, Survivor } from "./results.js";
import { EXCLUDED, sampleOf } from "./sample.js";
import type { SamplePart } from "./sample.js";
import { compilerOf } from "./types.js";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    changed: { type: "boolean", default: false },
    own: { type: "boolean", default: false },
    replace: { type: "boolean", default: false },
    minutes: { type: "string", default: "600" },
    sample: { type: "string" },
    seed: { type: "string", default: new Date().toISOString().slice(0, 10) },
  },
});

/** A change, as Stryker reports it. Lines and columns count from 1. */
interface Mutant {
  readonly status: string;
  readonly replacement?: string;
  readonly location: Readonly<Record<"start" | "end", { readonly line: number; readonly column: number }>>;
}

const end = Date.now() + Number(values.minutes) * 60_000;
const results = readResults();

if (values.changed) checkChangedFiles();
else if (values.sample === undefined) for (const file of positionals) keep("files", file, mutateFile(file));
else for (const name of positionals) keep("samples", name, await mutateSample(name));

function keep(kind: "files" | "samples", name: string, result: Result | undefined): void {
  if (result === undefined || values.own) return;
  const before = results[kind][name];
  if (kind === "samples" && !values.replace && isSmaller(result, before)) {
    console.log(`@pb/${name}: not written, because the sample of ${before!.date} has ${sizeOf(before!)} changes.`);
    return;
  }
  results[kind][name] = result;
  writeResults(results);
}

function checkChangedFiles(): void {
  const files = changedFiles();
  if (files.length === 0) console.log("No source file of a portable package differs from main.");
  for (const file of files) {
    const result = mutateFile(file);
    const target = Math.min(TARGET, scoreOf(results.files[file]) ?? TARGET);
    if (result === undefined || (scoreOf(result) ?? 100) >= target) continue;
    console.log(`${file}: the score must be ${target.toFixed(1)} %.`);
    process.exitCode = 1;
  }
}

/** The source files of the portable packages that differ from the branch main. */
function changedFiles(): string[] {
  const args = ["diff", "--name-only", "--diff-filter=d", "--merge-base", "main", "--", "packages/*/src/**.ts"];
  const { stdout } = spawnSync("git", args, { encoding: "utf8" });
  return stdout.split("\n").filter((file) => /^packages\/(banana|jelly-types|broker|cred|transport)\//.test(file));
}

/** Runs the file's own test file, and then, on the changes that it did not notice, all tests of the package. */
function mutateFile(file: string): Result | undefined {
  if (!existsSync(file)) throw new Error(`There is no file ${file}.`);
  const ownTests = file.replace("/src/", "/test/").replace(/ts$/, "test.ts");
  let left = [file];
  let killed = 0;
  let missed: Found[] = [];
  const hasOwn = existsSync(ownTests);
  const all = values.own && hasOwn ? [] : [allTests(file.split("/")[1]!)];
  for (const tests of hasOwn ? [ownTests, ...all] : all) {
    const found = runStryker(left, tests);
    if (found === "no tests") continue;
    if (found === undefined) return undefined;
    killed += found.filter(({ isNoticed }) => isNoticed).length;
    missed = found.filter(({ isNoticed }) => !isNoticed);
    left = missed.map(({ location: { start, end } }) => {
      return `${file}:${start.line}:${start.column - 1}-${end.line}:${end.column - 1}`;
    });
    if (missed.length === 0) break;
  }
  return reported(file, resultOf(killed, missed));
}

async function mutateSample(name: string): Promise<Result | undefined> {
  const { changes, parts } = await sampleOf(`packages/${name}/src`, Number(values.sample), values.seed);
  const found: Found[] = [];
  for (const part of parts) {
    const more = runStryker(part.patterns, allTests(name), part);
    if (more === undefined || more === "no tests") break;
    found.push(...more);
  }
  if (found.length === 0) return undefined;
  const missed = found.filter(({ isNoticed }) => !isNoticed);
  const result = resultOf(found.length - missed.length, missed);
  return reported(`@pb/${name}`, { ...result, seed: values.seed, changes });
}

function allTests(name: string): string {
  return `packages/${name}/test/**/*.test.ts`;
}

function resultOf(killed: number, missed: readonly Found[]): Result {
  const date = new Date().toISOString().slice(0, 10);
  const candidates = missed.map(survivorOf);
  const survivors: Survivor[] = [];
  const compiler = missed.length === 0 ? undefined : compilerOf(missed[0]!.file.split("/").slice(0, 2).join("/"));
  for (const [index, found] of missed.entries()) {
    if (compiler!(found.file, changedFile(found))) survivors.push(candidates[index]!);
  }
  return { date, killed, rejected: missed.length - survivors.length, survivors };
}

function reported(name: string, result: Result): Result {
  const { missed, equivalent } = splitSurvivors(result);
  const seen = `${result.killed} noticed by tests, ${result.rejected} by the compiler`;
  const seed = result.seed === undefined ? "" : `, of ${result.changes!} with the seed "${result.seed}"`;
  console.log(`${name}: ${seen}, ${missed.length} not, ${equivalent} equivalent${seed}`);
  for (const { file, line, code, replacement } of missed) {
    console.log(`  ${file}:${line}\n    - ${code}\n    + ${replacement}`);
  }
  return result;
}

interface Found extends Mutant {
  readonly file: string;
  readonly isNoticed: boolean;
}

function runStryker(patterns: readonly string[], tests: string, sample?: SamplePart): Found[] | "no tests" | undefined {
  if (Date.now() >= end) {
    console.log(`${patterns[0]!}: not run, because the time is over.`);
    return undefined;
  }
  const folder = mkdtempSync(join(tmpdir(), "pb-mutants-"));
  try {
    const sampleFile = join(folder, "sample.json");
    writeFileSync(sampleFile, JSON.stringify(sample?.keys ?? []));
    const args = strykerArguments(patterns, folder, sample !== undefined);
    const { status, stdout, stderr } = spawnSync(process.execPath, args, {
      encoding: "utf8",
      env: { ...process.env, PB_MUTANTS_TESTS: tests, PB_MUTANTS_SAMPLE: sampleFile },
      timeout: Math.max(1, end - Date.now()),
    });
    if (status === 0) return readReport(join(folder, "report.json"));
    if (stdout.includes("No tests were found")) return "no tests";
    console.log(status === null ? `${patterns[0]!}: the time is over.` : stdout + stderr);
    if (status !== null) process.exitCode = 1;
    return undefined;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function readReport(report: string): Found[] {
  const { files } = JSON.parse(readFileSync(report, "utf8")) as { files: Record<string, { mutants: Mutant[] }> };
  const all = Object.entries(files).flatMap(([file, { mutants }]) => mutants.map((mutant) => ({ ...mutant, file })));
  return (
    all
      // "CompileError" is the answer of the checker for a change that is not in the sample.
      .filter(({ status }) => status !== "Ignored" && status !== "CompileError")
      .map((mutant) => ({ ...mutant, isNoticed: ["Killed", "Timeout", "RuntimeError"].includes(mutant.status) }))
  );
}

/** Writes the options of Stryker to the folder. */
function strykerArguments(patterns: readonly string[], folder: string, isSample: boolean): string[] {
  const options = {
    testRunner: "vitest",
    plugins: ["@stryker-mutator/vitest-runner", fileURLToPath(new URL("checker.mjs", import.meta.url))],
    mutate: patterns,
    // A test cannot notice a change that runs before it starts.
    mutator: { excludedMutations: EXCLUDED },
    ignoreStatic: true,
    vitest: { configFile: "tools/mutants/vitest.config.ts", related: !isSample },
    coverageAnalysis: "perTest",
    concurrency: 2,
    dryRunTimeoutMinutes: 60,
    // Long, because a machine that is busy must not turn a change that no test notices into one that hangs.
    timeoutMS: 20_000,
    reporters: ["json"],
    jsonReporter: { fileName: join(folder, "report.json") },
    tempDirName: join(folder, "sandbox"),
    checkers: isSample ? ["sample"] : [],
  };
  const file = join(folder, "stryker.json");
  writeFileSync(file, JSON.stringify(options));
  return ["node_modules/@stryker-mutator/core/bin/stryker.js", "run", file];
}

function survivorOf({ file, location: { start, end }, replacement = "" }: Found): Survivor {
  const first = readFileSync(file, "utf8").split("\n")[start.line - 1]!;
  const changed = first.slice(0, start.column - 1) + replacement + first.slice(end.column - 1);
  const after = start.line === end.line ? changed.trim() : replacement;
  return { file, line: start.line, code: first.trim(), replacement: after };
}

/** The contents of the file after the change. */
function changedFile({ file, location: { start, end }, replacement = "" }: Found): string {
  const lines = readFileSync(file, "utf8").split("\n");
  const before = [...lines.slice(0, start.line - 1), lines[start.line - 1]!.slice(0, start.column - 1)];
  const after = [lines[end.line - 1]!.slice(end.column - 1), ...lines.slice(end.line)];
  return before.join("\n") + replacement + after.join("\n");
}
