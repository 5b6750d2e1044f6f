// The object to which the client gets a reference when it has logged in: an avatar for the duration of one login.

import { Referenceable } from "@pb/broker";
import type { IncomingCall } from "@pb/broker/extension";
import type { Login } from "../realm.js";

/**
 * Forwards calls to the avatar. Each login has a session of its own, also when several logins share one avatar, so that
 * each logs out exactly once.
 */
export class AvatarSession extends Referenceable {
  readonly #avatar: Login["avatar"];
  readonly #onLogout: () => void;
  #isLoggedIn = true;
  override readonly perspective: object | null;

  /** `onLogout` is called once. It must not throw. */
  constructor(avatar: Login["avatar"], onLogout: () => void) {
    super();
    this.#avatar = avatar;
    this.#onLogout = onLogout;
    this.perspective = avatar instanceof Referenceable ? avatar.perspective : avatar;
  }

  /** The avatar: it arrives in place of this session when the client sends the reference back. */
  override get home(): object {
    return this.#avatar;
  }

  override receiveCall(call: IncomingCall): unknown {
    return this.#avatar.receiveCall(call);
  }

  /** The client released its last reference, or the connection ended. */
  override unreferenced(): void {
    this.logout();
  }

  logout(): void {
    if (!this.#isLoggedIn) return;
    this.#isLoggedIn = false;
    this.#onLogout();
  }
}
