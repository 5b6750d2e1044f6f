// The limits on the logins of one connection: logins in progress, failures, and the delay of failed logins.

import { LoginDenied, LoginFailed, UnauthorizedLogin, UnhandledCredentials } from "../errors.js";
import type { LoginLimits } from "../limits.js";
import { FailureLimiter, holdAll, monotonicClock } from "./failure-limiter.js";
import type { Budget, Hold } from "./failure-limiter.js";
import { LoginAttempt } from "./login-attempt.js";
import type { LoginBudgets } from "./login-budgets.js";

/**
 * A login that was in progress when its connection was lost counts as this part of a failure: not as a whole one,
 * because a network that fails interrupts the logins of all clients behind it, and not as none, because the server has
 * done work.
 */
const LOST = 0.1;

/** How many logins may wait on one connection, for each one that may be in progress. */
const QUEUED = 64;

const CLOSED = "The connection ended during the login";

/**
 * A limit refuses the login for now. Its name on the wire is that of {@link LoginDenied}; the additional base class
 * tells clients of this library that a later login may succeed.
 */
class LoginThrottled extends LoginDenied {
  static override readonly remoteType: string = "twisted.cred.error.LoginDenied";
  static readonly remoteBases: readonly string[] = ["pb.LoginThrottled"];
}

/** The error of a login that is refused for now. */
export function throttled(message: string): LoginDenied {
  return new LoginThrottled(message);
}

export class LoginThrottle {
  readonly #limits: LoginLimits;
  readonly #budgets: LoginBudgets;
  readonly #address: string | undefined;
  /** The failures on this connection. */
  readonly #own: Budget;
  readonly #attempts = new Set<LoginAttempt>();
  readonly #waiting = new Set<Hold>();
  readonly #delayed = new Set<() => void>();
  /** How many more logins may be in progress. Negative while correct logins are in their last step. */
  #places: number;
  /** Logins that wait for a place, the first first. */
  readonly #queue = new Set<() => void>();
  #lastFailureAt = -Infinity;
  #isClosed = false;

  constructor(limits: LoginLimits, budgets: LoginBudgets, address: string | undefined) {
    this.#limits = limits;
    this.#budgets = budgets;
    this.#address = address;
    this.#places = limits.underWay;
    const refusal = "Too many failed logins on this connection";
    const limit = { burst: limits.failuresPerConnection, intervalMs: Infinity, keys: 1, refusal };
    this.#own = new FailureLimiter(limit).budget("");
  }

  /** The logins in progress, the free places, and what waits for a place, for room in the budgets, and for a time. */
  get size(): Readonly<Record<"inProgress" | "places" | "queued" | "waiting" | "delayed", number>> {
    return {
      inProgress: this.#attempts.size,
      places: this.#places,
      queued: this.#queue.size,
      waiting: this.#waiting.size,
      delayed: this.#delayed.size,
    };
  }

  /**
   * Starts a login of a client that claims to be `name`, if it claims a name. Waits while as many logins are in
   * progress on this connection, or from its address, as are allowed. Rejects with {@link LoginThrottled} when too many
   * logins wait on this connection, or too many have failed.
   */
  async begin(name: string | undefined): Promise<LoginAttempt> {
    await this.#takePlace();
    const inProgress = this.#budgets.inProgress(this.#address);
    const budgets = this.#budgetsOf(name);
    try {
      const spent = budgets.find(({ room }) => room === "spent");
      if (spent !== undefined) throw new LoginThrottled(spent.refusal);
      await this.#hold([inProgress]);
    } catch (error) {
      this.#freePlace();
      throw error;
    }
    const attempt = this.#start(budgets, inProgress);
    if (!this.#isClosed) return attempt;
    attempt.end();
    throw new LoginFailed(CLOSED);
  }

  /** Starts the last step of a login whose credentials were correct. It counts as a login in progress only. */
  beginEntry(): LoginAttempt {
    this.#places--;
    return this.#start([]);
  }

  /**
   * Runs `check`, which checks the credentials of a claimed attempt. Waits while so many checks are in progress that
   * they would exceed a limit if all of them failed, and rejects with {@link LoginThrottled} when too many have failed.
   * An error of `check` is thrown after the delay for failed logins when it says that the credentials are wrong, and at
   * once, without being counted, otherwise.
   */
  async check<T>(name: string | undefined, check: () => T | Promise<T>): Promise<T> {
    const budgets = this.#budgetsOf(name);
    await this.#hold(budgets);
    const release = (failures: number): void => budgets.forEach((budget) => budget.release(failures));
    const start = monotonicClock();
    try {
      const result = await check();
      release(0);
      if (name !== undefined) this.#budgets.succeeded(name, this.#address);
      return result;
    } catch (error) {
      release(isWrongGuess(error) ? 1 : 0);
      if (isWrongGuess(error)) await this.#delayFailure(start);
      throw error;
    }
  }

  /**
   * Rejects a second or late answer to a challenge. It counts as a failure on this connection. A late answer may be
   * right: its error does not say that it is wrong, because a client that reads this does not try again.
   */
  async refuse({ isExpired }: LoginAttempt): Promise<never> {
    if (this.#own.room !== "free") throw new LoginThrottled(this.#own.refusal);
    this.#own.record();
    await this.#delayFailure(monotonicClock());
    throw isExpired ? new LoginFailed("The answer to the challenge came too late") : new UnauthorizedLogin();
  }

  /** Waits so many milliseconds, or until the connection ends. */
  async delay(milliseconds: number): Promise<void> {
    if (this.#isClosed) return;
    await new Promise<void>((resolve) => {
      const proceed = (): void => {
        clearTimeout(timer);
        this.#delayed.delete(proceed);
        resolve();
      };
      const timer = setTimeout(proceed, milliseconds);
      this.#delayed.add(proceed);
    });
  }

  /** Ends what waits. Called when the connection has ended, so that no timer is left. */
  close(): void {
    this.#isClosed = true;
    for (const proceed of this.#queue) proceed();
    for (const hold of this.#waiting) hold.cancel(CLOSED);
    for (const attempt of this.#attempts) attempt.abandon(LOST);
    for (const proceed of this.#delayed) proceed();
  }

  async #takePlace(): Promise<void> {
    this.#requireOpen(); // After the end, nothing would end the wait for a place.
    if (this.#places > 0) {
      this.#places--;
      return;
    }
    if (this.#queue.size >= QUEUED * this.#limits.underWay)
      throw new LoginThrottled("Too many logins in progress on this connection");
    await new Promise<void>((resolve) => this.#queue.add(resolve));
    this.#requireOpen();
  }

  #requireOpen(): void {
    if (this.#isClosed) throw new LoginFailed(CLOSED);
  }

  #freePlace(): void {
    this.#places++;
    for (const proceed of this.#queue) {
      if (this.#places <= 0) return;
      this.#places--;
      this.#queue.delete(proceed);
      proceed();
    }
  }

  #budgetsOf(name: string | undefined): Budget[] {
    return [this.#own, ...this.#budgets.for(name, this.#address)];
  }

  /** Waits until all budgets have room. Rejects when one of them is spent, or when the connection has ended. */
  async #hold(budgets: readonly Budget[]): Promise<void> {
    const hold = holdAll(budgets);
    this.#waiting.add(hold);
    if (this.#isClosed) hold.cancel(CLOSED);
    const refusal = await hold.result;
    this.#waiting.delete(hold);
    if (refusal !== undefined) throw this.#isClosed ? new LoginFailed(CLOSED) : new LoginThrottled(refusal);
  }

  /** Starts a login that has a place, and holds one of those in progress from its address. */
  #start(budgets: readonly Budget[], inProgress?: Budget): LoginAttempt {
    const attempt = new LoginAttempt(budgets, this.#limits.challengeMs, () => {
      if (!this.#attempts.delete(attempt)) return;
      inProgress?.release(0);
      this.#freePlace();
    });
    this.#attempts.add(attempt);
    return attempt;
  }

  /**
   * Waits until `failureMs` after the start of the login, or after the previous failed login was answered if that is
   * later.
   */
  async #delayFailure(start: number): Promise<void> {
    const at = Math.max(start, this.#lastFailureAt) + this.#limits.failureMs;
    this.#lastFailureAt = at;
    await this.delay(Math.max(at - monotonicClock(), 0));
  }
}

/** Whether a limit refuses the login for now. */
export function isThrottled(error: unknown): boolean {
  return error instanceof LoginThrottled;
}

/**
 * Whether an error means that the client guessed wrong. A bug or an outage, and an unsupported kind of credentials, are
 * not guesses.
 */
export function isWrongGuess(error: unknown): boolean {
  return error instanceof LoginFailed && !(error instanceof UnhandledCredentials);
}
