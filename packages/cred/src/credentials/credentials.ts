// Credentials: what a client presents to log in (`twisted.cred.credentials`).

import { madeBy } from "@pb/banana";
import type { PackageCopy } from "@pb/banana";
import { bytesOf, timingSafeEqual } from "../bytes.js";
import { anonymousLogin } from "../classic-login/classic-login-client.js";
import { passwordLogin, tokenLogin } from "../client-logins.js";
import { requestAvatar } from "../login-calls.js";
import type { LoginCalls, LoginRequest } from "../login-calls.js";
import { digestOf, respond, respondWithDigest } from "./challenge.js";
import { thisCopy } from "../this-copy.js";

/**
 * A kind of credentials, by which a checker declares what it accepts: the names of Twisted's interfaces, and two of
 * this package. A program that calls a portal directly can define more.
 */
export type CredentialKind =
  /**
   * A plaintext password, from a web form for example. PB never sends one: it is for programs that call a portal
   * directly.
   */
  | "IUsernamePassword"
  /** A response to a challenge that can be checked with the password. */
  | "IUsernameHashedPassword"
  /** A response to a challenge that can be checked with the MD5 digest of the password. */
  | "IUsernameMD5Password"
  | "IAnonymous"
  | "IScramSha256"
  | "IBearerToken"
  | (string & {});

/** The credentials of one login. */
export interface Credentials {
  /** The kinds of credentials that a checker can treat it as, the preferred one first. */
  readonly kinds: readonly CredentialKind[];
}

/** Credentials that consist of a user name and a proof that the user knows a password. */
export type PasswordCredentials = UsernamePassword | ChallengedPassword | ScramProof;

/** Credentials of an anonymous login (`twisted.cred.credentials.Anonymous`). */
export class Anonymous implements Credentials {
  readonly kinds = ["IAnonymous"] as const;

  /** @internal */
  [requestAvatar](calls: LoginCalls, { mind }: LoginRequest): Promise<unknown> {
    return anonymousLogin(calls, mind);
  }

  /** @internal */
  get [madeBy](): PackageCopy {
    return thisCopy;
  }
}

/**
 * A user name and a password (`twisted.cred.credentials.UsernamePassword`). Passed to `login`, the password does not
 * leave the process. Can also be passed to `Portal.login`.
 */
export class UsernamePassword implements Credentials {
  readonly kinds = ["IUsernamePassword"] as const;
  readonly username: string | Uint8Array;
  readonly #password: string | Uint8Array;

  constructor(username: string | Uint8Array, password: string | Uint8Array) {
    this.username = username;
    this.#password = password;
  }

  /** A getter, so that the password does not appear when the credentials are printed or serialized. */
  get password(): string | Uint8Array {
    return this.#password;
  }

  /** Whether this is the password. */
  checkPassword(password: string | Uint8Array): boolean {
    // Compares the digests first, so that the time does not reveal the length of the password either.
    return (
      timingSafeEqual(digestOf(password), digestOf(this.#password)) &&
      timingSafeEqual(bytesOf(password), bytesOf(this.#password))
    );
  }

  /** The response to a challenge of PB's own login. */
  respond(challenge: Uint8Array): Uint8Array {
    return respond(challenge, this.#password);
  }

  /** @internal */
  [requestAvatar](calls: LoginCalls, request: LoginRequest): Promise<unknown> {
    return passwordLogin(calls, this, request);
  }

  /** @internal */
  get [madeBy](): PackageCopy {
    return thisCopy;
  }
}

/**
 * A user name and the response to a challenge: the credentials of PB's own login (`IUsernameHashedPassword`,
 * `IUsernameMD5Password`).
 */
export class ChallengedPassword implements Credentials {
  readonly kinds = ["IUsernameHashedPassword", "IUsernameMD5Password"] as const;
  readonly username: string;
  readonly #challenge: Uint8Array;
  readonly #response: unknown;

  /** `response` is what the client sent: any value. A value that is not a response is wrong for every password. */
  constructor(username: string, challenge: Uint8Array, response: unknown) {
    this.username = username;
    this.#challenge = challenge;
    this.#response = response;
  }

  /** Whether the response was computed from this password. */
  checkPassword(password: string | Uint8Array): boolean {
    return timingSafeEqual(respond(this.#challenge, password), this.#response);
  }

  /** Whether the response was computed from the password that has this MD5 digest. */
  checkMD5Password(digest: Uint8Array): boolean {
    return timingSafeEqual(respondWithDigest(this.#challenge, digest), this.#response);
  }
}

/** Verifies SCRAM proofs. A `ScramVerifier` implements it. */
interface ProofVerifier {
  isProof(authMessage: string, proof: Uint8Array): boolean;
}

/** A user name and the proof from a SCRAM-SHA-256 exchange. */
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

  /** Whether the proof was computed from the password of this verifier. */
  checkVerifier(verifier: ProofVerifier): boolean {
    return verifier.isProof(this.#authMessage, this.#proof);
  }
}

/** A token that is sufficient to log in: a peer that knows it can use it. */
export class BearerToken implements Credentials {
  readonly kinds = ["IBearerToken"] as const;
  readonly #token: string;

  constructor(token: string) {
    this.#token = token;
  }

  /** A getter, so that the token does not appear when the credentials are printed or serialized. */
  get token(): string {
    return this.#token;
  }

  /** @internal */
  [requestAvatar](calls: LoginCalls, request: LoginRequest): Promise<unknown> {
    return tokenLogin(calls, this.#token, request);
  }

  /** @internal */
  get [madeBy](): PackageCopy {
    return thisCopy;
  }
}
