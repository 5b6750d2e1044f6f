// Keeps users and passwords in memory, for tests, examples and small tools
// (`twisted.cred.checkers.InMemoryUsernamePasswordDatabaseDontUse`).

import type { CredentialKind, PasswordCredentials } from "../credentials/credentials.js";
import { ScramVerifier } from "../passwords/scram-verifier.js";
import type { Stored } from "../passwords/stored-forms.js";
import { Md5Digest } from "../passwords/stored-password.js";
import type { StoredPassword } from "../passwords/stored-password.js";
import type { AvatarId } from "../realm.js";
import type { ScramChecker } from "./checker.js";
import type { DecoyOptions } from "./decoys.js";
import { PasswordChecker } from "./password-checker.js";

/**
 * A user that was added with a plaintext password, which is deleted when the first SCRAM login has derived the verifier
 * from it.
 */
interface PlaintextUser {
  password: string | Uint8Array | undefined;
  readonly digest: Md5Digest;
  verifier: ScramVerifier | undefined;
}

/**
 * A checker for every login with a password. The value for a user is the password or its stored forms: `{ alice:
 * "secret", bob: ScramVerifier.parse(…) }`.
 */
export class InMemoryUsernamePasswordChecker implements ScramChecker {
  readonly kinds: readonly CredentialKind[];
  readonly #users = new Map<string, PlaintextUser | { readonly stored: readonly StoredPassword[] }>();
  readonly #checker: PasswordChecker;
  readonly #iterations: number | undefined;
  #deriving: Promise<void> | undefined;

  constructor(users: Readonly<Record<string, string | Uint8Array | Stored>> = {}, options: DecoyOptions = {}) {
    this.#iterations = options.iterations;
    this.#checker = new PasswordChecker({
      ...options,
      stores: ["md5", "scram-sha-256"],
      find: (username) => this.#find(username),
    });
    this.kinds = this.#checker.kinds;
    for (const [username, password] of Object.entries(users)) this.addUser(username, password);
  }

  /** Adds a user, or replaces its password. */
  addUser(username: string, password: string | Uint8Array | Stored): void {
    if (typeof password === "string" || password instanceof Uint8Array) {
      this.#users.set(username, { password, digest: Md5Digest.of(password), verifier: undefined });
      this.#deriving = undefined;
    } else {
      this.#users.set(username, { stored: [password].flat() });
    }
  }

  requestAvatarId(credentials: PasswordCredentials): Promise<AvatarId> {
    return this.#checker.requestAvatarId(credentials);
  }

  /**
   * Waits until the verifiers of all users are derived, also for a name that does not exist, so that the time reveals
   * nothing.
   */
  async scramVerifier(username: string): Promise<ScramVerifier> {
    await (this.#deriving ??= this.#derive());
    return this.#checker.scramVerifier(username);
  }

  #find(username: string): Stored | undefined {
    const user = this.#users.get(username);
    if (user === undefined || "stored" in user) return user?.stored;
    return user.verifier === undefined ? user.digest : [user.digest, user.verifier];
  }

  async #derive(): Promise<void> {
    for (const user of this.#users.values()) {
      if ("stored" in user || user.password === undefined) continue;
      user.verifier = await ScramVerifier.of(user.password, { iterations: this.#iterations });
      user.password = undefined;
    }
  }
}
