// Users with passwords, wherever they are kept.

import type { AvatarId, ScramChecker } from "./checkers.js";
import { randomBytes, textOf } from "./bytes.js";
import type { CredentialKind, PasswordCredentials } from "./credentials.js";
import { UnauthorizedLogin } from "./errors.js";
import { ITERATIONS } from "./scram.js";
import { ScramVerifier } from "./scram-verifier.js";
import { ScryptHash } from "./scrypt-hash.js";
import { Md5Digest, PlainPassword } from "./stored-password.js";
import type { StoredPassword } from "./stored-password.js";

/** A way to keep a password. */
export type StoredForm = "plain" | "md5" | "scram-sha-256" | "scrypt";

/** What is kept for one user: in one form or in several, for peers that log in in different ways. */
export type Stored = StoredPassword | readonly StoredPassword[];

const kindsOfForm: Readonly<Record<StoredForm, readonly CredentialKind[]>> = {
  plain: PlainPassword.kinds,
  md5: Md5Digest.kinds,
  "scram-sha-256": ScramVerifier.kinds,
  scrypt: ScryptHash.kinds,
};

const parsers = [Md5Digest, ScramVerifier, ScryptHash];

/**
 * Reads what `toText()` of {@link Md5Digest}, {@link ScramVerifier} or {@link ScryptHash} wrote; several stand side by side with spaces between
 * them. What cannot be read is left out.
 */
export function parseStoredPasswords(text: string): StoredPassword[] {
  const words = text.split(" ").filter((word) => word !== "");
  return words.flatMap((word): StoredPassword[] => {
    const stored = parsers.map((form) => form.parse(word)).find((found) => found !== undefined);
    return stored === undefined ? [] : [stored];
  });
}

export interface DecoyOptions {
  /**
   * What the salts of users that do not exist are made from. Default: random bytes. Keep it with the users when there are verifiers: otherwise who
   * asks for a name's salt before and after a restart can tell whether the name exists.
   */
  readonly secret?: Uint8Array | undefined;
  /** Iterations of the verifiers that are kept, so that users that do not exist have as many. Default 600,000. */
  readonly iterations?: number | undefined;
}

export interface PasswordCheckerOptions extends DecoyOptions {
  /** What is kept for a user, or undefined when there is none. */
  readonly find: (username: string) => Stored | undefined | Promise<Stored | undefined>;
  /** The forms in which passwords are kept. They decide which logins are possible. */
  readonly stores: readonly StoredForm[];
  /** Brings a name to the spelling that `find` and the realm get. Default: as it came. */
  readonly canonical?: ((username: string) => string) | undefined;
}

/**
 * Checks passwords against what is kept of them, in a database for example. A name that nobody has takes the same work and gives the same error
 * as a wrong password.
 */
export class PasswordChecker implements ScramChecker {
  readonly kinds: readonly CredentialKind[];
  readonly #find: PasswordCheckerOptions["find"];
  readonly #canonical: (username: string) => string;
  readonly #decoys: Decoys;

  constructor({ find, stores, canonical = (username) => username, ...options }: PasswordCheckerOptions) {
    this.kinds = [...new Set(stores.flatMap((form) => kindsOfForm[form]))];
    this.#find = find;
    this.#canonical = canonical;
    this.#decoys = new Decoys(stores, options);
  }

  async requestAvatarId(credentials: PasswordCredentials): Promise<AvatarId> {
    const username = this.#canonical(textOf(credentials.username) ?? "");
    const stored = await this.#storedFor(username, credentials.kinds);
    const isGood = await (stored ?? this.#decoys.for(username, credentials.kinds)).check(credentials);
    if (stored === undefined || !isGood) throw new UnauthorizedLogin();
    return username;
  }

  async scramVerifier(name: string): Promise<ScramVerifier> {
    const username = this.#canonical(name);
    const stored = await this.#storedFor(username, ["IScramSha256"]);
    return stored instanceof ScramVerifier ? stored : this.#decoys.verifier(username);
  }

  /** What is kept for a user that can judge credentials of these kinds. */
  async #storedFor(username: string, kinds: readonly CredentialKind[]): Promise<StoredPassword | undefined> {
    const found = await this.#find(username);
    const all = found === undefined ? [] : [found].flat();
    return all.find((stored: StoredPassword) => judges(stored, kinds));
  }
}

/** What stands in for users that do not exist. */
class Decoys {
  readonly #all: readonly StoredPassword[];
  readonly #secret: Uint8Array;
  readonly #iterations: number;

  constructor(stores: readonly StoredForm[], { secret = randomBytes(32), iterations = ITERATIONS }: DecoyOptions) {
    this.#secret = secret;
    this.#iterations = iterations;
    this.#all = stores.flatMap((form) => this.#decoy(form));
  }

  for(username: string, kinds: readonly CredentialKind[]): StoredPassword {
    return this.#all.find((stored) => judges(stored, kinds)) ?? this.verifier(username);
  }

  verifier(username: string): ScramVerifier {
    return ScramVerifier.decoy(username, this.#secret, this.#iterations);
  }

  #decoy(form: StoredForm): StoredPassword {
    switch (form) {
      case "plain":
        return new PlainPassword(randomBytes(16));
      case "md5":
        return new Md5Digest(randomBytes(16));
      case "scram-sha-256":
        return this.verifier("");
      case "scrypt":
        return ScryptHash.decoy();
    }
  }
}

function judges(stored: StoredPassword, kinds: readonly CredentialKind[]): boolean {
  return stored.kinds.some((kind) => kinds.includes(kind));
}
