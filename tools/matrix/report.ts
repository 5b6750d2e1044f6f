/** What the programs `matrix` and `engines` share: programs from npm, and the page with the table of results. */

import { spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { markdownTable } from "markdown-table";

/** Runs a shell command with a package of npm on its path. Returns the lines it prints; undefined if it fails. */
export function linesFromNpm(specifier: string, command: string): string[] | undefined {
  const args = ["--yes", "-p", specifier, "-c", command];
  const { status, stdout } = spawnSync("npx", args, { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] });
  return status === 0 ? stdout.trim().split("\n") : undefined;
}

/** Prints the table. When it is complete, also writes it to `page`, below a text and the date. */
export function report(
  table: readonly (readonly string[])[],
  { page, text, isComplete }: { page: URL; text: string; isComplete: boolean },
): void {
  console.log(markdownTable(table));
  const date = new Date().toISOString().slice(0, 10);
  if (isComplete) writeFileSync(page, `${text}\n\nLast run: ${date}\n\n${markdownTable(table)}\n`);
}
