// What is kept of a password for SCRAM-SHA-256: enough to recognise who knows it, not enough to log in with.

import { hmac } from "@noble/hashes/hmac.js";
import { sha256 } from "@noble/hashes/sha2.js";
import { bytesOf, fromBase64, isSame, randomBytes, toBase64 } from "./bytes.js";
import { ScramProof, UsernamePassword } from "./credentials.js";
import type { CredentialKind, PasswordCredentials } from "./credentials.js";
import { clientKey, ITERATIONS, KEY_BYTES, mask, saltPassword, serverKey, sign, storedKey } from "./scram.js";
import type { StoredPassword } from "./stored-password.js";

const SALT_BYTES = 16;

export interface ScramVerifierOptions {
  /** How slow guessing is made: for a thief of the verifier, for who listens to a login, and for the client. Default 600,000. */
  readonly iterations?: number | undefined;
  /** Default: 16 random bytes. */
  readonly salt?: Uint8Array | undefined;
}

interface Keys {
  readonly storedKey: Uint8Array;
  readonly serverKey: Uint8Array;
}

export class ScramVerifier implements StoredPassword {
  static readonly kinds: readonly CredentialKind[] = ["IUsernamePassword", "IScramSha256"];
  readonly kinds: readonly CredentialKind[] = ScramVerifier.kinds;
  /** Told to whoever asks to log in, as is {@link iterations}. */
  readonly salt: Uint8Array;
  readonly iterations: number;
  readonly #keys: Keys;

  private constructor(salt: Uint8Array, iterations: number, keys: Keys) {
    this.salt = salt;
    this.iterations = iterations;
    this.#keys = keys;
  }

  static async of(password: string | Uint8Array, options: ScramVerifierOptions = {}): Promise<ScramVerifier> {
    const { iterations = ITERATIONS, salt = randomBytes(SALT_BYTES) } = options;
    const salted = await saltPassword(password, salt, iterations);
    return new ScramVerifier(salt, iterations, {
      storedKey: storedKey(clientKey(salted)),
      serverKey: serverKey(salted),
    });
  }

  /**
   * Reads `{SCRAM-SHA-256}iterations,salt,storedKey,serverKey`, as Dovecot keeps it, or `SCRAM-SHA-256$iterations:salt$storedKey:serverKey`, as
   * PostgreSQL and LDAP directories do (RFC 5803). Undefined for anything else.
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
   * A verifier that no password fits, for a user that does not exist: always with the same salt for the same name, so that asking twice does not
   * tell. `secret` is what nobody else knows.
   */
  static decoy(username: string, secret: Uint8Array, iterations: number = ITERATIONS): ScramVerifier {
    const salt = hmac(sha256, secret, bytesOf(username)).slice(0, SALT_BYTES);
    return new ScramVerifier(salt, iterations, {
      storedKey: randomBytes(KEY_BYTES),
      serverKey: randomBytes(KEY_BYTES),
    });
  }

  /** `{SCRAM-SHA-256}iterations,salt,storedKey,serverKey`: to be kept, not to be shown. */
  toText(): string {
    const { storedKey, serverKey } = this.#keys;
    return `{SCRAM-SHA-256}${this.iterations},${[this.salt, storedKey, serverKey].map(toBase64).join(",")}`;
  }

  async check(credentials: PasswordCredentials): Promise<boolean> {
    if (credentials instanceof ScramProof) return credentials.checkVerifier(this);
    if (!(credentials instanceof UsernamePassword)) return false;
    const salted = await saltPassword(credentials.password, this.salt, this.iterations);
    return isSame(this.#keys.storedKey, storedKey(clientKey(salted)));
  }

  /** Whether a proof over `authMessage` was made by who knows the password. */
  isProof(authMessage: string, proof: Uint8Array): boolean {
    if (proof.length !== KEY_BYTES) return false;
    const key = mask(proof, sign(this.#keys.storedKey, authMessage));
    return isSame(this.#keys.storedKey, storedKey(key));
  }

  /** What proves to the client that we know its password too. Only for who has proven to know it. */
  sign(authMessage: string): Uint8Array {
    return sign(this.#keys.serverKey, authMessage);
  }
}
