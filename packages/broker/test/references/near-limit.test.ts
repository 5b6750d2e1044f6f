// When a count that comes near its limit is noticed.

import { describe, expect, test } from "vitest";
import { NearLimit } from "../../src/references/near-limit.js";

/** Counts up to `to`, and returns the counts that are noticed, and whether as repeated ones. */
function noticed(near: NearLimit, from: number, to: number): [number, boolean][] {
  const found: [number, boolean][] = [];
  for (let count = from; count <= to; count++) if (count >= near.next) found.push([count, near.reach(count)]);
  return found;
}

describe("a count that comes near its limit", () => {
  test("is noticed at three quarters, and again each time when it has grown by an eighth", () => {
    expect(noticed(new NearLimit(1000), 0, 1000)).toEqual([
      [750, false],
      [844, true],
      [950, true],
    ]);
  });

  test("is noticed at the next whole count above three quarters", () => {
    expect(noticed(new NearLimit(10), 0, 10)).toEqual([
      [8, false],
      [9, true],
    ]);
  });

  test("is noticed for the first time again when it has been below three quarters, and not before", () => {
    const near = new NearLimit(1000);
    noticed(near, 0, 800);
    near.leave(750);
    expect(near.next, "still near").toBe(844);
    near.leave(749);
    expect(noticed(near, 749, 800)).toEqual([[750, false]]);
  });
});
