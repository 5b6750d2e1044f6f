// Who knows whether credentials are good (`twisted.cred.checkers`).

import type { Anonymous, ChallengedPassword, CredentialKind, Credentials } from "./credentials.js";
import { UnauthorizedLogin } from "./errors.js";

/** The avatar id of nobody in particular (`twisted.cred.checkers.ANONYMOUS`). */
export const ANONYMOUS: unique symbol = Symbol("anonymous");

/** Who somebody is: a user name, or {@link ANONYMOUS}. */
export type AvatarId = string | typeof ANONYMOUS;

/** Turns credentials into who they belong to, or throws {@link UnauthorizedLogin}. */
export interface CredentialsChecker {
  /** The kinds of credentials it takes. */
  readonly kinds: readonly CredentialKind[];
  requestAvatarId(credentials: Credentials): AvatarId | Promise<AvatarId>;
}

/** Users and passwords in memory (`InMemoryUsernamePasswordDatabaseDontUse`): for tests and examples. */
export class InMemoryUsernamePasswordChecker implements CredentialsChecker {
  readonly kinds = ["IUsernameHashedPassword"] as const;
  readonly #passwords: Map<string, string | Uint8Array>;

  constructor(users: Readonly<Record<string, string | Uint8Array>> = {}) {
    this.#passwords = new Map(Object.entries(users));
  }

  addUser(username: string, password: string | Uint8Array): void {
    this.#passwords.set(username, password);
  }

  requestAvatarId(credentials: ChallengedPassword): string {
    const password = this.#passwords.get(credentials.username);
    // The same work for a user that does not exist, so that the time does not tell.
    const isGood = credentials.checkPassword(password ?? "");
    if (password === undefined || !isGood) throw new UnauthorizedLogin();
    return credentials.username;
  }
}

/** Lets anybody in, as {@link ANONYMOUS} (`twisted.cred.checkers.AllowAnonymousAccess`). */
export class AllowAnonymousAccess implements CredentialsChecker {
  readonly kinds = ["IAnonymous"] as const;

  requestAvatarId(_credentials: Anonymous): typeof ANONYMOUS {
    return ANONYMOUS;
  }
}
