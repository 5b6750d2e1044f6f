// The waits between attempts.

import { expect, test } from "vitest";
import { defaultBackoff, reconnecting } from "@pb/node-transport";
import { waitAfter } from "../src/backoff.js";

const most = (failures: number): number => waitAfter(failures, defaultBackoff, () => 0);
const least = (failures: number): number => waitAfter(failures, defaultBackoff, () => 1);

test("waits grow up to a highest, and part of each is left to chance", () => {
  expect([1, 2, 3, 4, 5, 6, 7, 8, 1000].map(most)).toEqual([
    500, 1000, 2000, 4000, 8000, 16_000, 30_000, 30_000, 30_000,
  ]);
  expect([1, 2, 3].map(least)).toEqual([250, 500, 1000]);
});

test("waits are what was asked for", () => {
  const backoff = { ...defaultBackoff, firstMs: 10, factor: 3, highestMs: 100, jitter: 0 };
  expect([1, 2, 3, 4].map((failures) => waitAfter(failures, backoff))).toEqual([10, 30, 90, 100]);
});

test("a bad endpoint is said at once", () => {
  expect(() => reconnecting("tcp:nowhere")).toThrow("port: missing");
});
