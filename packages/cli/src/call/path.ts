// Reads what `pb call` calls: `root.find`, `root.room("lobby").members`, `object("shop").find`.

import { printable } from "@pb/jelly-types";
import { usageError } from "../errors.js";
import { parseValue } from "../values/parse-value.js";

/** One call of a path. */
export interface Step {
  readonly method: string;
  readonly args: readonly unknown[];
}

/** An object to begin with, and the calls. Each is made on the result of the one before. */
export interface CallPath {
  /** The name of a published object. Undefined: the root object, or the avatar after a login. */
  readonly published: string | undefined;
  readonly steps: readonly [Step, ...Step[]];
}

const NAME = /^[\p{L}_][\p{L}\p{N}_]*/u;

/** Throws `CliError` with the code `CLI_USAGE`, and with the position of the part that is wrong. */
export function parsePath(text: string): CallPath {
  const parser = new PathParser(text);
  const first = parser.name('root or object("name")');
  const published = first === "object" ? publishedName(parser) : undefined;
  if (first !== "root" && first !== "object") throw parser.wrong(0, `a path begins with root or object("name")`);
  const steps: Step[] = [];
  while (!parser.isAtEnd) {
    parser.dot();
    steps.push({ method: parser.name("the name of a method"), args: parser.argumentList() ?? [] });
  }
  const [step, ...others] = steps;
  if (step === undefined) throw parser.wrong(text.length, "expected a dot and the name of a method");
  return { published, steps: [step, ...others] };
}

function publishedName(parser: PathParser): string {
  const args = parser.argumentList();
  const [name] = args ?? [];
  if (args?.length === 1 && typeof name === "string") return name;
  throw parser.wrong("object".length, `expected object("name"), with the name of a published object`);
}

class PathParser {
  readonly #text: string;
  #position = 0;

  constructor(text: string) {
    this.#text = text;
  }

  get isAtEnd(): boolean {
    return this.#position === this.#text.length;
  }

  name(expected: string): string {
    const [name] = NAME.exec(this.#text.slice(this.#position)) ?? [];
    if (name === undefined) throw this.wrong(this.#position, `expected ${expected}`);
    this.#position += name.length;
    return name;
  }

  dot(): void {
    if (this.#text[this.#position] !== ".") throw this.wrong(this.#position, "expected a dot");
    this.#position++;
  }

  /** Values between parentheses, if there are any. */
  argumentList(): readonly unknown[] | undefined {
    if (this.#text[this.#position] !== "(") return undefined;
    const end = this.#closing();
    const inside = this.#text.slice(this.#position + 1, end);
    const place = `${this.#shown}, position ${this.#position + 1}`;
    this.#position = end + 1;
    return parseValue(`[${inside}]`, place) as unknown[];
  }

  /** The position of the parenthesis that closes this one. JSON has parentheses only in strings. */
  #closing(): number {
    for (const { 0: token, index } of this.#text.slice(this.#position).matchAll(/"(?:[^"\\]|\\.)*"|\)/g)) {
      if (token === ")") return this.#position + index;
    }
    throw this.wrong(this.#position, "there is no closing parenthesis");
  }

  get #shown(): string {
    return printable(JSON.stringify(this.#text));
  }

  wrong(position: number, message: string): Error {
    return usageError(`${this.#shown}, position ${position}: ${message}`);
  }
}
