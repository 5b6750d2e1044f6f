// Why a connection ended, in words.

import { ConnectionLostError } from "../errors.js";
import type { CloseReason } from "../errors.js";

/** The error that everybody who waits for something of the connection gets. */
export function connectionLost(why: CloseReason, cause: unknown): ConnectionLostError {
  return new ConnectionLostError(why, describeEnd(why, cause), { cause });
}

function describeEnd(why: CloseReason, cause: unknown): string {
  const because = cause instanceof Error && cause.message !== "" ? `: ${cause.message}` : "";
  switch (why) {
    case "closed":
      return `The connection was closed by us${because}`;
    case "lost":
      return `The connection was lost${because}`;
    case "negotiation":
      return `No dialect could be agreed on${because}`;
    case "protocol":
      return `The peer broke the protocol${because}`;
    case "unresponsive":
      return `The peer does not answer any more${because}`;
    case "limit":
      return `The peer passed a limit${because}`;
    case "replaced":
      return `The same client has a newer connection${because}`;
  }
}
