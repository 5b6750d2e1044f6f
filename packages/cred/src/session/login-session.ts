// The logins of one connection: applies policy and limits, checks credentials, creates avatars and logs them out.

import { dispose } from "@pb/banana";
import { ArgumentsError, RemoteReference } from "@pb/broker";
import type { Connection, Peer } from "@pb/broker";
import { printable } from "@pb/jelly-types";
import type { ScramChecker } from "../checkers/checker.js";
import type { Credentials } from "../credentials/credentials.js";
import { LoginDenied, LoginFailed, UnauthorizedLogin, UnhandledCredentials } from "../errors.js";
import type { LoginWatcher } from "../events.js";
import { LONGEST_NAME } from "../limits.js";
import type { LoginLimits, LoginMechanism, LoginPolicy } from "../limits.js";
import type { AvatarId, Login, Mind } from "../realm.js";
import { AvatarSession } from "./avatar-session.js";
import type { LoginAttempt } from "./login-attempt.js";
import type { LoginBudgets } from "./login-budgets.js";
import type { Sessions } from "./sessions.js";
import { isThrottled, isWrongGuess, LoginThrottle } from "./login-throttle.js";

/** The part of a portal that its sessions use. */
export interface SessionPortal {
  readonly limits: LoginLimits;
  readonly policy: LoginPolicy;
  readonly budgets: LoginBudgets;
  readonly onEvent: LoginWatcher;
  readonly sessions: Sessions;
  requestAvatarId(credentials: Credentials): Promise<AvatarId>;
  requestAvatar(avatarId: AvatarId, mind: Mind): Promise<Login>;
  scramChecker(): ScramChecker | undefined;
}

/** The arguments of {@link LoginSession.logIn}. */
export interface LoginRequest {
  readonly mechanism: LoginMechanism;
  /**
   * The name that the client claims to have. Undefined for a login without a name, and for a name that is not valid.
   */
  readonly username: string | undefined;
  /** The mind as the client sent it: any value. */
  readonly mind: unknown;
  /** Checks the credentials. */
  readonly check: () => AvatarId | Promise<AvatarId>;
}

/** A user whose credentials were correct, and their fingerprint then. */
export interface Proven {
  readonly avatarId: AvatarId;
  readonly fingerprint: unknown;
}

export class LoginSession {
  readonly #portal: SessionPortal;
  readonly #connection: Connection;
  readonly #throttle: LoginThrottle;
  /** The failed logins that were not delayed: a limit, a missing checker or the realm has refused them. */
  #refusals = 0;

  constructor(portal: SessionPortal, connection: Connection) {
    this.#portal = portal;
    this.#connection = connection;
    this.#throttle = new LoginThrottle(portal.limits, portal.budgets, connection.peer.address);
    connection.notifyOnDisconnect(() => this.#throttle.close());
  }

  get peer(): Peer {
    return this.#connection.peer;
  }

  /** Throws {@link UnhandledCredentials} when the portal has no checker for SCRAM. */
  get scramChecker(): ScramChecker {
    const checker = this.#portal.scramChecker();
    if (checker === undefined) throw new UnhandledCredentials("No checker for SCRAM-SHA-256");
    return checker;
  }

  /** Throws when the policy does not offer this login over this connection. */
  require(offer: keyof LoginPolicy): void {
    const over = this.#portal.policy[offer];
    if (over === "none") throw new UnhandledCredentials(`This server does not offer ${offer} logins`);
    if (over === "encrypted" && !this.peer.isEncrypted) {
      throw new LoginDenied(`This server offers ${offer} logins over encrypted connections only`);
    }
  }

  /**
   * Starts a login, if necessary after waiting for others. The caller claims and ends the attempt, or gives it to a
   * `LoginStep`. Reports a login that is refused. `username` is the name that the client claims to have.
   */
  async begin(mechanism: LoginMechanism, username: string | undefined): Promise<LoginAttempt> {
    return this.#report(mechanism, username, () => this.#throttle.begin(username), isDenied);
  }

  /** Starts the last step of a login whose credentials were correct. */
  beginEntry(): LoginAttempt {
    return this.#throttle.beginEntry();
  }

  /** Claims an attempt, checks the credentials, returns the avatar, and ends the attempt. */
  async logIn(attempt: LoginAttempt, { mechanism, username, mind, check }: LoginRequest): Promise<AvatarSession> {
    if (!attempt.claim()) return this.refuse(attempt, mechanism, username);
    try {
      const avatarId = await this.authenticate(mechanism, username, check);
      return await this.#admit(mechanism, avatarId, readMind(mind));
    } finally {
      attempt.end();
    }
  }

  /** Rejects an answer to a challenge that was answered before, or that has expired. */
  async refuse(attempt: LoginAttempt, mechanism: LoginMechanism, username: string | undefined): Promise<never> {
    return this.#report(mechanism, username, () => this.#throttle.refuse(attempt), isDenied);
  }

  /** Returns the avatar for credentials that were checked earlier, unless they have changed since. */
  async admit(mechanism: LoginMechanism, { avatarId, fingerprint }: Proven, mind: unknown): Promise<AvatarSession> {
    return this.#admit(mechanism, avatarId, readMind(mind), (current) => {
      if (current !== fingerprint) throw new UnauthorizedLogin();
    });
  }

  /** What {@link admit} needs of a user whose credentials were correct. */
  async proven(avatarId: AvatarId): Promise<Proven> {
    return { avatarId, fingerprint: await this.guard(() => this.#portal.sessions.fingerprint(avatarId)) };
  }

  /** Runs `check` for an attempt that was claimed, and reports when it fails. */
  async authenticate(
    mechanism: LoginMechanism,
    username: string | undefined,
    check: () => AvatarId | Promise<AvatarId>,
  ): Promise<AvatarId> {
    const step = (): Promise<AvatarId> => this.guard(() => this.#throttle.check(username, check));
    const isUndelayed = (error: unknown): boolean => isThrottled(error) || !isWrongGuess(error);
    return this.#report(mechanism, username, step, isUndelayed);
  }

  /** Calls a checker like {@link guard}. The answer takes `lookupMs` at least, so that its time reveals nothing. */
  async lookUp<T>(ask: () => T | Promise<T>): Promise<T> {
    const [result] = await Promise.all([this.guard(ask), this.#throttle.delay(this.#portal.limits.lookupMs)]);
    return result;
  }

  requestAvatarId(credentials: Credentials): Promise<AvatarId> {
    return this.#portal.requestAvatarId(credentials);
  }

  /**
   * Calls a checker. An error that is not a {@link LoginFailed} is reported, and the client gets a LoginFailed without
   * details instead.
   */
  async guard<T>(ask: () => T | Promise<T>): Promise<T> {
    try {
      return await ask();
    } catch (error) {
      if (error instanceof LoginFailed) throw error;
      this.#portal.onEvent({ kind: "checker-failed", ...this.#about(), error });
      throw new LoginFailed("The login could not be checked");
    }
  }

  /** The transport and the realm may still refuse the login. */
  async #admit(
    mechanism: LoginMechanism,
    avatarId: AvatarId,
    mind: Mind,
    require: (fingerprint: unknown) => void = () => undefined,
  ): Promise<AvatarSession> {
    this.#requireConnection();
    const username = typeof avatarId === "string" ? avatarId : undefined;
    const session = await this.#report(
      mechanism,
      username,
      () => this.#createSession(mechanism, avatarId, mind, require),
      () => true,
    );
    this.#requireConnection();
    this.#portal.onEvent({ kind: "login", mechanism, avatarId, ...this.#about() });
    return session;
  }

  /**
   * Runs a step of a login, and reports when it fails. `isUndelayed` tells for which errors the client can try again at
   * once: of these, few are reported.
   */
  async #report<T>(
    mechanism: LoginMechanism,
    username: string | undefined,
    step: () => Promise<T>,
    isUndelayed: (error: unknown) => boolean,
  ): Promise<T> {
    try {
      return await step();
    } catch (error) {
      const refusals = isUndelayed(error) ? ++this.#refusals : undefined;
      if (refusals === undefined || Math.log2(refusals) % 1 === 0) {
        const name = username === undefined ? undefined : printable(username, LONGEST_NAME);
        this.#portal.onEvent({ kind: "login-failed", mechanism, username: name, ...this.#about(), error, refusals });
      }
      throw error;
    }
  }

  /** What all events have in common. */
  #about(): { connection: Connection; peer: Peer } {
    return { connection: this.#connection, peer: this.peer };
  }

  #requireConnection(): void {
    if (!this.#connection.isOpen) throw new LoginFailed("The connection ended during the login");
  }

  async #createSession(
    mechanism: LoginMechanism,
    avatarId: AvatarId,
    mind: Mind,
    require: (fingerprint: unknown) => void,
  ): Promise<AvatarSession> {
    const { sessions } = this.#portal;
    const { revalidations } = sessions;
    const fingerprint = await this.guard(() => sessions.requireAdmitted(avatarId));
    require(fingerprint);
    const admission = await this.#connection.admitLogin(avatarId);
    const { avatar, logout } = await this.#requestAvatar(avatarId, mind, admission);
    // Logs out when the connection ends, at once if it has ended by now: the client cannot release a reference that
    // could not be sent.
    const subscription = this.#connection.notifyOnDisconnect(() => session.logout());
    const entry = sessions.add({ avatarId, avatar, connection: this.#connection, mechanism }, fingerprint);
    const session = new AvatarSession(avatar, () => {
      subscription[dispose]();
      entry[dispose]();
      admission[dispose]();
      void this.#logOut(logout, avatarId);
    });
    try {
      // An operator may have disconnected the user, or changed the password, while the realm made the avatar.
      sessions.requireNotRefused(avatarId, fingerprint);
      const isChecked = sessions.revalidations === revalidations;
      if (!isChecked && (await this.proven(avatarId)).fingerprint !== fingerprint) throw new UnauthorizedLogin();
    } catch (error) {
      session.logout();
      throw error;
    }
    return session;
  }

  /** Disposes of the admission when the realm refuses the user. */
  async #requestAvatar(avatarId: AvatarId, mind: Mind, admission: Disposable): Promise<Login> {
    try {
      return await this.#portal.requestAvatar(avatarId, mind);
    } catch (error) {
      admission[dispose]();
      throw error;
    }
  }

  async #logOut(logout: Login["logout"], avatarId: AvatarId): Promise<void> {
    const about = this.#about();
    try {
      // `logout` starts in this turn. Only its promise is awaited.
      await logout?.();
      this.#portal.onEvent({ kind: "logout", avatarId, ...about });
    } catch (error) {
      this.#portal.onEvent({ kind: "logout-failed", avatarId, ...about, error });
    }
  }
}

function isDenied(error: unknown): boolean {
  return error instanceof LoginDenied;
}

/**
 * Parses the mind that a client sent. Throws {@link ArgumentsError} when it is neither a reference to an object of the
 * client nor None.
 */
function readMind(mind: unknown): Mind {
  if (mind === null || mind === undefined) return null;
  if (mind instanceof RemoteReference) return mind as RemoteReference;
  throw new ArgumentsError("A mind must be a reference to an object of the client, or None");
}
