// What somebody shows to be let in (`twisted.cred.credentials`).

import { bytesOf, isSame } from "./bytes.js";
import { digestOf, respond, respondWithDigest } from "./challenge.js";

/**
 * A kind of credentials, named so that checkers can say what they take. The names are Twisted's interfaces, and two of our own; a program that
 * asks a portal itself may have more.
 */
export type CredentialKind =
  /** A password in the open: for programs that ask a portal themselves, after a web form for example. PB never sends one. */
  | "IUsernamePassword"
  /** An answer to a challenge that can be checked with the password. */
  | "IUsernameHashedPassword"
  /** An answer to a challenge that can be checked with the MD5 digest of the password. */
  | "IUsernameMD5Password"
  | "IAnonymous"
  | "IScramSha256"
  | "IBearerToken"
  | (string & {});

/** What a portal is asked with. */
export interface Credentials {
  /** The kinds a checker may take it for, the most fitting first. */
  readonly kinds: readonly CredentialKind[];
}

/** Credentials of somebody who has a name and knows a password. */
export type PasswordCredentials = UsernamePassword | ChallengedPassword | ScramProof;

/** Nobody in particular (`twisted.cred.credentials.Anonymous`). For {@link login}, and what the portal is asked with. */
export class Anonymous implements Credentials {
  readonly kinds = ["IAnonymous"] as const;
}

/**
 * A user name and a password (`twisted.cred.credentials.UsernamePassword`). For `login`: then the password does not leave the process. And for
 * programs that ask a portal themselves.
 */
export class UsernamePassword implements Credentials {
  readonly kinds = ["IUsernamePassword"] as const;
  readonly username: string | Uint8Array;
  readonly #password: string | Uint8Array;

  constructor(username: string | Uint8Array, password: string | Uint8Array) {
    this.username = username;
    this.#password = password;
  }

  /** Not a property of its own: whoever prints the credentials does not see it. */
  get password(): string | Uint8Array {
    return this.#password;
  }

  checkPassword(password: string | Uint8Array): boolean {
    // Digests, so that the time does not tell the length either.
    return isSame(digestOf(password), digestOf(this.#password)) && isSame(bytesOf(password), bytesOf(this.#password));
  }

  /** What proves the password to who sent the challenge. */
  respond(challenge: Uint8Array): Uint8Array {
    return respond(challenge, this.#password);
  }
}

/** A user name and the answer to a challenge: what PB's own login brings (`IUsernameHashedPassword`, `IUsernameMD5Password`). */
export class ChallengedPassword implements Credentials {
  readonly kinds = ["IUsernameHashedPassword", "IUsernameMD5Password"] as const;
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

  /** Whether the answer was made with the password of this MD5 digest. */
  checkMD5Password(digest: Uint8Array): boolean {
    return isSame(respondWithDigest(this.#challenge, digest), this.#response);
  }
}

/** What is kept of a password can say whether a proof was made with it. */
interface ProofJudge {
  isProof(authMessage: string, proof: Uint8Array): boolean;
}

/** A user name and the proof of a SCRAM-SHA-256 exchange. */
export class ScramProof implements Credentials {
  readonly kinds = ["IScramSha256"] as const;
  readonly username: string;
  readonly #authMessage: string;
  readonly #proof: Uint8Array;

  constructor(username: string, authMessage: string, proof: Uint8Array) {
    this.username = username;
    this.#authMessage = authMessage;
    this.#proof = proof;
  }

  /** Whether the proof was made with the password that this verifier is of. */
  checkVerifier(verifier: ProofJudge): boolean {
    return verifier.isProof(this.#authMessage, this.#proof);
  }
}

/** A token that opens to whoever has it. */
export class BearerToken implements Credentials {
  readonly kinds = ["IBearerToken"] as const;
  readonly #token: string;

  constructor(token: string) {
    this.#token = token;
  }

  /** Not a property of its own: whoever prints the credentials does not see it. */
  get token(): string {
    return this.#token;
  }
}
