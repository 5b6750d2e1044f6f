/** The rules of the checklist, on a small list, and the form of the real one. */

import { expect, test } from "vitest";
import { checklist, judge, page } from "./checklist.js";
import type { Area } from "./checklist.js";

const list: readonly Area[] = [
  {
    title: "codec",
    lines: [
      { id: "T.test_a", checks: "a|b", kind: "wire" },
      { id: "T.test_b", checks: "b", kind: "interface", remark: "differs" },
      { id: "T.test_c", checks: "c", kind: "wire" },
      { id: "T.test_d", checks: "d", kind: "python", why: "only in Python" },
    ],
  },
];
const report = (...tests: [title: string, status: string][]) => ({
  testResults: [
    {
      name: "packages/x/test/checklist-x.test.ts",
      assertionResults: tests.map(([title, status]) => ({ title, status })),
    },
    {
      name: "packages/x/test/other.test.ts",
      assertionResults: [{ title: "T.test_c: not in a checklist", status: "passed" }],
    },
  ],
});

test("a line passes when all its tests pass, and tests without a line are reported", () => {
  const { areas, problems, summary } = judge(
    list,
    report(["T.test_a: does", "passed"], ["T.test_b: 1", "passed"], ["T.test_b: 2", "failed"], ["other", "passed"]),
  );
  expect(areas[0]!.rows.map(({ status }) => status)).toEqual(["passes", "fails", "missing", "not here"]);
  expect(problems).toEqual([
    "T.test_b fails: b",
    "T.test_c missing: c",
    expect.stringContaining("checklist-x.test.ts: other"),
  ]);
  expect(summary).toBe("1 of 4 lines have tests that pass, 1 do not apply here, 2 are open.");
});

test("a skipped test does not pass", () => {
  expect(judge(list, report(["T.test_a: does", "pending"])).problems[0]).toContain("T.test_a fails");
});

test("the page has a row for each line", () => {
  const text = page(judge(list, report(["T.test_b: once", "passed"])));
  expect(text).toMatch(/\| \*\*W\*\* \| `T.test_a` \| a\\\|b\s+\|\s+\| missing +\|/);
  expect(text).toMatch(
    /\| \*\*A\*\* \| `T.test_b` \| b +\| .*checklist-x\.test\.ts: once _\(differs\)_ +\| passes +\|/,
  );
  expect(text).toMatch(/\| \*\*P\*\* \| `T.test_d` \| d +\| only in Python +\| not here \|/);
});

test("every line of the real list has an id of its own, and a reason only if it is about Python", () => {
  const lines = checklist.flatMap((area) => area.lines);
  expect(new Set(lines.map(({ id }) => id)).size).toBe(lines.length);
  expect(lines.filter(({ id }) => !id.startsWith("Needed."))).toHaveLength(121);
  for (const { kind, why } of lines) if (why !== undefined) expect(kind).toBe("python");
});
