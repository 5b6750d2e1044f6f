// How a server that has no place for a connection says so: an offer of dialects whose first name is a notice. A client
// of this library ends the attempt there. Any other client skips the name, as it skips every dialect that it does not
// know, chooses another one, and receives the error as the answer to its first call.

import { ServerBusyError } from "../errors.js";

/** The longest time that is believed, in milliseconds: an hour. */
const MAX_RETRY_MS = 3_600_000;

/** The form of `ServerBusyError.notice`. */
const NOTICE = /^pbx-busy (\w{1,40}) (\d{1,9})$/;

/** Throws {@link ServerBusyError} if the first name of an offer is a notice. */
export function refuseBusyOffer(first: string): void {
  const [, limit, milliseconds] = NOTICE.exec(first) ?? [];
  if (limit !== undefined) throw new ServerBusyError(limit, Math.min(Number(milliseconds), MAX_RETRY_MS));
}
