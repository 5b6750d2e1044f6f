// Work is linear in the bytes, however they are cut. Counted, not timed: how often each piece of the published code runs.

import { Session as Inspector } from "node:inspector";
import { runInThisContext } from "node:vm";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type * as Banana from "@pb/banana";
import { bundle } from "../../../tools/bench/bundle.js";

const filename = "banana-under-count.js";
const inspector = new Inspector();
let banana: typeof Banana;

beforeAll(async () => {
  const text = new TextDecoder().decode(await bundle(new URL("../src/index.ts", import.meta.url)));
  const names = /export \{([^}]*)\};\s*$/.exec(text)![1]!;
  const script = `(() => { ${text.slice(0, text.lastIndexOf("export {"))} return {${names}}; })()`;
  // Only what is compiled from now on is counted block by block.
  inspector.connect();
  inspector.post("Profiler.enable");
  inspector.post("Profiler.startPreciseCoverage", { callCount: true, detailed: true });
  banana = runInThisContext(script, { filename }) as typeof banana;
});

/** How often blocks of the code were entered while `work` ran. */
function countBlocks(work: () => void): number {
  takeCounts();
  work();
  return takeCounts();
}

/** The counts since the last call. */
function takeCounts(): number {
  let blocks = 0;
  inspector.post("Profiler.takePreciseCoverage", (error, { result }) => {
    if (error !== null) throw error;
    for (const { url, functions } of result)
      if (url.endsWith(filename)) for (const { ranges } of functions) for (const { count } of ranges) blocks += count;
  });
  return blocks;
}

function scanIn(chunkSize: number, bytes: Uint8Array): void {
  const scanner = new banana.Scanner();
  for (let start = 0; start < bytes.length; start += chunkSize) {
    scanner.push(bytes.subarray(start, start + chunkSize));
    scanner.next();
  }
  expect(scanner.offset).toBe(bytes.length);
  expect(scanner.pendingBytes).toBe(0);
}

type Make = (size: number) => Uint8Array;

afterAll(() => {
  inspector.post("Profiler.stopPreciseCoverage");
  inspector.disconnect();
});

describe("twice the bytes are twice the work", () => {
  const aString: Make = (size) => banana.encode(new Uint8Array(size));
  const aList: Make = (size) => banana.encode(Array.from({ length: size }, (_, index) => index % 100));
  const nested: Make = (size) =>
    banana.encode(Array.from({ length: size / 50 }, () => [[new Uint8Array(20), [1.5, -5]]]));
  const longIntegers: Make = (size) => banana.encode(Array.from({ length: size / 50 }, () => 2n ** 400n));

  test.each<[string, Make, number]>([
    ["a string, byte by byte", aString, 1],
    ["a list, in chunks of 100", aList, 100],
    ["a list, byte by byte", aList, 1],
    ["nested lists, in chunks of 7", nested, 7],
    ["integers of 58 digits, byte by byte", longIntegers, 1],
    ["integers of 58 digits, in chunks of 100", longIntegers, 100],
  ])("%s", (_, make, chunkSize) => {
    const [once, twice] = [20_000, 40_000].map((size) => {
      const bytes = make(size);
      return { blocks: countBlocks(() => scanIn(chunkSize, bytes)), bytes: bytes.length };
    });
    expect(once!.blocks).toBeGreaterThan(once!.bytes / chunkSize);
    expect(twice!.blocks / twice!.bytes).toBeLessThan(1.05 * (once!.blocks / once!.bytes));
    // Byte by byte is the most there can be: a push, a next and a step for each.
    expect(once!.blocks / once!.bytes).toBeLessThan(20);
  });
});
