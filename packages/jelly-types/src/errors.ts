// What goes wrong between bytes and values. A JellyError means: this value does not travel; the connection is unharmed.

import { BananaError } from "@pb/banana";

/**
 * Stable codes of a {@link JellyError}. Codes are promises, message texts are not.
 *
 * Writing: `NOT_JELLYABLE`, `LONE_SURROGATE`, `INTEGER_TOO_LARGE`, `STRING_TOO_LONG`, `LIST_TOO_LONG`, `UNHASHABLE`, `TOO_DEEP`.
 * Reading: `MALFORMED`, `BAD_UTF8`, `UNRESOLVED_REFERENCE`, `DUPLICATE_REFERENCE`, `UNHASHABLE`, `TOO_DEEP`, `NOT_ALLOWED`.
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
  | "JELLY_NOT_ALLOWED";

/** A value that cannot be written, or an s-expression that is no value. */
export class JellyError extends Error {
  override readonly name: string = "JellyError";
  readonly code: JellyErrorCode;
  readonly #text: string;
  #path = "";

  constructor(code: JellyErrorCode, text: string, options: { readonly cause?: unknown } = {}) {
    super(`${text} (at $)`, options);
    this.code = code;
    this.#text = text;
  }

  /** Where in the value: `$.items[3].price`. */
  get path(): string {
    return `$${this.#path}`;
  }

  /** Notes that the value in question was found one step below another. For those who walk a value, from the inside out. */
  below(step: string): this {
    this.#path = step + this.#path;
    this.message = `${this.#text} (at ${this.path})`;
    return this;
  }
}

/** Something a peer sent, or we were asked to send, that the security policy does not allow (`twisted.spread.jelly.InsecureJelly`). */
export class InsecureJellyError extends JellyError {
  override readonly name = "InsecureJellyError";
  /** The name of the type, as the wire has it. */
  readonly typeName: string;

  constructor(typeName: string, text: string) {
    super("JELLY_NOT_ALLOWED", text);
    this.typeName = typeName;
  }
}

/**
 * The error to throw on when `error` came from one step further in. Errors of the codec become errors of the value they are about; anything
 * else was thrown by somebody's state hook and stays what it is.
 */
export function below(error: unknown, step: string): unknown {
  if (error instanceof JellyError) return error.below(step);
  if (error instanceof BananaError) return fromBanana(error).below(step);
  return error;
}

/** The same trouble as an error of the value, without a place. */
export function fromBanana(error: BananaError): JellyError {
  return new JellyError(codes[error.code] ?? "JELLY_MALFORMED", error.message, { cause: error });
}

const codes: Partial<Record<string, JellyErrorCode>> = {
  BANANA_INTEGER_TOO_LARGE: "JELLY_INTEGER_TOO_LARGE",
  BANANA_STRING_TOO_LONG: "JELLY_STRING_TOO_LONG",
  BANANA_LIST_TOO_LONG: "JELLY_LIST_TOO_LONG",
  BANANA_LONE_SURROGATE: "JELLY_LONE_SURROGATE",
  BANANA_BAD_UTF8: "JELLY_BAD_UTF8",
};

/** A step into a dict: `.name` where it reads well, else `["the key"]`. A symbol stands for what has no name: a key itself. */
export function keyStep(key: unknown): string {
  if (typeof key === "string")
    return /^[A-Za-z_$][\w$]{0,199}$/.test(key) ? `.${key}` : `[${JSON.stringify(shorten(key))}]`;
  if (typeof key === "number" || typeof key === "bigint" || typeof key === "boolean") return `[${key}]`;
  return typeof key === "symbol" ? "[a key]" : `[${describe(key)}]`;
}

/** A name from a peer, of a length that an error message can bear. */
export function shorten(name: string): string {
  return name.length <= 200 ? name : `${name.slice(0, 200)}… (${name.length} characters)`;
}

/** A value in a few words, never its contents: "a function", "an instance of Invoice". */
export function describe(value: unknown): string {
  if (typeof value !== "object" || value === null) return value === null ? "null" : `a ${typeof value}`;
  const prototype = Object.getPrototypeOf(value) as { constructor?: { name?: unknown } } | null;
  const name = prototype?.constructor?.name;
  return typeof name === "string" && name !== "" ? `an instance of ${name}` : "an object";
}
