import { expect, test } from "vitest";
import { defaultBackoff, delayAfter } from "../../src/client/backoff.js";

const longest = (failures: number): number => delayAfter(failures, defaultBackoff, () => 0);
const shortest = (failures: number): number => delayAfter(failures, defaultBackoff, () => 1);

test("delays double up to 30 seconds, and up to half of each is random", () => {
  expect([1, 2, 3, 4, 5, 6, 7, 8, 1000].map(longest)).toEqual([
    500, 1000, 2000, 4000, 8000, 16_000, 30_000, 30_000, 30_000,
  ]);
  expect([1, 2, 3].map(shortest)).toEqual([250, 500, 1000]);
});

test("delays follow the options", () => {
  const backoff = { ...defaultBackoff, firstMs: 10, factor: 3, highestMs: 100, jitter: 0 };
  expect([1, 2, 3, 4].map((failures) => delayAfter(failures, backoff))).toEqual([10, 30, 90, 100]);
});
