// Keeps count of logins, so that nobody can guess, hoard challenges, or answer one twice.

import { LoginDenied, LoginFailed, UnhandledCredentials } from "./errors.js";
import type { LoginLimits } from "./limits.js";

/**
 * Failures per name, on all connections. Each name has a number of failures to spend, which come back with time. They are spent before the
 * check and come back when it succeeds, so that many checks at once are no way around.
 */
export class NameFailures {
  readonly #limits: LoginLimits;
  /** How many failures were spent, and when they were counted. The name that failed longest ago is first. */
  readonly #spent = new Map<string, { count: number; at: number }>();

  constructor(limits: LoginLimits) {
    this.#limits = limits;
  }

  /** Whether one more failure is possible. Spends it. */
  spend(name: string): boolean {
    const count = this.#count(name);
    if (count + 1 > this.#limits.failuresPerName) return false;
    this.#spent.delete(name);
    this.#spent.set(name, { count: count + 1, at: Date.now() });
    if (this.#spent.size > this.#limits.names) this.#forgetOldest();
    return true;
  }

  giveBack(name: string): void {
    const count = this.#count(name) - 1;
    if (count > 0) this.#spent.set(name, { count, at: Date.now() });
    else this.#spent.delete(name);
  }

  /** Names that are remembered. */
  get size(): number {
    return this.#spent.size;
  }

  #count(name: string): number {
    const spent = this.#spent.get(name);
    if (spent === undefined) return 0;
    return Math.max(0, spent.count - (Date.now() - spent.at) / this.#limits.failuresPerNameMs);
  }

  #forgetOldest(): void {
    for (const name of this.#spent.keys()) {
      this.#spent.delete(name);
      return;
    }
  }
}

/** The logins of one connection. */
export class Attempts {
  readonly #limits: LoginLimits;
  readonly #names: NameFailures;
  readonly #underWay = new Set<Attempt>();
  readonly #delayed = new Set<() => void>();
  /** Failed, or not known yet: counted before the check, so that many checks at once are no way around. */
  #failures = 0;
  #lastFailureAt = -Infinity;

  constructor(limits: LoginLimits, names: NameFailures) {
    this.#limits = limits;
    this.#names = names;
  }

  /** Starts a login. Throws {@link LoginDenied} when too many are under way, or too many have failed. */
  begin(): Attempt {
    this.#refuseAfterFailures();
    for (const attempt of this.#underWay) if (attempt.isLate) attempt.end();
    if (this.#underWay.size >= this.#limits.underWay) {
      throw new LoginDenied("Too many logins are under way on this connection");
    }
    const attempt = new Attempt(Date.now() + this.#limits.challengeMs, () => this.#underWay.delete(attempt));
    this.#underWay.add(attempt);
    return attempt;
  }

  /**
   * Checks credentials. `name` is what failures are counted under. Throws what `check` throws, later; {@link LoginDenied} without checking, after
   * too many failures.
   */
  async check<T>(name: string | undefined, check: () => T | Promise<T>): Promise<T> {
    this.#refuseAfterFailures();
    if (name !== undefined && !this.#names.spend(name)) {
      throw new LoginDenied("Too many failed logins for this name: try again later");
    }
    const start = Date.now();
    this.#failures++;
    try {
      const result = await check();
      this.#giveBack(name);
      return result;
    } catch (error) {
      if (isGuess(error)) await this.#untilFailureMayBeTold(start);
      else this.#giveBack(name);
      throw error;
    }
  }

  /** The connection is over: nobody waits for an answer. */
  close(): void {
    for (const proceed of this.#delayed) proceed();
  }

  #giveBack(name: string | undefined): void {
    this.#failures--;
    if (name !== undefined) this.#names.giveBack(name);
  }

  #refuseAfterFailures(): void {
    if (this.#failures >= this.#limits.failuresPerConnection) {
      throw new LoginDenied("Too many failed logins on this connection");
    }
  }

  async #untilFailureMayBeTold(start: number): Promise<void> {
    const at = Math.max(start, this.#lastFailureAt) + this.#limits.failureMs;
    this.#lastFailureAt = at;
    await new Promise<void>((resolve) => {
      const proceed = (): void => {
        clearTimeout(timer);
        this.#delayed.delete(proceed);
        resolve();
      };
      const timer = setTimeout(proceed, at - Date.now());
      this.#delayed.add(proceed);
    });
  }
}

/** One login under way. Can be answered once, and in time. */
export class Attempt {
  readonly #deadline: number;
  readonly #onEnd: () => void;
  #isOpen = true;

  constructor(deadline: number, onEnd: () => void) {
    this.#deadline = deadline;
    this.#onEnd = onEnd;
  }

  get isLate(): boolean {
    return Date.now() > this.#deadline;
  }

  /** Whether it may be answered: true once. */
  use(): boolean {
    const mayBe = this.#isOpen && !this.isLate;
    this.#isOpen = false;
    return mayBe;
  }

  /** It is over, or nobody is interested any more. */
  end(): void {
    this.#isOpen = false;
    this.#onEnd();
  }
}

/** A fault of ours, or a kind of credentials that is not taken, says nothing about what the peer knows. */
function isGuess(error: unknown): boolean {
  return error instanceof LoginFailed && !(error instanceof UnhandledCredentials);
}
