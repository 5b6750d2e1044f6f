/**
 * Joins the list of what Twisted's own tests of PB check (checklist.json) with the results of our tests of the same.
 */

import { relative } from "node:path";
import { fileURLToPath } from "node:url";
import { markdownTable } from "markdown-table";
import type { JsonTestResults } from "vitest/node";

/** One test of Twisted, or one thing that real programs need. */
interface Line {
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

interface Verdict {
  /** Lines without a passing test, and tests whose title names no line. */
  readonly problems: readonly string[];
  /** One sentence with the number of lines by status. */
  readonly summary: string;
  /** The result as a page of documentation. */
  readonly page: string;
}

const root = fileURLToPath(new URL("../../", import.meta.url));
const marks = { wire: "**W**", interface: "**A**", python: "**P**" };

/** `results` is the property `testResults` of vitest's JSON report. */
export function judge(list: readonly Area[], results: JsonTestResults["testResults"]): Verdict {
  const files = results.filter(({ name }) => /checklist-[\w-]+\.test\.ts$/.test(name));
  const tests = files.flatMap(({ name, assertionResults }) =>
    assertionResults.map(({ title, status }) => {
      const [, id, sentence = title] = /^([\w.]+): (.*)$/s.exec(title) ?? [];
      return { id, passed: status === "passed", place: `${relative(root, name).replaceAll("\\", "/")}: ${sentence}` };
    }),
  );
  const lines = list.flatMap((area) => area.lines);
  const problems = tests
    .filter((test) => !lines.some(({ id }) => id === test.id))
    .map(({ place }) => `a test that belongs to no line: ${place}`);
  const counts = { passes: 0, fails: 0, missing: 0, "not here": 0 };

  const rowOf = ({ id, checks, kind, why, remark }: Line): string[] => {
    const own = tests.filter((test) => test.id === id);
    const withoutTests = why === undefined ? "missing" : "not here";
    const status = own.length === 0 ? withoutTests : own.every(({ passed }) => passed) ? "passes" : "fails";
    counts[status]++;
    if (status === "missing" || status === "fails") problems.push(`${id} ${status}: ${checks}`);
    const places = [...new Set(own.map(({ place }) => place))].join("<br>");
    const details = status === "not here" ? why! : places + (remark === undefined ? "" : ` _(${remark})_`);
    return [marks[kind], `\`${id}\``, checks, details, status].map((cell) =>
      cell.replaceAll("|", "\\|").replaceAll("\n", " "),
    );
  };
  const head = ["", "line", "what it checks", "our test", "status"];
  const tables = list.map((area) => {
    const table = markdownTable([head, ...area.lines.map(rowOf)], { alignDelimiters: false });
    return `## ${area.title}\n\n${table}`;
  });
  const open = counts.missing + counts.fails;
  const summary = `${counts.passes} of ${lines.length} lines have tests that pass, ${counts["not here"]} do not apply here, ${open} are open.`;
  const page = `# Twisted's checklist

What Twisted's own tests of Perspective Broker check, and our test that checks the same. \`npm run checklist\` runs the tests
and writes this page. **W** is what a peer can observe, **A** how the library is used, **P** something that only Python has.

${summary}

${tables.join("\n\n")}
`;
  return { problems, summary, page };
}
