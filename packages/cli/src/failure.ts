// How errors are shown.

import { RemoteError } from "@pb/broker";
import { printable } from "@pb/jelly-types";
import { CliError, codeOf } from "./errors.js";
import { quoted } from "./values/show-value.js";

/** The longest message that is shown, in UTF-16 code units. */
const LONGEST = 2_000;

/** An error on one line, with the class that it has at the peer. A traceback of Python keeps its lines. */
export function describeFailure(error: unknown): string {
  if (error instanceof CliError && error.code === "CLI_PYTHON") return linesOf(error.message);
  const { type, message } = partsOf(error);
  return type === undefined ? message : `the peer answered ${type}${message === "" ? "" : `: ${message}`}`;
}

/** An error as one line of JSON: `{"error": {"code": …, "type": …, "message": …}}`. `type` is the class at the peer. */
export function failureJson(error: unknown): string {
  const { type, message } = partsOf(error);
  const fields = { code: codeOf(error), type, message };
  const shown = Object.entries(fields).flatMap(([name, text]) =>
    text === undefined ? [] : `"${name}": ${quoted(text)}`,
  );
  return `{"error": {${shown.join(", ")}}}`;
}

function partsOf(error: unknown): { readonly type: string | undefined; readonly message: string } {
  if (error instanceof RemoteError)
    return { type: printable(error.remoteType), message: printable(error.remoteMessage, LONGEST) };
  return { type: undefined, message: printable(error instanceof Error ? error.message : String(error), LONGEST) };
}

function linesOf(text: string): string {
  return text
    .split(/\r?\n/)
    .map((line) => printable(line, LONGEST))
    .join("\n");
}
