// Where credentials become avatars (`twisted.cred.portal`).

import { Avatar, Referenceable } from "@pb/broker";
import type { Connection, RootSource } from "@pb/broker";
import { NameFailures } from "./attempts.js";
import type { AvatarId, CredentialsChecker, ScramChecker } from "./checkers.js";
import type { CredentialKind, Credentials } from "./credentials.js";
import { UnhandledCredentials } from "./errors.js";
import type { LoginWatcher } from "./events.js";
import { defaultLoginLimits, defaultLoginPolicy } from "./limits.js";
import type { LoginLimits, LoginPolicy } from "./limits.js";
import type { Login } from "./logged-in.js";
import { LoginRoot } from "./login-server.js";
import { LoginSession } from "./login-session.js";
import type { Mind } from "./login-session.js";
import { SAFE_LOGIN } from "./safe-login.js";
import { SafeLogin } from "./safe-login-server.js";

/** The interface PB asks a realm for (`twisted.spread.pb.IPerspective`). */
export const IPerspective = "twisted.spread.pb.IPerspective";

/** Who makes avatars: the application. */
export interface Realm {
  /**
   * The avatar for somebody whose credentials are good. `mind` is the peer's object to call back. `interfaces` names what kind of avatar is
   * asked for: {@link IPerspective}, for logins over PB. May throw `LoginDenied`, or `NotImplementedError` for interfaces it does not know.
   */
  requestAvatar(avatarId: AvatarId, mind: Mind, ...interfaces: string[]): Login | Promise<Login>;
}

export interface PortalOptions {
  /** Which logins are offered over which links. Default: all of them over any link, bearer tokens over encrypted ones only. */
  readonly policy?: Partial<LoginPolicy> | undefined;
  /** How much a peer may try. On by default. */
  readonly limits?: Partial<LoginLimits> | undefined;
  /** Told of logins, failures and logouts. */
  readonly onEvent?: LoginWatcher | undefined;
}

/** Checkers in front of a realm. Give it to `listen` in place of a root object. */
export class Portal implements RootSource {
  /** Until the login, the peer is a stranger to the transport, which bounds how many of them there are and how long they may stay. */
  readonly requiresLogin = true;
  readonly #realm: Realm;
  readonly #checkers = new Map<CredentialKind, CredentialsChecker>();
  readonly #options: PortalOptions;
  readonly #limits: LoginLimits;
  readonly #policy: LoginPolicy;
  readonly #failures: NameFailures;

  constructor(realm: Realm, checkers: Iterable<CredentialsChecker> = [], options: PortalOptions = {}) {
    this.#realm = realm;
    this.#options = options;
    this.#limits = { ...defaultLoginLimits, ...options.limits };
    this.#policy = { ...defaultLoginPolicy, ...options.policy };
    this.#failures = new NameFailures(this.#limits);
    for (const checker of checkers) this.registerChecker(checker);
  }

  /**
   * Adds a checker, for the kinds it takes or for those named here. Each kind has one checker: the last one added. Credentials that are of several
   * kinds go to the checker of the kind that was registered first.
   */
  registerChecker(checker: CredentialsChecker, ...kinds: readonly CredentialKind[]): void {
    for (const kind of kinds.length > 0 ? kinds : checker.kinds) this.#checkers.set(kind, checker);
  }

  /** The kinds of credentials that are taken (`listCredentialsInterfaces` of Twisted). */
  get kinds(): readonly CredentialKind[] {
    return [...this.#checkers.keys()];
  }

  /** Who these credentials belong to. Rejects with `UnauthorizedLogin`, {@link UnhandledCredentials}, or what the checker throws. */
  async requestAvatarId(credentials: Credentials): Promise<AvatarId> {
    for (const [kind, checker] of this.#checkers) {
      if (credentials.kinds.includes(kind)) return checker.requestAvatarId(credentials);
    }
    throw new UnhandledCredentials(`No checker for ${credentials.kinds.map(interfaceOf).join(", ")}`);
  }

  /**
   * The avatar that these credentials open: for programs that have credentials from elsewhere. The caller runs its `logout`. Limits are for logins
   * over PB; they do not count here.
   */
  async login(credentials: Credentials, mind: Mind, ...interfaces: string[]): Promise<Login> {
    const avatarId = await this.requestAvatarId(credentials);
    return this.#realm.requestAvatar(avatarId, mind, ...interfaces);
  }

  /** What a connection starts from: an object that can only log in. Beside it stands the safe login, for peers that know of it. */
  rootObject(connection: Connection): LoginRoot {
    const session = new LoginSession(
      {
        limits: this.#limits,
        policy: this.#policy,
        failures: this.#failures,
        onEvent: (event) => {
          try {
            this.#options.onEvent?.(event);
          } catch {
            // Whoever watches logins does not decide about them.
          }
        },
        requestAvatarId: (credentials) => this.requestAvatarId(credentials),
        requestAvatar: (avatarId, mind) => this.#requestPerspective(avatarId, mind),
        scramChecker: () => this.#scramChecker(),
      },
      connection,
    );
    connection.publish(SAFE_LOGIN, new SafeLogin(session));
    return new LoginRoot(session);
  }

  async #requestPerspective(avatarId: AvatarId, mind: Mind): Promise<Login> {
    const login = await this.#realm.requestAvatar(avatarId, mind, IPerspective);
    const { avatar } = login as { avatar: unknown };
    if (avatar instanceof Avatar || avatar instanceof Referenceable) return login;
    throw new TypeError("A realm gives an Avatar or a Referenceable to who logs in over PB");
  }

  #scramChecker(): ScramChecker | undefined {
    const checker = this.#checkers.get("IScramSha256");
    return checker !== undefined && "scramVerifier" in checker ? (checker as ScramChecker) : undefined;
  }
}

/** Twisted's interfaces by their full names, as its message lists them (wire specification 6.3). */
const interfaceNames: Partial<Record<CredentialKind, string>> = {
  IAnonymous: "twisted.cred.credentials.IAnonymous",
  IUsernamePassword: "twisted.cred.credentials.IUsernamePassword",
  IUsernameHashedPassword: "twisted.cred.credentials.IUsernameHashedPassword",
  IUsernameMD5Password: "twisted.spread.pb.IUsernameMD5Password, twisted.spread.interfaces.IJellyable",
};

function interfaceOf(kind: CredentialKind): string {
  return interfaceNames[kind] ?? kind;
}
