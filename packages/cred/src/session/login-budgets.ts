// The rate limits on failed logins of one portal: which budgets a login uses.

import { sha256 } from "@noble/hashes/sha2.js";
import { networksOf } from "@pb/broker/extension";
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

/**
 * How many times more failures an IPv6 /64, /56 and /48 may have than one address. A /48 contains 65,536 networks /64:
 * without its own limit, its owner could guess without end.
 */
const WIDER: readonly number[] = [1, 4, 16];

/** The same for one name: fewer than `failuresPerNameEverywhere`, so that a /48 cannot keep the owner of a name out. */
const WIDER_FOR_NAME: readonly number[] = [1, 2, 4];

/** The length of a hash in base64. Longer names are remembered by their hashes. */
const LONGEST_KEY = 44;

/**
 * Logins in progress from one address: all clients behind a NAT may log in at the same moment. Those that wait for a
 * client cost the server little, and count as failures in the end if the client does not answer.
 */
const IN_PROGRESS = 2_000;

export class LoginBudgets {
  readonly #inProgress: FailureLimiter;
  /** By the width of the network, as `networksOf` lists them. */
  readonly #addresses: readonly FailureLimiter[];
  readonly #knownAddress: FailureLimiter;
  /** By the width of the network. */
  readonly #nameFromAddresses: readonly FailureLimiter[];
  /**
   * Only failures from addresses where their users have been before fill this table. Full tables of the other limiters
   * therefore keep no such user out.
   */
  readonly #nameFromKnownAddress: FailureLimiter;
  readonly #name: FailureLimiter;
  readonly #known: KnownAddresses;

  readonly #canonical: (username: string) => string;

  /** `canonical` converts a name to the spelling of the checkers. */
  constructor(limits: LoginLimits, canonical: (username: string) => string, now: Clock = monotonicClock) {
    this.#canonical = canonical;
    const limiter = (burst: number, intervalMs: number, factor: number, subject: string): FailureLimiter =>
      new FailureLimiter(
        { burst: burst * factor, intervalMs: intervalMs / factor, keys: limits.names, refusal: refusalFor(subject) },
        now,
      );
    const { failuresPerAddress, failuresPerAddressMs, failuresPerName, failuresPerNameMs } = limits;
    const [address, name] = ["from this address", "for this name"];
    this.#addresses = WIDER.map((factor) => limiter(failuresPerAddress, failuresPerAddressMs, factor, address));
    this.#knownAddress = limiter(failuresPerAddress, failuresPerAddressMs, KNOWN_FACTOR, address);
    this.#nameFromAddresses = WIDER_FOR_NAME.map((factor) => limiter(failuresPerName, failuresPerNameMs, factor, name));
    this.#nameFromKnownAddress = limiter(failuresPerName, failuresPerNameMs, 1, name);
    this.#name = limiter(limits.failuresPerNameEverywhere, limits.failuresPerNameEverywhereMs, 1, name);
    this.#inProgress = limiter(IN_PROGRESS, Infinity, 1, address);
    this.#known = new KnownAddresses(limits.names, now);
  }

  /** The logins in progress from an address. */
  inProgress(address: string | undefined): Budget {
    return this.#inProgress.budget(networksOf(address ?? "").at(-1)!);
  }

  /** The budgets of a login. `name` is undefined for a login without a name. */
  for(name: string | undefined, address: string | undefined): Budget[] {
    const networks = networksOf(address ?? "");
    const ofNetworks = (limiters: readonly FailureLimiter[], suffix = ""): Budget[] =>
      networks.map((network, width) => limiters[width]!.budget(network + suffix));
    if (name === undefined) return ofNetworks(this.#addresses);
    const key = this.#keyOf(name);
    const [narrowest] = networks as readonly [string, ...string[]];
    if (this.#known.has(key, narrowest))
      return [this.#knownAddress.budget(narrowest), this.#nameFromKnownAddress.budget(`${narrowest} ${key}`)];
    const own = ofNetworks(this.#nameFromAddresses, ` ${key}`);
    return [...ofNetworks(this.#addresses), ...own, this.#name.budget(key)];
  }

  /** Called after a successful login: failures from other addresses then no longer keep this user out. */
  succeeded(name: string, address: string | undefined): void {
    this.#known.add(this.#keyOf(name), networksOf(address ?? "")[0]!);
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
