import { expect, test } from "vitest";
import { page, table } from "./matrix.js";

const outcomes = [
  { node: "20.1.0", twisted: "22.4.0", passed: 10, total: 10, wrong: [] },
  { node: "20.1.0", twisted: "26.4.0", passed: 9, total: 10, wrong: ["x"] },
  { node: "22.0.0", twisted: "22.4.0", passed: 9, total: 10, wrong: [] },
];

test("has a row for each Node and a column for each Twisted", () => {
  expect(table(outcomes).split("\n")).toEqual([
    "|  | Twisted 22.4.0 | Twisted 26.4.0 |",
    "| - | - | - |",
    "| Node 20.1.0 | 10 of 10 | **1 wrong** of 10 |",
    "| Node 22.0.0 | 9 of 10 | not run |",
    "",
  ]);
});

test("says when it was run", () => {
  expect(page(outcomes, "2026-11-22")).toContain("Last run: 2026-11-22\n\n|  | Twisted 22.4.0");
});
