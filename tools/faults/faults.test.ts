// The short form of `npm run faults`: two faults, with all processes.

import { expect, onTestFinished, test } from "vitest";
import { hasNats } from "../e2e/nats/nats-server.js";
import { Fleet } from "./fleet.js";
import { scenarios } from "./scenarios.js";
import { Sequence } from "./ticks.js";

const isThere = hasNats();
if (!isThere) console.warn("SKIPPED: the faults of a cluster, because there is no command nats-server");

test.skipIf(!isThere)(
  "a home that wakes up after a takeover writes nothing, and a restart of NATS loses nothing",
  async () => {
    const fleet = await Fleet.start({ nodes: 3, viewersPerNode: 2, leaseMs: 1000, updateMs: 100 });
    onTestFinished(() => fleet[Symbol.asyncDispose]());
    const { home } = fleet;
    await scenarios["the home is frozen, and wakes up after the takeover"]!(fleet);
    expect(fleet.auditor.epoch).toBeGreaterThan(1);
    expect(fleet.home.name).not.toBe(home.name);
    await scenarios["NATS is killed, and started 3 seconds later"]!(fleet);
    const { problems } = await fleet.settle();
    expect([fleet.auditor.problems, problems, fleet.duplicates()]).toEqual([[], [], []]);
  },
);

test("the check of a viewer notices lost and repeated updates, and a state from before", () => {
  const ticks = (...numbers: number[]) => ({ items: numbers.map((number) => ["a", number, 0] as const) });
  const taken = (...states: number[][]): number[] => {
    const sequence = new Sequence();
    return states.flatMap((state) => sequence.take(ticks(...state)).map(([, number]) => number));
  };
  expect(taken([], [1], [1, 2, 3], [3, 4])).toEqual([1, 2, 3, 4]);
  expect(() => taken([1, 3])).toThrow("3 follows 1");
  expect(() => taken([1, 2, 2])).toThrow("2 follows 2");
  expect(() => taken([1, 2], [4])).toThrow("4 was seen after 2");
  const sequence = new Sequence();
  for (const state of [[1, 2], [1], [1, 2, 3]]) sequence.take(ticks(...state));
  expect([sequence.older, sequence.last]).toEqual([1, 3]);
});
