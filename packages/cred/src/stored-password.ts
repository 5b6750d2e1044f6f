// What may be kept of a password: itself, or its MD5 digest. Verifiers that say less stand in files of their own.

import { bytesOf, fromBase64, isSame, toBase64 } from "./bytes.js";
import { digestOf } from "./challenge.js";
import { ChallengedPassword, UsernamePassword } from "./credentials.js";
import type { CredentialKind, PasswordCredentials } from "./credentials.js";

/** Judges credentials by what was kept. */
export interface StoredPassword {
  /** The kinds of credentials it can judge. */
  readonly kinds: readonly CredentialKind[];
  check(credentials: PasswordCredentials): boolean | Promise<boolean>;
}

/** The password itself. Whoever reads it has it. */
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
}

/**
 * The MD5 digest of a password: as little as PB's own login can do with. It is not the password, which people use elsewhere too; but whoever
 * reads it can log in with it, and can find weak passwords from it quickly.
 */
export class Md5Digest implements StoredPassword {
  static readonly kinds: readonly CredentialKind[] = ["IUsernamePassword", "IUsernameMD5Password"];
  readonly kinds: readonly CredentialKind[] = Md5Digest.kinds;
  readonly #digest: Uint8Array;

  constructor(digest: Uint8Array) {
    if (digest.length !== 16) throw new TypeError("An MD5 digest has 16 bytes");
    this.#digest = digest;
  }

  static of(password: string | Uint8Array): Md5Digest {
    return new Md5Digest(digestOf(password));
  }

  /** Reads `{MD5}` and base64, as LDAP directories keep it (RFC 2307), or 32 hexadecimal digits. Undefined for anything else. */
  static parse(text: string): Md5Digest | undefined {
    if (/^[0-9a-fA-F]{32}$/.test(text)) {
      return new Md5Digest(Uint8Array.from(text.match(/../g)!, (pair) => Number.parseInt(pair, 16)));
    }
    const digest = text.startsWith("{MD5}") ? fromBase64(text.slice(5)) : undefined;
    return digest?.length === 16 ? new Md5Digest(digest) : undefined;
  }

  /** `{MD5}` and base64: to be kept, not to be shown. */
  toText(): string {
    return `{MD5}${toBase64(this.#digest)}`;
  }

  check(credentials: PasswordCredentials): boolean {
    if (credentials instanceof ChallengedPassword) return credentials.checkMD5Password(this.#digest);
    return credentials instanceof UsernamePassword && isSame(this.#digest, digestOf(credentials.password));
  }
}
