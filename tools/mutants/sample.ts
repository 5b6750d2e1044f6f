// Chooses changes of a package at random, for `npm run mutants -- --sample=N PACKAGES`.

import { createHash } from "node:crypto";
import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { Instrumenter } from "@stryker-mutator/instrumenter";
import { keyOf } from "./checker.mjs";

/** The texts of messages have tests of their own. */
export const EXCLUDED = ["StringLiteral"];

type Mutant = Awaited<ReturnType<Instrumenter["instrument"]>>["mutants"][number];

export interface Sample {
  /** The number of all changes of the package. */
  readonly changes: number;
  /** The chosen changes in random order. */
  readonly parts: readonly SamplePart[];
}

/** Changes that Stryker tests in one run. */
export interface SamplePart {
  /** Their places, as the option `mutate` of Stryker: code at other places runs at full speed. */
  readonly patterns: readonly string[];
  /** Their keys, for the checker. */
  readonly keys: readonly string[];
}

/** How many changes a part has: few, because a part is lost whose time is over. */
const PART_SIZE = 50;

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
  const parts: SamplePart[] = [];
  for (let start = 0; start < chosen.length; start += PART_SIZE) {
    const part = chosen.slice(start, start + PART_SIZE);
    parts.push({ patterns: [...new Set(part.map(patternOf))], keys: part.map(keyOf) });
  }
  return { changes: all.length, parts };
}

function patternOf({ fileName, location: { start, end } }: Mutant): string {
  return `${fileName}:${start.line + 1}:${start.column}-${end.line + 1}:${end.column}`;
}
