// Users and passwords in memory (`twisted.cred.checkers.InMemoryUsernamePasswordDatabaseDontUse`): for tests, examples and small tools.

import type { AvatarId, ScramChecker } from "./checkers.js";
import { PasswordChecker } from "./password-checker.js";
import type { DecoyOptions, Stored } from "./password-checker.js";
import type { CredentialKind, PasswordCredentials } from "./credentials.js";
import { ScramVerifier } from "./scram-verifier.js";
import { Md5Digest } from "./stored-password.js";
import type { StoredPassword } from "./stored-password.js";

/** A user of whom the password was given: the verifier is made when the first login needs it, and the password is then forgotten. */
interface Given {
  password: string | Uint8Array | undefined;
  readonly digest: Md5Digest;
  verifier: ScramVerifier | undefined;
}

/** Takes every login. Users have a password, or what is kept of one: `{ alice: "secret", bob: ScramVerifier.parse(…) }`. */
export class InMemoryUsernamePasswordChecker implements ScramChecker {
  readonly kinds: readonly CredentialKind[];
  readonly #users = new Map<string, Given | { readonly stored: readonly StoredPassword[] }>();
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

  /** Everybody waits until all verifiers are made, so that the time does not tell who exists. */
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
