// The work is linear in the number of bytes, however they are divided into chunks. Counts how often each block of the
// published code runs.

import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type * as Banana from "@pb/banana";
import { counted } from "../../../tools/complexity/block-counter.js";
import type { Counted } from "../../../tools/complexity/block-counter.js";

let banana: typeof Banana;
let code: Counted<typeof Banana>;

beforeAll(async () => {
  code = await counted<typeof Banana>(new URL("../src/index.ts", import.meta.url));
  banana = code.exports;
});

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
  code[Symbol.dispose]();
});

describe("decoding twice the bytes takes at most twice the work", () => {
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
      return { blocks: code.countBlocks(() => scanIn(chunkSize, bytes)), bytes: bytes.length };
    });
    expect(once!.blocks).toBeGreaterThan(once!.bytes / chunkSize);
    expect(twice!.blocks / twice!.bytes).toBeLessThan(1.05 * (once!.blocks / once!.bytes));
    // One byte at a time is the most expensive case: a push, a next and a scan for each byte.
    expect(once!.blocks / once!.bytes).toBeLessThan(20);
  });
});

test("printing a large expression on one line does not print what is not shown", () => {
  const [once, twice] = [100_000, 200_000].map((length) => {
    const list = Array.from({ length }, () => 1);
    return code.countBlocks(() => void banana.inspectExpression(list));
  });
  expect(twice! - once!).toBeLessThanOrEqual(100);
});
