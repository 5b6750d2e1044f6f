/** Short runs of the fuzzers: the codec with another seed each time, the broker always with the same. */

import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { fuzzBanana } from "./banana.js";
import { fuzzBroker } from "./broker.js";
import { bugs } from "./plants.js";

test("mutated Banana decodes to a value or throws a BananaError", async () => {
  const outcomes = await fuzzBanana({ runs: 5000, seed: Date.now() % 2 ** 31 });
  expect(Object.keys(outcomes).length).toBeGreaterThan(5);
});

test("a broker survives every message of a peer, and its reference counts stay right", async () => {
  // With this seed, each planted bug (PLANTS.md) is found within 100 connections.
  const outcomes = await fuzzBroker({ runs: 200, seed: 1 });
  expect(Object.keys(outcomes).length).toBeGreaterThan(3);
});

test("the places of the planted bugs exist once", () => {
  const places = bugs.map(({ file, guard }) => {
    const source = readFileSync(new URL(`../../packages/${file}`, import.meta.url), "utf8");
    return [guard, source.split(guard).length - 1];
  });
  expect(places.filter(([, count]) => count !== 1)).toEqual([]);
});
