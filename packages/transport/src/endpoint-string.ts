// Parses endpoint strings: a type and its arguments, separated by colons, as Twisted does
// (`twisted.internet.endpoints`).

import { nearest } from "@pb/jelly-types";
import { EndpointError } from "./errors.js";

/** An endpoint string, split. */
export interface EndpointParts {
  readonly type: string;
  /** Arguments without a name, in order. */
  readonly positional: readonly string[];
  /** Names and values, in order. */
  readonly named: readonly (readonly [string, string])[];
}

/**
 * Splits at colons, and each part at its first equals sign. A backslash makes the next character literal. Throws {@link
 * EndpointError}.
 */
export function splitEndpoint(text: string): EndpointParts {
  const positional: string[] = [];
  const named: [string, string][] = [];
  let name: string | undefined;
  let current = "";
  for (let index = 0; index <= text.length; index++) {
    const character = text[index];
    if (character === "\\") {
      index++;
      if (index === text.length) throw new EndpointError(text, "trailing backslash", "expected a character after it");
      current += text[index]!;
    } else if (character === ":" || character === undefined) {
      if (name === undefined) positional.push(current);
      else named.push([name, current]);
      [name, current] = [undefined, ""];
    } else if (character === "=" && name === undefined) {
      [name, current] = [current, ""];
    } else {
      current += character;
    }
  }
  const [type = "", ...rest] = positional;
  return { type, positional: rest, named };
}

/** Which arguments an endpoint type has. */
export interface EndpointParameters {
  /** Arguments that can be positional, in this order. They can be named, too. */
  readonly positional: readonly string[];
  /** Arguments that can only be named. */
  readonly named: readonly string[];
  /** Alternative names: `{ path: "address" }` makes `path=` another name of the argument `address`. */
  readonly aliases?: Readonly<Record<string, string>>;
}

/**
 * The arguments of an endpoint by name, positional or named. All methods throw {@link EndpointError} for a bad value.
 */
export class EndpointArguments {
  readonly #text: string;
  readonly #values = new Map<string, string>();

  /**
   * `text` is the whole string, for errors. Throws {@link EndpointError} for an unknown, repeated or surplus argument.
   */
  constructor(text: string, parts: Pick<EndpointParts, "positional" | "named">, parameters: EndpointParameters) {
    this.#text = text;
    const { aliases = {} } = parameters;
    const known = [...parameters.positional, ...parameters.named];
    for (const [word, value] of parts.named) {
      const name = Object.hasOwn(aliases, word) ? aliases[word]! : word;
      if (!known.includes(name)) throw this.#error(word, expectedName(word, known));
      this.#set(name, value);
    }
    // As in Twisted's clients: after a named host, the first positional argument is the port.
    const open = parameters.positional.filter((name) => !this.#values.has(name));
    for (const [index, value] of parts.positional.entries()) {
      const name = open[index];
      if (name === undefined)
        throw this.#error(JSON.stringify(value), `expected name=value, with one of ${known.join(", ")}`);
      this.#set(name, value);
    }
  }

  /** Undefined if the argument is missing or empty. */
  optional(name: string): string | undefined {
    const value = this.#values.get(name);
    return value === "" ? undefined : value;
  }

  required(name: string): string {
    const value = this.optional(name);
    if (value === undefined) throw this.#error(name, "missing");
    return value;
  }

  /** The argument `port`, at least `lowest`. */
  port(lowest: number): number {
    return this.#integer("port", this.required("port"), lowest, 65_535);
  }

  integer(name: string, lowest: number, highest: number): number | undefined {
    const value = this.optional(name);
    return value === undefined ? undefined : this.#integer(name, value, lowest, highest);
  }

  /** A file mode in octal, such as `660`. */
  octal(name: string): number | undefined {
    const value = this.optional(name);
    if (value !== undefined && !/^0?[0-7]{3}$/.test(value))
      throw this.#error(`${name} ${JSON.stringify(value)}`, "expected an octal mode such as 660");
    return value === undefined ? undefined : Number.parseInt(value, 8);
  }

  /** `0` or `1`. */
  flag(name: string): boolean | undefined {
    const value = this.integer(name, 0, 1);
    return value === undefined ? undefined : value === 1;
  }

  /** Checks that the argument, if there is one, is one of `words`. */
  oneOf(name: string, words: readonly string[]): void {
    const value = this.optional(name);
    if (value !== undefined && !words.includes(value))
      throw this.#error(`${name} ${JSON.stringify(value)}`, `expected one of ${words.join(", ")}`);
  }

  /** An argument that has two names, of which at most one may be used. */
  eitherOf(name: string, other: string): string | undefined {
    const [value, otherValue] = [this.optional(name), this.optional(other)];
    if (value !== undefined && otherValue !== undefined)
      throw this.#error(`${name} and ${other}`, "expected only one of them");
    return value ?? otherValue;
  }

  #set(name: string, value: string): void {
    if (this.#values.has(name)) throw this.#error(name, "given twice");
    this.#values.set(name, value);
  }

  #integer(name: string, value: string, lowest: number, highest: number): number {
    const number = Number(value);
    if (/^\d+$/.test(value) && number >= lowest && number <= highest) return number;
    throw this.#error(`${name} ${JSON.stringify(value)}`, `expected an integer from ${lowest} to ${highest}`);
  }

  #error(part: string, expected: string): EndpointError {
    return new EndpointError(this.#text, part, expected);
  }
}

function expectedName(word: string, known: readonly string[]): string {
  const meant = nearest(word, known);
  return `expected one of ${known.join(", ")}${meant === undefined ? "" : `. Did you mean ${meant}?`}`;
}
