// What Twisted's own tests of PB check, line by line, and which tests of ours check the same.

import { readFileSync } from "node:fs";
import { relative } from "node:path";
import { fileURLToPath } from "node:url";

/** One test of Twisted's, or one thing that real programs need. */
export interface Line {
  /** The name of Twisted's test. Tests of ours whose titles begin with it, and a colon, are about this line. */
  readonly id: string;
  readonly checks: string;
  /** What a peer sees, how the library is used, or something about Python. */
  readonly kind: "wire" | "interface" | "python";
  /** Why it makes no sense here. */
  readonly why?: string;
  /** What is otherwise here. */
  readonly remark?: string;
}

export interface Area {
  readonly title: string;
  readonly lines: readonly Line[];
}

/** What vitest's json reporter writes, as far as it is read here. */
export interface Report {
  readonly testResults: readonly {
    readonly name: string;
    readonly assertionResults: readonly { readonly title: string; readonly status: string }[];
  }[];
}

/** A line and how it stands. */
export interface Row {
  readonly line: Line;
  /** `file: title` of each test about it. */
  readonly tests: readonly string[];
  readonly status: "passes" | "fails" | "missing" | "not here";
}

export const areas = JSON.parse(readFileSync(new URL("checklist.json", import.meta.url), "utf8")) as readonly Area[];

const root = fileURLToPath(new URL("../../", import.meta.url));

/** Every line with its tests, and tests that are about no line. */
export function judge(lists: readonly Area[], report: Report): { rows: Map<Line, Row>; strays: string[] } {
  const tests = new Map<string, { places: Set<string>; statuses: Set<string> }>();
  for (const { name, assertionResults } of report.testResults) {
    if (!/checklist-[\w-]+\.test\.ts$/.test(name)) continue;
    for (const { title, status } of assertionResults) {
      const [, id = "", sentence = ""] = /^([\w.]+): (.*)$/s.exec(title) ?? [];
      const known = tests.get(id) ?? { places: new Set(), statuses: new Set() };
      tests.set(id, known);
      known.places.add(`${relative(root, name).replaceAll("\\", "/")}: ${sentence === "" ? title : sentence}`);
      known.statuses.add(status);
    }
  }
  const rows = new Map(lists.flatMap(({ lines }) => lines.map((line) => [line, rowOf(line, tests.get(line.id))])));
  const ids = new Set([...rows.keys()].map(({ id }) => id));
  const strays = [...tests].flatMap(([id, { places }]) => (ids.has(id) ? [] : [...places]));
  return { rows, strays };
}

function rowOf(line: Line, found: { places: Set<string>; statuses: Set<string> } | undefined): Row {
  if (found === undefined) return { line, tests: [], status: line.why === undefined ? "missing" : "not here" };
  const isGood = [...found.statuses].every((status) => status === "passed");
  return { line, tests: [...found.places], status: isGood ? "passes" : "fails" };
}

/** What stands in the way of saying that everything is covered. */
export function gaps({ rows, strays }: ReturnType<typeof judge>): string[] {
  return [
    ...[...rows.values()].flatMap(({ line, status }) =>
      status === "missing" || status === "fails" ? [`${line.id} ${status}: ${line.checks}`] : [],
    ),
    ...strays.map((stray) => `a test that is about no line: ${stray}`),
  ];
}

/** How many lines stand how. */
export function summary(rows: ReadonlyMap<Line, Row>): string {
  const count = (status: Row["status"]): number => [...rows.values()].filter((row) => row.status === status).length;
  const bad = count("missing") + count("fails");
  return `${count("passes")} of ${rows.size} lines have tests that pass, ${count("not here")} make no sense here, ${bad} are open.`;
}

/** The table, as a page of documentation. */
export function page(lists: readonly Area[], rows: ReadonlyMap<Line, Row>): string {
  const parts = [
    "# Twisted's checklist",
    "",
    "What Twisted's own tests of Perspective Broker check, and the test of ours that checks the same. `npm run checklist`",
    "runs the tests and writes this page. **W** is what a peer sees, **A** how the library is used, **P** something about",
    "Python.",
    "",
    summary(rows),
  ];
  for (const { title, lines } of lists) {
    parts.push("", `## ${title}`, "", "| | line | what it checks | our test | status |", "| - | - | - | - | - |");
    for (const line of lines) parts.push(tableLine(rows.get(line)!));
  }
  return `${parts.join("\n")}\n`;
}

function tableLine({ line, tests, status }: Row): string {
  const { id, checks, kind, why, remark } = line;
  const ours = status === "not here" ? why! : tests.join("<br>") + (remark === undefined ? "" : ` _(${remark})_`);
  const mark = { wire: "**W**", interface: "**A**", python: "**P**" }[kind];
  const cells = [mark, `\`${id}\``, checks, ours, status];
  return `| ${cells.map((cell) => cell.replaceAll("|", "\\|").replaceAll("\n", " ")).join(" | ")} |`;
}
