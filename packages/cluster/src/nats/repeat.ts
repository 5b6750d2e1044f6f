// Repeats what NATS does not answer while a new engine is opened.

import { engineError } from "./nats-errors.js";

const ATTEMPTS = 4;
const PAUSE_MS = 250;

/**
 * Tries to open something up to four times, while NATS does not answer: the servers of a replicated stream that another
 * node has just created do not, until they have elected its leader.
 */
export async function repeat<Result>(open: () => Promise<Result>): Promise<Result> {
  for (let attempt = 1; ; attempt++)
    try {
      return await open();
    } catch (error) {
      if (attempt === ATTEMPTS || engineError(error, "open the stream").code !== "ENGINE_AWAY") throw error;
      await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
    }
}
