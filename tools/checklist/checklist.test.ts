import { expect, test } from "vitest";
import { areas, gaps, judge, page, summary } from "./checklist.js";
import type { Area } from "./checklist.js";

const list: readonly Area[] = [
  {
    title: "codec",
    lines: [
      { id: "T.test_a", checks: "a|b", kind: "wire" },
      { id: "T.test_b", checks: "b", kind: "interface", remark: "otherwise" },
      { id: "T.test_c", checks: "c", kind: "wire" },
      { id: "T.test_d", checks: "d", kind: "python", why: "only there" },
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

test("a line stands as its tests do", () => {
  const judged = judge(
    list,
    report(
      ["T.test_a: does", "passed"],
      ["T.test_b: once", "passed"],
      ["T.test_b: twice", "failed"],
      ["nobody's", "passed"],
    ),
  );
  expect([...judged.rows.values()].map(({ status }) => status)).toEqual(["passes", "fails", "missing", "not here"]);
  expect(gaps(judged)).toEqual([
    "T.test_b fails: b",
    "T.test_c missing: c",
    expect.stringContaining("checklist-x.test.ts: nobody's"),
  ]);
  expect(summary(judged.rows)).toBe("1 of 4 lines have tests that pass, 1 make no sense here, 2 are open.");
});

test("a test that was skipped is none that passes", () => {
  const judged = judge(list, report(["T.test_a: does", "pending"]));
  expect(gaps(judged)[0]).toContain("T.test_a fails");
});

test("the page has a row for each line", () => {
  const text = page(list, judge(list, report(["T.test_b: once", "passed"])).rows);
  expect(text).toContain("| **W** | `T.test_a` | a\\|b |  | missing |");
  expect(text).toMatch(/\| \*\*A\*\* \| `T.test_b` \| b \| .*checklist-x\.test\.ts: once _\(otherwise\)_ \| passes \|/);
  expect(text).toContain("| **P** | `T.test_d` | d | only there | not here |");
});

test("every line says what it checks, and has a name of its own", () => {
  const lines = areas.flatMap((area) => area.lines);
  expect(new Set(lines.map(({ id }) => id)).size).toBe(lines.length);
  expect(lines.filter(({ id }) => !id.startsWith("Needed."))).toHaveLength(121);
  for (const { kind, why } of lines) if (why !== undefined) expect(kind).toBe("python");
});
