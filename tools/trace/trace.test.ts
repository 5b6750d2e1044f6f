import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { typescript } from "../process/program.js";

describe("the path of a call through the files of the broker", () => {
  const [node, ...args] = typescript("tools/trace/main.ts");
  const trace = parse(execFileSync(node, args, { encoding: "utf8" }));

  /** The direction, the file and the function of each line of a trace in `text`. */
  function parse(text: string): string[][] {
    return [...text.matchAll(/^(call out|call in|flush|answer out|answer in) +(\S+) +(\S+)$/gm)].map((line) =>
      line.slice(1),
    );
  }

  test.each([
    ["call out", 8],
    ["call in", 9],
    ["answer out", 8],
    ["answer in", 9],
  ] as const)("%s: enters at most %i files, each of them once", (direction, limit) => {
    const files = trace.filter(([when]) => when === direction).map(([, file]) => file);
    expect(files).toEqual([...new Set(files)]);
    expect(files.length).toBeGreaterThan(2);
    expect(files.length).toBeLessThanOrEqual(limit);
  });

  test("is the one that ARCHITECTURE.md shows", () => {
    expect(parse(readFileSync("ARCHITECTURE.md", "utf8"))).toEqual(trace);
  });
});
