// Who knows whether credentials are good (`twisted.cred.checkers`).

import type {
  Anonymous,
  BearerToken,
  ChallengedPassword,
  CredentialKind,
  Credentials,
  ScramProof,
  UsernamePassword,
} from "./credentials.js";
import { UnauthorizedLogin } from "./errors.js";
import type { ScramVerifier } from "./scram-verifier.js";

/** The avatar id of nobody in particular (`twisted.cred.checkers.ANONYMOUS`). */
export const ANONYMOUS: unique symbol = Symbol("anonymous");

/** Who somebody is: a user name, or {@link ANONYMOUS}. */
export type AvatarId = string | typeof ANONYMOUS;

/** Turns credentials into who they belong to, or throws {@link UnauthorizedLogin}. Any other error is a fault: the peer does not see it. */
export interface CredentialsChecker {
  /** The kinds of credentials it takes. */
  readonly kinds: readonly CredentialKind[];
  requestAvatarId(credentials: Credentials): AvatarId | Promise<AvatarId>;
}

/** A checker for SCRAM has to say first what a proof is to be made with. */
export interface ScramChecker extends CredentialsChecker {
  /** The verifier of a user; for a name that nobody has, one that no password fits, at the same cost. */
  scramVerifier(username: string): ScramVerifier | Promise<ScramVerifier>;
}

/** Lets anybody in, as {@link ANONYMOUS} (`twisted.cred.checkers.AllowAnonymousAccess`). */
export class AllowAnonymousAccess implements CredentialsChecker {
  readonly kinds = ["IAnonymous"] as const;

  requestAvatarId(_credentials: Anonymous): typeof ANONYMOUS {
    return ANONYMOUS;
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

/** Who the credentials belong to; undefined when they are no good. */
type Answer = AvatarId | undefined;

/**
 * A function that checks one kind of credentials: `new FunctionChecker("IUsernamePassword", ({ username, password }) => …)`. It gives back who they
 * belong to, or undefined.
 */
export class FunctionChecker<Kind extends keyof CredentialsOf> implements CredentialsChecker {
  readonly kinds: readonly [Kind];
  readonly #check: (credentials: CredentialsOf[Kind]) => Answer | Promise<Answer>;

  constructor(kind: Kind, check: (credentials: CredentialsOf[Kind]) => Answer | Promise<Answer>) {
    this.kinds = [kind];
    this.#check = check;
  }

  async requestAvatarId(credentials: Credentials): Promise<AvatarId> {
    const avatarId = await this.#check(credentials as unknown as CredentialsOf[Kind]);
    if (avatarId === undefined) throw new UnauthorizedLogin();
    return avatarId;
  }
}

/**
 * Bearer tokens, by a function that gives back whose a token is, or undefined. Tokens are long and random, so keep a digest of each rather than
 * itself, and look that up.
 */
export class BearerTokenChecker extends FunctionChecker<"IBearerToken"> {
  constructor(find: (token: string) => Answer | Promise<Answer>) {
    super("IBearerToken", ({ token }) => find(token));
  }
}
