// The object `pbx`: what two ends of this implementation can do beyond Twisted's protocol. A stock peer answers a call
// to it with "Invalid Object ID", and logs nothing.

import { Float, plainState } from "@pb/jelly-types";
import { Referenceable } from "../flavors/referenceable.js";

/** The name under which each end publishes its object. */
export const PBX = "pbx";

/** Whether programs cannot publish this name. */
export function isReserved(name: string): boolean {
  return name === PBX || name.startsWith(`${PBX}:`);
}

/** Why a peer goes away, if not to stop. */
export const REPLACED = "replaced";

const FEATURES: readonly string[] = ["goaway"];

/** No peer may keep a program from connecting for longer, in seconds. */
const LONGEST_RETRY_S = 3600;

/** The methods that the peer can call. */
export class Pbx extends Referenceable {
  readonly #onGoAway: (retryAfterMs: number) => void;
  readonly #onReplaced: () => void;

  constructor(onGoAway: (retryAfterMs: number) => void, onReplaced: () => void) {
    super();
    this.#onGoAway = onGoAway;
    this.#onReplaced = onReplaced;
  }

  /** What this end can do. */
  remote_hello(): object {
    return { version: 1, features: FEATURES };
  }

  /**
   * The peer closes soon: no further calls. `retryAfter` is in seconds: when it makes sense to reconnect. With the
   * reason `replaced` it closes now, because the same user has logged in over another connection.
   */
  remote_goaway(details: unknown): void {
    const { retryAfter, reason } = entriesOf(details) as { readonly retryAfter?: unknown; readonly reason?: unknown };
    if (reason === REPLACED) {
      this.#onReplaced();
      return;
    }
    const seconds = retryAfter instanceof Float ? retryAfter.value : Number(retryAfter);
    this.#onGoAway(seconds >= 0 ? Math.min(seconds, LONGEST_RETRY_S) * 1000 : 0);
  }
}

/** A received dict as an object, however the connection reads dicts. */
function entriesOf(dict: unknown): object {
  return Object(plainState(dict)) as object;
}

/** Whether the answer to `hello` says that the peer understands `goaway`. */
export function understandsGoAway(hello: unknown): boolean {
  const { features } = entriesOf(hello) as { readonly features?: unknown };
  return Array.isArray(features) && features.includes("goaway");
}
