// The states of a reconnecting client, and what they mean for a caller.

import { ConnectionLostError, RemoteError } from "@pb/broker";
import type { Broker, RemoteMethods, RemoteReference } from "@pb/broker";
import { NotConnectedError } from "../errors.js";

/** The state of a `ReconnectingClient`. */
export type ReconnectState<T = RemoteMethods> =
  /** `attempt` counts from 1, since the start or since the last connection that was stable. */
  | { readonly is: "connecting"; readonly attempt: number }
  /** `reference` is the result of the login: the avatar, or the root object. */
  | { readonly is: "ready"; readonly connection: Broker; readonly reference: RemoteReference<T> }
  /** The next attempt is at `until`. `cause` is why there is no connection. */
  | { readonly is: "waiting"; readonly until: Date; readonly attempt: number; readonly cause: unknown }
  /**
   * The client was closed, or gave up. `cause` is the reason of the signal or the last error, undefined after `close`.
   */
  | { readonly is: "stopped"; readonly cause: unknown };

/** The state of a client that is connected and logged in. */
export type ReadyState<T> = Extract<ReconnectState<T>, { readonly is: "ready" }>;

/** What a call does while there is no connection: it waits for one, or rejects at once. */
export type WhileDown = "wait" | "fail";

/**
 * What a call gets in a state: the ready state, an error because the call does not wait or would wait in vain, or
 * undefined if it has to wait.
 */
export function readyOrError<T>(
  state: ReconnectState<T>,
  whileDown: WhileDown,
): ReadyState<T> | NotConnectedError | undefined {
  switch (state.is) {
    case "ready":
      return state;
    case "stopped":
      return new NotConnectedError("The client has stopped", { cause: state.cause });
    case "waiting":
      if (whileDown === "wait") return undefined;
      return new NotConnectedError(`There is no connection. The next attempt is at ${state.until.toISOString()}`, {
        cause: state.cause,
      });
    case "connecting":
      return whileDown === "wait" ? undefined : new NotConnectedError("There is no connection yet");
  }
}

const UNAUTHORIZED = "twisted.cred.error.UnauthorizedLogin";
const DENIED = "twisted.cred.error.LoginDenied";
const UNHANDLED = "twisted.cred.error.UnhandledCredentials";

/** Refusals that end: of a limit on failed logins, and of `sameUser: "ask"` while the other connection is alive. */
const TEMPORARY = ["pb.LoginThrottled", "pb.DuplicateLogin"];

/**
 * Whether another attempt would fail as well, and could lock an account or take the place of another client:
 *
 * - The login was refused: its credentials are wrong (`UnauthorizedLogin`), the server does not admit the user
 *   (`LoginDenied`), or it has no checker for such credentials (`UnhandledCredentials`). Refusals of limits on logins
 *   end with time, and are not final.
 * - The server has ended the connection because the same user logged in over a newer one (reason `replaced`), or
 *   because it has ended the sessions of the user for good (`denied`).
 */
export function isFinalByDefault(error: unknown): boolean {
  if (error instanceof ConnectionLostError)
    return error.reason === "replaced" || (error.reason === "denied" && !mayReturn(error));
  const remote = error instanceof Error && error.cause instanceof RemoteError ? error.cause : error;
  if (remote instanceof RemoteError) {
    if (TEMPORARY.some((type) => remote.is(type))) return false;
    return [UNAUTHORIZED, DENIED, UNHANDLED].some((type) => remote.is(type));
  }
  const type = error instanceof Error ? (error.constructor as { remoteType?: unknown }).remoteType : undefined;
  return type === UNAUTHORIZED || type === DENIED || type === UNHANDLED;
}

/** Whether the server has told a client whose sessions it has ended when it may log in again. 0 ms is at once. */
function mayReturn({ cause }: ConnectionLostError): boolean {
  return cause instanceof Error && "retryAfterMs" in cause;
}
