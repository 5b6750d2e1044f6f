// The stored form of a password for SCRAM-SHA-256: enough to verify a client, not enough to log in.

import { madeBy } from "@pb/banana";
import type { PackageCopy } from "@pb/banana";
import { checkOptions } from "@pb/jelly-types";
import { hmac } from "@noble/hashes/hmac.js";
import { sha256 } from "@noble/hashes/sha2.js";
import { bytesOf, fromBase64, randomBytes, timingSafeEqual, toBase64 } from "../bytes.js";
import { ScramProof, UsernamePassword } from "../credentials/credentials.js";
import type { CredentialKind, PasswordCredentials } from "../credentials/credentials.js";
import {
  clientKey,
  ITERATIONS,
  iterationsOr,
  KEY_BYTES,
  saltPassword,
  serverKey,
  sign,
  storedKey,
  xor,
} from "../scram/scram-keys.js";
import type { StoredPassword } from "./stored-password.js";
import { thisCopy } from "../this-copy.js";

const SALT_BYTES = 16;

export interface ScramVerifierOptions {
  /**
   * Iterations of PBKDF2. More of them slow down a thief of the verifier and an eavesdropper, who have to compute them
   * for each guess, and the client, which computes them for each login. Default 600,000.
   */
  readonly iterations?: number | undefined;
  /** Default: 16 random bytes. */
  readonly salt?: Uint8Array | undefined;
}

interface Keys {
  readonly storedKey: Uint8Array;
  readonly serverKey: Uint8Array;
}

/** A salt, a number of iterations, and two keys that were derived from a password with them. */
export class ScramVerifier implements StoredPassword {
  static readonly kinds: readonly CredentialKind[] = ["IUsernamePassword", "IScramSha256"];
  readonly kinds: readonly CredentialKind[] = ScramVerifier.kinds;
  /** Public: the server sends it to any client that asks to log in, as it does with {@link iterations}. */
  readonly salt: Uint8Array;
  readonly iterations: number;
  readonly #keys: Keys;

  private constructor(salt: Uint8Array, iterations: number, keys: Keys) {
    this.salt = salt;
    this.iterations = iterations;
    this.#keys = keys;
  }

  /** Derives the verifier of a password. Rejects with `TypeError` for `iterations` that are not a positive integer. */
  static async of(password: string | Uint8Array, options: ScramVerifierOptions = {}): Promise<ScramVerifier> {
    checkOptions<ScramVerifierOptions>(options, { iterations: "any", salt: "bytes" });
    const { salt = randomBytes(SALT_BYTES) } = options;
    const iterations = iterationsOr(options.iterations);
    const salted = await saltPassword(password, salt, iterations);
    return new ScramVerifier(salt, iterations, {
      storedKey: storedKey(clientKey(salted)),
      serverKey: serverKey(salted),
    });
  }

  /**
   * Reads `{SCRAM-SHA-256}iterations,salt,storedKey,serverKey`, the format of Dovecot, or
   * `SCRAM-SHA-256$iterations:salt$storedKey:serverKey`, the format of PostgreSQL and LDAP directories (RFC 5803).
   * Returns undefined for any other text.
   */
  static parse(text: string): ScramVerifier | undefined {
    const match =
      /^\{SCRAM-SHA-256\}([1-9]\d{0,9}),([^,]+),([^,]+),([^,]+)$/.exec(text) ??
      /^SCRAM-SHA-256\$([1-9]\d{0,9}):([^$:]+)\$([^$:]+):([^$:]+)$/.exec(text);
    if (match === null) return undefined;
    const [salt, stored, server] = match.slice(2).map(fromBase64);
    if (salt === undefined || stored?.length !== KEY_BYTES || server?.length !== KEY_BYTES) return undefined;
    return new ScramVerifier(salt, Number(match[1]), { storedKey: stored, serverKey: server });
  }

  /**
   * Returns a verifier that matches no password, to stand in for a user that does not exist. Its salt is the same
   * whenever `username` and `secret` are the same, as that of an existing user is. `secret` must be unknown to clients.
   */
  static decoy(username: string, secret: Uint8Array, iterations: number = ITERATIONS): ScramVerifier {
    const salt = hmac(sha256, secret, bytesOf(username)).slice(0, SALT_BYTES);
    return new ScramVerifier(salt, iterations, {
      storedKey: randomBytes(KEY_BYTES),
      serverKey: randomBytes(KEY_BYTES),
    });
  }

  /** `{SCRAM-SHA-256}iterations,salt,storedKey,serverKey`, for storing. Keep it secret. */
  toText(): string {
    const { storedKey, serverKey } = this.#keys;
    return `{SCRAM-SHA-256}${this.iterations},${[this.salt, storedKey, serverKey].map(toBase64).join(",")}`;
  }

  async check(credentials: PasswordCredentials): Promise<boolean> {
    if (credentials instanceof ScramProof) return credentials.checkVerifier(this);
    if (!(credentials instanceof UsernamePassword)) return false;
    const salted = await saltPassword(credentials.password, this.salt, this.iterations);
    return timingSafeEqual(this.#keys.storedKey, storedKey(clientKey(salted)));
  }

  /** Whether `proof` was computed over `authMessage` from the password of this verifier. */
  isProof(authMessage: string, proof: Uint8Array): boolean {
    if (proof.length !== KEY_BYTES) return false;
    const key = xor(proof, sign(this.#keys.storedKey, authMessage));
    return timingSafeEqual(this.#keys.storedKey, storedKey(key));
  }

  /**
   * The signature that proves to the client that the server has this verifier. Send it only to a client whose proof was
   * accepted.
   */
  sign(authMessage: string): Uint8Array {
    return sign(this.#keys.serverKey, authMessage);
  }

  /** @internal */
  get [madeBy](): PackageCopy {
    return thisCopy;
  }
}
