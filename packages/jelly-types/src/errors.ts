// Errors about values that cannot be written or read. The connection stays usable after each of them.

import { BananaError, PerspectiveBrokerError } from "@pb/banana";
import { classOf, hasReadableClass } from "./class-of.js";

/**
 * Stable codes of a {@link JellyError}. Codes do not change, the wording of messages may.
 *
 * Writing: `NOT_JELLYABLE`, `LONE_SURROGATE`, `INTEGER_TOO_LARGE`, `STRING_TOO_LONG`, `LIST_TOO_LONG`, `UNHASHABLE`,
 * `TOO_DEEP`, `NOT_ALLOWED`. Reading: `MALFORMED`, `BAD_UTF8`, `UNRESOLVED_REFERENCE`, `DUPLICATE_REFERENCE`,
 * `UNHASHABLE`, `TOO_DEEP`, `HEAP_TOO_LARGE`, `NOT_ALLOWED`.
 */
export type JellyErrorCode =
  | "JELLY_NOT_JELLYABLE"
  | "JELLY_LONE_SURROGATE"
  | "JELLY_INTEGER_TOO_LARGE"
  | "JELLY_STRING_TOO_LONG"
  | "JELLY_LIST_TOO_LONG"
  | "JELLY_UNHASHABLE"
  | "JELLY_TOO_DEEP"
  | "JELLY_MALFORMED"
  | "JELLY_BAD_UTF8"
  | "JELLY_UNRESOLVED_REFERENCE"
  | "JELLY_DUPLICATE_REFERENCE"
  | "JELLY_HEAP_TOO_LARGE"
  | "JELLY_NOT_ALLOWED";

/** The length at which a path is cut, in UTF-16 code units. The steps next to the value are kept. */
const LONGEST_PATH = 1_000;

/** A value that cannot be written, or an s-expression that cannot be read as a value. */
export class JellyError extends PerspectiveBrokerError {
  override readonly name: string = "JellyError";
  override readonly code: JellyErrorCode;
  readonly #text: string;
  #path = "";

  constructor(code: JellyErrorCode, text: string, options: { readonly cause?: unknown } = {}) {
    super(`${text} (at $)`, options);
    this.code = code;
    this.#text = text;
  }

  /** The path to the value in the graph: `$.items[3].price`. Of a long one, `$…` replaces the first steps. */
  get path(): string {
    return `$${this.#path}`;
  }

  /**
   * Adds one step to the front of {@link path}. A handler that writes or reads nested values calls this, the innermost
   * one first.
   */
  below(step: string): this {
    // The peer determines this path, which may have thousands of long steps.
    if (this.#path.length < LONGEST_PATH) this.#path = step + this.#path;
    else if (!this.#path.startsWith("…")) this.#path = `…${this.#path}`;
    this.message = `${this.#text} (at ${this.path})`;
    return this;
  }
}

/** The security policy does not allow a type, in either direction (`twisted.spread.jelly.InsecureJelly`). */
export class InsecureJellyError extends JellyError {
  override readonly name = "InsecureJellyError";
  /** The name of the type on the wire. */
  readonly typeName: string;

  constructor(typeName: string, text: string) {
    super("JELLY_NOT_ALLOWED", text);
    this.typeName = typeName;
  }
}

/** The size of a map or a set. Throws {@link JellyError} for a proxy of one, which has no size. */
export function sizeOf(collection: { readonly size: number }): number {
  try {
    return collection.size;
  } catch (cause) {
    throw unreadable(cause);
  }
}

/** The error for a map or a set that had fewer entries at the end of its writing than at the start. */
export function removedWhileWritten(what: "map" | "set"): JellyError {
  return new JellyError("JELLY_NOT_JELLYABLE", `Entries of a ${what} were removed while it was written`);
}

/**
 * The error to rethrow when a nested value, one `step` further in, threw `error`. Errors of the codec become a {@link
 * JellyError} with a path. Any other error was thrown by a hook of the application, and is returned unchanged.
 */
export function below(error: unknown, step: string): unknown {
  if (error instanceof JellyError) return error.below(step);
  if (error instanceof BananaError) return fromBanana(error).below(step);
  return error;
}

/**
 * The error for a value whose parts cannot be read: a getter or a trap of a proxy threw `cause`, a proxy was revoked, a
 * buffer was detached. The text does not repeat that of `cause`, which is not meant for a peer.
 */
export function unreadable(cause: unknown): JellyError {
  const text = "The value cannot be sent: reading it threw an error";
  return new JellyError("JELLY_NOT_JELLYABLE", text, hasReadableClass(cause) ? { cause } : {});
}

/** Converts an error of the codec. The path is still empty. */
export function fromBanana(error: BananaError): JellyError {
  return new JellyError(codes[error.code] ?? "JELLY_MALFORMED", error.message, { cause: error });
}

const codes: Partial<Record<string, JellyErrorCode>> = {
  BANANA_INTEGER_TOO_LARGE: "JELLY_INTEGER_TOO_LARGE",
  BANANA_STRING_TOO_LONG: "JELLY_STRING_TOO_LONG",
  BANANA_LIST_TOO_LONG: "JELLY_LIST_TOO_LONG",
  BANANA_LONE_SURROGATE: "JELLY_LONE_SURROGATE",
  BANANA_BAD_UTF8: "JELLY_BAD_UTF8",
  BANANA_HEAP_TOO_LARGE: "JELLY_HEAP_TOO_LARGE",
};

/**
 * The path step to a dict entry: `.name` for an identifier, else `["the key"]`. Pass a symbol when the error is about a
 * key itself.
 */
export function keyStep(key: unknown): string {
  if (typeof key === "string") {
    if (/^[A-Za-z_$][\w$]{0,199}$/.test(key)) return `.${key}`;
    const cut = key.length > 200 ? "…" : "";
    return `[${printable(JSON.stringify(key.slice(0, 200)), Infinity)}${cut}]`;
  }
  if (typeof key === "number" || typeof key === "bigint" || typeof key === "boolean") return `[${key}]`;
  return typeof key === "symbol" ? "[a key]" : `[${describe(key)}]`;
}

/**
 * Controls, line breaks, lone surrogates, and characters that are not visible or change the direction of text, with
 * which two different names look the same. Emoji that consist of several ones show their joiners.
 */
const UNPRINTABLE = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu;

/**
 * Text from a peer for an error message, a log or a terminal: on one line, without controls, and cut to `longest`
 * UTF-16 code units (default 200). A line break becomes `\n`, the escape of a terminal `\x1b`, other characters
 * `\u{202e}`.
 */
export function printable(text: string, longest = 200): string {
  const shown = text.slice(0, longest).replace(UNPRINTABLE, escape);
  return text.length <= longest ? shown : `${shown}… (${text.length} characters)`;
}

function escape(character: string): string {
  if (character === "\n") return "\\n";
  const code = character.codePointAt(0)!.toString(16);
  return code.length <= 2 ? `\\x${code.padStart(2, "0")}` : `\\u{${code}}`;
}

/** Describes a value without its contents: "a function", "an instance of Invoice". */
export function describe(value: unknown): string {
  if (typeof value !== "object" || value === null)
    return value === null || value === undefined ? String(value) : `a ${typeof value}`;
  const name = nameOfClass(value);
  return typeof name === "string" && name !== "" ? `an instance of ${name}` : "an object";
}

/** Undefined for a proxy that throws. */
function nameOfClass(value: object): unknown {
  try {
    return (classOf(value) as { name?: unknown } | undefined)?.name;
  } catch {
    return undefined;
  }
}
