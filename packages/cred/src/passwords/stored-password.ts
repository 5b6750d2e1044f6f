// Forms in which a server stores a password: the interface of all of them, the plaintext and the MD5 digest.

import { madeBy } from "@pb/banana";
import type { PackageCopy } from "@pb/banana";
import { bytesOf, fromBase64, timingSafeEqual, toBase64 } from "../bytes.js";
import { digestOf } from "../credentials/challenge.js";
import { ChallengedPassword, UsernamePassword } from "../credentials/credentials.js";
import type { CredentialKind, PasswordCredentials } from "../credentials/credentials.js";
import { thisCopy } from "../this-copy.js";

/** A stored form of a password, which can check credentials. */
export interface StoredPassword {
  /** The kinds of credentials that it can check. */
  readonly kinds: readonly CredentialKind[];
  /** Whether the credentials match the password. Returns false for other kinds of credentials. */
  check(credentials: PasswordCredentials): boolean | Promise<boolean>;
}

/** The plaintext of a password. A thief of it has the password. */
export class PlainPassword implements StoredPassword {
  static readonly kinds: readonly CredentialKind[] = [
    "IUsernamePassword",
    "IUsernameHashedPassword",
    "IUsernameMD5Password",
  ];
  readonly kinds: readonly CredentialKind[] = PlainPassword.kinds;
  readonly #password: Uint8Array;

  constructor(password: string | Uint8Array) {
    this.#password = bytesOf(password);
  }

  check(credentials: PasswordCredentials): boolean {
    return "checkPassword" in credentials && credentials.checkPassword(this.#password);
  }

  /** @internal */
  get [madeBy](): PackageCopy {
    return thisCopy;
  }
}

/**
 * The MD5 digest of a password: the least that PB's own login needs. It does not contain the password, which people use
 * elsewhere too. But a thief of it can log in, and can find a weak password from it quickly.
 */
export class Md5Digest implements StoredPassword {
  static readonly kinds: readonly CredentialKind[] = ["IUsernamePassword", "IUsernameMD5Password"];
  readonly kinds: readonly CredentialKind[] = Md5Digest.kinds;
  readonly #digest: Uint8Array;

  /** Throws a TypeError when the digest does not have 16 bytes. */
  constructor(digest: Uint8Array) {
    if (digest.length !== 16) throw new TypeError("An MD5 digest must have 16 bytes");
    this.#digest = digest;
  }

  /** Computes the digest of a password. */
  static of(password: string | Uint8Array): Md5Digest {
    return new Md5Digest(digestOf(password));
  }

  /**
   * Reads `{MD5}` and base64, as in LDAP directories (RFC 2307), or 32 hexadecimal digits. Returns undefined for any
   * other text.
   */
  static parse(text: string): Md5Digest | undefined {
    if (/^[0-9a-fA-F]{32}$/.test(text)) {
      return new Md5Digest(Uint8Array.from(text.match(/../g)!, (pair) => Number.parseInt(pair, 16)));
    }
    const digest = text.startsWith("{MD5}") ? fromBase64(text.slice(5)) : undefined;
    return digest?.length === 16 ? new Md5Digest(digest) : undefined;
  }

  /** `{MD5}` and base64, for storing. Keep it secret. */
  toText(): string {
    return `{MD5}${toBase64(this.#digest)}`;
  }

  check(credentials: PasswordCredentials): boolean {
    if (credentials instanceof ChallengedPassword) return credentials.checkMD5Password(this.#digest);
    return credentials instanceof UsernamePassword && timingSafeEqual(this.#digest, digestOf(credentials.password));
  }

  /** @internal */
  get [madeBy](): PackageCopy {
    return thisCopy;
  }
}
