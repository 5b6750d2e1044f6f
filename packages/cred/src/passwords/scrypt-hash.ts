// The stored form of a password for checking plaintext passwords: salted scrypt (RFC 7914), which costs a guesser
// memory as well as time.

import { madeBy } from "@pb/banana";
import type { PackageCopy } from "@pb/banana";
import { withDefaults } from "@pb/broker/extension";
import { scryptAsync } from "@noble/hashes/scrypt.js";
import { fromBase64, randomBytes, timingSafeEqual, toBase64 } from "../bytes.js";
import { UsernamePassword } from "../credentials/credentials.js";
import type { CredentialKind, PasswordCredentials } from "../credentials/credentials.js";
import { passwordBytes } from "../scram/sasl-prep.js";
import type { StoredPassword } from "./stored-password.js";
import { thisCopy } from "../this-copy.js";

const SALT_BYTES = 16;
const HASH_BYTES = 32;

/** The shortest hash that is read. A hash of one byte, such as the rest of a truncated one, matches many passwords. */
const LEAST_HASH_BYTES = 16;

/** The cost parameters of scrypt. */
export interface ScryptCost {
  /** The binary logarithm of N. Default 15: 32 MiB of memory with the default `r`. */
  readonly ln: number;
  /** The block size. Default 8. */
  readonly r: number;
  /** The parallelization parameter. Default 3. */
  readonly p: number;
}

/** What OWASP recommends (2023). */
const defaultCost: ScryptCost = { ln: 15, r: 8, p: 3 };

/**
 * A salted scrypt hash. It checks a plaintext password only: `UsernamePassword` credentials. PB's logins do not send
 * the password, so it is for programs that call a portal directly, such as a web page for the same users.
 */
export class ScryptHash implements StoredPassword {
  static readonly kinds: readonly CredentialKind[] = ["IUsernamePassword"];
  readonly kinds: readonly CredentialKind[] = ScryptHash.kinds;
  readonly cost: ScryptCost;
  readonly #salt: Uint8Array;
  readonly #hash: Uint8Array;

  private constructor(cost: ScryptCost, salt: Uint8Array, hash: Uint8Array) {
    this.cost = cost;
    this.#salt = salt;
    this.#hash = hash;
  }

  /** Hashes a password with a random salt. */
  static async of(password: string | Uint8Array, cost: Partial<ScryptCost> = {}): Promise<ScryptHash> {
    const full = withDefaults("cost", defaultCost, cost);
    const salt = randomBytes(SALT_BYTES);
    return new ScryptHash(full, salt, await hash(password, salt, full, HASH_BYTES));
  }

  /**
   * Reads `$scrypt$ln=15,r=8,p=3$salt$hash`, the format of passlib and others. Returns undefined for any other text,
   * and for a hash of less than 16 bytes.
   */
  static parse(text: string): ScryptHash | undefined {
    const match =
      /^\$scrypt\$ln=(\d{1,2}),r=(\d{1,3}),p=(\d{1,3})\$([A-Za-z0-9+/]+)\$([A-Za-z0-9+/]+)$/.exec(text) ?? undefined;
    if (match === undefined) return undefined;
    const [ln, r, p] = match.slice(1, 4).map(Number);
    const [salt, stored] = match.slice(4).map(fromUnpaddedBase64);
    if (salt === undefined || stored === undefined || stored.length < LEAST_HASH_BYTES) return undefined;
    return new ScryptHash({ ln: ln!, r: r!, p: p! }, salt, stored);
  }

  /** Returns a hash that matches no password and takes as long to check as a hash with the default cost. */
  static decoy(): ScryptHash {
    return new ScryptHash(defaultCost, randomBytes(SALT_BYTES), randomBytes(HASH_BYTES));
  }

  /** `$scrypt$ln=15,r=8,p=3$salt$hash`, for storing. Keep it secret. */
  toText(): string {
    const { ln, r, p } = this.cost;
    const unpadded = [this.#salt, this.#hash].map((bytes) => toBase64(bytes).replace(/=+$/, ""));
    return `$scrypt$ln=${ln},r=${r},p=${p}$${unpadded.join("$")}`;
  }

  async check(credentials: PasswordCredentials): Promise<boolean> {
    if (!(credentials instanceof UsernamePassword)) return false;
    return timingSafeEqual(this.#hash, await hash(credentials.password, this.#salt, this.cost, this.#hash.length));
  }

  /** @internal */
  get [madeBy](): PackageCopy {
    return thisCopy;
  }
}

function hash(
  password: string | Uint8Array,
  salt: Uint8Array,
  { ln, r, p }: ScryptCost,
  dkLen: number,
): Promise<Uint8Array> {
  return scryptAsync(passwordBytes(password), salt, { N: 2 ** ln, r, p, dkLen });
}

function fromUnpaddedBase64(text: string): Uint8Array | undefined {
  return fromBase64(text.padEnd(Math.ceil(text.length / 4) * 4, "="));
}
