// The logins of a portal that have not ended, and the users whose logins it has ended.

import { onDispose } from "@pb/banana";
import type { Connection } from "@pb/broker";
import { checkNumber, checkOptions } from "@pb/jelly-types";
import type { CredentialsChecker } from "../checkers/checker.js";
import { LoginDenied } from "../errors.js";
import type { LoginMechanism } from "../limits.js";
import type { AvatarId, Login } from "../realm.js";
import { throttled } from "./login-throttle.js";

/** A login that has not ended. */
export interface PortalSession {
  readonly avatarId: AvatarId;
  readonly avatar: Login["avatar"];
  /** Its `id`, `peer` and `stats()` tell more. Several sessions may have the same connection. */
  readonly connection: Connection;
  readonly mechanism: LoginMechanism;
  /** When the user logged in. */
  readonly since: Date;
}

/** For how long {@link Portal.disconnect} refuses the logins of the user. Default: until {@link Portal.readmit}. */
export interface DisconnectOptions {
  /** Milliseconds. 0 refuses no login: the client may come back at once. */
  readonly forMs?: number | undefined;
  /**
   * Until the password of the user has changed. It needs a checker that notices that: `FilePasswordDB`,
   * `InMemoryUsernamePasswordChecker`, or one with the method `fingerprint`.
   */
  readonly untilCredentialsChange?: boolean | undefined;
}

interface Ban {
  /** On the clock of `performance.now()`. */
  readonly until: number;
  /** The credentials that are refused. Undefined: all. */
  readonly fingerprint: unknown;
}

interface Entry extends PortalSession {
  readonly fingerprint: unknown;
}

/** Part of a session that a login step knows. */
type NewSession = Pick<PortalSession, "avatarId" | "avatar" | "connection" | "mechanism">;

export class Sessions {
  readonly #entries = new Set<Entry>();
  readonly #bans = new Map<string, Ban>();
  readonly #checkers: () => Iterable<CredentialsChecker>;
  /** How often {@link revalidate} was called. */
  revalidations = 0;

  constructor(checkers: () => Iterable<CredentialsChecker>) {
    this.#checkers = checkers;
  }

  /** The sessions, in the order of their logins. */
  list(): readonly PortalSession[] {
    return [...this.#entries].map(({ fingerprint: _secret, ...session }) => session);
  }

  /** Adds a session with the fingerprint that {@link requireAdmitted} returned. Dispose of the result at its end. */
  add(session: NewSession, fingerprint: unknown): Disposable {
    const entry = { ...session, since: new Date(), fingerprint };
    this.#entries.add(entry);
    return onDispose(() => this.#entries.delete(entry));
  }

  /**
   * Resolves with the fingerprint of the credentials of a user who logs in. Rejects with {@link LoginDenied} while the
   * user is refused.
   */
  async requireAdmitted(avatarId: AvatarId): Promise<unknown> {
    const fingerprint = await this.fingerprint(avatarId);
    this.requireNotRefused(avatarId, fingerprint);
    return fingerprint;
  }

  /** Resolves with the fingerprint of the credentials that a user has now. Undefined if no checker knows it. */
  async fingerprint(avatarId: AvatarId): Promise<unknown> {
    return typeof avatarId === "string" ? this.#fingerprintOf(avatarId) : undefined;
  }

  /** Throws {@link LoginDenied} while a user with these credentials is refused. */
  requireNotRefused(avatarId: AvatarId, fingerprint: unknown): void {
    const ban = typeof avatarId === "string" ? this.#bans.get(avatarId) : undefined;
    if (ban === undefined) return;
    const leftMs = ban.until - performance.now();
    if (leftMs <= 0 || (ban.fingerprint !== undefined && ban.fingerprint !== fingerprint)) {
      this.#bans.delete(avatarId as string);
      return;
    }
    if (leftMs === Infinity) throw new LoginDenied("This user was disconnected by the operator of the server");
    const seconds = Math.ceil(leftMs / 1000);
    throw throttled(`This user was disconnected by the operator of the server, for ${seconds} s`);
  }

  /** See `Portal.disconnect`. */
  async disconnect(avatarId: string, options: DisconnectOptions): Promise<number> {
    checkOptions<DisconnectOptions>(options, { forMs: "any", untilCredentialsChange: "boolean" });
    if (typeof (avatarId as unknown) !== "string")
      throw new TypeError("The user must be the id that the checker returned");
    const { forMs = Infinity, untilCredentialsChange = false } = options;
    if (forMs !== Infinity) checkNumber("The option forMs", forMs);
    const fingerprint = untilCredentialsChange ? await this.#fingerprintOf(avatarId) : undefined;
    if (untilCredentialsChange && fingerprint === undefined)
      throw new TypeError("No checker of the portal notices when the credentials of this user change");
    this.#forgetExpired();
    if (forMs > 0) this.#bans.set(avatarId, { until: performance.now() + forMs, fingerprint });
    return this.#end((entry) => entry.avatarId === avatarId, forMs);
  }

  readmit(avatarId: string): boolean {
    return this.#bans.delete(avatarId);
  }

  /** See `Portal.revalidate`. */
  async revalidate(): Promise<number> {
    this.revalidations++; // A login that is not yet among the entries checks itself.
    const known = new Map<AvatarId, unknown>();
    for (const { avatarId, fingerprint } of [...this.#entries])
      if (fingerprint !== undefined && !known.has(avatarId))
        known.set(avatarId, await this.#fingerprintOf(avatarId as string));
    return this.#end(
      ({ avatarId, fingerprint }) =>
        fingerprint !== undefined && known.has(avatarId) && known.get(avatarId) !== fingerprint,
      Infinity,
    );
  }

  /** Ends sessions with their connections, and returns how many sessions they were. */
  #end(matches: (entry: Entry) => boolean, forMs: number): number {
    const ended = [...this.#entries].filter(matches);
    const cause = new Error("an operator has ended the sessions of the user");
    if (forMs !== Infinity) Object.assign(cause, { retryAfterMs: forMs });
    for (const { connection } of ended) connection.terminate("denied", cause);
    return ended.length;
  }

  async #fingerprintOf(avatarId: string): Promise<unknown> {
    for (const checker of new Set(this.#checkers())) {
      const fingerprint = await checker.fingerprint?.(avatarId);
      if (fingerprint !== undefined) return fingerprint;
    }
    return undefined;
  }

  #forgetExpired(): void {
    const now = performance.now();
    for (const [user, { until }] of this.#bans) if (until <= now) this.#bans.delete(user);
  }
}
