/** Attacks real processes and judges what the attacks cost. README.md describes the options and the results. */

import { readFileSync, writeFileSync } from "node:fs";
import { markdownTable } from "markdown-table";
import { attacks, nameOf } from "./attacks.js";
import { buildVictim, measure } from "./measure.js";
import type { SingleAttack } from "./attacks.js";
import type { Result } from "./measure.js";
import known from "./open.json" with { type: "json" };
import { planted, plants } from "./plants.js";

const isGiven = (option: string): boolean => process.argv.includes(`--${option}`);
const words = process.argv.slice(2).filter((word) => !word.startsWith("--"));
const isNamed = (name: string): boolean => words.length === 0 || words.some((word) => name.includes(word));

if (isGiven("plant")) await plant();
else await attack();

async function attack(): Promise<void> {
  const isShort = isGiven("short");
  if (isGiven("update") && isShort) throw new Error("RESULTS.md lists what complete attacks cost: omit --short");
  const chosen = attacks.filter((next) => isNamed(nameOf(next)) && (!isShort || next.isShort === true));
  const program = await buildVictim();
  const results: Result[] = [];
  await inParallel(chosen, async (next, index) => {
    const result = (results[index] = await resultOf(next, program, isShort));
    if (result.problems.length === 0) console.log("failed   ", cells(result).join(" | "));
  });
  // The collector of V8 has threads, which get no processor while another attack runs: its work then takes a turn.
  for (const [index, next] of chosen.entries()) {
    if (results[index]!.problems.length === 0) continue;
    const result = (results[index] = await resultOf(next, program, isShort));
    const isKnown = (known as readonly string[]).includes(result.name);
    const verdict = result.problems.length === 0 ? "failed   " : isKnown ? "open     " : "SUCCEEDED";
    console.log(verdict, cells(result).join(" | "), "(alone)");
    if (verdict === "SUCCEEDED") process.exitCode = 1;
  }
  if (isGiven("update")) update(results);
  const open = results.filter(({ problems }) => problems.length > 0);
  console.log(`${open.length} of ${results.length} attacks succeeded`);
}

/** An error of one attack is a result of it, so that the others still run. */
async function resultOf(attack: SingleAttack, program: string, isShort: boolean): Promise<Result> {
  const nothing = { sentMB: NaN, cpuPerMB: NaN, ratio: NaN, growth: NaN, heap: NaN, worst: NaN, p99: NaN, slice: NaN };
  const without = (problem: string): Result => ({ name: nameOf(attack), ...nothing, problems: [problem] });
  return measure(attack, program, isShort).catch((error: unknown) => without(`it did not run: ${String(error)}`));
}

/** Writes the results of all attacks. Those of some attacks replace their rows. */
function update(results: readonly Result[]): void {
  const isComplete = words.length === 0;
  const old = isComplete ? { rows: [], notes: [] } : readPage();
  const rows = new Map([...old.rows, ...results.map(cells)].map((row) => [row[0]!, row]));
  const names = results.map(({ name }) => `"${name}"`).join(", ");
  const notes = isComplete ? [] : [...old.notes, `Measured again by themselves (${when()}): ${names}.`];
  const open = [...rows.values()].filter((row) => row.at(-1) !== "").map(([name]) => name);
  write("open.json", JSON.stringify(open, null, 2));
  write("RESULTS.md", page([...rows.values()], isComplete ? when() : old.when!, notes));
}

/** The rows and the notes of the results page. */
function readPage(): { readonly rows: string[][]; readonly notes: string[]; readonly when?: string } {
  const text = readFileSync(new URL("RESULTS.md", import.meta.url), "utf8");
  const [, ...rows] = [...text.matchAll(/^\| (.*) \|$/gm)].map(([, row]) =>
    row!.split(" | ").map((cell) => cell.trim()),
  );
  const notes = [...text.matchAll(/^Measured again .*$/gm)].map(([note]) => note);
  return { rows: rows.filter(([name]) => !/^-+$/.test(name!)), notes, when: /\((Node .*?)\)/.exec(text)![1]! };
}

/** Removes one guard after the other. The attack that it prevents must then exceed a bound that it keeps otherwise. */
async function plant(): Promise<void> {
  const rows: string[][] = [];
  await inParallel(
    plants.filter((next) => isNamed(next.attack)),
    async (weakness) => {
      const attack = attacks.find((next) => nameOf(next) === weakness.attack)!;
      const { problems } = await measure(attack, await buildVictim([planted(weakness)]));
      console.log(problems.length > 0 ? "reported" : "MISSED  ", weakness.attack, "|", problems.join("; "));
      rows.push([`\`${weakness.guard}\``, weakness.file, weakness.attack, problems.join("; ") || "MISSED"]);
      if (problems.length === 0) process.exitCode = 1;
    },
  );
  const table = markdownTable([["Guard", "Removed from", "Attack", "What succeeded then"], ...rows.sort()]);
  const text = `# Planted weaknesses\n\nWritten by \`npm run hostile -- --plant\` (${when()}).\n\n${table}`;
  if (isGiven("update")) write("PLANTS.md", text);
}

/** Runs two at the same time: one waits most of the time. */
async function inParallel<T>(items: readonly T[], action: (item: T, index: number) => Promise<void>): Promise<void> {
  const left = items.entries();
  const run = async (): Promise<void> => {
    for (const [index, item] of left) await action(item, index);
  };
  await Promise.all([run(), run()]);
}

function cells({ name, problems, ...costs }: Result): string[] {
  const numbers = Object.values(costs).map((cost) =>
    cost === undefined || !Number.isFinite(cost) ? "-" : cost.toFixed(cost < 10 ? 1 : 0),
  );
  return [name, ...numbers, problems.join("; ")];
}

function page(rows: readonly string[][], when: string, notes: readonly string[]): string {
  const costs = ["MB sent", "CPU s/MB", "× ordinary", "Growth MiB", "Heap MiB", "Worst ms", "p99 ms", "Turn ms"];
  const table = markdownTable([["Attack", ...costs, "What succeeded"], ...rows]);
  const head = `Written by \`npm run hostile -- --update\` (${when}): ${rows.length} attacks. [README.md](README.md) explains the columns.`;
  return ["# Attacks", head, table, ...notes].join("\n\n");
}

function when(): string {
  return `Node ${process.versions.node}, ${new Date().toISOString().slice(0, 10)}`;
}

function write(file: string, text: string): void {
  writeFileSync(new URL(file, import.meta.url), `${text}\n`);
}
