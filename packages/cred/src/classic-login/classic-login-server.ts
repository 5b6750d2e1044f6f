// The server's half of PB's own logins: the root object of a connection before the login (wire specification 6;
// `twisted.spread.pb._PortalRoot`).

import { Referenceable } from "@pb/broker";
import type { Parameters } from "@pb/broker";
import { tuple } from "@pb/jelly-types";
import type { Tuple } from "@pb/jelly-types";
import { textOf } from "../bytes.js";
import { newChallenge } from "../credentials/challenge.js";
import { Anonymous, ChallengedPassword } from "../credentials/credentials.js";
import { UnauthorizedLogin } from "../errors.js";
import { LONGEST_NAME } from "../limits.js";
import type { LoginSession } from "../session/login-session.js";
import { LoginStep } from "../session/login-step.js";
import type { LoginAttempt } from "../session/login-attempt.js";

/** The root object that a portal gives to a connection. Its two methods start a login. */
export class LoginRoot extends Referenceable {
  static readonly parameters: Parameters = { login: ["username"], loginAnonymous: ["mind"] };
  static readonly accepts = { login: true, loginAnonymous: true } as const;
  readonly #session: LoginSession;

  constructor(session: LoginSession) {
    super();
    this.#session = session;
  }

  /** Returns a challenge for any name, so that the answer does not reveal whether the user exists. */
  async remote_login(username: unknown): Promise<Tuple> {
    const session = this.#session;
    session.require("classic");
    const name = nameOf(username);
    const attempt = await session.begin("classic", name);
    const challenge = newChallenge();
    return tuple(challenge, new Challenger(session, attempt, name, challenge));
  }

  async remote_loginAnonymous(mind: unknown): Promise<Referenceable> {
    const session = this.#session;
    session.require("anonymous");
    const check = () => session.requestAvatarId(new Anonymous());
    const attempt = await session.begin("anonymous", undefined);
    return session.logIn(attempt, { mechanism: "anonymous", username: undefined, mind, check });
  }
}

/** Accepts one response to one challenge. (`twisted.spread.pb._PortalAuthChallenger` accepts any number of them.) */
class Challenger extends LoginStep {
  static readonly parameters: Parameters = { respond: ["response", "mind"] };
  static readonly accepts = { respond: true } as const;
  readonly #username: string | undefined;
  readonly #challenge: Uint8Array;

  constructor(session: LoginSession, attempt: LoginAttempt, username: string | undefined, challenge: Uint8Array) {
    super(session, attempt);
    this.#username = username;
    this.#challenge = challenge;
  }

  async remote_respond(response: unknown, mind: unknown): Promise<Referenceable> {
    const username = this.#username;
    const check = () => {
      if (username === undefined) throw new UnauthorizedLogin();
      return this.session.requestAvatarId(new ChallengedPassword(username, this.#challenge, response));
    };
    return this.session.logIn(this.attempt, { mechanism: "classic", username, mind, check });
  }
}

/**
 * Twisted sends user names as bytes. Returns undefined for invalid UTF-8, for a name that is too long, and for any
 * other type.
 */
function nameOf(username: unknown): string | undefined {
  const text = textOf(username);
  return text !== undefined && text.length <= LONGEST_NAME ? text : undefined;
}
