// Keeps users and passwords in memory, for tests, examples and small tools
// (`twisted.cred.checkers.InMemoryUsernamePasswordDatabaseDontUse`).

import { madeBy } from "@pb/banana";
import type { PackageCopy } from "@pb/banana";
import { checkOptions } from "@pb/jelly-types";
import type { CredentialKind, PasswordCredentials } from "../credentials/credentials.js";
import { ScramVerifier } from "../passwords/scram-verifier.js";
import type { Stored } from "../passwords/stored-forms.js";
import { Md5Digest } from "../passwords/stored-password.js";
import type { StoredPassword } from "../passwords/stored-password.js";
import type { AvatarId } from "../realm.js";
import type { ScramChecker } from "./checker.js";
import { decoyOptionKinds } from "./decoys.js";
import type { DecoyOptions } from "./decoys.js";
import { PasswordChecker } from "./password-checker.js";
import { thisCopy } from "../this-copy.js";

/** A user that was added with a plaintext password. The verifier is undefined until it has been derived. */
interface PlaintextUser {
  readonly digest: Md5Digest;
  verifier: ScramVerifier | undefined;
}

/**
 * A checker for every login with a password. The value for a user is the password or its stored forms: `{ alice:
 * "secret", bob: ScramVerifier.parse(…) }`.
 *
 * For a password in plain text, the checker derives the SCRAM verifier when the user is added, one user after another:
 * 0.2 s each of a thread in the background, with the default number of iterations. SCRAM logins wait until all are
 * derived, whatever their name, so that the time reveals nothing. Add many users with stored verifiers.
 */
export class InMemoryUsernamePasswordChecker implements ScramChecker {
  readonly kinds: readonly CredentialKind[];
  readonly #users = new Map<string, PlaintextUser | { readonly stored: readonly StoredPassword[] }>();
  readonly #checker: PasswordChecker;
  readonly #iterations: number | undefined;
  #derived: Promise<void> = Promise.resolve();

  constructor(users: Readonly<Record<string, string | Uint8Array | Stored>> = {}, options: DecoyOptions = {}) {
    checkOptions(options, decoyOptionKinds);
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
      const user = { digest: Md5Digest.of(password), verifier: undefined };
      this.#users.set(username, user);
      this.#derived = this.#derived.then(() => this.#derive(username, user, password));
      this.#derived.catch(() => undefined); // the next SCRAM login reports it
    } else {
      this.#users.set(username, { stored: [password].flat() });
    }
  }

  requestAvatarId(credentials: PasswordCredentials): Promise<AvatarId> {
    return this.#checker.requestAvatarId(credentials);
  }

  /** Changes when the user is added again. */
  fingerprint(avatarId: string): unknown {
    return this.#users.get(avatarId);
  }

  async scramVerifier(username: string): Promise<ScramVerifier> {
    await this.#derived;
    return this.#checker.scramVerifier(username);
  }

  #find(username: string): Stored | undefined {
    const user = this.#users.get(username);
    if (user === undefined || "stored" in user) return user?.stored;
    return user.verifier === undefined ? user.digest : [user.digest, user.verifier];
  }

  async #derive(username: string, user: PlaintextUser, password: string | Uint8Array): Promise<void> {
    if (this.#users.get(username) !== user) return; // replaced in the meantime
    user.verifier = await ScramVerifier.of(password, { iterations: this.#iterations });
  }

  /** @internal */
  get [madeBy](): PackageCopy {
    return thisCopy;
  }
}
