// Endpoint strings: a type and arguments between colons, positional or named, as Twisted cuts them up.

import { EndpointError } from "./errors.js";

/** What fits into a socket address with its closing zero. */
export const MAX_PATH_BYTES: number = process.platform === "linux" ? 107 : 103;

/** The arguments as they stand in the string. */
export interface Given {
  readonly positional: readonly string[];
  readonly named: readonly (readonly [string, string])[];
}

/** Arguments by name, wherever they stood. */
export class Arguments {
  readonly #text: string;
  readonly #values = new Map<string, string>();

  /** `order` names the positional ones; `others` can only be named; `aliases` are other words for some of them. */
  constructor(
    text: string,
    { positional, named }: Given,
    order: readonly string[],
    others: readonly string[],
    aliases: Readonly<Record<string, string>> = {},
  ) {
    this.#text = text;
    const known = [...order, ...others];
    for (const [word, value] of named) {
      const name = Object.hasOwn(aliases, word) ? aliases[word]! : word;
      if (!known.includes(name)) throw this.#error(word, `expected one of ${known.join(", ")}`);
      this.#set(name, value);
    }
    // As in Twisted's clients: after a named host, the first positional argument is the port.
    const open = order.filter((name) => !this.#values.has(name));
    for (const [index, value] of positional.entries()) {
      const name = open[index];
      if (name === undefined)
        throw this.#error(JSON.stringify(value), `expected name=value, with one of ${known.join(", ")}`);
      this.#set(name, value);
    }
  }

  /** Cuts at colons, and each part at its first equals sign; a backslash keeps what follows it. */
  static split(text: string): Given & { readonly type: string } {
    const positional: string[] = [];
    const named: [string, string][] = [];
    let name: string | undefined;
    let current = "";
    for (let index = 0; index <= text.length; index++) {
      const character = text[index];
      if (character === "\\") {
        index++;
        if (index === text.length)
          throw new EndpointError(text, "the backslash at the end", "expected a character behind it");
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

  optional(name: string): string | undefined {
    const value = this.#values.get(name);
    return value === "" ? undefined : value;
  }

  required(name: string): string {
    const value = this.optional(name);
    if (value === undefined) throw this.#error(name, "missing");
    return value;
  }

  port(lowest: number): number {
    return this.#integer("port", this.required("port"), lowest, 65_535);
  }

  number(name: string, lowest: number, highest: number): number | undefined {
    const value = this.optional(name);
    return value === undefined ? undefined : this.#integer(name, value, lowest, highest);
  }

  /** The mode of a file: `660`. */
  octal(name: string): number | undefined {
    const value = this.optional(name);
    if (value !== undefined && !/^0?[0-7]{3}$/.test(value))
      throw this.#error(`${name} ${JSON.stringify(value)}`, "expected an octal mode such as 660");
    return value === undefined ? undefined : Number.parseInt(value, 8);
  }

  /** `0` or `1`. */
  flag(name: string): boolean | undefined {
    const value = this.number(name, 0, 1);
    return value === undefined ? undefined : value === 1;
  }

  oneOf(name: string, words: readonly string[]): void {
    const value = this.optional(name);
    if (value !== undefined && !words.includes(value))
      throw this.#error(`${name} ${JSON.stringify(value)}`, `expected one of ${words.join(", ")}`);
  }

  /** One thing that has two names. */
  oneOfTwo(name: string, other: string): string | undefined {
    const [value, otherValue] = [this.optional(name), this.optional(other)];
    if (value !== undefined && otherValue !== undefined)
      throw this.#error(`${name} and ${other}`, "expected one of the two");
    return value ?? otherValue;
  }

  path(name: string): string {
    const path = this.required(name);
    if (Buffer.byteLength(path) > MAX_PATH_BYTES)
      throw this.#error(name, `expected at most ${MAX_PATH_BYTES} bytes, as in any socket address`);
    return path;
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
