// A rate limit on failed logins with a budget per key: of failures that have happened, and of logins in progress, each
// of which may become one.

import { sha256 } from "@noble/hashes/sha2.js";
import { bytesOf, concat, randomBytes } from "../bytes.js";

/** The clock of the limits, in milliseconds. It never goes back, unlike `Date.now`. */
export type Clock = () => number;

export const monotonicClock: Clock = () => performance.now();

/**
 * Whether one more login may start: `free` when it may, `busy` when it has to wait for logins in progress, `spent` when
 * so many have failed that it is refused.
 */
export type Room = "free" | "busy" | "spent";

/** How many failures a key may have. */
export interface FailureLimit {
  /** Failures in a burst. */
  readonly burst: number;
  /** Milliseconds until one more failure is allowed. `Infinity`: never. */
  readonly intervalMs: number;
  /** Keys whose failures are remembered one by one. */
  readonly keys: number;
  /** The reason that a refused client is given. */
  readonly refusal: string;
}

/** The failures of one key: how many there were at a time. They become fewer as time passes. */
interface Failures {
  readonly count: number;
  readonly at: number;
}

/** The logins in progress of one key, and those that wait for them. */
interface Active {
  held: number;
  readonly waiting: Set<() => void>;
}

/** Milliseconds between two searches for keys that can be forgotten: a search of a full table takes about 1 ms. */
const SWEEP_MS = 1_000;

const NONE: Failures = { count: 0, at: 0 };

/**
 * Counts failures per key. Only a key without failures is forgotten, so a client cannot get rid of its failures by
 * causing failures of other keys. When the table is full, further keys share as many counts as the table has places: a
 * secret decides which keys share one, so that a client can neither choose whose count it uses up, nor use up the
 * counts of all keys with the failures of a few hundred addresses.
 */
export class FailureLimiter {
  readonly refusal: string;
  readonly #limit: FailureLimit;
  readonly #now: Clock;
  readonly #failures = new Map<string, Failures>();
  /** The failures of the keys that found the table full, by {@link #shareOf}. One of these keys has at most as many. */
  readonly #overflow = new Map<number, Failures>();
  readonly #secret = randomBytes(16);
  #sweptAt = -Infinity;
  /** Bounded by the logins in progress, and so by the connections. */
  readonly #active = new Map<string, Active>();

  constructor(limit: FailureLimit, now: Clock = monotonicClock) {
    this.refusal = limit.refusal;
    this.#limit = limit;
    this.#now = now;
  }

  budget(key: string): Budget {
    return new Budget(this, key);
  }

  room(key: string): Room {
    const left = this.#limit.burst - this.#count(key);
    if (left < 1) return "spent";
    return left - (this.#active.get(key)?.held ?? 0) < 1 ? "busy" : "free";
  }

  /** Starts a login in progress. {@link release} ends it. */
  hold(key: string): void {
    this.#activeOf(key).held++;
  }

  /** Ends a login in progress, which counts as `failures` failures, and then calls those that can stop waiting. */
  release(key: string, failures: number): void {
    const active = this.#activeOf(key);
    active.held--;
    if (failures > 0) this.record(key, failures);
    for (const proceed of active.waiting) {
      if (this.room(key) === "busy") break;
      active.waiting.delete(proceed);
      proceed();
    }
    if (active.held === 0 && active.waiting.size === 0) this.#active.delete(key);
  }

  /** Calls `proceed` once, when the key is no longer `busy`. The returned function stops waiting. */
  wait(key: string, proceed: () => void): () => void {
    const { waiting } = this.#activeOf(key);
    waiting.add(proceed);
    return () => waiting.delete(proceed);
  }

  record(key: string, failures = 1): void {
    const total = { count: this.#count(key) + failures, at: this.#now() };
    if (this.#failures.has(key) || this.#hasSpace()) this.#failures.set(key, total);
    else this.#overflow.set(this.#shareOf(key), total);
  }

  /** The keys that are remembered, and the logins in progress and waiting. */
  get size(): { readonly failed: number; readonly active: number } {
    return { failed: this.#failures.size, active: this.#active.size };
  }

  #count(key: string): number {
    return this.#remaining(this.#failures.get(key) ?? this.#shared(key));
  }

  #shared(key: string): Failures {
    return (this.#overflow.size > 0 ? this.#overflow.get(this.#shareOf(key)) : undefined) ?? NONE;
  }

  /** Which of the shared counts is that of a key. */
  #shareOf(key: string): number {
    const hash = sha256(concat(this.#secret, bytesOf(key)));
    return new DataView(hash.buffer, hash.byteOffset).getUint32(0) % this.#limit.keys;
  }

  #remaining({ count, at }: Failures): number {
    const { intervalMs } = this.#limit;
    const elapsed = this.#now() - at;
    return elapsed >= count * intervalMs ? 0 : count - elapsed / intervalMs; // also for intervals of 0 and Infinity
  }

  #activeOf(key: string): Active {
    let active = this.#active.get(key);
    if (active === undefined) this.#active.set(key, (active = { held: 0, waiting: new Set() }));
    return active;
  }

  /** Whether the table has space for one more key, after keys whose failures are long ago have been forgotten. */
  #hasSpace(): boolean {
    const { keys } = this.#limit;
    const isCrowded = this.#failures.size >= keys || this.#overflow.size > 0;
    if (isCrowded && this.#now() - this.#sweptAt >= SWEEP_MS) {
      this.#sweptAt = this.#now();
      this.#forgetOld(this.#failures);
      this.#forgetOld(this.#overflow);
    }
    return this.#failures.size < keys;
  }

  #forgetOld<Key>(table: Map<Key, Failures>): void {
    for (const [key, failures] of table) if (this.#remaining(failures) === 0) table.delete(key);
  }
}

/** The budget of one key, of which a login in progress holds one failure. */
export class Budget {
  readonly #limiter: FailureLimiter;
  readonly #key: string;

  constructor(limiter: FailureLimiter, key: string) {
    this.#limiter = limiter;
    this.#key = key;
  }

  get room(): Room {
    return this.#limiter.room(this.#key);
  }

  get refusal(): string {
    return this.#limiter.refusal;
  }

  hold(): void {
    this.#limiter.hold(this.#key);
  }

  release(failures: number): void {
    this.#limiter.release(this.#key, failures);
  }

  record(failures = 1): void {
    this.#limiter.record(this.#key, failures);
  }

  wait(proceed: () => void): () => void {
    return this.#limiter.wait(this.#key, proceed);
  }
}

/** A wait for room in several budgets. */
export interface Hold {
  /**
   * Resolves with undefined when each budget has room, and is held. Resolves with the refusal of a budget that is
   * spent.
   */
  readonly result: Promise<string | undefined>;
  /** Stops waiting, so that `result` resolves with `refusal`. Has no effect when it has resolved. */
  cancel(refusal: string): void;
}

/** Holds one failure of each budget, in turn with the other logins that wait for them. */
export function holdAll(budgets: readonly Budget[]): Hold {
  let settle!: (refusal: string | undefined) => void;
  const result = new Promise<string | undefined>((resolve) => (settle = resolve));
  let stopWaiting: (() => void) | undefined;
  const proceed = (): void => {
    stopWaiting = undefined;
    const spent = budgets.find(({ room }) => room === "spent");
    if (spent !== undefined) return settle(spent.refusal);
    const busy = budgets.find(({ room }) => room === "busy");
    if (busy !== undefined) return void (stopWaiting = busy.wait(proceed));
    for (const budget of budgets) budget.hold();
    settle(undefined);
  };
  const cancel = (refusal: string): void => {
    stopWaiting?.();
    if (stopWaiting !== undefined) settle(refusal);
  };
  proceed();
  return { result, cancel };
}
