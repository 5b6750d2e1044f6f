// The events that a portal reports to `onEvent`. An event never contains a password, a response, a proof or a token.

import type { Connection, Peer } from "@pb/broker";
import type { LoginMechanism } from "./limits.js";
import type { AvatarId } from "./realm.js";

/** What all events about one connection have in common. */
interface AboutConnection {
  /** The connection over which the client logs in. All events about it, also of other layers, have its `id`. */
  readonly connection: Connection;
  readonly peer: Peer;
}

/**
 * An event of a portal. `username` is the name that the client claims to have. It is not verified. It can be printed:
 * controls in it are escaped.
 */
export type LoginEvent =
  | CheckerEvent
  | ({ readonly kind: "login"; readonly mechanism: LoginMechanism; readonly avatarId: AvatarId } & AboutConnection)
  | ({
      readonly kind: "login-failed";
      readonly mechanism: LoginMechanism;
      readonly username: string | undefined;
      readonly error: unknown;
      /**
       * If the login was refused, and not because of a wrong password: by a limit, for the lack of a checker, or by the
       * realm. The number of such logins on this connection so far. Reported for 1, 2, 4, 8 and so on of them, so that
       * a client cannot fill a log.
       */
      readonly refusals?: number | undefined;
    } & AboutConnection)
  /**
   * A checker threw an error that is not a `LoginFailed`, because a database did not respond for example. The client
   * learns only that the login failed.
   */
  | ({ readonly kind: "checker-failed"; readonly error: unknown } & AboutConnection)
  | ({ readonly kind: "logout"; readonly avatarId: AvatarId } & AboutConnection)
  /** The `logout` function of the realm threw. The user is logged out nevertheless. */
  | ({ readonly kind: "logout-failed"; readonly avatarId: AvatarId; readonly error: unknown } & AboutConnection);

/**
 * Lines of a password file that cannot be used. Reported when the portal reads the file for the first time, and when it
 * has changed. `lines` are the first 20, with their numbers from 1; `omitted` is the number of the others.
 */
export interface CheckerEvent {
  readonly kind: "password-file";
  readonly lines: readonly { readonly line: number; readonly problem: string }[];
  readonly omitted: number;
}

/** Receives the events of a portal. An error that it throws is ignored. */
export type LoginWatcher = (event: LoginEvent) => void;
