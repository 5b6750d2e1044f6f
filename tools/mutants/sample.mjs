// A plugin of Stryker: a checker that lets only a random sample of the changes be tested. PB_MUTANTS_SAMPLE has the
// number of changes and the seed.

import { createHash } from "node:crypto";

const [size, seed] = (process.env.PB_MUTANTS_SAMPLE ?? "").split(" ");

class SampleChecker {
  #chosen = new Set();

  async init() {}

  /** Stryker calls this once, with all changes. */
  async group(mutants) {
    const ranks = new Map();
    for (const { id, fileName, location, replacement } of mutants) {
      const key = JSON.stringify([seed, fileName.split("/packages/")[1], location, replacement]);
      ranks.set(id, createHash("sha256").update(key).digest("hex"));
    }
    const ids = [...ranks.keys()].sort((a, b) => (ranks.get(a) < ranks.get(b) ? -1 : 1));
    this.#chosen = new Set(ids.slice(0, Number(size)));
    return [ids];
  }

  async check(mutants) {
    const outside = { status: "compileError", reason: "not in the sample" };
    return Object.fromEntries(mutants.map(({ id }) => [id, this.#chosen.has(id) ? { status: "passed" } : outside]));
  }
}

export const strykerPlugins = [{ kind: "Checker", name: "sample", injectableClass: SampleChecker }];
