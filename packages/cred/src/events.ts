// What a portal tells whoever watches over it. It never writes to a console, and never says anything about a password.

import type { Peer } from "@pb/broker";
import type { AvatarId } from "./checkers.js";
import type { LoginMechanism } from "./limits.js";

/** Something worth a line in a log. `username` is what the peer claims to be. */
export type LoginEvent =
  | { readonly kind: "login"; readonly mechanism: LoginMechanism; readonly avatarId: AvatarId; readonly peer: Peer }
  | {
      readonly kind: "login-failed";
      readonly mechanism: LoginMechanism;
      readonly username: string | undefined;
      readonly peer: Peer;
      readonly error: unknown;
    }
  /** A checker failed by a fault of its own: a database that does not answer. The peer was told only that the login failed. */
  | { readonly kind: "checker-failed"; readonly error: unknown }
  | { readonly kind: "logout"; readonly avatarId: AvatarId; readonly peer: Peer }
  /** The realm's `logout` threw. It counts as logged out. */
  | { readonly kind: "logout-failed"; readonly avatarId: AvatarId; readonly peer: Peer; readonly error: unknown };

export type LoginWatcher = (event: LoginEvent) => void;
