import { expect, test } from "vitest";
import { page, table } from "./engines.js";

const packages = ["banana", "broker"];
const rows = [
  { engine: "Bun 1.2.3", cells: [{ passed: 10, failed: [] }, { passed: 7, failed: ["a", "b"] }] },
]; // prettier-ignore

test("has a row for each engine and a column for each package", () => {
  expect(table(packages, rows).split("\n")).toEqual([
    "|  | @pb/banana | @pb/broker |",
    "| - | - | - |",
    "| Bun 1.2.3 | 10 pass | 7 pass, **2 fail** |",
    "",
  ]);
});

test("says when it was run", () => {
  expect(page(packages, rows, "2026-11-22")).toContain("Last run: 2026-11-22\n\n|  | @pb/banana");
});
