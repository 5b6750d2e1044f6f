// Rate limits of logins: failures per connection and per name, logins in progress, and the delay of failed logins.

import { networkOf } from "@pb/broker/extension";
import { LoginDenied, LoginFailed, UnhandledCredentials } from "../errors.js";
import type { LoginLimits } from "../limits.js";

/**
 * A rate limit on failures, with one token bucket per key. A failure is recorded before a check and taken back when the
 * check succeeds, so that parallel checks cannot exceed the limit.
 */
export class FailureLimiter {
  readonly #burst: number;
  readonly #intervalMs: number;
  readonly #maxKeys: number;
  /** The failures of each key, and when they were last updated. The key that failed longest ago is the first. */
  readonly #failures = new Map<string, { readonly count: number; readonly at: number }>();

  /**
   * Allows a burst of `burst` failures per key, and one more every `intervalMs` milliseconds. Remembers at most
   * `maxKeys` keys.
   */
  constructor(burst: number, intervalMs: number, maxKeys: number) {
    this.#burst = burst;
    this.#intervalMs = intervalMs;
    this.#maxKeys = maxKeys;
  }

  /** Records a failure. Returns false, and records nothing, when the limit is reached. */
  record(key: string): boolean {
    const count = this.#count(key) + 1;
    if (count > this.#burst) return false;
    this.#failures.delete(key);
    this.#failures.set(key, { count, at: Date.now() });
    if (this.#failures.size > this.#maxKeys) this.#forgetOldest();
    return true;
  }

  /** Takes back a failure that was recorded. */
  undo(key: string): void {
    const count = this.#count(key) - 1;
    if (count > 0) this.#failures.set(key, { count, at: Date.now() });
    else this.#failures.delete(key);
  }

  /** The number of keys that are remembered. */
  get size(): number {
    return this.#failures.size;
  }

  #count(key: string): number {
    const failures = this.#failures.get(key);
    return failures === undefined ? 0 : Math.max(0, failures.count - (Date.now() - failures.at) / this.#intervalMs);
  }

  #forgetOldest(): void {
    for (const key of this.#failures.keys()) {
      this.#failures.delete(key);
      return;
    }
  }
}

/** The rate limits on failures for a name: from one address, and from all addresses together. */
export class NameFailureLimiter {
  readonly #perAddress: FailureLimiter;
  readonly #everywhere: FailureLimiter;

  constructor(limits: LoginLimits) {
    const { failuresPerName, failuresPerNameMs, failuresPerNameEverywhere, failuresPerNameEverywhereMs, names } =
      limits;
    this.#perAddress = new FailureLimiter(failuresPerName, failuresPerNameMs, names);
    this.#everywhere = new FailureLimiter(failuresPerNameEverywhere, failuresPerNameEverywhereMs, names);
  }

  /** Records a failure. Returns false, and records nothing, when one of the two limits is reached. */
  record(name: string, address: string | undefined): boolean {
    const keys = keysOf(name, address);
    if (!this.#perAddress.record(keys.perAddress)) return false;
    if (this.#everywhere.record(keys.everywhere)) return true;
    this.#perAddress.undo(keys.perAddress);
    return false;
  }

  /** Takes back a failure that was recorded. */
  undo(name: string, address: string | undefined): void {
    const keys = keysOf(name, address);
    this.#perAddress.undo(keys.perAddress);
    this.#everywhere.undo(keys.everywhere);
  }
}

/**
 * The keys of a name and an address. Spellings that a checker might treat as one name have the same keys, and so do the
 * IPv6 addresses of one network, which one peer may control.
 */
function keysOf(name: string, address = ""): { perAddress: string; everywhere: string } {
  const everywhere = name.normalize("NFKC").toLowerCase();
  return { perAddress: `${networkOf(address)} ${everywhere}`, everywhere };
}

/** The limits on the logins of one connection. */
export class LoginThrottle {
  readonly #limits: LoginLimits;
  readonly #names: NameFailureLimiter;
  readonly #address: string | undefined;
  readonly #attempts = new Set<LoginAttempt>();
  readonly #delayed = new Set<() => void>();
  /**
   * Failed checks and checks in progress. A check counts before it runs, so that parallel checks cannot exceed the
   * limit.
   */
  #failures = 0;
  #lastFailureAt = -Infinity;

  constructor(limits: LoginLimits, names: NameFailureLimiter, address: string | undefined) {
    this.#limits = limits;
    this.#names = names;
    this.#address = address;
  }

  /** Starts a login. Throws {@link LoginDenied} when too many logins are in progress, or too many have failed. */
  begin(): LoginAttempt {
    this.#refuseAfterFailures();
    for (const attempt of this.#attempts) if (attempt.isExpired) attempt.end();
    if (this.#attempts.size >= this.#limits.underWay) {
      throw new LoginDenied("Too many logins in progress on this connection");
    }
    const attempt = new LoginAttempt(Date.now() + this.#limits.challengeMs, () => this.#attempts.delete(attempt));
    this.#attempts.add(attempt);
    return attempt;
  }

  /**
   * Runs `check`, which checks the credentials of a client that claims to be `name`, if it claims a name. Throws {@link
   * LoginDenied} without a check after too many failures. An error of `check` is thrown after the delay for failed
   * logins when it says that the credentials are wrong, and at once, without being counted, otherwise.
   */
  async check<T>(name: string | undefined, check: () => T | Promise<T>): Promise<T> {
    this.#refuseAfterFailures();
    if (name !== undefined && !this.#names.record(name, this.#address)) {
      throw new LoginDenied("Too many failed logins for this name: try again later");
    }
    const start = Date.now();
    this.#failures++;
    try {
      const result = await check();
      this.#undoFailure(name);
      return result;
    } catch (error) {
      if (isWrongGuess(error)) await this.#delayFailure(start);
      else this.#undoFailure(name);
      throw error;
    }
  }

  /** Ends the delays of failed logins. Called when the connection has ended, so that no timer is left. */
  close(): void {
    for (const proceed of this.#delayed) proceed();
  }

  #undoFailure(name: string | undefined): void {
    this.#failures--;
    if (name !== undefined) this.#names.undo(name, this.#address);
  }

  #refuseAfterFailures(): void {
    if (this.#failures >= this.#limits.failuresPerConnection) {
      throw new LoginDenied("Too many failed logins on this connection");
    }
  }

  /**
   * Waits until `failureMs` after the start of the login, or after the previous failed login was answered if that is
   * later.
   */
  async #delayFailure(start: number): Promise<void> {
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

/** One login in progress. It accepts one answer to its challenge, before the challenge expires. */
export class LoginAttempt {
  readonly #deadline: number;
  readonly #onEnd: () => void;
  #isOpen = true;

  constructor(deadline: number, onEnd: () => void) {
    this.#deadline = deadline;
    this.#onEnd = onEnd;
  }

  get isExpired(): boolean {
    return Date.now() > this.#deadline;
  }

  /** Claims the right to answer. Returns true for the first call only, and only before the challenge expires. */
  claim(): boolean {
    const isClaimed = this.#isOpen && !this.isExpired;
    this.#isOpen = false;
    return isClaimed;
  }

  /** Ends the login: it was answered, or the client released the challenge. Can be called more than once. */
  end(): void {
    this.#isOpen = false;
    this.#onEnd();
  }
}

/**
 * Whether an error means that the client guessed wrong. A bug or an outage, and an unsupported kind of credentials, are
 * not guesses.
 */
function isWrongGuess(error: unknown): boolean {
  return error instanceof LoginFailed && !(error instanceof UnhandledCredentials);
}
