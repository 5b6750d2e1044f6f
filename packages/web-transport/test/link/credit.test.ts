// How many bytes each end may send, and when it grants more.

import { expect, test } from "vitest";
import { Credit } from "../../src/link/credit.js";

test("a peer may send the whole window, and as much again as was read", () => {
  const grants: number[] = [];
  const credit = new Credit(100, (bytes) => grants.push(bytes));
  expect(credit.received(100)).toBe(true);
  credit.consumed(24);
  expect(grants).toEqual([]);
  credit.consumed(1);
  expect(grants).toEqual([25]);
  expect(credit.received(25)).toBe(true);
  expect(credit.received(1)).toBe(false);
});

test("any number of windows can be sent, one after the other", () => {
  const [own, its]: Credit[] = [
    new Credit(100, (bytes) => expect(its!.granted(bytes)).toBe(true)),
    new Credit(100, () => undefined),
  ];
  for (let round = 0; round < 10; round++) {
    expect(its!.room).toBe(100);
    its!.sent(100);
    expect(its!.room).toBe(0);
    expect(own!.received(100)).toBe(true);
    own!.consumed(100);
  }
});

test("a peer can grant what was sent to it, and not more", () => {
  const credit = new Credit(100, () => undefined);
  credit.sent(40);
  expect(credit.granted(41)).toBe(false);
  expect(credit.granted(30)).toBe(true);
  expect(credit.room).toBe(90);
  expect(credit.granted(11)).toBe(false);
  for (const bytes of [0, -1, 0.5, Number.NaN, Infinity]) expect(credit.granted(bytes), String(bytes)).toBe(false);
  expect(credit.granted(10)).toBe(true);
  expect(credit.room).toBe(100);
});
