// Long lists are found by the scanner, and what is in them can be skipped and read as a tree in steps.

import { BananaReader, encode, readExpression, readExpressionInSteps, runSteps, Scanner, STEP_BYTES } from "@pb/banana";
import type { Expression } from "@pb/banana";
import fc from "fast-check";
import { expect, test } from "vitest";

/** Where each list starts and ends, from the start of the expression, and whether it is long. */
function listsOf(reader: BananaReader): { start: number; size: number; isLong: boolean }[] {
  const lists: { start: number; size: number; isLong: boolean }[] = [];
  const open: { list: (typeof lists)[number]; left: number }[] = [];
  const origin = reader.offset;
  do {
    while (open.length > 0 && open[open.length - 1]!.left === 0) {
      const { list } = open.pop()!;
      list.size = reader.offset - origin - list.start;
    }
    if (open.length > 0) open[open.length - 1]!.left--;
    else if (lists.length > 0) break;
    if (reader.kind() !== "list") {
      reader.skip();
      continue;
    }
    const list = { start: reader.offset - origin, size: 0, isLong: reader.isLong() };
    lists.push(list);
    open.push({ list, left: reader.list() });
  } while (open.length > 0);
  return lists;
}

const numbers = (count: number): Expression[] => Array.from({ length: count }, (_, index) => index);
const word = (length: number): Uint8Array => new Uint8Array(length).fill(97);

/** Expressions of up to some hundred KiB. */
const expressions = fc.letrec<{ value: Expression }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 6, depthSize: "large" },
    fc.constantFrom<Expression>(1, word(3), word(3000), numbers(3000), numbers(20), [word(2), word(100)]),
    fc.array(tie("value"), { maxLength: 8 }),
    fc.tuple(fc.nat({ max: 1500 }), tie("value")).map(([count, value]) => [[word(3), value], ...numbers(count)]),
  ),
})).value;

test("a list is long when it is longer than 16 KiB, and not when it is short, however the bytes arrive", () => {
  let long = 0;
  const property = fc.property(expressions, fc.integer({ min: 1, max: 40_000 }), (expression, chunk) => {
    const bytes = encode([1, expression, 2]);
    const scanner = new Scanner();
    const reader = new BananaReader();
    let isComplete = false;
    for (let at = 0; at < bytes.length; at += chunk) {
      scanner.push(bytes.subarray(at, at + chunk));
      do isComplete = scanner.advance(reader, chunk % 2 === 0 ? 20_000 : undefined);
      while (scanner.isInterrupted);
    }
    expect(isComplete).toBe(true);
    for (const { size, isLong } of listsOf(reader)) {
      // The longest string may stand before the mark.
      if (size > STEP_BYTES + 3000) expect(isLong).toBe(true);
      if (isLong) long++;
    }
    scanner.push(encode([1]));
    scanner.advance(reader);
    expect(reader.isLong()).toBe(false);
  });
  fc.assert(property, { numRuns: 200, seed: 7 });
  expect(long).toBeGreaterThan(100);
});

test("lists inside more than 512 lists are not noted, so that the memory is bounded", () => {
  let nested: Expression = numbers(30_000);
  for (let depth = 0; depth < 1000; depth++) nested = [nested];
  const scanner = new Scanner();
  const reader = new BananaReader();
  scanner.push(encode(nested));
  scanner.advance(reader);
  expect(listsOf(reader).map(({ isLong }) => isLong)).toEqual([
    ...Array<boolean>(512).fill(true),
    ...Array<boolean>(489).fill(false),
  ]);
});

test("scanning stops after about as many bytes as it is told", () => {
  const scanner = new Scanner();
  const reader = new BananaReader();
  scanner.push(encode(numbers(200_000)));
  const offsets: number[] = [];
  while (!scanner.advance(reader, 64 * 1024)) {
    expect(scanner.isInterrupted).toBe(true);
    offsets.push(scanner.offset);
  }
  const steps = offsets.map((offset, index) => offset - (offsets[index - 1] ?? 0));
  expect(Math.max(...steps)).toBeLessThan(64 * 1024 + 2 * STEP_BYTES);
  expect(offsets.length).toBeGreaterThan(5);
  expect(scanner.advance(reader)).toBe(false);
  expect(scanner.isInterrupted).toBe(false);
});

test("a tree that is read in steps is the same, and so is what is left after skipping", () => {
  const bytes = encode([Array.from({ length: 5000 }, (_, index) => [word(index % 50), index, [index]]), 77]);
  const scanner = new Scanner();
  const reader = new BananaReader();
  const before = (): BananaReader => {
    scanner.push(bytes);
    scanner.advance(reader);
    reader.list();
    return reader;
  };
  const whole = readExpression(before());
  const heap = { left: 10_000_000 };
  let pauses = 0;
  const steps = readExpressionInSteps(before(), heap);
  let next = steps.next();
  for (; next.done !== true; next = steps.next()) pauses++;
  expect(next.value).toEqual(whole);
  expect(pauses).toBeGreaterThan(5);
  expect(reader.integer()).toBe(77);
  runSteps(before().skipInSteps());
  expect(reader.integer()).toBe(77);
});
