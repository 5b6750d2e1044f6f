// The time that a command may take.

import { CliError, usageError } from "./errors.js";

/** Seconds: enough for a slow server, and an end for a script when there is none. */
export const DEFAULT_TIMEOUT = "30";

/** The longest time that a timer of Node can wait, in seconds. */
const LONGEST = 2_147_483;

/**
 * Runs an action with a signal that aborts when `signal` does, and after `seconds`, which is the text of an option. Its
 * promise must reject then. Rejects with `CliError` `CLI_USAGE` if the text is not a positive number.
 */
export async function withTimeout<T>(
  seconds: string,
  signal: AbortSignal,
  action: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const limit = Number(seconds);
  if (!(limit > 0 && limit <= LONGEST)) {
    throw usageError(`--timeout ${JSON.stringify(seconds)}: expected seconds, more than 0 and at most ${LONGEST}`);
  }
  const timeout = new AbortController();
  const error = new CliError("CLI_TIMEOUT", `There was no answer within ${limit} s (--timeout)`);
  const timer = setTimeout(() => timeout.abort(error), limit * 1000);
  try {
    return await action(AbortSignal.any([signal, timeout.signal]));
  } finally {
    clearTimeout(timer);
  }
}
