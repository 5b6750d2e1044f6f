// Remembers from which addresses each user has logged in.

import type { Clock } from "./failure-limiter.js";

/** Addresses of one user. A user with more than these has lost nothing but the budget of the oldest. */
const ADDRESSES_PER_NAME = 8;

/** An address is forgotten after 30 days without a login, because it may belong to another person by then. */
const FORGET_MS = 30 * 24 * 3_600_000;

/**
 * A table that only successful logins can fill. A user takes one of `names` places, so that one account cannot drive
 * out the others. The user whose last login is longest ago is forgotten first.
 */
export class KnownAddresses {
  readonly #names: number;
  readonly #now: Clock;
  /** The time of the last login, by address, by name. The latest is the last in both maps. */
  readonly #logins = new Map<string, Map<string, number>>();

  constructor(names: number, now: Clock) {
    this.#names = names;
    this.#now = now;
  }

  has(name: string, address: string): boolean {
    const at = this.#logins.get(name)?.get(address);
    return at !== undefined && this.#now() - at < FORGET_MS;
  }

  add(name: string, address: string): void {
    const addresses = this.#logins.get(name) ?? new Map<string, number>();
    addresses.delete(address);
    addresses.set(address, this.#now());
    trim(addresses, ADDRESSES_PER_NAME);
    this.#logins.delete(name);
    this.#logins.set(name, addresses);
    trim(this.#logins, this.#names);
  }
}

/** Removes the first entry when there are more than `most`. */
function trim(map: Map<string, unknown>, most: number): void {
  if (map.size <= most) return;
  for (const key of map.keys()) {
    map.delete(key);
    return;
  }
}
