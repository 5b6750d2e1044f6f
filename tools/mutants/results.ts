// The page of results of `npm run mutants`, and the changes of a program that no test can notice.

import { readFileSync } from "node:fs";

/** A change that no test noticed. */
export interface Survivor {
  readonly line: number;
  /** The line of the source, and the line after the change. */
  readonly code: string;
  readonly replacement: string;
}

export interface FileResult {
  readonly date: string;
  /** Changes that a test noticed. */
  readonly killed: number;
  readonly survivors: readonly Survivor[];
}

export type Results = Record<string, FileResult>;

/** A change after which the program does the same, or differs in speed only. */
interface Equivalent {
  readonly file: string;
  readonly code: string;
  readonly replacement: string;
  readonly reason: string;
}

const equivalents = JSON.parse(readFileSync(new URL("equivalent.json", import.meta.url), "utf8")) as Equivalent[];

export function notEquivalent(file: string, survivors: readonly Survivor[]): Survivor[] {
  const isListed = ({ code, replacement }: Survivor): boolean =>
    equivalents.some((entry) => entry.file === file && entry.code === code && entry.replacement === replacement);
  return survivors.filter((survivor) => !isListed(survivor));
}

/** How many of these changes are equivalent. */
export function equivalent(file: string, survivors: readonly Survivor[]): number {
  return survivors.length - notEquivalent(file, survivors).length;
}

export function resultsPage(results: Results): string {
  const files = Object.keys(results).sort();
  const packages = new Set(files.map((file) => file.split("/")[1]!));
  return `# Mutants

\`npm run mutants -- FILES\` changes the code in small ways, one at a time, and runs the tests of the package that reach the
changed code. A change is _noticed_ when a test fails or hangs. \`equivalent.json\` lists the changes that make no difference, with
their reasons: they do not count. \`results.json\` has each change that was not noticed. Not changed are the texts of messages and
code that runs when a module is loaded.

Only the files below were run.

${[...packages].map((name) => packageTable(name, files, results)).join("\n")}`;
}

function packageTable(name: string, files: readonly string[], results: Results): string {
  const own = files.filter((file) => file.startsWith(`packages/${name}/`));
  const rows = own.map((file) => ({ label: file.split("/src/")[1]!, ...numbers(file, results[file]!) }));
  const sum = { label: "all of these", date: "", noticed: 0, not: 0, equivalent: 0 };
  for (const row of rows) for (const key of ["noticed", "not", "equivalent"] as const) sum[key] += row[key];
  return `## @pb/${name}

| File | Date | Noticed | Not noticed | Equivalent | Score |
| ---- | ---- | ------: | ----------: | ---------: | ----: |
${[...rows, sum].map((row) => `| ${row.label} | ${row.date} | ${row.noticed} | ${row.not} | ${row.equivalent} | ${score(row)} |\n`).join("")}`;
}

function numbers(file: string, { date, killed, survivors }: FileResult) {
  return { date, noticed: killed, not: notEquivalent(file, survivors).length, equivalent: equivalent(file, survivors) };
}

function score({ noticed, not }: { readonly noticed: number; readonly not: number }): string {
  return noticed + not === 0 ? "" : `${((100 * noticed) / (noticed + not)).toFixed(1)} %`;
}
