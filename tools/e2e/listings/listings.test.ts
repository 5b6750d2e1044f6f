/** Every listing of Twisted's howto that runs, with one half in Twisted and the other in TypeScript. */
import { execFileSync } from "node:child_process";
import { afterAll, beforeAll, describe, expect, inject, test } from "vitest";
import { findTwisted } from "../../twisted/twisted.js";
import { Programs } from "../programs.js";
import { fetchListings, runPair } from "./listings.js";
import { pairs } from "./pairs.js";

const isCI = process.env.CI === "true";
const twisted = inject("twisteds").find(({ version }) => version.startsWith("22.")) ?? findTwistedOfDebian();
const isPossible = twisted !== undefined && fetchListings();
if (!isPossible)
  console.error("NO LISTINGS OF TWISTED'S HOWTO HERE: they are not run. They come from Debian's twisted-doc.");

function findTwistedOfDebian(): ReturnType<typeof findTwisted> {
  return isCI ? findTwisted("22.4") : undefined;
}

let programs: Programs;
beforeAll(async () => {
  programs = await Programs.build();
});
afterAll(() => programs[Symbol.dispose]());

test.runIf(isCI)("CI has the listings", () => expect(isPossible).toBe(true));

describe.runIf(isPossible)("Twisted's howto", () => {
  const halves = Object.entries(pairs).flatMap(([name, { shows }]) =>
    (["client", "server"] as const).map((side) => [name, side, shows] as const),
  );
  test.concurrent.for(halves)("%s with our %s: %s", { timeout: 90_000 }, async ([name, side]) => {
    expect(await runPair(name, side, programs, twisted!.python)).toEqual([]);
  });
});

test("pb_exceptions shows the server's stack", () => {
  const printed = execFileSync(process.execPath, [programs.path("howto/pb_exceptions")], { encoding: "utf8" });
  expect(printed).toMatch(/^builtins.ValueError\nRangeError: Division by zero\n +at .*perspective_exception/);
});
