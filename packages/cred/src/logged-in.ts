// An avatar for as long as one login lasts.

import { Referenceable } from "@pb/broker";
import type { Avatar } from "@pb/broker";
import type { IncomingCall } from "@pb/broker/extension";

/** What a realm gives to somebody. */
export interface Login {
  /** What they can do. */
  readonly avatar: Avatar | Referenceable;
  /**
   * Runs exactly once: when the peer has given back the avatar, or the connection is over, whichever comes first. What it throws is told to the
   * portal's watcher, and to nobody else.
   */
  readonly logout?: (() => unknown) | undefined;
}

/** Each login has its own, even to the same avatar, so that each logs out once. Behaves as the avatar does. */
export class LoggedIn extends Referenceable {
  readonly #avatar: Avatar | Referenceable;
  readonly #onLogout: () => void;
  #isIn = true;
  override readonly perspective: object | null;

  /** `onLogout` runs once. It must not throw. */
  constructor(avatar: Avatar | Referenceable, onLogout: () => void) {
    super();
    this.#avatar = avatar;
    this.#onLogout = onLogout;
    this.perspective = avatar instanceof Referenceable ? avatar.perspective : avatar;
  }

  override get home(): object {
    return this.#avatar;
  }

  override receiveCall(call: IncomingCall): unknown {
    return this.#avatar.receiveCall(call);
  }

  /** The peer gave it back, or is gone. */
  override unreferenced(): void {
    this.logout();
  }

  logout(): void {
    if (!this.#isIn) return;
    this.#isIn = false;
    this.#onLogout();
  }
}
