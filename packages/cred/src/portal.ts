// The portal: checks credentials and asks the realm for avatars (`twisted.cred.portal`).

import { refuseProxies, requireOwnCopy } from "@pb/banana";
import { Avatar, Referenceable } from "@pb/broker";
import type { Connection, RootSource } from "@pb/broker";
import { checkOptions } from "@pb/jelly-types";
import type { OptionKinds } from "@pb/jelly-types";
import { AllowAnonymousAccess } from "./checkers/checker.js";
import { withDefaults } from "@pb/broker/extension";
import type { CredentialsChecker, ScramChecker } from "./checkers/checker.js";
import { LoginRoot } from "./classic-login/classic-login-server.js";
import type { CredentialKind, Credentials } from "./credentials/credentials.js";
import { UnhandledCredentials } from "./errors.js";
import type { LoginEvent, LoginWatcher } from "./events.js";
import { ExtendedLogin } from "./extended-login/extended-login-server.js";
import { EXTENDED_LOGIN } from "./extended-login/extended-login.js";
import { defaultLoginLimits, defaultLoginPolicy, loginPolicies } from "./limits.js";
import type { LoginLimits, LoginPolicy } from "./limits.js";
import { IPerspective } from "./realm.js";
import type { AvatarId, Login, Mind, Realm } from "./realm.js";
import { LoginSession } from "./session/login-session.js";
import { Sessions } from "./session/sessions.js";
import type { DisconnectOptions, PortalSession } from "./session/sessions.js";
import { LoginBudgets } from "./session/login-budgets.js";

export interface PortalOptions {
  /**
   * The connections over which each login is offered. Default: every login over any connection, bearer tokens over
   * encrypted ones only.
   */
  readonly policy?: Partial<LoginPolicy> | undefined;
  /** Limits on login attempts. Default: {@link defaultLoginLimits}. */
  readonly limits?: Partial<LoginLimits> | undefined;
  /**
   * Whether a client that has logged in without a name counts as a user, for the limits on memory and on connections.
   * Default false: any stranger can do it. Set it to true if all clients that can connect are trusted.
   */
  readonly trustAnonymous?: boolean | undefined;
  /** Called for logins, failed logins and logouts. An error that it throws is ignored. */
  readonly onEvent?: LoginWatcher | undefined;
}

const optionKinds: OptionKinds<PortalOptions> = {
  policy: "object",
  limits: "object",
  trustAnonymous: "boolean",
  onEvent: "function",
};

/**
 * Gives an avatar of the realm to each client whose credentials one of the checkers accepts. Pass it to `listen` in
 * place of a root object.
 */
export class Portal implements RootSource {
  static {
    refuseProxies(this, (object) => #realm in object);
  }

  /**
   * Tells the transport that clients have to log in. It limits the number and the duration of connections that have
   * not.
   */
  readonly requiresLogin = true;
  readonly trustsAnonymous: boolean;
  readonly #realm: Realm;
  readonly #checkers = new Map<CredentialKind, CredentialsChecker>();
  readonly #options: PortalOptions;
  readonly #limits: LoginLimits;
  readonly #policy: LoginPolicy;
  readonly #budgets: LoginBudgets;
  readonly #sessions = new Sessions(() => this.#checkers.values());
  readonly #watched = new WeakSet<CredentialsChecker>();

  /**
   * Throws `TypeError` for an unknown option or a bad value, for a realm without a method `requestAvatar`, and for
   * something in `checkers` that is not a checker.
   */
  constructor(realm: Realm, checkers: Iterable<CredentialsChecker> = [], options: PortalOptions = {}) {
    checkOptions(options, optionKinds);
    requireRealm(realm);
    this.#realm = realm;
    this.#options = options;
    this.trustsAnonymous = options.trustAnonymous ?? false;
    this.#limits = withDefaults("limit", defaultLoginLimits, options.limits);
    this.#policy = withDefaults("policy", defaultLoginPolicy, options.policy, loginPolicies);
    this.#budgets = new LoginBudgets(this.#limits, (username) => this.#canonical(username));
    if (typeof (checkers as unknown) !== "object" || !(Symbol.iterator in checkers))
      throw new TypeError("The checkers of a portal must be a list: [new AllowAnonymousAccess()]");
    for (const checker of checkers) this.registerChecker(checker);
  }

  /**
   * Adds a checker for the given kinds of credentials. Default: all kinds that it accepts. It replaces an earlier
   * checker for the same kind. For credentials of several kinds, the checker is used whose kind was registered first.
   */
  registerChecker(checker: CredentialsChecker, ...kinds: readonly CredentialKind[]): void {
    requireOwnCopy(checker, AllowAnonymousAccess);
    if (typeof (checker as Partial<CredentialsChecker> | null)?.requestAvatarId !== "function")
      throw new TypeError("A checker of a portal must be an object with a method requestAvatarId");
    for (const kind of kinds.length > 0 ? kinds : checker.kinds) this.#checkers.set(kind, checker);
    if (this.#watched.has(checker)) return;
    this.#watched.add(checker);
    checker.watch?.((event) => this.#report(event));
  }

  /** The logins over PB that have not ended, in their order. */
  sessions(): readonly PortalSession[] {
    return this.#sessions.list();
  }

  /**
   * Ends all sessions of a user, with their connections, and refuses further logins of the user: until {@link
   * readmit}, or as `options` say. Resolves with the number of sessions. A client of this library is told (reason
   * `denied`), and a `reconnecting` one stops, or waits as long. Rejects with `TypeError` for a bad option, and if the
   * credentials should change and no checker can notice that.
   */
  async disconnect(avatarId: string, options: DisconnectOptions = {}): Promise<number> {
    return this.#sessions.disconnect(avatarId, options);
  }

  /** Accepts logins of a user again. Returns false if they were not refused. */
  readmit(avatarId: string): boolean {
    return this.#sessions.readmit(avatarId);
  }

  /**
   * Ends the sessions of all users whose credentials have changed since their login, or who do not exist anymore. Call
   * it after a password file was changed. Resolves with the number of sessions. Sessions of users whose checker has no
   * `fingerprint` stay: those of tokens, of functions and without a name.
   */
  async revalidate(): Promise<number> {
    return this.#sessions.revalidate();
  }

  /** The kinds of credentials that the portal accepts (`listCredentialsInterfaces` of Twisted). */
  get kinds(): readonly CredentialKind[] {
    return [...this.#checkers.keys()];
  }

  /**
   * Resolves with the id of the user to whom the credentials belong. Rejects with {@link UnhandledCredentials} when
   * there is no checker for them, and otherwise with the error of the checker: `UnauthorizedLogin` when they are wrong.
   */
  async requestAvatarId(credentials: Credentials): Promise<AvatarId> {
    for (const [kind, checker] of this.#checkers) {
      if (credentials.kinds.includes(kind)) return checker.requestAvatarId(credentials);
    }
    throw new UnhandledCredentials(`No checker for ${credentials.kinds.map(interfaceOf).join(", ")}`);
  }

  /**
   * Checks credentials that did not arrive over PB, and resolves with the avatar of the user. The caller calls
   * `logout`. The limits of the portal apply to logins over PB only.
   */
  async login(credentials: Credentials, mind: Mind, ...interfaces: string[]): Promise<Login> {
    const avatarId = await this.requestAvatarId(credentials);
    return this.#realm.requestAvatar(avatarId, mind, ...interfaces);
  }

  /**
   * Returns the root object for a connection, whose methods can only log in. Also publishes the object with the logins
   * that Twisted does not have.
   */
  rootObject(connection: Connection): Referenceable {
    const session = new LoginSession(
      {
        limits: this.#limits,
        policy: this.#policy,
        budgets: this.#budgets,
        onEvent: (event) => this.#report(event),
        requestAvatarId: (credentials) => this.requestAvatarId(credentials),
        sessions: this.#sessions,
        requestAvatar: (avatarId, mind) => this.#requestPerspective(avatarId, mind),
        scramChecker: () => this.#scramChecker(),
      },
      connection,
    );
    connection.publish(EXTENDED_LOGIN, new ExtendedLogin(session));
    return new LoginRoot(session);
  }

  #report(event: LoginEvent): void {
    try {
      this.#options.onEvent?.(event);
    } catch {
      // An error of the callback must not affect the login.
    }
  }

  async #requestPerspective(avatarId: AvatarId, mind: Mind): Promise<Login> {
    const login = await this.#realm.requestAvatar(avatarId, mind, IPerspective);
    const { avatar } = login as { avatar: unknown };
    if (avatar instanceof Avatar || avatar instanceof Referenceable) return login;
    requireOwnCopy(avatar, Avatar);
    throw new TypeError("The realm must return an Avatar or a Referenceable for a login over PB");
  }

  /** Converts a name to the spelling under which the checkers know the user. */
  #canonical(username: string): string {
    let name = username;
    for (const checker of new Set(this.#checkers.values())) {
      try {
        name = checker.canonical?.(name) ?? name;
      } catch {
        // A name that the checker cannot convert is counted as it is. The checker is asked again to check it.
      }
    }
    return name;
  }

  #scramChecker(): ScramChecker | undefined {
    const checker = this.#checkers.get("IScramSha256");
    return checker !== undefined && "scramVerifier" in checker ? (checker as ScramChecker) : undefined;
  }
}

function requireRealm(realm: Realm): void {
  if (typeof (realm as Partial<Realm> | null)?.requestAvatar !== "function")
    throw new TypeError(
      "The realm of a portal must be an object with a method requestAvatar: an instance, not a class",
    );
}

/** The full names of Twisted's interfaces, as in the message of its error (wire specification 6.3). */
const interfaceNames: Partial<Record<CredentialKind, string>> = {
  IAnonymous: "twisted.cred.credentials.IAnonymous",
  IUsernamePassword: "twisted.cred.credentials.IUsernamePassword",
  IUsernameHashedPassword: "twisted.cred.credentials.IUsernameHashedPassword",
  IUsernameMD5Password: "twisted.spread.pb.IUsernameMD5Password, twisted.spread.interfaces.IJellyable",
};

function interfaceOf(kind: CredentialKind): string {
  return interfaceNames[kind] ?? kind;
}
