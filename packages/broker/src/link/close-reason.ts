// The error that tells why a connection ended.

import { printable } from "@pb/jelly-types";
import { ConnectionLostError } from "../errors.js";
import type { CloseReason } from "../errors.js";

/** The error for everything that waits for the connection. */
export function connectionLost(reason: CloseReason, cause: unknown, hint?: string): ConnectionLostError {
  const text = describeEnd(reason, cause);
  return new ConnectionLostError(reason, hint === undefined ? text : `${text}. ${hint}`, { cause });
}

function describeEnd(reason: CloseReason, cause: unknown): string {
  const because = cause instanceof Error && cause.message !== "" ? `: ${printable(cause.message, 1_000)}` : "";
  switch (reason) {
    case "closed":
      return `The connection was closed by this end${because}`;
    case "lost":
      return `The connection was lost${because}`;
    case "busy":
      return `The server refused the connection${because}`;
    case "negotiation":
      return `The two ends did not agree on a dialect${because}`;
    case "protocol":
      return `The peer violated the protocol${because}`;
    case "unresponsive":
      return `The peer stopped answering${because}`;
    case "limit":
      return `The peer exceeded a limit${because}`;
    case "replaced":
      return `The same client has a newer connection${because}`;
    case "denied":
      return `The server has ended the sessions of this user${because}`;
  }
}
