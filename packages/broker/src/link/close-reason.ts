// The error that tells why a connection ended, with a hint when the peer closed it without telling why.

import { printable } from "@pb/jelly-types";
import { ConnectionLostError } from "../errors.js";
import type { CloseReason } from "../errors.js";
import type { Link } from "./link.js";

/** The error for everything that waits for the connection. */
export function connectionLost(reason: CloseReason, cause: unknown, hint?: string): ConnectionLostError {
  const text = describeEnd(reason, cause);
  return new ConnectionLostError(reason, hint === undefined ? text : `${text}. ${hint}`, { cause });
}

/** Whether the peer has ended the connection, or its system has because the peer is gone. */
export function isClosedByPeer(cause: unknown): boolean {
  return cause === undefined || (cause as { readonly code?: unknown }).code === "ECONNRESET";
}

/** What may be wrong when a server has sent nothing, although it has to send the first bytes. The end of a sentence. */
export function silenceHint(role: Link["role"], bytesReceived: number): string {
  const isSilent = role === "initiator" && bytesReceived === 0;
  return isSilent ? ", and has sent nothing: does it expect TLS, or a header of the PROXY protocol?" : "";
}

/** The calls of a ready connection, as far as they tell why the peer has closed it. */
interface LastCalls {
  readonly caller: { readonly inFlight: number };
  readonly responder: { readonly lastAnswered: string | undefined; readonly lastType: string | undefined };
}

/**
 * Why the peer may have closed a ready connection. Twisted does when it gets a copy of a class that it does not know,
 * and after errors of its own, which only its log tells. `isSilent`: nothing has arrived since this end sent something.
 */
export function lossHint({ caller, responder }: LastCalls, isSilent: boolean): string | undefined {
  const { lastAnswered = "", lastType } = responder;
  if (lastType !== undefined && isSilent)
    return `The peer closed it after the answer to ${lastAnswered}: it may not know the class ${printable(lastType)}`;
  if (caller.inFlight === 0) return undefined;
  return "The peer closed it while calls waited for an answer: its log may say why";
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
