/** Runs a check on arbitrary inputs, and counts the outcomes. */

import fc from "fast-check";

export interface FuzzOptions {
  readonly runs: number;
  readonly seed: number;
  /** Whether an input that is handled wrongly is made smaller, which takes many runs. Default: yes. */
  readonly shrinks?: boolean;
}

/** Resolves with the number of inputs for each outcome. */
export type Fuzzer = (options: FuzzOptions) => Promise<Record<string, number>>;

/**
 * Runs `check`, which returns a name for the outcome of an input, and throws when it was handled wrongly. At the first
 * input that is handled wrongly, takes more than `hangMs` of the processor or leaves an unhandled error, it shrinks the
 * input and rejects. The time of other programs does not count: the machine may be busy.
 */
export async function fuzz<Input>(
  inputs: fc.Arbitrary<Input>,
  check: (input: Input) => string | Promise<string>,
  { runs, seed, hangMs, shrinks = true }: FuzzOptions & { readonly hangMs: number },
): Promise<Record<string, number>> {
  const outcomes: Record<string, number> = {};
  const unhandled: unknown[] = [];
  const collect = (error: unknown): void => void unhandled.push(error);
  const property = fc.asyncProperty(inputs, async (input) => {
    const start = process.cpuUsage();
    const outcome = await check(input);
    outcomes[outcome] = (outcomes[outcome] ?? 0) + 1;
    if (unhandled.length > 0) throw new Error("An error was not handled", { cause: unhandled.pop() });
    const { user, system } = process.cpuUsage(start);
    const spent = (user + system) / 1000;
    if (spent > hangMs) throw new Error(`It took ${spent} ms of the processor`);
  });
  process.on("unhandledRejection", collect).on("uncaughtException", collect);
  try {
    await fc.assert(property, { numRuns: runs, seed, endOnFailure: !shrinks });
  } finally {
    process.off("unhandledRejection", collect).off("uncaughtException", collect);
  }
  return outcomes;
}
