// Checks passwords against stored passwords that a function of the application finds, in a database for example.

import { madeBy, requireOwnCopy } from "@pb/banana";
import type { PackageCopy } from "@pb/banana";
import { checkOptions } from "@pb/jelly-types";
import type { OptionKinds } from "@pb/jelly-types";
import { textOf } from "../bytes.js";
import type { CredentialKind, PasswordCredentials } from "../credentials/credentials.js";
import { UnauthorizedLogin } from "../errors.js";
import { ScramVerifier } from "../passwords/scram-verifier.js";
import { canCheck, kindsOfForm } from "../passwords/stored-forms.js";
import type { Stored, StoredForm } from "../passwords/stored-forms.js";
import type { StoredPassword } from "../passwords/stored-password.js";
import type { AvatarId } from "../realm.js";
import type { ScramChecker } from "./checker.js";
import { decoyOptionKinds, Decoys } from "./decoys.js";
import type { DecoyOptions } from "./decoys.js";
import { thisCopy } from "../this-copy.js";

export interface PasswordCheckerOptions extends DecoyOptions {
  /** Returns what is stored for a user, or undefined when there is no such user. */
  readonly find: (username: string) => Stored | undefined | Promise<Stored | undefined>;
  /** The forms in which passwords are stored. They determine which logins are possible. */
  readonly stores: readonly StoredForm[];
  /**
   * Converts a name to the spelling that is passed to `find` and to the realm. Default: the name as the client sent it.
   */
  readonly canonical?: ((username: string) => string) | undefined;
}

const optionKinds: OptionKinds<PasswordCheckerOptions> = {
  ...decoyOptionKinds,
  find: "function",
  stores: "list",
  canonical: "function",
};

/**
 * Checks passwords against stored ones. An unknown name takes the same work, and gives the same error, as a wrong
 * password.
 */
export class PasswordChecker implements ScramChecker {
  readonly kinds: readonly CredentialKind[];
  readonly #find: PasswordCheckerOptions["find"];
  readonly #canonical: (username: string) => string;
  readonly #decoys: Decoys;

  constructor(options: PasswordCheckerOptions) {
    checkOptions(options, optionKinds);
    const { find, stores, canonical = (username: string) => username, ...decoys } = options;
    this.kinds = [...new Set(stores.flatMap((form) => kindsOfForm[form]))];
    this.#find = find;
    this.#canonical = canonical;
    this.#decoys = new Decoys(stores, decoys);
  }

  async requestAvatarId(credentials: PasswordCredentials): Promise<AvatarId> {
    const username = this.canonical(textOf(credentials.username) ?? "");
    const stored = await this.#storedFor(username, credentials.kinds);
    const isCorrect = await (stored ?? this.#decoys.for(username, credentials.kinds)).check(credentials);
    if (stored === undefined || !isCorrect) throw new UnauthorizedLogin();
    return username;
  }

  async scramVerifier(name: string): Promise<ScramVerifier> {
    const username = this.canonical(name);
    const decoy = this.#decoys.verifier(username); // made for every name, so that the time does not reveal which exist
    const stored = await this.#storedFor(username, ["IScramSha256"]);
    return stored instanceof ScramVerifier ? stored : decoy;
  }

  canonical(username: string): string {
    return this.#canonical(username);
  }

  /** The first stored form of a user that can check credentials of one of these kinds. */
  async #storedFor(username: string, kinds: readonly CredentialKind[]): Promise<StoredPassword | undefined> {
    const found = await this.#find(username);
    const all = found === undefined ? [] : [found].flat();
    for (const stored of all) requireOwnCopy(stored, ScramVerifier);
    return all.find((stored: StoredPassword) => canCheck(stored, kinds));
  }

  /** @internal */
  get [madeBy](): PackageCopy {
    return thisCopy;
  }
}
