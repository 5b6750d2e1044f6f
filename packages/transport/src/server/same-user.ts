// Decides what happens when a user logs in over a second connection. Usually the first connection is dead and the
// server has not noticed it yet.

import { PBError } from "@pb/broker";
import type { Broker } from "@pb/broker";
import { withDefaults } from "@pb/broker/extension";
import { dispose, onDispose, printable } from "@pb/jelly-types";
import { isResponsive } from "../liveness.js";

export interface SameUserOptions {
  /**
   * What happens to a login when the same user is logged in over another connection. Users are compared by the id that
   * their checker returned; anonymous users are never the same.
   *
   * - `allow` (default): both connections stay, as in Twisted.
   * - `replace`: the older connection ends with the reason `replaced`.
   * - `ask`: the older connection is pinged. If it shows a sign of life, the new login is refused with {@link
   *   DuplicateLogin}. Otherwise the older connection ends with the reason `unresponsive` and the new login succeeds.
   */
  readonly sameUser?: "allow" | "replace" | "ask" | undefined;
  /** With `ask`: milliseconds to wait for the answer, during which the new login waits. Default 2,000. */
  readonly answerMs?: number | undefined;
}

const defaults: { readonly [Name in keyof SameUserOptions]-?: Exclude<SameUserOptions[Name], undefined> } = {
  sameUser: "allow",
  answerMs: 2_000,
};

/** The user is logged in over another connection, which answers. The peer receives it as a login that was denied. */
export class DuplicateLogin extends PBError {
  static override readonly remoteType: string = "pb.DuplicateLogin";
  static readonly remoteBases: readonly string[] = ["twisted.cred.error.LoginDenied", "twisted.cred.error.LoginFailed"];
  override readonly name = "DuplicateLogin";
  override readonly code = "LOGIN_DUPLICATE";
}

/** The connection of a user. */
interface Session {
  readonly connection: Broker;
  /** The logins over this connection that have not ended. One connection may log in several times. */
  readonly logins: Set<Disposable>;
}

/** Applies {@link SameUserOptions} to the logins of one server. */
export class SameUserPolicy {
  readonly #mode: "allow" | "replace" | "ask";
  readonly #answerMs: number;
  readonly #sessions = new Map<string, Session>();

  /** Throws `TypeError` for an unknown word, and for an `answerMs` that is not a number of at least 0. */
  constructor(options?: SameUserOptions) {
    const accepted = { sameUser: ["allow", "replace", "ask"] };
    const { sameUser, answerMs } = withDefaults("option", defaults, options, accepted);
    this.#mode = sameUser;
    this.#answerMs = answerMs;
  }

  /**
   * Makes `connection` the connection of the user. Dispose of the result at logout. Rejects with {@link
   * DuplicateLogin}. An `avatarId` that is not a string belongs to an anonymous user.
   */
  async admit(connection: Broker, avatarId: unknown): Promise<Disposable> {
    if (this.#mode === "allow" || typeof avatarId !== "string") return onDispose(() => undefined);
    // A further login may have succeeded while the older connection was asked.
    for (let older = this.#older(connection, avatarId); older !== undefined; older = this.#older(connection, avatarId))
      await this.#displace(older, connection, avatarId);
    return this.#enter(connection, avatarId);
  }

  /** Ends the older connection, or rejects with {@link DuplicateLogin}. */
  async #displace(older: Broker, newer: Broker, avatarId: string): Promise<void> {
    if (this.#mode === "replace") {
      older.terminate("replaced", new Error(`the user logged in from ${newer.peer.description}`));
      return;
    }
    if (await isResponsive(older, this.#answerMs))
      throw new DuplicateLogin(`${printable(avatarId)} is logged in already, from ${older.peer.description}`);
    older.terminate("unresponsive", new Error("the user logged in over another connection"));
  }

  #enter(connection: Broker, avatarId: string): Disposable {
    const known = this.#sessions.get(avatarId);
    const session = known?.connection === connection ? known : { connection, logins: new Set<Disposable>() };
    this.#sessions.set(avatarId, session);
    const subscription = connection.notifyOnDisconnect(() => this.#forget(avatarId, session));
    const login = onDispose(() => {
      subscription[dispose]();
      session.logins.delete(login);
      if (session.logins.size === 0) this.#forget(avatarId, session);
    });
    session.logins.add(login);
    return login;
  }

  #forget(avatarId: string, session: Session): void {
    if (this.#sessions.get(avatarId) === session) this.#sessions.delete(avatarId);
  }

  /** The open connection over which the user is logged in, if it is not `connection` itself. */
  #older(connection: Broker, avatarId: string): Broker | undefined {
    const older = this.#sessions.get(avatarId)?.connection;
    return older === connection || older?.isOpen !== true ? undefined : older;
  }
}
