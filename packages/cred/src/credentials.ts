// What somebody shows to be let in.

import { respond } from "./challenge.js";

/** A kind of credentials, named so that checkers can say what they take. The names are Twisted's interfaces. */
export type CredentialKind = "IUsernameHashedPassword" | "IAnonymous";

/** What a portal is asked with. */
export interface Credentials {
  /** The kinds a checker may take it for. */
  readonly kinds: readonly CredentialKind[];
}

/** A user name and the answer to a challenge: what PB's login brings (`IUsernameHashedPassword`, `IUsernameMD5Password`). */
export class ChallengedPassword implements Credentials {
  readonly kinds = ["IUsernameHashedPassword"] as const;
  readonly username: string;
  readonly #challenge: Uint8Array;
  readonly #response: unknown;

  constructor(username: string, challenge: Uint8Array, response: unknown) {
    this.username = username;
    this.#challenge = challenge;
    this.#response = response;
  }

  /** Whether the answer was made with this password. */
  checkPassword(password: string | Uint8Array): boolean {
    return isSame(respond(this.#challenge, password), this.#response);
  }
}

/** Nobody in particular (`twisted.cred.credentials.Anonymous`). For {@link login}, and what the portal is asked with. */
export class Anonymous implements Credentials {
  readonly kinds = ["IAnonymous"] as const;
}

/** A user name and a password, for `login`. The password does not leave the process (`twisted.cred.credentials.UsernamePassword`). */
export class UsernamePassword {
  readonly username: string | Uint8Array;
  readonly #password: string | Uint8Array;

  constructor(username: string | Uint8Array, password: string | Uint8Array) {
    this.username = username;
    this.#password = password;
  }

  /** What proves the password to who sent the challenge. */
  respond(challenge: Uint8Array): Uint8Array {
    return respond(challenge, this.#password);
  }
}

/** Compares in a time that does not tell where two byte strings differ. */
function isSame(expected: Uint8Array, given: unknown): boolean {
  if (!(given instanceof Uint8Array) || given.length !== expected.length) return false;
  let difference = 0;
  for (const [index, byte] of expected.entries()) difference |= byte ^ (given[index] ?? 0);
  return difference === 0;
}
