// One login in progress.

import { after } from "@pb/broker/extension";
import type { Budget } from "./failure-limiter.js";

/**
 * Accepts one answer to its challenge, before the challenge expires. It holds one failure of each of its budgets until
 * it is known whether it failed.
 */
export class LoginAttempt {
  readonly #budgets: readonly Budget[];
  readonly #onEnd: () => void;
  readonly #timer: ReturnType<typeof setTimeout> | undefined;
  #isOpen = true;
  #isSettled = false;
  #isExpired = false;

  /** `onEnd` is called when the login is no longer in progress. It can be called more than once. */
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

  /** Releases the budgets: the login counts as `failures` failures, 0 when it succeeded. Only the first call counts. */
  settle(failures: number): void {
    if (this.#isSettled) return;
    this.#isSettled = true;
    for (const budget of this.#budgets) budget.release(failures);
  }

  /**
   * The client will not answer. That counts as `failures` failures, because the server has done the work of a login.
   * Has no effect when the login was claimed.
   */
  abandon(failures = 1): void {
    if (!this.claim()) return;
    this.settle(failures);
    this.#onEnd();
  }

  /** The login is no longer in progress. Counts as no failure unless it was settled before. */
  end(): void {
    this.claim();
    this.settle(0);
    this.#onEnd();
  }
}
