// Reads users and passwords from a text file in the formats of Twisted (`twisted.cred.checkers.FilePasswordDB`).

import { madeBy } from "@pb/banana";
import type { PackageCopy } from "@pb/banana";
import { checkOptions } from "@pb/jelly-types";
import type { OptionKinds } from "@pb/jelly-types";
import { Subscriptions, withDefaults } from "@pb/broker/extension";
import { bytesOf, textOf, timingSafeEqual } from "../bytes.js";
import { UsernamePassword } from "../credentials/credentials.js";
import type { CredentialKind, PasswordCredentials } from "../credentials/credentials.js";
import { UnauthorizedLogin } from "../errors.js";
import type { CheckerEvent } from "../events.js";
import type { ScramVerifier } from "../passwords/scram-verifier.js";
import { canCheck, kindsOfForm, parseStoredPasswords } from "../passwords/stored-forms.js";
import type { Stored, StoredForm } from "../passwords/stored-forms.js";
import { PlainPassword } from "../passwords/stored-password.js";
import type { AvatarId } from "../realm.js";
import type { ScramChecker } from "./checker.js";
import { decoyOptionKinds } from "./decoys.js";
import type { DecoyOptions } from "./decoys.js";
import { PasswordChecker } from "./password-checker.js";
import { thisCopy } from "../this-copy.js";

/**
 * Reads the file. The application provides it, because this package runs on every platform. In Node.js:
 *
 * ```ts
 * const file = { read: () => readFile(path), version: async () => (await stat(path)).mtimeMs };
 * ```
 */
export interface FileSource {
  /** Returns the contents of the file. */
  read(): Uint8Array | string | Promise<Uint8Array | string>;
  /**
   * Returns a value that changes when the file changes. The file is then read only when the value has changed. Without
   * this function, the file is read for a login when it was last read more than a second ago: a change has an effect
   * within a second.
   */
  version?(): unknown;
}

/** Hashes a password in the way of the file. `stored` is the hash from the file, which contains the salt. */
export type HashFunction = (
  username: string,
  password: string | Uint8Array,
  stored: Uint8Array,
) => string | Uint8Array | Promise<string | Uint8Array>;

export interface FilePasswordOptions extends DecoyOptions {
  /** The separator between the fields of a line. Default `:`. */
  readonly delim?: string | undefined;
  /** The index of the user name among the fields, from 0. Default 0. */
  readonly usernameField?: number | undefined;
  /** The index of the password. Default 1. */
  readonly passwordField?: number | undefined;
  /** Default true. If false, names are compared, and passed to the realm, in ASCII lower case. */
  readonly caseSensitive?: boolean | undefined;
  /**
   * The forms in which the file stores passwords. Default `["plain"]`: the field is the password itself, which PB's own
   * login needs. With other forms, the field is in the format of `parseStoredPasswords`.
   */
  readonly stores?: readonly StoredForm[] | undefined;
  /**
   * The function by which the passwords of the file were hashed. Only plaintext passwords can then be checked, which no
   * login of PB sends.
   */
  readonly hash?: HashFunction | undefined;
}

const optionKinds: OptionKinds<FilePasswordOptions> = {
  ...decoyOptionKinds,
  delim: "string",
  usernameField: "any",
  passwordField: "any",
  caseSensitive: "boolean",
  stores: "list",
  hash: "function",
};

/** Where a line has the name and the password. */
type Fields = {
  readonly [Name in "delim" | "usernameField" | "passwordField"]: Exclude<FilePasswordOptions[Name], undefined>;
};

/** Throws `TypeError` for a field that is not an integer of at least 0. */
function fieldsOf({ delim, usernameField, passwordField }: FilePasswordOptions): Fields {
  const field = { isWhole: true, most: Number.MAX_SAFE_INTEGER };
  const defaults: Fields = { delim: ":", usernameField: 0, passwordField: 1 };
  const accepted = { usernameField: field, passwordField: field };
  return withDefaults("option", defaults, { delim, usernameField, passwordField }, accepted);
}

type Users = ReadonlyMap<string, Uint8Array>;

/**
 * Milliseconds within which a file without a `version` is read at most once. Many logins at a time then cost little
 * more than one, and a change of the file takes effect within this time.
 */
const REREAD_MS = 1_000;

/**
 * Checks passwords against a file with one user per line. When several lines have the same name, the first one is used.
 * Lines with too few fields are skipped, and reported to `onEvent` of the portal.
 */
export class FilePasswordDB implements ScramChecker {
  readonly kinds: readonly CredentialKind[];
  readonly #source: FileSource;
  readonly #options: FilePasswordOptions;
  readonly #fields: Fields;
  readonly #checker: PasswordChecker;
  #cached: { readonly version: unknown; readonly users: Promise<Users> } | undefined;
  readonly #watchers = new Subscriptions<[event: CheckerEvent]>();
  /** The users of the last file that was parsed. A file that has not changed is not parsed again. */
  #parsed: { readonly contents: Uint8Array; readonly users: Users } | undefined;

  /** Throws a TypeError when `delim` is empty, or when two options describe the password field in different ways. */
  constructor(source: FileSource, options: FilePasswordOptions = {}) {
    checkOptions(options, optionKinds);
    const { stores = ["plain"], hash, secret, iterations } = options;
    this.#fields = fieldsOf(options);
    if (this.#fields.delim === "") throw new TypeError("delim must not be empty");
    if (stores.includes("plain") && stores.length > 1) {
      throw new TypeError("stores must not combine plain with other forms");
    }
    if (hash !== undefined && options.stores !== undefined) {
      throw new TypeError("hash and stores must not be used together");
    }
    this.#source = source;
    this.#options = options;
    this.#checker = new PasswordChecker({
      secret,
      iterations,
      stores,
      find: (username) => this.#find(username),
      canonical: (username) => this.canonical(username),
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

  /** The password field of the user, as text. */
  async fingerprint(avatarId: string): Promise<unknown> {
    const field = (await this.#users()).get(avatarId);
    return field?.reduce((text, byte) => text + String.fromCharCode(byte), "");
  }

  /** Reports the lines of the file that cannot be used, each time that it has changed. */
  watch(report: (event: CheckerEvent) => void): Disposable {
    return this.#watchers.add(report);
  }

  async #find(username: string): Promise<Stored | undefined> {
    const users = await this.#users();
    const field = users.get(username);
    const isPlain = this.#options.stores === undefined || this.#options.stores.includes("plain");
    // An unknown name takes the same work: the field of another user stands in for its own.
    const read = field ?? firstOf(users);
    const stored = isPlain ? new PlainPassword(read) : parseStoredPasswords(textOf(read) ?? "");
    return field === undefined ? undefined : stored;
  }

  async #checkHash(hash: HashFunction, credentials: PasswordCredentials): Promise<AvatarId> {
    if (!(credentials instanceof UsernamePassword)) throw new UnauthorizedLogin();
    const username = this.canonical(textOf(credentials.username) ?? "");
    const users = await this.#users();
    const stored = users.get(username);
    // An unknown name takes the same work: the hash of another user stands in for its own.
    const read = stored ?? firstOf(users);
    const hashed = bytesOf(await hash(username, credentials.password, read.slice()));
    if (!timingSafeEqual(read, hashed) || stored === undefined) throw new UnauthorizedLogin();
    return username;
  }

  async #users(): Promise<Users> {
    // The version is read before the file, so that a change in between is noticed at the next login.
    const version = await this.#version();
    if (this.#cached?.version !== version) this.#cached = { version, users: this.#read() };
    const { users } = this.#cached!;
    users.catch(() => (this.#cached = undefined)); // the next login reads the file again
    return users;
  }

  #version(): unknown {
    return this.#source.version === undefined ? Math.floor(performance.now() / REREAD_MS) : this.#source.version();
  }

  async #read(): Promise<Users> {
    const contents = bytesOf(await this.#source.read());
    if (this.#parsed === undefined || !areEqual(this.#parsed.contents, contents)) {
      // A copy: the caller may reuse its bytes.
      const copy = contents.slice();
      this.#parsed = { contents: copy, users: this.#parse(copy) };
    }
    return this.#parsed.users;
  }

  #parse(contents: Uint8Array): Users {
    const { delim, usernameField, passwordField } = this.#fields;
    const users = new Map<string, Uint8Array>();
    const problems = new LineProblems();
    for (const [index, bytes] of split(contents, bytesOf("\n")).entries()) {
      const line = trimEnd(bytes);
      const fields = split(line, bytesOf(delim));
      const username = textOf(fields[usernameField]);
      const password = fields[passwordField];
      const problem = this.#problemOf(line, username, password, users);
      if (problem !== undefined) problems.add(index + 1, problem);
      if (username === undefined || password === undefined) continue;
      const name = this.canonical(username);
      if (!users.has(name)) users.set(name, password);
    }
    const event = problems.event();
    if (event !== undefined) for (const report of this.#watchers) report(event);
    return users;
  }

  /** Why a line cannot be used. Undefined for a good one, and for an empty one. */
  #problemOf(
    line: Uint8Array,
    username: string | undefined,
    password: Uint8Array | undefined,
    users: Users,
  ): string | undefined {
    if (line.length === 0) return undefined;
    if (password === undefined) return "has too few fields";
    if (username === undefined) return "has too few fields, or a name that is not UTF-8";
    if (users.has(this.canonical(username))) return "has the name of an earlier line";
    const { stores = ["plain"], hash } = this.#options;
    if (hash !== undefined || stores.includes("plain") || isInForm(password, stores)) return undefined;
    return `has a password in none of the forms ${stores.join(", ")}`;
  }

  canonical(username: string): string {
    if (this.#options.caseSensitive !== false) return username;
    return username.replace(/[A-Z]/g, (letter) => letter.toLowerCase());
  }

  /** @internal */
  get [madeBy](): PackageCopy {
    return thisCopy;
  }
}

/** Whether a field can be read as a stored password of one of these forms. */
function isInForm(field: Uint8Array, stores: readonly StoredForm[]): boolean {
  const kinds = stores.flatMap((form) => kindsOfForm[form]);
  return parseStoredPasswords(textOf(field) ?? "").some((stored) => canCheck(stored, kinds));
}

/** How many lines an event names. */
const MOST_LINES = 20;

/** Collects the lines that cannot be used. */
class LineProblems {
  readonly #lines: { readonly line: number; readonly problem: string }[] = [];
  #omitted = 0;

  add(line: number, problem: string): void {
    if (this.#lines.length < MOST_LINES) this.#lines.push({ line, problem });
    else this.#omitted++;
  }

  event(): CheckerEvent | undefined {
    if (this.#lines.length === 0) return undefined;
    return { kind: "password-file", lines: this.#lines, omitted: this.#omitted };
  }
}

/** The password field of some user, or no bytes when there are no users. */
function firstOf(users: Users): Uint8Array {
  const [first = new Uint8Array()] = users.values();
  return first;
}

/** Whether two byte strings are equal. For secrets, use `timingSafeEqual`. */
function areEqual(one: Uint8Array, other: Uint8Array): boolean {
  return one.length === other.length && startsAt(one, 0, other);
}

/** Splits bytes at a delimiter, like Python's `split`. The parts are views. */
function split(bytes: Uint8Array, delimiter: Uint8Array): Uint8Array[] {
  const parts: Uint8Array[] = [];
  let start = 0;
  for (let index = 0; (index = bytes.indexOf(delimiter[0]!, index)) !== -1;) {
    if (startsAt(bytes, index, delimiter)) {
      parts.push(bytes.subarray(start, index));
      start = index += delimiter.length;
    } else {
      index++;
    }
  }
  parts.push(bytes.subarray(start));
  return parts;
}

/** Whether `part` is in `bytes` at `index`. */
function startsAt(bytes: Uint8Array, index: number, part: Uint8Array): boolean {
  for (let offset = 0; offset < part.length; offset++) if (bytes[index + offset] !== part[offset]) return false;
  return true;
}

/** Removes white space at the end, like Python's `rstrip`. */
function trimEnd(line: Uint8Array): Uint8Array {
  let end = line.length;
  while (end > 0 && [0x20, 0x09, 0x0a, 0x0b, 0x0c, 0x0d].includes(line[end - 1]!)) end--;
  return line.subarray(0, end);
}
