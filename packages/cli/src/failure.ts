// How errors are shown.

import { RemoteError } from "@pb/broker";
import { printable } from "@pb/jelly-types";
import { REDACTED } from "./conversation/messages.js";
import { CliError, codeOf } from "./errors.js";
import { quoted } from "./values/show-value.js";

/** The longest message that is shown, in UTF-16 code units. */
const LONGEST = 2_000;
/** Shorter secrets occur by chance in messages. */
const SHORTEST_SECRET = 6;

/**
 * An error on one line, with the class that it has at the peer, and without the `secrets` that the peer repeats in it.
 * A traceback of Python keeps its lines.
 */
export function describeFailure(error: unknown, secrets?: ReadonlySet<string>): string {
  if (error instanceof CliError && error.code === "CLI_PYTHON") return linesOf(error.message);
  const { type, message } = partsOf(error, secrets);
  return type === undefined ? message : `the peer answered ${type}${message === "" ? "" : `: ${message}`}`;
}

/**
 * An error as one line of JSON: `{"error": {"code": …, "type": …, "message": …}}`, without the `secrets` that the peer
 * repeats in it. `type` is the class at the peer.
 */
export function failureJson(error: unknown, secrets?: ReadonlySet<string>): string {
  const { type, message } = partsOf(error, secrets);
  const fields = { code: codeOf(error), type, message };
  const shown = Object.entries(fields).flatMap(([name, text]) =>
    text === undefined ? [] : `"${name}": ${quoted(text)}`,
  );
  return `{"error": {${shown.join(", ")}}}`;
}

function partsOf(
  error: unknown,
  secrets: ReadonlySet<string> = new Set(),
): { readonly type: string | undefined; readonly message: string } {
  const shown = (text: string): string => printable(withoutSecrets(text, secrets), LONGEST);
  if (error instanceof RemoteError) return { type: shown(error.remoteType), message: shown(error.remoteMessage) };
  return { type: undefined, message: shown(error instanceof Error ? error.message : String(error)) };
}

function withoutSecrets(text: string, secrets: ReadonlySet<string>): string {
  let shown = text;
  for (const secret of secrets) if (secret.length >= SHORTEST_SECRET) shown = shown.replaceAll(secret, REDACTED);
  return shown;
}

function linesOf(text: string): string {
  return text
    .split(/\r?\n/)
    .map((line) => printable(line, LONGEST))
    .join("\n");
}
