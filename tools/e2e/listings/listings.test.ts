// Every listing of Twisted's howto that runs, with one half in Python and the other in TypeScript:
// npm run real -- listings [-t NAME].

import { execFileSync } from "node:child_process";
import { describe, expect, inject, test } from "vitest";
import { example } from "../../process/program.js";
import { downloadListings, runPair } from "./listings.js";
import { pairs } from "./pairs.js";

const twisted = inject("twisteds").find(({ version }) => version.startsWith("22."));
const canRun = twisted !== undefined && downloadListings();
if (!canRun) console.error("TWISTED'S LISTINGS ARE NOT TESTED: they need Debian's Twisted 22.4 and twisted-doc.");

test.runIf(process.env.CI === "true" || process.env.PB_REAL === "true")("the listings are there", () =>
  expect(canRun).toBe(true),
);

describe.runIf(canRun)("Twisted's howto", () => {
  const halves = Object.entries(pairs).flatMap(([name, { shows }]) =>
    (["client", "server"] as const).map((side) => [name, side, shows] as const),
  );
  test.concurrent.for(halves)("%s with our %s: %s", { timeout: 600_000 }, async ([name, side]) => {
    expect(await runPair(name, side, twisted!.python)).toEqual([]);
  });
});

test("pb_exceptions prints the stack of the server", () => {
  const [node, ...args] = example("howto/errors/pb_exceptions");
  const printed = execFileSync(node, args, { encoding: "utf8" });
  expect(printed).toMatch(/^builtins.ValueError\nRangeError: Division by zero\n +at .*perspective_exception/);
});
