/** Runs a check on arbitrary inputs, and counts the outcomes. */

import fc from "fast-check";

export interface Target<Input> {
  readonly inputs: fc.Arbitrary<Input>;
  /** An input that takes longer than this is an error. In milliseconds. */
  readonly hangMs: number;
  /** Returns a name for the outcome; throws when the input was handled wrongly. */
  readonly check: (input: Input) => string | Promise<string>;
}

export interface FuzzOptions {
  readonly runs: number;
  readonly seed: number;
}

/**
 * Resolves with the number of inputs for each outcome. At the first input that is handled wrongly, takes too long or
 * leaves an unhandled error, it shrinks the input and rejects.
 */
export async function fuzz<Input>(target: Target<Input>, options: FuzzOptions): Promise<Record<string, number>> {
  const outcomes: Record<string, number> = {};
  const unhandled: unknown[] = [];
  const collect = (error: unknown): void => void unhandled.push(error);
  const property = fc.asyncProperty(target.inputs, async (input) => {
    const start = performance.now();
    const outcome = await target.check(input);
    outcomes[outcome] = (outcomes[outcome] ?? 0) + 1;
    if (unhandled.length > 0) throw new Error("An error was not handled", { cause: unhandled.pop() });
    const spent = performance.now() - start;
    if (spent > target.hangMs) throw new Error(`It took ${spent} ms`);
  });
  process.on("unhandledRejection", collect).on("uncaughtException", collect);
  try {
    await fc.assert(property, { numRuns: options.runs, seed: options.seed });
  } finally {
    process.off("unhandledRejection", collect).off("uncaughtException", collect);
  }
  return outcomes;
}
