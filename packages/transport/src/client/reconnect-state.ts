// The states of a reconnecting client, and what they mean for a caller.

import { RemoteError } from "@pb/broker";
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

/** Whether a login failed because of its credentials. Another attempt would fail too, and could lock the account. */
export function isLoginRefusal(error: unknown): boolean {
  const type = "twisted.cred.error.UnauthorizedLogin";
  if (error instanceof RemoteError) return error.is(type);
  return error instanceof Error && (error.constructor as { remoteType?: unknown }).remoteType === type;
}
