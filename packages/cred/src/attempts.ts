// Keeps count of logins, so that nobody can guess, hoard challenges, or answer one twice.

import { networkOf } from "@pb/broker/extension";
import { LoginDenied, LoginFailed, UnhandledCredentials } from "./errors.js";
import type { LoginLimits } from "./limits.js";

/**
 * Failures under each of many keys. A key has a number of failures to spend, which come back with time. They are spent before the check and come
 * back when it succeeds, so that many checks at once are no way around.
 */
export class Failures {
  readonly #most: number;
  readonly #ms: number;
  readonly #keys: number;
  /** How many failures were spent, and when that was. The key that failed longest ago is first. */
  readonly #spent = new Map<string, { readonly count: number; readonly at: number }>();

  /** `most` at once, one more every `ms`, for so many `keys`. */
  constructor(most: number, ms: number, keys: number) {
    this.#most = most;
    this.#ms = ms;
    this.#keys = keys;
  }

  /** Whether one more failure is possible. Spends it. */
  spend(key: string): boolean {
    const count = this.#count(key) + 1;
    if (count > this.#most) return false;
    this.#spent.delete(key);
    this.#spent.set(key, { count, at: Date.now() });
    if (this.#spent.size > this.#keys) this.#forgetOldest();
    return true;
  }

  giveBack(key: string): void {
    const count = this.#count(key) - 1;
    if (count > 0) this.#spent.set(key, { count, at: Date.now() });
    else this.#spent.delete(key);
  }

  /** Keys that are remembered. */
  get size(): number {
    return this.#spent.size;
  }

  #count(key: string): number {
    const spent = this.#spent.get(key);
    return spent === undefined ? 0 : Math.max(0, spent.count - (Date.now() - spent.at) / this.#ms);
  }

  #forgetOldest(): void {
    for (const key of this.#spent.keys()) {
      this.#spent.delete(key);
      return;
    }
  }
}

/** Failures of each name: from one address, and from everywhere. */
export class NameFailures {
  readonly #near: Failures;
  readonly #everywhere: Failures;

  constructor(limits: LoginLimits) {
    const { failuresPerName, failuresPerNameMs, failuresPerNameEverywhere, failuresPerNameEverywhereMs, names } =
      limits;
    this.#near = new Failures(failuresPerName, failuresPerNameMs, names);
    this.#everywhere = new Failures(failuresPerNameEverywhere, failuresPerNameEverywhereMs, names);
  }

  /** Whether one more failure is possible. Spends it. */
  spend(name: string, address: string | undefined): boolean {
    const { near, everywhere } = keysOf(name, address);
    if (!this.#near.spend(near)) return false;
    if (this.#everywhere.spend(everywhere)) return true;
    this.#near.giveBack(near);
    return false;
  }

  giveBack(name: string, address: string | undefined): void {
    const { near, everywhere } = keysOf(name, address);
    this.#near.giveBack(near);
    this.#everywhere.giveBack(everywhere);
  }
}

/** Spellings that a checker might take for one name are one name, and addresses that one peer may have are one address. */
function keysOf(name: string, address = ""): { near: string; everywhere: string } {
  const everywhere = name.normalize("NFKC").toLowerCase();
  return { near: `${networkOf(address)} ${everywhere}`, everywhere };
}

/** The logins of one connection. */
export class Attempts {
  readonly #limits: LoginLimits;
  readonly #names: NameFailures;
  readonly #address: string | undefined;
  readonly #underWay = new Set<Attempt>();
  readonly #delayed = new Set<() => void>();
  /** Failed, or not known yet: counted before the check, so that many checks at once are no way around. */
  #failures = 0;
  #lastFailureAt = -Infinity;

  constructor(limits: LoginLimits, names: NameFailures, address: string | undefined) {
    this.#limits = limits;
    this.#names = names;
    this.#address = address;
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
   * Checks credentials of somebody who claims a name, if any. Throws what `check` throws, later; {@link LoginDenied} without checking, after
   * too many failures.
   */
  async check<T>(name: string | undefined, check: () => T | Promise<T>): Promise<T> {
    this.#refuseAfterFailures();
    if (name !== undefined && !this.#names.spend(name, this.#address)) {
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
    if (name !== undefined) this.#names.giveBack(name, this.#address);
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
      const timer = setTimeout(proceed, Math.max(at - Date.now(), 0));
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
