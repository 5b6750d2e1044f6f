// `pb passwd`: users and passwords in the files of `FilePasswordDB`.

import { Md5Digest, parseStoredPasswords, ScramVerifier, ScryptHash, UsernamePassword } from "@pb/cred";
import type { StoredForm } from "@pb/cred";
import { printable } from "@pb/jelly-types";
import { addAbortSignal } from "node:stream";
import { text } from "node:stream/consumers";
import { CliError, exitStatus, usageError } from "../errors.js";
import { escaped } from "../escape.js";
import type { CliIo } from "../io.js";
import { prompt } from "../login.js";
import { PasswordLines, storedIn } from "./password-lines.js";
import { fileError, readPasswords, replaceFile } from "./replace-file.js";

export interface PasswdFlags {
  readonly form?: readonly StoredForm[];
  readonly create?: boolean;
  readonly check?: boolean;
  readonly remove?: boolean;
  readonly json?: boolean;
}

/** Stored forms of a password, as text. */
const writers: Readonly<Record<StoredForm, (password: string) => Promise<string> | string>> = {
  plain: (password) => password,
  md5: (password) => Md5Digest.of(password).toText(),
  "scram-sha-256": async (password) => (await ScramVerifier.of(password)).toText(),
  scrypt: async (password) => (await ScryptHash.of(password)).toText(),
};

export async function passwd(file: string, user: string | undefined, flags: PasswdFlags, io: CliIo): Promise<number> {
  checkFlags(user, flags);
  if (user === undefined) return list(file, flags, io);
  if (flags.remove === true) return remove(file, user, flags, io);
  return flags.check === true ? check(file, user, flags, io) : set(file, user, flags, io);
}

function checkFlags(user: string | undefined, flags: PasswdFlags): void {
  const { form = [], create, check: checks, remove: removes } = flags;
  if (user === undefined && (form.length > 0 || (create ?? checks ?? removes) !== undefined))
    throw usageError("--form, --create, --check and --remove need a user");
  if (checks === true && removes === true) throw usageError("--check and --remove exclude each other");
  if ((checks ?? removes) === true && (create === true || form.length > 0))
    throw usageError("--form and --create are for setting a password");
  if (form.includes("plain") && form.length > 1) throw usageError("--form plain cannot be combined with other forms");
  if (user !== undefined && (user === "" || /[:\n\r]|^\s|\s$/.test(user)))
    throw usageError("a name must not be empty, and has no colon, no line break, and no white space at its ends");
}

async function list(file: string, { json }: PasswdFlags, io: CliIo): Promise<number> {
  const { users, unusable } = await linesOf(file);
  if (json === true) io.stdout.write(`${escaped(JSON.stringify({ users, unusable }))}\n`);
  else io.stdout.write(users.map((user) => `${printable(user)}\n`).join(""));
  if (unusable.length > 0) io.stderr.write(`pb: ${printable(file)}: no colon in line ${unusable.join(", ")}\n`);
  return exitStatus.success;
}

async function remove(file: string, user: string, { json }: PasswdFlags, io: CliIo): Promise<number> {
  await replaceFile(file, false, (contents) => {
    const lines = new PasswordLines(contents);
    if (!lines.remove(user)) throw noUser(file, user);
    return lines.toBytes();
  });
  say(io, json, { user, result: "removed" });
  return exitStatus.success;
}

async function check(file: string, user: string, { json }: PasswdFlags, io: CliIo): Promise<number> {
  const field = (await linesOf(file)).fieldOf(user);
  if (field === undefined) throw noUser(file, user);
  const credentials = new UsernamePassword(user, await readPassword(io, false));
  const stored = [storedIn(field)].flat();
  const results = await Promise.all(stored.map(async (form) => form.check(credentials)));
  say(io, json, { user, result: results.every(Boolean) ? "the password is right" : "the password is wrong" });
  return results.every(Boolean) ? exitStatus.success : exitStatus.loginRefused;
}

async function set(file: string, user: string, flags: PasswdFlags, io: CliIo): Promise<number> {
  const create = flags.create === true;
  const before = await linesOf(file, create);
  const forms = flags.form ?? before.formsFor(user) ?? (["scram-sha-256"] as const);
  const password = await readPassword(io, true);
  if (password === "") throw usageError("the password is empty");
  if (forms[0] === "plain" && /[:\n\r]|\s$/.test(password))
    throw usageError("a plain password has no colon, and no white space at its end: use another form");
  if (forms[0] === "plain" && parseStoredPasswords(password).length > 0)
    throw usageError("a plain password must not look like one that is stored in another form: use another form");
  const field = (await Promise.all(forms.map(async (form) => writers[form](password)))).join(" ");
  let isNew = false as boolean;
  await replaceFile(file, create, (contents) => {
    const lines = new PasswordLines(contents);
    isNew = lines.set(user, field);
    return lines.toBytes();
  });
  say(io, flags.json, { user, result: isNew ? "added" : "changed", forms });
  return exitStatus.success;
}

async function linesOf(file: string, create = false): Promise<PasswordLines> {
  try {
    return new PasswordLines(await readPasswords(file));
  } catch (error) {
    if (create && (error as NodeJS.ErrnoException).code === "ENOENT") return new PasswordLines(Buffer.alloc(0));
    throw fileError(file, error as Error);
  }
}

/** Asks twice for a new password. */
async function readPassword(io: CliIo, isNew: boolean): Promise<string> {
  if (io.stdin.isTTY !== true) return (await text(addAbortSignal(io.signal, io.stdin))).split(/\r?\n/, 1)[0]!;
  const password = await prompt("Password: ", io);
  if (isNew && (await prompt("Again: ", io)) !== password)
    throw usageError("the passwords differ: nothing was changed");
  return password;
}

function say(
  io: CliIo,
  isJson: boolean | undefined,
  { user, result, forms }: { user: string; result: string; forms?: readonly string[] },
): void {
  if (isJson === true) io.stdout.write(`${escaped(JSON.stringify({ user, result, forms }))}\n`);
  else io.stdout.write(`${printable(user)}: ${result}${forms === undefined ? "" : ` (${forms.join(", ")})`}\n`);
}

function noUser(file: string, user: string): CliError {
  return new CliError("CLI_FILE", `${printable(file)} has no user ${printable(user)}`);
}
