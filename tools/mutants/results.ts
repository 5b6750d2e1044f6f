// The page of results of `npm run mutants`, and the changes of a program that no test can notice.

import { readFileSync, writeFileSync } from "node:fs";

/** Percent of the changes that make a difference. */
export const TARGET = 85;

/** A change that no test noticed. */
export interface Survivor {
  readonly file: string;
  readonly line: number;
  /** The line of the source, and the line after the change. */
  readonly code: string;
  readonly replacement: string;
}

/** The result of a file, or of a sample of the changes of a package. */
export interface Result {
  readonly date: string;
  /** Changes that a test noticed. */
  readonly killed: number;
  /** Changes that no test noticed, but the compiler. */
  readonly rejected: number;
  readonly survivors: readonly Survivor[];
  /** Of a sample. */
  readonly seed?: string;
  /** Of a sample: how many changes the package has. */
  readonly changes?: number;
}

export interface Results {
  /** By package: banana. */
  readonly samples: Record<string, Result>;
  /** By path: packages/banana/src/limits.ts. */
  readonly files: Record<string, Result>;
}

/** A change after which the program does the same, or differs in speed only. */
interface Equivalent {
  readonly file: string;
  readonly code: string;
  readonly replacement: string;
  readonly reason: string;
}

const [equivalentFile, resultsFile, page] = ["equivalent.json", "results.json", "RESULTS.md"].map(
  (name) => new URL(name, import.meta.url),
) as [URL, URL, URL];
const equivalents = JSON.parse(readFileSync(equivalentFile, "utf8")) as Equivalent[];

export function readResults(): Results {
  return JSON.parse(readFileSync(resultsFile, "utf8")) as Results;
}

export function writeResults(results: Results): void {
  writeFileSync(resultsFile, `${JSON.stringify(results, undefined, 1)}\n`);
  writeFileSync(page, resultsPage(results));
}

/** The survivors without the equivalent ones, and how many of those there are. */
export function splitSurvivors({ survivors }: Result): { missed: Survivor[]; equivalent: number } {
  const isListed = ({ file, code, replacement }: Survivor): boolean =>
    equivalents.some((entry) => entry.file === file && entry.code === code && entry.replacement === replacement);
  const missed = survivors.filter((survivor) => !isListed(survivor));
  return { missed, equivalent: survivors.length - missed.length };
}

/** The number of changes that were tested. */
export function sizeOf({ killed, rejected, survivors }: Result): number {
  return killed + rejected + survivors.length;
}

/** Whether a sample has fewer changes than the one before it, whose score is more exact. */
export function isSmaller(sample: Result, before: Result | undefined): boolean {
  return before !== undefined && sizeOf(sample) < sizeOf(before);
}

/** Percent of the changes that make a difference and were noticed. */
export function scoreOf(result: Result | undefined): number | undefined {
  if (result === undefined) return undefined;
  const noticed = result.killed + result.rejected;
  const all = noticed + splitSurvivors(result).missed.length;
  return all === 0 ? undefined : (100 * noticed) / all;
}

export function resultsPage({ samples, files }: Results): string {
  return `# Mutants

\`npm run mutants\` changes the code in small ways, one at a time, and runs the tests of the package that reach the changed
code. A change is _noticed_ when a test fails or hangs, or when the compiler rejects it. \`equivalent.json\` lists the changes
that make no difference, with their reasons: they do not count. \`results.json\` has each change that was not noticed. Not
changed are the texts of messages and code that runs when a module is loaded. The tests that start other programs are left out.

## Samples of the packages

A random sample of all changes of a package. The score has a 95 % confidence interval.

| Package | Date | Changes | In the sample | By tests | By the compiler | Not noticed | Equivalent | Score |
| ------- | ---- | ------: | ------------: | -------: | --------------: | ----------: | ---------: | ----: |
${Object.entries(samples).map(sampleRow).join("")}
## Files

| File | Date | By tests | By the compiler | Not noticed | Equivalent | Score |
| ---- | ---- | -------: | --------------: | ----------: | ---------: | ----: |
${Object.entries(files)
  .sort(([a], [b]) => (a < b ? -1 : 1))
  .map(([file, result]) => row([file.slice("packages/".length), result.date, ...numbers(result), percent(result)]))
  .join("")}`;
}

function sampleRow([name, result]: [string, Result]): string {
  const score = `${percent(result)} (${interval(result)})`;
  return row([`@pb/${name}`, result.date, result.changes ?? "", sizeOf(result), ...numbers(result), score]);
}

function row(cells: readonly (string | number)[]): string {
  return `| ${cells.join(" | ")} |\n`;
}

function numbers(result: Result): number[] {
  const { missed, equivalent } = splitSurvivors(result);
  return [result.killed, result.rejected, missed.length, equivalent];
}

function percent(result: Result): string {
  const score = scoreOf(result);
  return score === undefined ? "" : `${score.toFixed(1)} %`;
}

/** The interval of Wilson. */
function interval(result: Result): string {
  const z = 1.96;
  const p = (scoreOf(result) ?? 0) / 100;
  const size = result.killed + result.rejected + splitSurvivors(result).missed.length;
  const middle = p + z ** 2 / (2 * size);
  const half = z * Math.sqrt((p * (1 - p)) / size + z ** 2 / (4 * size ** 2));
  const [low, high] = [middle - half, middle + half].map((value) => (100 * value) / (1 + z ** 2 / size));
  return `${low!.toFixed(0)} to ${high!.toFixed(0)} %`;
}
