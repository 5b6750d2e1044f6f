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
  const limit = secondsOf("--timeout", seconds);
  const timeout = new AbortController();
  const error = new CliError("CLI_TIMEOUT", `There was no answer within ${limit} s (--timeout)`);
  const timer = setTimeout(() => timeout.abort(error), limit * 1000);
  try {
    return await action(AbortSignal.any([signal, timeout.signal]));
  } finally {
    clearTimeout(timer);
  }
}

/** The number of seconds in the text of an option. Throws `CliError` `CLI_USAGE` if it is not a positive number. */
export function secondsOf(option: string, text: string): number {
  const seconds = Number(text);
  if (seconds > 0 && seconds <= LONGEST) return seconds;
  throw usageError(`${option} ${JSON.stringify(text)}: expected seconds, more than 0 and at most ${LONGEST}`);
}
