import { expect, test } from "vitest";
import { fuzzBanana } from "./banana.js";

// A short run with another seed each time; `npm run fuzz -- banana` makes a long one.
test("mutated Banana is a value or a BananaError", async () => {
  const outcomes = await fuzzBanana({ runs: 5000, seed: Date.now() % 2 ** 31 });
  expect(Object.keys(outcomes).length).toBeGreaterThan(5);
});
