// The base class of objects that a client gets in the middle of a login, and that accept its next message.

import { Referenceable } from "@pb/broker";
import type { LoginAttempt } from "./login-attempt.js";
import type { LoginSession } from "./login-session.js";

/** Abandons its attempt when the client releases the reference without an answer. */
export abstract class LoginStep extends Referenceable {
  protected readonly session: LoginSession;
  protected readonly attempt: LoginAttempt;

  constructor(session: LoginSession, attempt: LoginAttempt) {
    super();
    this.session = session;
    this.attempt = attempt;
  }

  override unreferenced(): void {
    this.attempt.abandon();
  }
}
