// Runs every pairing of one half of ours with the other half of Twisted, and compares the results with known failures.

import { fileURLToPath } from "node:url";
import { Program } from "../process/program.js";
import { allTwisteds, noTwisted, pythonEnvironment } from "../twisted/twisted.js";
import type { Twisted } from "../twisted/twisted.js";
import { allVerdicts } from "./client.js";
import type { Verdict } from "./client.js";
import type { Dialect, Variant } from "./contract.js";
import list from "./known-failures.json" with { type: "json" };
import { connectTcp, startServer } from "./tcp.js";

/** Which half is ours. The other half is Twisted's, unmodified. */
export type Half = "server" | "client";

export interface Pairing {
  readonly half: Half;
  readonly variant: Variant;
  readonly dialect: Dialect;
}

export const pairings: readonly Pairing[] = (["server", "client"] as const).flatMap((half) =>
  (["root", "portal"] as const).flatMap((variant) =>
    (["pb", "none"] as const).map((dialect) => ({ half, variant, dialect })),
  ),
);

/** Why a check fails, by our half, the check and the beginning of the version of Twisted. Entries are only removed. */
const knownFailures: Readonly<Record<string, string>> = list;

/** Seconds. Ends a check or a server of Twisted's that hangs. */
const CHECK_TIMEOUT = "180";
export const SERVER_LIFETIME = "900";

/** Runs all checks of one pairing. */
export async function runPairing(twisted: Twisted, { half, variant, dialect }: Pairing): Promise<Verdict[]> {
  if (half === "server") {
    await using server = await startServer(variant, 0);
    const args = [variant, String(server.port), "--dialect", dialect, "--timeout", CHECK_TIMEOUT];
    await using client = twistedProgram(twisted, "pb_client.py", ...args);
    await client.exit;
    const lines = client.stdout.split("\n").filter((line) => line !== "");
    const results = lines.map((line) => JSON.parse(line) as Verdict | { readonly summary: unknown });
    if (!results.some((result) => "summary" in result)) throw await client.failure("did not finish its checks");
    return results.filter((result) => "check" in result);
  }
  await using server = twistedProgram(twisted, "pb_server.py", variant, "0", "--lifetime", SERVER_LIFETIME);
  const { listening } = await server.nextJson<{ listening: number }>();
  return await allVerdicts({ variant, dialect, connect: connectTcp(listening) });
}

/** Starts Twisted's half of the contract. */
export function twistedProgram({ python, version }: Twisted, script: string, ...args: string[]): Program {
  const path = fileURLToPath(new URL(`peers/${script}`, import.meta.url));
  return new Program(`${script} of Twisted ${version}`, [python, path, ...args], { env: pythonEnvironment() });
}

/** Describes the unexpected verdicts: checks that fail, and known failures that pass. */
export function unexpected(twisted: Twisted, { half }: Pairing, verdicts: readonly Verdict[]): string[] {
  const isKnown = (check: string): boolean =>
    Object.keys(knownFailures).some((known) => `${half} ${check} ${twisted.version}`.startsWith(known));
  return verdicts.flatMap(({ check, ok, detail }) => {
    if (!ok && !isKnown(check)) return [`${check}: ${detail}`];
    if (ok && isKnown(check)) return [`${check}: passes; remove it from known-failures.json`];
    return [];
  });
}

/** Runs all pairings with all Twisted versions and prints a line for each. Whether every verdict is expected. */
export async function testAll(print: (line: string) => void): Promise<boolean> {
  const twisteds = allTwisteds();
  if (twisteds.length === 0) print(noTwisted);
  let asExpected = true;
  let passed = 0;
  for (const twisted of twisteds) {
    for (const pairing of pairings) {
      const verdicts = await runPairing(twisted, pairing);
      const passedHere = verdicts.filter(({ ok }) => ok).length;
      print(`${titleOf(twisted, pairing)}: ${passedHere} of ${verdicts.length}`);
      const problems = unexpected(twisted, pairing, verdicts);
      for (const problem of problems) print(`  ${problem}`);
      passed += passedHere;
      asExpected &&= problems.length === 0;
    }
  }
  print(`${passed} checks passed, ${Object.keys(knownFailures).length} known failures`);
  return asExpected;
}

export function titleOf({ version }: Twisted, { half, variant, dialect }: Pairing): string {
  const ends =
    half === "server" ? `Twisted ${version} client -> our server` : `our client -> Twisted ${version} server`;
  return `${ends}, ${variant}, dialect ${dialect}`;
}
