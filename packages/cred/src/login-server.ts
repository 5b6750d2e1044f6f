// The two methods that a peer can log in with, before it can do anything else (wire specification 6; `twisted.spread.pb._PortalRoot`).

import { Referenceable } from "@pb/broker";
import type { Parameters } from "@pb/broker";
import { tuple } from "@pb/jelly-types";
import type { Tuple } from "@pb/jelly-types";
import type { Attempt } from "./attempts.js";
import { textOf } from "./bytes.js";
import { challenge } from "./challenge.js";
import { Anonymous, ChallengedPassword } from "./credentials.js";
import { UnauthorizedLogin } from "./errors.js";
import { LONGEST_NAME } from "./limits.js";
import { mindOf } from "./login-session.js";
import type { LoginSession } from "./login-session.js";

export class LoginRoot extends Referenceable {
  static readonly parameters: Parameters = { login: ["username"], loginAnonymous: ["mind"] };
  readonly #session: LoginSession;

  constructor(session: LoginSession) {
    super();
    this.#session = session;
  }

  /** The challenge is given to whoever asks: it does not tell whether there is such a user. */
  remote_login(username: unknown): Tuple {
    this.#session.require("classic");
    const bytes = challenge();
    return tuple(bytes, new Challenger(this.#session, nameOf(username), bytes));
  }

  async remote_loginAnonymous(mind: unknown): Promise<Referenceable> {
    this.#session.require("anonymous");
    const attempt = this.#session.begin();
    try {
      const checked = mindOf(mind);
      const check = () => this.#session.requestAvatarId(new Anonymous());
      const avatarId = await this.#session.authenticate("anonymous", undefined, check);
      return await this.#session.admit("anonymous", avatarId, checked);
    } finally {
      attempt.end();
    }
  }
}

/** Takes one answer to one challenge (`twisted.spread.pb._PortalAuthChallenger`, which takes any number of them). */
class Challenger extends Referenceable {
  static readonly parameters: Parameters = { respond: ["response", "mind"] };
  readonly #session: LoginSession;
  readonly #username: string | undefined;
  readonly #challenge: Uint8Array;
  readonly #attempt: Attempt;

  constructor(session: LoginSession, username: string | undefined, bytes: Uint8Array) {
    super();
    this.#session = session;
    this.#username = username;
    this.#challenge = bytes;
    this.#attempt = session.begin();
  }

  async remote_respond(response: unknown, mind: unknown): Promise<Referenceable> {
    const isFirst = this.#attempt.use();
    try {
      const checked = mindOf(mind);
      const check = () => {
        if (!isFirst || this.#username === undefined) throw new UnauthorizedLogin();
        return this.#session.requestAvatarId(new ChallengedPassword(this.#username, this.#challenge, response));
      };
      const avatarId = await this.#session.authenticate("classic", this.#username, check);
      return await this.#session.admit("classic", avatarId, checked);
    } finally {
      this.#attempt.end();
    }
  }

  /** The peer will not answer any more. */
  override unreferenced(): void {
    this.#attempt.end();
  }
}

/** User names are bytes in Twisted, and text for programs that think so. */
function nameOf(username: unknown): string | undefined {
  const text = textOf(username);
  return text !== undefined && text.length <= LONGEST_NAME ? text : undefined;
}
