// Chooses changes of a package at random, for `npm run mutants -- --sample=N PACKAGES`.

import { createHash } from "node:crypto";
import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { Instrumenter } from "@stryker-mutator/instrumenter";
import { keyOf } from "./checker.mjs";

/** The texts of messages have tests of their own. */
export const EXCLUDED = ["StringLiteral"];

export interface Sample {
  /** The number of all changes of the package. */
  readonly changes: number;
  /** The places of the chosen changes, as the option `mutate` of Stryker: code at other places runs at full speed. */
  readonly patterns: readonly string[];
  /** The keys of the chosen changes, for the checker. */
  readonly keys: readonly string[];
}

/** Chooses `size` changes of the sources in the folder. The same seed chooses the same changes of the same code. */
export async function sampleOf(folder: string, size: number, seed: string): Promise<Sample> {
  const files = readdirSync(folder, { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".ts"))
    .map((name) => join(folder, name))
    .map((name) => ({ name, mutate: true, content: readFileSync(name, "utf8") }));
  const silent = { debug: () => undefined, info: () => undefined, isDebugEnabled: () => false };
  const options = { plugins: null, excludedMutations: EXCLUDED, ignorers: [] };
  const { mutants } = await new Instrumenter(silent as never).instrument(files, options);
  const all = mutants.filter(({ status }) => status !== "Ignored");
  const rank = new Map(
    all.map((mutant) => [
      mutant,
      createHash("sha256")
        .update(seed + keyOf(mutant))
        .digest("hex"),
    ]),
  );
  const chosen = all.sort((a, b) => (rank.get(a)! < rank.get(b)! ? -1 : 1)).slice(0, size);
  const patterns = chosen.map(({ fileName, location: { start, end } }) => {
    return `${fileName}:${start.line + 1}:${start.column}-${end.line + 1}:${end.column}`;
  });
  return { changes: all.length, patterns: [...new Set(patterns)], keys: chosen.map(keyOf) };
}
