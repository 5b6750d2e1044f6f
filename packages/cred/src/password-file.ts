// Users and passwords in a text file, in the formats of Twisted (`twisted.cred.checkers.FilePasswordDB`).

import { bytesOf, isSame, textOf } from "./bytes.js";
import type { AvatarId, ScramChecker } from "./checkers.js";
import { UsernamePassword } from "./credentials.js";
import type { CredentialKind, PasswordCredentials } from "./credentials.js";
import { UnauthorizedLogin } from "./errors.js";
import { parseStoredPasswords, PasswordChecker } from "./password-checker.js";
import type { DecoyOptions, Stored, StoredForm } from "./password-checker.js";
import { PlainPassword } from "./stored-password.js";
import type { ScramVerifier } from "./scram-verifier.js";

/**
 * Where the file is. This package runs anywhere, so the program says how to read it. With Node:
 *
 * ```ts
 * const file = { read: () => readFile(path), version: async () => (await stat(path)).mtimeMs };
 * ```
 */
export interface FileSource {
  read(): Uint8Array | string | Promise<Uint8Array | string>;
  /** Something that changes when the file does. With it, the file is read again only then; without it, for each login. */
  version?(): unknown;
}

/** Turns a password into what the file has for it. `stored` is what the file has, for its salt. */
export type HashFunction = (
  username: string,
  password: string | Uint8Array,
  stored: Uint8Array,
) => string | Uint8Array | Promise<string | Uint8Array>;

export interface FilePasswordOptions extends DecoyOptions {
  /** What stands between the fields of a line. Default `:`. */
  readonly delim?: string | undefined;
  /** Which field is the user name, counted from 0. Default 0. */
  readonly usernameField?: number | undefined;
  /** Which field is the password. Default 1. */
  readonly passwordField?: number | undefined;
  /** Default true. Otherwise names are compared, and given to the realm, in ASCII lower case. */
  readonly caseSensitive?: boolean | undefined;
  /**
   * What the password field has. Default `["plain"]`, the password itself: for PB's own login. Otherwise the field has what `parseStoredPasswords`
   * reads, in these forms.
   */
  readonly stores?: readonly StoredForm[] | undefined;
  /** The password field has what this function makes of the password. Then only a password in the open can be checked, so no login of PB. */
  readonly hash?: HashFunction | undefined;
}

type Users = ReadonlyMap<string, Uint8Array>;

/** Of several lines for one user, the first one counts. Lines with too few fields are skipped. */
export class FilePasswordDB implements ScramChecker {
  readonly kinds: readonly CredentialKind[];
  readonly #source: FileSource;
  readonly #options: FilePasswordOptions;
  readonly #checker: PasswordChecker;
  #cached: { readonly version: unknown; readonly users: Promise<Users> } | undefined;

  constructor(source: FileSource, options: FilePasswordOptions = {}) {
    const { stores = ["plain"], hash, delim = ":" } = options;
    if (delim === "") throw new TypeError("The delimiter of a password file is not empty");
    if (stores.includes("plain") && stores.length > 1) {
      throw new TypeError("A password file has passwords as they are, or what is kept of them, not both");
    }
    if (hash !== undefined && options.stores !== undefined) {
      throw new TypeError("A password file has a hash function, or forms in which passwords are stored, not both");
    }
    this.#source = source;
    this.#options = options;
    this.#checker = new PasswordChecker({
      ...options,
      stores,
      find: (username) => this.#find(username),
      canonical: (username) => this.#canonical(username),
    });
    this.kinds = hash === undefined ? this.#checker.kinds : ["IUsernamePassword"];
  }

  async requestAvatarId(credentials: PasswordCredentials): Promise<AvatarId> {
    const { hash } = this.#options;
    if (hash !== undefined) return this.#checkHash(hash, credentials);
    return this.#checker.requestAvatarId(credentials);
  }

  scramVerifier(username: string): Promise<ScramVerifier> {
    return this.#checker.scramVerifier(username);
  }

  async #find(username: string): Promise<Stored | undefined> {
    const field = (await this.#users()).get(username);
    if (field === undefined) return undefined;
    const isPlain = this.#options.stores === undefined || this.#options.stores.includes("plain");
    return isPlain ? new PlainPassword(field) : parseStoredPasswords(textOf(field) ?? "");
  }

  async #checkHash(hash: HashFunction, credentials: PasswordCredentials): Promise<AvatarId> {
    if (!(credentials instanceof UsernamePassword)) throw new UnauthorizedLogin();
    const username = this.#canonical(textOf(credentials.username) ?? "");
    const users = await this.#users();
    const stored = users.get(username);
    // The same work for a name that nobody has: somebody else's line will do.
    const [anybody = new Uint8Array()] = users.values();
    const hashed = bytesOf(await hash(username, credentials.password, stored ?? anybody));
    if (!isSame(stored ?? anybody, hashed) || stored === undefined) throw new UnauthorizedLogin();
    return username;
  }

  async #users(): Promise<Users> {
    if (this.#source.version === undefined) return this.#read();
    // Asked before the file is read: if it changes in between, the next login sees that.
    const version = await this.#source.version();
    if (this.#cached?.version !== version) this.#cached = { version, users: this.#read() };
    const { users } = this.#cached!;
    users.catch(() => (this.#cached = undefined)); // tried again at the next login
    return users;
  }

  async #read(): Promise<Users> {
    const { delim = ":", usernameField = 0, passwordField = 1 } = this.#options;
    const users = new Map<string, Uint8Array>();
    for (const line of split(bytesOf(await this.#source.read()), bytesOf("\n"))) {
      const fields = split(withoutSpaceAtEnd(line), bytesOf(delim));
      const username = textOf(fields[usernameField]);
      const password = fields[passwordField];
      if (username === undefined || password === undefined) continue;
      const name = this.#canonical(username);
      if (!users.has(name)) users.set(name, password);
    }
    return users;
  }

  #canonical(username: string): string {
    if (this.#options.caseSensitive !== false) return username;
    return username.replace(/[A-Z]/g, (letter) => letter.toLowerCase());
  }
}

/** As Python's `split` on bytes. Copies, so that a caller cannot change them. */
function split(bytes: Uint8Array, delimiter: Uint8Array): Uint8Array[] {
  const parts: Uint8Array[] = [];
  let start = 0;
  for (let index = 0; index + delimiter.length <= bytes.length;) {
    if (delimiter.every((byte, offset) => bytes[index + offset] === byte)) {
      parts.push(bytes.slice(start, index));
      start = index += delimiter.length;
    } else {
      index++;
    }
  }
  parts.push(bytes.slice(start));
  return parts;
}

/** As Python's `rstrip` on bytes. */
function withoutSpaceAtEnd(line: Uint8Array): Uint8Array {
  let end = line.length;
  while (end > 0 && [0x20, 0x09, 0x0a, 0x0b, 0x0c, 0x0d].includes(line[end - 1]!)) end--;
  return line.subarray(0, end);
}
