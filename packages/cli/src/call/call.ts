// `pb call`: connects, logs in, makes one call and shows its result.

import { kwargs, RemoteReference } from "@pb/broker";
import type { Broker } from "@pb/broker";
import { login } from "@pb/cred";
import { printable } from "@pb/jelly-types";
import { withDeadline } from "../deadline.js";
import { CliError, exitStatus, usageError } from "../errors.js";
import { columnsOf } from "../io.js";
import type { CliIo } from "../io.js";
import { credentialsFor } from "../login.js";
import type { CliCredentials, LoginFlags } from "../login.js";
import { withConnection } from "../session.js";
import { parseArgument } from "../values/parse-value.js";
import { showValue } from "../values/show-value.js";
import { parsePath } from "./path.js";
import type { CallPath } from "./path.js";

export interface CallFlags extends LoginFlags {
  readonly kw?: readonly string[];
  readonly json?: true;
  readonly timeout: string;
}

/** Prints the result on stdout. Rejects with the error of the call, and with `CliError`. */
export async function call(
  [endpoint, path, ...texts]: readonly [string, string, ...string[]],
  flags: CallFlags,
  io: CliIo,
): Promise<number> {
  const parsed = parsePath(path);
  const last = parsed.steps.at(-1)!;
  const given = texts.map((text, index) => parseArgument(text, `argument ${index + 1}`));
  const args = [...last.args, ...given, ...keywordArguments(flags.kw)];
  const steps = [...parsed.steps.slice(0, -1), { method: last.method, args }];
  const credentials = await credentialsFor(flags, io);
  const columns = flags.json === true ? Infinity : columnsOf(io.stdout);
  const result = await withDeadline(flags.timeout, io.signal, (signal) =>
    withConnection(endpoint, signal, async (connection) =>
      showValue(await makeCalls(connection, { published: parsed.published, steps }, credentials, signal), columns),
    ),
  );
  io.stdout.write(`${flags.json === true ? `{"result": ${result}}` : result}\n`);
  return exitStatus.success;
}

/** `limit=3` for each `--kw`. */
function keywordArguments(texts: readonly string[] = []): unknown[] {
  const values = new Map<string, unknown>();
  for (const text of texts) {
    const [, name, value] = /^([\p{L}_][\p{L}\p{N}_]*)=([^]*)$/u.exec(text) ?? [];
    if (name === undefined || value === undefined) {
      throw usageError(`--kw ${printable(JSON.stringify(text))}: expected NAME=VALUE`);
    }
    if (values.has(name)) throw usageError(`--kw ${name} is given twice`);
    values.set(name, parseArgument(value, `--kw ${name}`));
  }
  return values.size === 0 ? [] : [kwargs(Object.fromEntries(values))];
}

async function makeCalls(
  connection: Broker,
  { published, steps }: { readonly published: string | undefined; readonly steps: CallPath["steps"][number][] },
  credentials: CliCredentials | undefined,
  signal: AbortSignal,
): Promise<unknown> {
  const avatar = credentials === undefined ? undefined : await login(connection, credentials, null, { signal });
  let result: unknown =
    published !== undefined ? await connection.getObject(published) : (avatar ?? (await connection.getRootObject()));
  let before = "";
  for (const { method, args } of steps) {
    if (!(result instanceof RemoteReference)) {
      const shown = printable(showValue(result), 100);
      throw new CliError("CLI_NOT_A_REFERENCE", `The result of ${before} is no object that can be called: ${shown}`);
    }
    result = await (result as RemoteReference).with({ signal }).callRemote(method, ...args);
    before = method;
  }
  return result;
}
