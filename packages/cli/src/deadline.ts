// The time that a command may take.

import { startDeadline } from "@pb/broker/extension";
import { CliError, usageError } from "./errors.js";

/** Seconds: enough for a slow server, and an end for a script when there is none. */
export const DEFAULT_TIMEOUT = "30";

/** The longest time that a timer of Node can wait, in seconds. */
const LONGEST = 2_147_483;

/**
 * Runs an action with a signal that aborts when `signal` does, and after `seconds`, which is the text of an option. Its
 * promise must reject then, after it has closed what it opened. Rejects with `CliError` `CLI_USAGE` if the text is no
 * positive number.
 */
export async function withDeadline<T>(
  seconds: string,
  signal: AbortSignal,
  action: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const limit = secondsOf("--timeout", seconds);
  const controller = new AbortController();
  const deadline = startDeadline(
    { signal, timeoutMs: limit * 1000 },
    () => new CliError("CLI_TIMEOUT", `There was no answer within ${limit} s (--timeout)`),
    (reason) => controller.abort(reason),
  );
  try {
    return await action(controller.signal);
  } finally {
    deadline.clear();
  }
}

/** The number of seconds in the text of an option. Throws `CliError` `CLI_USAGE` if it is not a positive number. */
export function secondsOf(option: string, text: string): number {
  const seconds = Number(text);
  if (seconds > 0 && seconds <= LONGEST) return seconds;
  throw usageError(`${option} ${JSON.stringify(text)}: expected seconds, more than 0 and at most ${LONGEST}`);
}
