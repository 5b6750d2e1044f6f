import { expect, test } from "vitest";
import { fuzzBroker } from "./broker.js";

// A short run, the same each time; `npm run fuzz -- broker` makes a long one.
test("a broker bears whatever a peer says, and remembers what it was given", async () => {
  const outcomes = await fuzzBroker({ runs: 400, seed: 1 });
  expect(Object.keys(outcomes).length).toBeGreaterThan(3);
});
