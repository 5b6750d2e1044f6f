// Long expressions are read in steps, so that nothing else in the process has to wait until they are read.

/** Something that is done in steps: pauses may be made where it yields. */
export type Steps<Result> = Generator<undefined, Result, undefined>;

/** A step ends when so many bytes are read. 16 KiB are up to 8,192 elements, which take at most a few milliseconds. */
export const STEP_BYTES: number = 16 * 1024;

/** Runs all steps without a pause. */
export function runSteps<Result>(steps: Steps<Result>): Result {
  let next = steps.next();
  while (next.done !== true) next = steps.next();
  return next.value;
}
