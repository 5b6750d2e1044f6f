// The connections of a server, grouped by network.

import { expect, test } from "vitest";
import { garbageCollector } from "../../../../tools/gc/garbage-collector.js";
import { Crowd } from "../../src/server/crowd.js";

test("forgets a network whose last member has left", () => {
  const collect = garbageCollector();
  const crowd = new Crowd();
  const visit = (from: number): void => {
    for (let network = from; network < from + 100_000; network++) {
      const member = { networks: [`network ${network}`] };
      crowd.add(member);
      if (!crowd.delete(member)) throw new Error("The member was not added");
    }
    collect();
  };
  visit(0);
  const before = process.memoryUsage().heapUsed;
  visit(100_000);
  // To remember 100,000 networks would take more than 20 MB.
  expect(process.memoryUsage().heapUsed - before).toBeLessThan(10_000_000);
  expect(crowd.size).toBe(0);
});
