// The rate limits on failed logins of one portal: which budgets a login uses.

import { sha256 } from "@noble/hashes/sha2.js";
import { networkOf } from "@pb/broker/extension";
import { bytesOf, toBase64 } from "../bytes.js";
import type { LoginLimits } from "../limits.js";
import { FailureLimiter, monotonicClock } from "./failure-limiter.js";
import type { Budget, Clock } from "./failure-limiter.js";
import { KnownAddresses } from "./known-addresses.js";

/**
 * The budgets of an address for the users who have logged in from it before are larger by this factor, because such an
 * address usually is the home or the office of these users. Without the budget, one computer in an office could guess
 * the passwords of everybody there.
 */
const KNOWN_FACTOR = 10;

/** The length of a hash in base64. Longer names are remembered by their hashes. */
const LONGEST_KEY = 44;

export class LoginBudgets {
  readonly #address: FailureLimiter;
  readonly #knownAddress: FailureLimiter;
  readonly #nameFromAddress: FailureLimiter;
  readonly #name: FailureLimiter;
  readonly #known: KnownAddresses;

  readonly #canonical: (username: string) => string;

  /** `canonical` converts a name to the spelling of the checkers. */
  constructor(limits: LoginLimits, canonical: (username: string) => string, now: Clock = monotonicClock) {
    this.#canonical = canonical;
    const limiter = (burst: number, intervalMs: number, subject: string): FailureLimiter =>
      new FailureLimiter({ burst, intervalMs, keys: limits.names, refusal: refusalFor(subject) }, now);
    const { failuresPerAddress, failuresPerAddressMs } = limits;
    this.#address = limiter(failuresPerAddress, failuresPerAddressMs, "from this address");
    this.#knownAddress = limiter(
      failuresPerAddress * KNOWN_FACTOR,
      failuresPerAddressMs / KNOWN_FACTOR,
      "from this address",
    );
    this.#nameFromAddress = limiter(limits.failuresPerName, limits.failuresPerNameMs, "for this name");
    this.#name = limiter(limits.failuresPerNameEverywhere, limits.failuresPerNameEverywhereMs, "for this name");
    this.#known = new KnownAddresses(limits.names, now);
  }

  /** The budgets of a login. `name` is undefined for a login without a name. */
  for(name: string | undefined, address: string | undefined): Budget[] {
    const network = networkOf(address ?? "");
    if (name === undefined) return [this.#address.budget(network)];
    const key = this.#keyOf(name);
    const own = this.#nameFromAddress.budget(`${network} ${key}`);
    return this.#known.has(key, network)
      ? [this.#knownAddress.budget(network), own]
      : [this.#address.budget(network), own, this.#name.budget(key)];
  }

  /** Called after a successful login: failures from other addresses then no longer keep this user out. */
  succeeded(name: string, address: string | undefined): void {
    this.#known.add(this.#keyOf(name), networkOf(address ?? ""));
  }

  /**
   * Spellings that a checker or a database might treat as one name have the same key: they differ in case, accents
   * and other marks, white space, or controls and other invisible characters only. A key has at most {@link
   * LONGEST_KEY} characters, so that the tables stay small whatever names clients invent.
   */
  #keyOf(name: string): string {
    const letters = this.#canonical(name)
      .normalize("NFKD")
      .replace(/[\p{M}\p{C}\p{DI}\s]/gu, "")
      .toUpperCase() // "ß" becomes "SS"
      .toLowerCase();
    // Normalization can make a name 18 times as long. A part of the text would keep all of it in memory.
    return letters.length <= LONGEST_KEY ? letters : toBase64(sha256(bytesOf(letters)));
  }
}

function refusalFor(subject: string): string {
  return `Too many failed logins ${subject}: try again later`;
}
