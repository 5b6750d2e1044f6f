/** The rules of the checklist, on a small list, and the form of the real one. */

import { expect, test } from "vitest";
import type { JsonTestResults } from "vitest/node";
import { judge } from "./checklist.js";
import type { Area } from "./checklist.js";
import list from "./checklist.json" with { type: "json" };

test("a line passes when it has tests and all of them pass", () => {
  const ids = ["T.passes", "T.fails", "T.skipped", "T.missing"];
  const lines = ids.map((id) => ({ id, checks: "a|b", kind: "wire" as const, remark: "differs" }));
  const notHere = { id: "T.not_here", checks: "b", kind: "python" as const, why: "only in Python" };
  const results = [
    ["checklist-x", "T.passes: does", "passed"],
    ["checklist-x", "T.fails: 1", "passed"],
    ["checklist-x", "T.fails: 2", "failed"],
    ["checklist-x", "T.skipped: does", "pending"],
    ["checklist-x", "other", "passed"],
    ["other", "T.missing: not in a checklist", "passed"],
  ].map(([name, title, status]) => ({ name: `test/${name!}.test.ts`, assertionResults: [{ title, status }] }));
  const verdict = judge(
    [{ title: "codec", lines: [...lines, notHere] }],
    results as unknown as JsonTestResults["testResults"],
  );
  expect(verdict.problems).toEqual([
    expect.stringContaining("checklist-x.test.ts: other"),
    ...["T.fails fails: a|b", "T.skipped fails: a|b", "T.missing missing: a|b"],
  ]);
  expect(verdict.summary).toBe("1 of 5 lines have tests that pass, 1 do not apply here, 3 are open.");
  expect(verdict.page).toMatch(
    /\| \*\*W\*\* \| `T.passes` \| a\\\|b \| .*x\.test\.ts: does _\(differs\)_ \| passes \|/,
  );
});

test("every line of the real list has an id of its own, and a reason only if it is about Python", () => {
  const lines = (list as Area[]).flatMap((area) => area.lines);
  expect(new Set(lines.map(({ id }) => id)).size).toBe(lines.length);
  expect(lines.filter(({ id }) => !id.startsWith("Needed."))).toHaveLength(121);
  for (const { kind, why } of lines) if (why !== undefined) expect(kind).toBe("python");
});
