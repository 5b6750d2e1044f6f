import { readFileSync } from "node:fs";
import { beforeAll, describe, expect, test } from "vitest";
import { recordCall } from "./trace.js";
import type { Direction, Entry } from "./trace.js";

describe("the path of a call through the files of the broker", () => {
  let entries: Entry[];

  beforeAll(() => {
    entries = recordCall();
  });

  const files = (direction: Direction): string[] =>
    entries.filter((entry) => entry.direction === direction).map(({ file }) => file);

  test.each([
    ["call out", 8],
    ["call in", 9],
    ["answer out", 8],
    ["answer in", 9],
  ] as const)("%s: enters at most %i files, each of them once", (direction, limit) => {
    const entered = files(direction);
    expect(entered).toEqual([...new Set(entered)]);
    expect(entered.length).toBeGreaterThan(2);
    expect(entered.length).toBeLessThanOrEqual(limit);
  });

  test("is the one that ARCHITECTURE.md shows", () => {
    const page = readFileSync(new URL("../../ARCHITECTURE.md", import.meta.url), "utf8");
    const shown = [...page.matchAll(/^(call out|call in|flush|answer out|answer in) +(\S+) +(\S+)/gm)];
    expect(shown.map(([, direction, file, name]) => ({ direction, file, name }))).toEqual(entries);
  });
});
