// One connection's way in: what policy and limits allow, credentials checked, avatars handed out and taken back.

import { ArgumentsError, RemoteReference } from "@pb/broker";
import type { Connection, Peer } from "@pb/broker";
import { Attempts } from "./attempts.js";
import type { Attempt, NameFailures } from "./attempts.js";
import type { AvatarId, ScramChecker } from "./checkers.js";
import type { Credentials } from "./credentials.js";
import { LoginDenied, LoginFailed, UnhandledCredentials } from "./errors.js";
import type { LoginWatcher } from "./events.js";
import type { LoginLimits, LoginMechanism, LoginPolicy } from "./limits.js";
import { LoggedIn } from "./logged-in.js";
import type { Login } from "./logged-in.js";

/** The object of the peer that came with a login, to be called back; null when it sent none. */
export type Mind = RemoteReference | null;

/** What came as a mind. Throws {@link ArgumentsError} when it is neither a reference nor None. */
export function mindOf(mind: unknown): Mind {
  if (mind === null || mind === undefined) return null;
  if (mind instanceof RemoteReference) return mind as RemoteReference;
  throw new ArgumentsError("A mind is a reference to an object of the peer, or None");
}

/** What a session needs of its portal. */
export interface Gate {
  readonly limits: LoginLimits;
  readonly policy: LoginPolicy;
  readonly failures: NameFailures;
  readonly onEvent: LoginWatcher;
  requestAvatarId(credentials: Credentials): Promise<AvatarId>;
  requestAvatar(avatarId: AvatarId, mind: Mind): Promise<Login>;
  scramChecker(): ScramChecker | undefined;
}

export class LoginSession {
  readonly #gate: Gate;
  readonly #connection: Connection;
  readonly #attempts: Attempts;

  constructor(gate: Gate, connection: Connection) {
    this.#gate = gate;
    this.#connection = connection;
    this.#attempts = new Attempts(gate.limits, gate.failures, connection.peer.address);
    connection.notifyOnDisconnect(() => this.#attempts.close());
  }

  get peer(): Peer {
    return this.#connection.peer;
  }

  get scramChecker(): ScramChecker {
    const checker = this.#gate.scramChecker();
    if (checker === undefined) throw new UnhandledCredentials("No checker for SCRAM-SHA-256");
    return checker;
  }

  /** Throws when the policy does not offer this over the link there is. */
  require(offer: keyof LoginPolicy): void {
    const over = this.#gate.policy[offer];
    if (over === "none") throw new UnhandledCredentials(`This server has no ${offer} login`);
    if (over === "encrypted" && !this.peer.isEncrypted) {
      throw new LoginDenied(`This server has no ${offer} login over a link that is not encrypted`);
    }
  }

  /** Starts a login that will take more than one message. */
  begin(): Attempt {
    return this.#attempts.begin();
  }

  /** Who somebody is, by a check that counts and is told about when it fails. `username` is who they claim to be. */
  async authenticate(
    mechanism: LoginMechanism,
    username: string | undefined,
    check: () => AvatarId | Promise<AvatarId>,
  ): Promise<AvatarId> {
    try {
      return await this.guard(() => this.#attempts.check(username, check));
    } catch (error) {
      this.#gate.onEvent({ kind: "login-failed", mechanism, username, peer: this.peer, error });
      throw error;
    }
  }

  requestAvatarId(credentials: Credentials): Promise<AvatarId> {
    return this.#gate.requestAvatarId(credentials);
  }

  /** Asks a checker. Its faults are not for the peer to see. */
  async guard<T>(ask: () => T | Promise<T>): Promise<T> {
    try {
      return await ask();
    } catch (error) {
      if (error instanceof LoginFailed) throw error;
      this.#gate.onEvent({ kind: "checker-failed", error });
      throw new LoginFailed("The login could not be checked");
    }
  }

  /** Lets somebody in whose credentials were good. The transport and the realm may still refuse. */
  async admit(mechanism: LoginMechanism, avatarId: AvatarId, mind: Mind): Promise<LoggedIn> {
    this.#requireConnection();
    let loggedIn: LoggedIn;
    try {
      loggedIn = await this.#enter(avatarId, mind);
    } catch (error) {
      const username = typeof avatarId === "string" ? avatarId : undefined;
      this.#gate.onEvent({ kind: "login-failed", mechanism, username, peer: this.peer, error });
      throw error;
    }
    this.#requireConnection();
    this.#gate.onEvent({ kind: "login", mechanism, avatarId, peer: this.peer });
    return loggedIn;
  }

  #requireConnection(): void {
    if (!this.#connection.isOpen) throw new LoginFailed("The connection ended during the login");
  }

  async #enter(avatarId: AvatarId, mind: Mind): Promise<LoggedIn> {
    const pass = await this.#connection.admitLogin(avatarId);
    try {
      const { avatar, logout } = await this.#gate.requestAvatar(avatarId, mind);
      // Told by the connection as well, at once when it is over by now: the peer cannot give back what could not be sent to it.
      const watch = this.#connection.notifyOnDisconnect(() => loggedIn.logout());
      const loggedIn = new LoggedIn(avatar, () => {
        watch[Symbol.dispose]();
        pass[Symbol.dispose]();
        void this.#logOut(logout, avatarId);
      });
      return loggedIn;
    } catch (error) {
      pass[Symbol.dispose]();
      throw error;
    }
  }

  async #logOut(logout: Login["logout"], avatarId: AvatarId): Promise<void> {
    const { peer } = this;
    try {
      // Started in this turn, waited for in later ones.
      await logout?.();
      this.#gate.onEvent({ kind: "logout", avatarId, peer });
    } catch (error) {
      this.#gate.onEvent({ kind: "logout-failed", avatarId, peer, error });
    }
  }
}
