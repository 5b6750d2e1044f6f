// The credentials of a login. The secret never comes from the command line, which other users can see.

import { readFile } from "node:fs/promises";
import { createInterface } from "node:readline/promises";
import { Writable } from "node:stream";
import { Anonymous, BearerToken, UsernamePassword } from "@pb/cred";
import { printable } from "@pb/jelly-types";
import { CliError, usageError } from "./errors.js";
import type { CliIo } from "./io.js";

/** The options of the commands that can log in. */
export interface LoginFlags {
  readonly login?: string;
  readonly anonymous?: true;
  readonly token?: true;
  readonly secretEnv?: string;
  readonly secretFile?: string;
}

export type CliCredentials = UsernamePassword | BearerToken | Anonymous;

/**
 * The credentials that the options ask for. Undefined if they ask for no login. Throws `CliError` with the code
 * `CLI_USAGE` or `CLI_FILE`.
 */
export async function credentialsFor(flags: LoginFlags, io: CliIo): Promise<CliCredentials | undefined> {
  const ways = [flags.login, flags.anonymous, flags.token].filter((way) => way !== undefined);
  if (ways.length > 1) throw usageError("--login, --anonymous and --token exclude each other");
  const needsSecret = flags.login !== undefined || flags.token === true;
  if (!needsSecret && (flags.secretEnv ?? flags.secretFile) !== undefined)
    throw usageError("--secret-env and --secret-file need --login USER or --token");
  if (flags.anonymous === true) return new Anonymous();
  if (flags.login !== undefined) return new UsernamePassword(flags.login, await secret(flags, "PB_PASSWORD", io));
  return flags.token === true ? new BearerToken(await secret(flags, "PB_TOKEN", io)) : undefined;
}

/** The password or the token of a login whose kind is not known. Throws as {@link credentialsFor} does. */
export function readSecretOf(flags: Pick<LoginFlags, "secretEnv" | "secretFile">, io: CliIo): Promise<string> {
  return secret(flags, "PB_PASSWORD", io);
}

async function secret(flags: LoginFlags, variable: string, io: CliIo): Promise<string> {
  const found = await findSecret(flags, variable, io);
  io.secrets?.add(found);
  return found;
}

async function findSecret({ secretEnv, secretFile }: LoginFlags, variable: string, io: CliIo): Promise<string> {
  if (secretEnv !== undefined && secretFile !== undefined)
    throw usageError("--secret-env and --secret-file exclude each other");
  if (secretFile !== undefined) return firstLine(await readSecret(secretFile));
  const value = io.env[secretEnv ?? variable];
  if (value !== undefined) return value;
  if (secretEnv !== undefined) throw usageError(`--secret-env ${printable(secretEnv)}: there is no such variable`);
  if (io.stdin.isTTY === true) return prompt(variable === "PB_TOKEN" ? "Token: " : "Password: ", io);
  throw usageError(
    `the secret is missing: set ${variable}, use --secret-env NAME or --secret-file FILE, or run pb in a terminal, which asks for it`,
  );
}

async function readSecret(file: string): Promise<string> {
  try {
    return await readFile(file, "utf8");
  } catch (error) {
    throw new CliError("CLI_FILE", `--secret-file ${printable(file)} cannot be read: ${(error as Error).message}`, {
      cause: error,
    });
  }
}

/** A file that an editor has written ends with a line break, which does not belong to the secret. */
function firstLine(text: string): string {
  return text.split(/\r?\n/, 1)[0]!;
}

/** Asks on the terminal. What is typed is not shown. */
export async function prompt(question: string, { stdin, stderr, signal }: CliIo): Promise<string> {
  const silent = new Writable({ write: (_chunk, _encoding, done) => done() });
  const terminal = createInterface({ input: stdin, output: silent, terminal: true });
  const interrupt = new AbortController();
  const stop = (): void => interrupt.abort();
  const resume = (): void => {
    terminal.resume(); // Node stops reading when the process goes on after Ctrl-Z.
    terminal.write(null, { ctrl: true, name: "u" }); // The question comes again, so that the answer begins again.
    stderr.write(question);
  };
  terminal.on("SIGINT", stop).on("SIGCONT", resume);
  try {
    const answer = terminal.question("", { signal: AbortSignal.any([signal, interrupt.signal]) });
    stderr.write(question);
    return await answer;
  } finally {
    terminal.off("SIGINT", stop).off("SIGCONT", resume);
    terminal.close();
    stderr.write("\n");
  }
}
