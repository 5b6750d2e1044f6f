/**
 * Joins the list of what Twisted's own tests of PB check (checklist.json) with the results of our tests of the same.
 */

import { readFileSync } from "node:fs";
import { relative } from "node:path";
import { fileURLToPath } from "node:url";
import { markdownTable } from "markdown-table";

/** One test of Twisted, or one thing that real programs need. */
export interface Line {
  /** The name of Twisted's test. The titles of our tests of the same begin with it and a colon. */
  readonly id: string;
  readonly checks: string;
  /** What a peer can observe, how the library is used, or something that only Python has. */
  readonly kind: "wire" | "interface" | "python";
  /** Why the line does not apply here. */
  readonly why?: string;
  /** How our behavior differs. */
  readonly remark?: string;
}

export interface Area {
  readonly title: string;
  readonly lines: readonly Line[];
}

/** The part of vitest's JSON report that is used here. */
export interface Report {
  readonly testResults: readonly {
    readonly name: string;
    readonly assertionResults: readonly { readonly title: string; readonly status: string }[];
  }[];
}

/** A line with the `file: title` of each test of it. */
export interface Row extends Line {
  readonly tests: readonly string[];
  readonly status: "passes" | "fails" | "missing" | "not here";
}

export interface Result {
  readonly areas: readonly { readonly title: string; readonly rows: readonly Row[] }[];
  /** Lines without a passing test, and tests whose title names no line. */
  readonly problems: readonly string[];
  /** One sentence with the number of lines by status. */
  readonly summary: string;
}

export const checklist = JSON.parse(
  readFileSync(new URL("checklist.json", import.meta.url), "utf8"),
) as readonly Area[];

const root = fileURLToPath(new URL("../../", import.meta.url));

export function judge(list: readonly Area[], report: Report): Result {
  const tests = report.testResults
    .filter(({ name }) => /checklist-[\w-]+\.test\.ts$/.test(name))
    .flatMap(({ name, assertionResults }) =>
      assertionResults.map(({ title, status }) => {
        const [, id, sentence = title] = /^([\w.]+): (.*)$/s.exec(title) ?? [];
        return { id, passed: status === "passed", place: `${relative(root, name).replaceAll("\\", "/")}: ${sentence}` };
      }),
    );
  const areas = list.map(({ title, lines }) => ({
    title,
    rows: lines.map((line): Row => {
      const own = tests.filter(({ id }) => id === line.id);
      const missing = line.why === undefined ? "missing" : "not here";
      const status = own.length === 0 ? missing : own.every(({ passed }) => passed) ? "passes" : "fails";
      return { ...line, tests: [...new Set(own.map(({ place }) => place))], status };
    }),
  }));
  const rows = areas.flatMap((area) => area.rows);
  const open = rows.filter(({ status }) => status === "missing" || status === "fails");
  const unknown = tests.filter((test) => !rows.some(({ id }) => id === test.id));
  const count = (status: Row["status"]): number => rows.filter((row) => row.status === status).length;
  return {
    areas,
    problems: [
      ...open.map(({ id, status, checks }) => `${id} ${status}: ${checks}`),
      ...unknown.map(({ place }) => `a test that belongs to no line: ${place}`),
    ],
    summary: `${count("passes")} of ${rows.length} lines have tests that pass, ${count("not here")} do not apply here, ${open.length} are open.`,
  };
}

/** The result as a page of documentation. */
export function page({ areas, summary }: Result): string {
  const marks = { wire: "**W**", interface: "**A**", python: "**P**" };
  const tables = areas.map(({ title, rows }) => {
    const cells = rows.map(({ id, checks, kind, why, remark, tests, status }) => {
      const own = status === "not here" ? why! : tests.join("<br>") + (remark === undefined ? "" : ` _(${remark})_`);
      return [marks[kind], `\`${id}\``, checks, own, status].map((cell) =>
        cell.replaceAll("|", "\\|").replaceAll("\n", " "),
      );
    });
    const table = markdownTable([["", "line", "what it checks", "our test", "status"], ...cells], {
      alignDelimiters: false,
    });
    return `## ${title}\n\n${table}`;
  });
  return `# Twisted's checklist

What Twisted's own tests of Perspective Broker check, and our test that checks the same. \`npm run checklist\` runs the tests
and writes this page. **W** is what a peer can observe, **A** how the library is used, **P** something that only Python has.

${summary}

${tables.join("\n\n")}
`;
}
