// The object `pbx`: what two ends of this implementation can do beyond Twisted's protocol. A stock peer answers a call
// to it with "Invalid Object ID", and logs nothing.

import { Float, plainState } from "@pb/jelly-types";
import { ServerBusyError } from "../errors.js";
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

/** The names of limits. */
const WORD = /^\w{1,40}$/;

/** What the announcements of the peer are passed to. */
interface GoodbyeReceiver {
  /** `busy` is the error of a connection whose place the server needs: it ends at once. */
  peerGoesAway(retryAfterMs: number, busy: ServerBusyError | undefined): void;
  wasReplaced(): void;
}

/** The methods that the peer can call. */
export class Pbx extends Referenceable {
  readonly #goodbyes: GoodbyeReceiver;

  constructor(goodbyes: GoodbyeReceiver) {
    super();
    this.#goodbyes = goodbyes;
  }

  /** What this end can do. */
  remote_hello(): object {
    return { version: 1, features: FEATURES };
  }

  /**
   * The peer closes soon: no further calls. `retryAfter` is in seconds: when it makes sense to reconnect. With the
   * reason `replaced` it closes now, because the same user has logged in over another connection. `busy` is the limit
   * because of which the peer needs the place of this connection, and closes it now.
   */
  remote_goaway(details: unknown): void {
    const { retryAfter, reason, busy } = entriesOf(details) as Partial<
      Record<"retryAfter" | "reason" | "busy", unknown>
    >;
    if (reason === REPLACED) {
      this.#goodbyes.wasReplaced();
      return;
    }
    const seconds = retryAfter instanceof Float ? retryAfter.value : Number(retryAfter);
    const retryAfterMs = seconds >= 0 ? Math.min(seconds, LONGEST_RETRY_S) * 1000 : 0;
    const isBusy = typeof busy === "string" && WORD.test(busy);
    this.#goodbyes.peerGoesAway(retryAfterMs, isBusy ? new ServerBusyError(busy, retryAfterMs) : undefined);
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
