// The bytes that wait for a receiver that is paused: each of them arrives once, in order.

import { expect, test } from "vitest";
import { HeldBytes } from "../../src/link/held-bytes.js";

/** Messages of these sizes, whose bytes count up. */
function messagesOf(sizes: readonly number[]): Uint8Array[] {
  let next = 0;
  return sizes.map((size) => Uint8Array.from({ length: size }, () => next++ % 251));
}

// Below and above what is joined with others (1 KiB), and together more than one joined chunk (16 KiB).
const sizes = [1, 2, 1023, 1024, 1, 1, 5000, ...Array.from({ length: 60 }, (_, index) => 300 + index), 1024, 7];

test.each([0, 1, 2, 3, 5, 100])("are taken as they came, when a chunk is taken after each %i messages", (every) => {
  const held = new HeldBytes();
  const messages = messagesOf(sizes);
  const taken: Uint8Array[] = [];
  let added = 0;
  const take = (): void => {
    const chunk = held.take();
    if (chunk !== undefined) taken.push(chunk);
  };
  for (const [index, message] of messages.entries()) {
    held.add(message);
    added += message.length;
    if (every > 0 && index % every === every - 1) take();
    expect(held.length).toBe(added - taken.reduce((sum, { length }) => sum + length, 0));
  }
  while (held.length > 0) take();
  expect(held.take()).toBeUndefined();
  expect(Buffer.concat(taken).equals(Buffer.concat(messages))).toBe(true);
});

test("are gone when everything was removed", () => {
  const held = new HeldBytes();
  for (const message of messagesOf([3, 2000, 4])) held.add(message);
  held.clear();
  expect([held.length, held.take()]).toEqual([0, undefined]);
  held.add(Uint8Array.of(9));
  expect([held.take(), held.take()]).toEqual([Uint8Array.of(9), undefined]);
});
