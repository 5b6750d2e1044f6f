// A plugin of Stryker: a checker that lets only the changes of a sample be tested. PB_MUTANTS_SAMPLE names a file with
// their keys. The place of a change has others, too: `a < b` becomes `a <= b`, `a >= b`, `true` and `false`.

import { readFileSync } from "node:fs";
import { relative } from "node:path";

class SampleChecker {
  #keys = new Set();

  async init() {
    this.#keys = new Set(JSON.parse(readFileSync(process.env.PB_MUTANTS_SAMPLE, "utf8")));
  }

  async check(mutants) {
    const outside = { status: "compileError", reason: "not in the sample" };
    return Object.fromEntries(
      mutants.map((mutant) => [mutant.id, this.#keys.has(keyOf(mutant)) ? { status: "passed" } : outside]),
    );
  }
}

/** The file below the checkout, the place and the new code of a change. */
export function keyOf({ fileName, location: { start, end }, replacement }) {
  const file = relative(process.cwd(), fileName).replace(/^.*\/(?=packages\/)/, "");
  return JSON.stringify([file, start.line, start.column, end.line, end.column, replacement]);
}

export const strykerPlugins = [{ kind: "Checker", name: "sample", injectableClass: SampleChecker }];
