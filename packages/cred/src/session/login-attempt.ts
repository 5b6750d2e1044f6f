// One login in progress.

import { after } from "@pb/broker/extension";
import type { Budget } from "./failure-limiter.js";

/** Accepts one answer to its challenge, before the challenge expires. */
export class LoginAttempt {
  readonly #budgets: readonly Budget[];
  readonly #onEnd: () => void;
  readonly #timer: ReturnType<typeof setTimeout> | undefined;
  #isOpen = true;
  #isExpired = false;

  /**
   * `budgets` are those in which it counts when the client does not answer. `onEnd` is called when the login is no
   * longer in progress. It can be called more than once.
   */
  constructor(budgets: readonly Budget[], challengeMs: number, onEnd: () => void) {
    this.#budgets = budgets;
    this.#onEnd = onEnd;
    this.#timer = after(challengeMs, () => {
      this.#isExpired = this.#isOpen;
      this.abandon();
    });
  }

  /** Whether the client has not answered in time. */
  get isExpired(): boolean {
    return this.#isExpired;
  }

  /** Claims the right to answer. Returns true for the first call only, and only before the challenge expires. */
  claim(): boolean {
    const isClaimed = this.#isOpen;
    this.#isOpen = false;
    clearTimeout(this.#timer);
    return isClaimed;
  }

  /**
   * The client will not answer. That counts as `failures` failures, because the server has done the work of a login.
   * Has no effect when the login was claimed.
   */
  abandon(failures = 1): void {
    if (!this.claim()) return;
    for (const budget of this.#budgets) budget.record(failures);
    this.#onEnd();
  }

  /** The login is no longer in progress. Counts as no failure unless it was abandoned before. */
  end(): void {
    this.claim();
    this.#onEnd();
  }
}
