// The contract in Chromium: from a page, from workers and from an iframe to a server, and from a page to each of them.

import { beforeAll, expect, test } from "vitest";
import { checks } from "../interop/client.js";
import { findChromium } from "./chromium.js";
import { runIn } from "./engines.js";
import { contracts, outcomes } from "./expected.js";
import type { Row } from "./expected.js";
import { openSite } from "./site.js";
import type { Contract } from "./site.js";

const chromium = findChromium();
if (chromium === undefined) console.warn("SKIPPED: the tests in Chromium, because there is no command chromium");

let results: ReadonlyMap<string, unknown>;

beforeAll(async () => {
  if (chromium === undefined) return;
  await using site = await openSite();
  await runIn("Chromium", site);
  results = site.results;
}, 600_000);

test("CI has Chromium", () => {
  expect(process.env.CI !== "true" || chromium !== undefined).toBe(true);
});

test.skipIf(chromium === undefined).each<[string, Row]>(contracts.map((row) => [row.name, row]))(
  "%s: all checks",
  (name, { variant }) => {
    const { passed, failed } = results.get(name) as Contract;
    expect(failed).toEqual([]);
    expect(passed).toBe(Object.keys(checks[variant]).length);
    console.log(`Chromium, ${name}: ${passed} of ${passed} checks`);
  },
);

test.skipIf(chromium === undefined).each(Object.entries(outcomes))("%s", (name, outcome) => {
  expect(results.get(name)).toEqual(outcome);
});
