// What is kept of a password where it is shown in the open: salted scrypt (RFC 7914), as costly in memory as in time.

import { scryptAsync } from "@noble/hashes/scrypt.js";
import { bytesOf, fromBase64, isSame, randomBytes, toBase64 } from "./bytes.js";
import { UsernamePassword } from "./credentials.js";
import type { CredentialKind, PasswordCredentials } from "./credentials.js";
import { saslPrep } from "./sasl-prep.js";
import type { StoredPassword } from "./stored-password.js";

const SALT_BYTES = 16;
const HASH_BYTES = 32;

/** How costly it is. */
export interface ScryptCost {
  /** The binary logarithm of N. Default 15: 32 MiB. */
  readonly ln: number;
  readonly r: number;
  readonly p: number;
}

/** As OWASP recommends (2023). */
const defaultCost: ScryptCost = { ln: 15, r: 8, p: 3 };

/**
 * Judges `UsernamePassword` only: PB's logins never show the password, and SCRAM has a verifier of its own. For programs that ask a portal
 * themselves, such as a web page in front of the same users.
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

  static async of(password: string | Uint8Array, cost: Partial<ScryptCost> = {}): Promise<ScryptHash> {
    const full = { ...defaultCost, ...cost };
    const salt = randomBytes(SALT_BYTES);
    return new ScryptHash(full, salt, await hash(password, salt, full, HASH_BYTES));
  }

  /** Reads `$scrypt$ln=15,r=8,p=3$salt$hash`, as passlib and others write it. Undefined for anything else. */
  static parse(text: string): ScryptHash | undefined {
    const match =
      /^\$scrypt\$ln=(\d{1,2}),r=(\d{1,3}),p=(\d{1,3})\$([A-Za-z0-9+/]+)\$([A-Za-z0-9+/]+)$/.exec(text) ?? undefined;
    if (match === undefined) return undefined;
    const [ln, r, p] = match.slice(1, 4).map(Number);
    const [salt, kept] = match.slice(4).map(fromUnpadded);
    return salt === undefined || kept === undefined ? undefined : new ScryptHash({ ln: ln!, r: r!, p: p! }, salt, kept);
  }

  /** One that no password fits, and that costs as much to find out. */
  static decoy(): ScryptHash {
    return new ScryptHash(defaultCost, randomBytes(SALT_BYTES), randomBytes(HASH_BYTES));
  }

  /** `$scrypt$ln=15,r=8,p=3$salt$hash`: to be kept, not to be shown. */
  toText(): string {
    const { ln, r, p } = this.cost;
    const unpadded = [this.#salt, this.#hash].map((bytes) => toBase64(bytes).replace(/=+$/, ""));
    return `$scrypt$ln=${ln},r=${r},p=${p}$${unpadded.join("$")}`;
  }

  async check(credentials: PasswordCredentials): Promise<boolean> {
    if (!(credentials instanceof UsernamePassword)) return false;
    return isSame(this.#hash, await hash(credentials.password, this.#salt, this.cost, this.#hash.length));
  }
}

function hash(
  password: string | Uint8Array,
  salt: Uint8Array,
  { ln, r, p }: ScryptCost,
  dkLen: number,
): Promise<Uint8Array> {
  const secret = typeof password === "string" ? bytesOf(saslPrep(password)) : password;
  return scryptAsync(secret, salt, { N: 2 ** ln, r, p, dkLen });
}

function fromUnpadded(text: string): Uint8Array | undefined {
  return fromBase64(text.padEnd(Math.ceil(text.length / 4) * 4, "="));
}
