// Whoever changes a watched object does it in the same turns.

import { UPDATES_PER_TURN } from "./work.js";
import type { Update } from "./work.js";

/** Calls `change` that often, ten times in each turn of the event loop. */
export async function changing(count: number, change: (update: Update) => void): Promise<void> {
  for (let made = 0; made < count; made++) {
    if (made % UPDATES_PER_TURN === 0) await new Promise(setImmediate);
    change({ symbol: "TWST", price: made });
  }
}
