// The bytes between two messages: in order, and in little memory.

import { setImmediate } from "node:timers/promises";
import { expect, test } from "vitest";
import { garbageCollector } from "../../../../tools/gc/garbage-collector.js";
import { ByteWindow } from "../../src/conversation/byte-window.js";

/** Whole numbers below `most`, the same in each run. */
function numbers(seed: number): (most: number) => number {
  let state = seed;
  return (most) => {
    state = (state * 1_103_515_245 + 12_345) % 2_147_483_648;
    return Math.floor((state / 2_147_483_648) * most);
  };
}

test("gives back the bytes in order, however they are divided", () => {
  const next = numbers(7);
  for (let round = 0; round < 200; round++) {
    const window = new ByteWindow();
    const all = Uint8Array.from({ length: next(5000) }, (_, index) => index * 7 + (index >> 8));
    const taken: number[] = [];
    for (let sent = 0; sent < all.length;) {
      const chunk = all.slice(sent, sent + 1 + next(next(2) === 0 ? 10 : 2000));
      sent += chunk.length;
      window.push(chunk);
      while (window.length > 0 && next(3) > 0) taken.push(...window.take(1 + next(window.length)));
      expect([window.start, window.length]).toEqual([taken.length, sent - taken.length]);
      window.keep();
      chunk.fill(0); // The chunk belongs to the caller again.
    }
    taken.push(...window.take(window.length));
    expect(taken).toEqual([...all]);
  }
});

test("does not copy a message inside one chunk", () => {
  const window = new ByteWindow();
  const chunk = new Uint8Array(100);
  window.push(chunk);
  expect(window.take(40).buffer).toBe(chunk.buffer);
  expect(window.take(60).buffer).toBe(chunk.buffer);
});

test("keeps the bytes of an incomplete message only, also when they arrive one by one", async () => {
  const window = new ByteWindow();
  const buffers: WeakRef<ArrayBuffer>[] = [];
  for (let count = 0; count < 1000; count++) {
    const batch = new Uint8Array(65_536).fill(count);
    buffers.push(new WeakRef(batch.buffer));
    window.push(batch.subarray(0, 1));
    window.keep();
  }
  await setImmediate(); // A WeakRef keeps its object until the end of the turn.
  garbageCollector()();
  // The stack may still have the last one.
  expect(buffers.filter((batch) => batch.deref() !== undefined).length).toBeLessThan(10);
  expect(window.take(1000)).toEqual(Uint8Array.from({ length: 1000 }, (_, count) => count));
});

test("forgets what it has when it is cleared", () => {
  const window = new ByteWindow();
  window.push(Uint8Array.of(1, 2, 3));
  window.take(1);
  window.keep();
  window.clear();
  expect([window.start, window.length]).toEqual([3, 0]);
  window.push(Uint8Array.of(4));
  expect([...window.take(1)]).toEqual([4]);
});
