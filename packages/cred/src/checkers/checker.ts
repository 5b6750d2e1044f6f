// The interface of checkers, which decide whether credentials are valid, and the checkers for anonymous logins and
// bearer tokens.

import { madeBy } from "@pb/banana";
import type { PackageCopy } from "@pb/banana";
import type {
  Anonymous,
  BearerToken,
  ChallengedPassword,
  CredentialKind,
  Credentials,
  ScramProof,
  UsernamePassword,
} from "../credentials/credentials.js";
import { UnauthorizedLogin } from "../errors.js";
import type { CheckerEvent } from "../events.js";
import type { ScramVerifier } from "../passwords/scram-verifier.js";
import { ANONYMOUS } from "../realm.js";
import type { AvatarId } from "../realm.js";
import { thisCopy } from "../this-copy.js";

/** Checks credentials (`twisted.cred.checkers.ICredentialsChecker`). */
export interface CredentialsChecker {
  /** The kinds of credentials that it accepts. */
  readonly kinds: readonly CredentialKind[];
  /**
   * Returns the id of the user to whom the credentials belong. Throws {@link UnauthorizedLogin} when they are wrong.
   * Any other error, except a `LoginFailed`, is treated as a bug or an outage: it is reported to `onEvent` of the
   * portal, and its message is not sent to the client.
   */
  requestAvatarId(credentials: Credentials): AvatarId | Promise<AvatarId>;
  /**
   * Converts a name to the spelling under which the user is known, so that failed logins with all spellings of a name
   * count together. Default: spellings count together that differ in case, accents or white space only.
   */
  canonical?(username: string): string;
  /**
   * Returns a value that is another one (`!==`) when the credentials of a user have changed, and undefined when there
   * is no such user. `Portal.revalidate` and `disconnect` compare it. It is called at each login. Default: they do not
   * notice changes.
   */
  fingerprint?(avatarId: string): unknown;
  /** Reports problems of what the checker reads, until the result is disposed of: lines that it cannot use. */
  watch?(report: (event: CheckerEvent) => void): Disposable;
}

/**
 * A checker that supports SCRAM, where the server sends a salt and a number of iterations before the client can compute
 * a proof.
 */
export interface ScramChecker extends CredentialsChecker {
  /**
   * Returns the verifier of a user. For a name that does not exist, returns a verifier that matches no password, and
   * does the same work, so that a client cannot tell the two apart.
   */
  scramVerifier(username: string): ScramVerifier | Promise<ScramVerifier>;
}

/**
 * Accepts every anonymous login, with the avatar id {@link ANONYMOUS} (`twisted.cred.checkers.AllowAnonymousAccess`).
 */
export class AllowAnonymousAccess implements CredentialsChecker {
  readonly kinds = ["IAnonymous"] as const;

  requestAvatarId(_credentials: Anonymous): typeof ANONYMOUS {
    return ANONYMOUS;
  }

  /** @internal */
  get [madeBy](): PackageCopy {
    return thisCopy;
  }
}

interface CredentialsOf {
  IUsernamePassword: UsernamePassword;
  IUsernameHashedPassword: ChallengedPassword;
  IUsernameMD5Password: ChallengedPassword;
  IScramSha256: ScramProof;
  IAnonymous: Anonymous;
  IBearerToken: BearerToken;
}

/** The avatar id of the user to whom the credentials belong. Undefined when they are wrong. */
type CheckResult = AvatarId | undefined;

/**
 * Checks one kind of credentials with a function, which returns the avatar id, or undefined for wrong credentials: `new
 * FunctionChecker("IUsernamePassword", ({ username, password }) => …)`.
 */
export class FunctionChecker<Kind extends keyof CredentialsOf> implements CredentialsChecker {
  readonly kinds: readonly [Kind];
  readonly #check: (credentials: CredentialsOf[Kind]) => CheckResult | Promise<CheckResult>;

  constructor(kind: Kind, check: (credentials: CredentialsOf[Kind]) => CheckResult | Promise<CheckResult>) {
    this.kinds = [kind];
    this.#check = check;
  }

  async requestAvatarId(credentials: Credentials): Promise<AvatarId> {
    const avatarId = await this.#check(credentials as unknown as CredentialsOf[Kind]);
    if (avatarId === undefined) throw new UnauthorizedLogin();
    return avatarId;
  }

  /** @internal */
  get [madeBy](): PackageCopy {
    return thisCopy;
  }
}

/**
 * Checks bearer tokens with a function that returns the avatar id of the owner of a token, or undefined. Tokens are
 * long and random, so store a digest of each instead of the token, and look up the digest.
 */
export class BearerTokenChecker extends FunctionChecker<"IBearerToken"> {
  constructor(find: (token: string) => CheckResult | Promise<CheckResult>) {
    super("IBearerToken", ({ token }) => find(token));
  }
}
