/** Runs attacks, measures what they cost, and judges it. */

import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { AssertionError } from "node:assert";
import type { Plugin } from "esbuild";
import { bundle } from "../bench/bundle.js";
import { nameOf } from "./attacks.js";
import type { SingleAttack } from "./attacks.js";
import { Victim } from "./harness.js";

/** How much more processor time hostile content may cost than ordinary content. */
const MAX_RATIO = 3;
const MAX_GROWTH_MIB = 256;
/** `processHeapBytes` with the heap of a victim. */
const LIMIT_MIB = 210;
/** An attack takes two minutes at most. The process of one that hangs is ended, so that the others run. */
const LONGEST_MS = 10 * 60_000;
/** About 10 ms of the broker, and a major collection of V8's garbage collector. */
const MAX_SLICE_MS = 60;
/** How much longer a turn may take in the short form: on a busy machine, the same work costs more processor time. */
const SHORT_FACTOR = 4;
/**
 * Content is sent at least twice, and again while it costs too much. The least time counts: other programs on the
 * machine disturb that least.
 */
const isSettled = (ratio: number, rounds: number): boolean =>
  Number.isNaN(ratio) || rounds >= 6 || (rounds >= 2 && ratio < MAX_RATIO);

/** What one attack cost. Times are in milliseconds, memory is in MiB. */
export interface Result {
  readonly name: string;
  readonly sentMB: number;
  /** Seconds of processor time for each megabyte. */
  readonly cpuPerMB: number;
  /** Processor time compared with ordinary content. */
  readonly ratio: number | undefined;
  /** How much the process grew. */
  readonly growth: number;
  readonly heap: number;
  /** Latencies of the second connection. */
  readonly worst: number;
  readonly p99: number;
  /** The longest time that the event loop was blocked. */
  readonly slice: number;
  readonly problems: readonly string[];
}

/** Bundles the victim. `plugins` may change its sources. Returns the name of the file. */
export async function buildVictim(plugins: Plugin[] = []): Promise<string> {
  const file = join(mkdtempSync(join(tmpdir(), "pb-hostile-")), "victim.mjs");
  // The package `ws` consists of CommonJS modules.
  const banner = { js: 'import { createRequire } from "node:module"; const require = createRequire(import.meta.url);' };
  writeFileSync(file, await bundle(new URL("victim.ts", import.meta.url), { platform: "node", plugins, banner }));
  return file;
}

/** Runs an attack on a new process. */
export async function measure(attack: SingleAttack, program: string, isShort = false): Promise<Result> {
  if (attack.besidesPlain !== true) return measureAlone(attack, program, isShort);
  const plain = await measureAlone({ ...attack, victim: "plain" }, program, isShort);
  const growthMiB = Math.max(MAX_GROWTH_MIB, LIMIT_MIB + plain.growth);
  return measureAlone({ ...attack, growthMiB }, program, isShort);
}

async function measureAlone(attack: SingleAttack, program: string, isShort: boolean): Promise<Result> {
  await using victim = await Victim.start(attack.victim, program, attack.over);
  using _ = victim.endAfter(LONGEST_MS);
  let success: string | undefined;
  const run = (): Promise<void> =>
    Promise.race([attack.run(victim), victim.exited]).catch((error: unknown) => {
      if (!(error instanceof AssertionError)) throw error;
      success = error.message.split("\n", 1)[0]; // Node adds both values to the message.
    });
  await victim.latencies();
  const before = await victim.usage(true);
  let usual = Infinity;
  let seconds = Infinity;
  for (let round = 0; round === 0 || (attack.ordinary !== undefined && !isSettled(seconds / usual, round)); round++) {
    if (attack.ordinary !== undefined) usual = Math.min(usual, await secondsOf(victim, () => attack.ordinary!(victim)));
    victim.sent = 0;
    seconds = Math.min(seconds, await secondsOf(victim, run));
  }
  const after = await victim.usageAtRest();
  const latencies = await victim.latencies();
  const result = {
    name: nameOf(attack),
    sentMB: victim.sent / 1e6,
    cpuPerMB: (seconds * 1e6) / victim.sent,
    ratio: attack.ordinary === undefined ? undefined : seconds / usual,
    growth: (after?.rssMiB ?? NaN) - before!.rssMiB,
    heap: after?.heapMiB ?? NaN,
    worst: latencies?.at(-1) ?? NaN,
    p99: latencies?.[Math.floor(latencies.length * 0.99)] ?? NaN,
    slice: after?.sliceMs ?? NaN,
  };
  return {
    ...result,
    problems: [
      ...judge(attack, result, victim, after !== undefined, isShort ? SHORT_FACTOR : 1),
      ...(success === undefined ? [] : [success]),
    ],
  };
}

function judge(
  attack: SingleAttack,
  { ratio = 0, growth, slice, worst }: Omit<Result, "problems">,
  victim: Victim,
  survived: boolean,
  sliceFactor: number,
): string[] {
  if (!survived) return [`the process ended: ${/FATAL ERROR.*|^\w*Error: .*/m.exec(victim.log)?.[0] ?? "no answer"}`];
  const problems = [];
  if (Number.isNaN(worst) && !victim.isClosing) problems.push("the second connection was lost");
  if (ratio > MAX_RATIO) problems.push(`${ratio.toFixed(1)} times the processor time of ordinary content`);
  if (growth > (attack.growthMiB ?? MAX_GROWTH_MIB)) problems.push(`the process grew by ${Math.round(growth)} MiB`);
  if (slice > (attack.sliceMs ?? MAX_SLICE_MS) * sliceFactor)
    problems.push(`a turn of the event loop took ${Math.round(slice)} ms`);
  return problems;
}

async function secondsOf(victim: Victim, action: () => Promise<unknown>): Promise<number> {
  const before = await victim.usage();
  await action();
  return ((await victim.usage())?.cpuSeconds ?? NaN) - (before?.cpuSeconds ?? NaN);
}
