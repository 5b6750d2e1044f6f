// Twisted as judge: both halves of ours against both halves of Twisted, and what is known to fail.

import { readFileSync } from "node:fs";
import { allTwisteds, noTwisted } from "../twisted/twisted.js";
import type { Twisted } from "../twisted/twisted.js";
import { runChecks } from "./client.js";
import { runTwistedClient, startTwistedServer } from "./peers.js";
import type { Verdict } from "./peers.js";
import { startServer } from "./server.js";
import type { Variant } from "./server.js";

/** Which half is ours. The other one is Twisted's, unmodified. */
export type Half = "server" | "client";

export interface Setting {
  readonly half: Half;
  readonly variant: Variant;
  readonly dialect: "pb" | "none";
}

export const settings: readonly Setting[] = (["server", "client"] as const).flatMap((half) =>
  (["root", "portal"] as const).flatMap((variant) =>
    (["pb", "none"] as const).map((dialect) => ({ half, variant, dialect })),
  ),
);

/** A check that fails, and why that is so. The list may only become shorter. */
interface KnownFailure {
  readonly half: Half;
  readonly check: string;
  /** The Twisteds it fails with, as version prefixes. */
  readonly twisted: readonly string[];
  readonly why: string;
}

const knownFailures = JSON.parse(
  readFileSync(new URL("known-failures.json", import.meta.url), "utf8"),
) as readonly KnownFailure[];

/** Runs one setting and returns how each check went. */
export async function judge(twisted: Twisted, { half, variant, dialect }: Setting): Promise<Verdict[]> {
  if (half === "server") {
    await using server = await startServer(variant, 0);
    return await runTwistedClient(twisted, variant, server.port, dialect);
  }
  await using server = await startTwistedServer(twisted, variant);
  const lines: string[] = [];
  const target = { host: "127.0.0.1", port: server.port, dialect };
  await runChecks(variant, target, { only: [], skip: [], list: false, print: (line) => lines.push(line) });
  return lines.map((line) => JSON.parse(line) as Verdict).filter(({ check }) => (check as unknown) !== undefined);
}

/** What is wrong with verdicts: checks that fail and should not, and known failures that pass. */
export function complaints(twisted: Twisted, { half }: Setting, verdicts: readonly Verdict[]): string[] {
  const known = new Set(
    knownFailures
      .filter(
        (failure) => failure.half === half && failure.twisted.some((version) => twisted.version.startsWith(version)),
      )
      .map(({ check }) => check),
  );
  return verdicts.flatMap(({ check, ok, detail }) => {
    if (!ok && !known.has(check)) return [`${check}: ${detail}`];
    if (ok && known.has(check)) return [`${check}: passes now; take it from known-failures.json`];
    return [];
  });
}

/** Judges everything on this machine and prints a line for each setting. False when something is wrong. */
export async function judgeAll(print: (line: string) => void): Promise<boolean> {
  const twisteds = allTwisteds();
  if (twisteds.length === 0) print(noTwisted);
  let isGood = true;
  let passed = 0;
  for (const twisted of twisteds) {
    for (const setting of settings) {
      const verdicts = await judge(twisted, setting);
      const wrong = complaints(twisted, setting, verdicts);
      const good = verdicts.filter(({ ok }) => ok).length;
      passed += good;
      print(`${titleOf(twisted, setting)}: ${good} of ${verdicts.length}`);
      for (const complaint of wrong) print(`  ${complaint}`);
      isGood &&= wrong.length === 0;
    }
  }
  print(`${passed} checks passed, ${knownFailures.length} known failures`);
  return isGood;
}

export function titleOf({ version }: Twisted, { half, variant, dialect }: Setting): string {
  const ends =
    half === "server" ? `Twisted ${version} client -> our server` : `our client -> Twisted ${version} server`;
  return `${ends}, ${variant}, dialect ${dialect}`;
}
