// Prints expressions so that a person can read them.

import type { CodecOptions } from "./codec.js";
import { BananaError } from "./errors.js";
import { formatFloat } from "./expression/expression.js";
import type { Expression, ExpressionReader } from "./expression/expression.js";
import { withLimits } from "./limits.js";
import { BananaReader } from "./reading/reader.js";
import { Scanner } from "./reading/scanner.js";
import { TreeReader } from "./expression/tree-reader.js";
import { dialectOf, pb } from "./format/vocabulary.js";

/** Longer strings are cut: who looks wants to see what it is. */
const SHOWN_TEXT = 1024;
const SHOWN_HEX = 64;
/** Deeper lists stand below each other: a thousand blanks a line help nobody. */
const DEEPEST_INDENT = 40;
/** More than this of one expression is cut: error messages quote what a peer sent, and a peer may send a lot. */
const SHOWN_CHARACTERS = 20_000;

/**
 * An expression as an s-expression: `(message 1 root echo 1 (tuple 1) (dictionary))`. Byte strings that are not plain words are quoted, or
 * hex in `<>`; integers have no point and floats have one.
 *
 * Bytes that are Banana, or that come with options, are printed as what they encode: a line for each list that has others inside, the offset
 * of what the line begins with in front of it, and at the end what is wrong with the rest, if anything is. Never throws for bad bytes. Where
 * no dialect is given it is `pb`, which has all that `none` has. Bytes that are not Banana are a byte string; so is, whatever it contains,
 * every `Uint8Array` that is given to {@link inspectExpression}.
 */
export function inspect(value: Uint8Array | Expression, options?: CodecOptions): string {
  const isStream = value instanceof Uint8Array && (options !== undefined || isBanana(value));
  return isStream ? inspectStream(value, options) : inspectExpression(value);
}

function isBanana(bytes: Uint8Array): boolean {
  const scanner = new Scanner({ dialect: pb });
  const reader = new BananaReader();
  scanner.lend(bytes);
  try {
    while (scanner.advance(reader));
    return bytes.length > 0 && scanner.pendingBytes === 0;
  } catch {
    return false;
  }
}

/** An expression on one line, as {@link inspect} prints it. A `Uint8Array` is a byte string. */
export function inspectExpression(expression: Expression): string {
  return inspectNext(new TreeReader(expression));
}

/** The next expression of a reader, on one line. Reads it. */
export function inspectNext(reader: ExpressionReader): string {
  const printer = new Printer(false);
  printer.print(reader, Infinity);
  return printer.text;
}

function inspectStream(bytes: Uint8Array, { dialect = pb, limits }: CodecOptions = {}): string {
  const reader = new BananaReader().reset(bytes, 0, bytes.length, dialectOf(dialect), 0);
  const { depth } = withLimits(limits);
  const blocks: string[] = [];
  while (reader.offset < bytes.length) {
    const printer = new Printer(true);
    try {
      printer.print(reader, depth);
      blocks.push(printer.text);
    } catch (error) {
      if (!(error instanceof BananaError)) throw error;
      blocks.push(
        ...(printer.text === "" ? [] : [printer.text]),
        `${gutter(reader.offset)}! ${error.code}: ${error.message}`,
      );
      break;
    }
  }
  return blocks.join("\n");
}

class Printer {
  text = "";
  readonly #hasLines: boolean;
  #isCut = false;
  #wasList = false;

  constructor(hasLines: boolean) {
    this.#hasLines = hasLines;
  }

  /** Prints the next expression of the reader, and reads all of it. */
  print(reader: ExpressionReader, depth: number): void {
    /** How many elements each open list still misses. */
    const missing: number[] = [];
    this.#wasList = true;
    do {
      const { offset } = reader;
      const kind = reader.kind();
      if (kind === "list") {
        if (missing.length === depth)
          throw new BananaError("BANANA_TOO_DEEP", `Lists nested more than ${depth} deep`, { offset });
        const length = reader.list();
        this.#separate(offset, missing.length, true);
        this.#add("(");
        missing.push(length + 1);
        this.#wasList = false;
      } else {
        this.#separate(offset, missing.length, false);
        if (kind === "integer") this.#add(reader.integer().toString());
        else if (kind === "float") this.#add(formatFloat(reader.float()));
        else this.#add(inspectBytes(reader.bytes()));
      }
      while (missing.length > 0 && (missing[missing.length - 1]! -= 1) === 0) {
        this.#add(")");
        this.#wasList = true;
        missing.pop();
      }
    } while (missing.length > 0);
    if (this.#isCut) this.text += " …";
  }

  /** What stands between an element and the one before it. */
  #separate(offset: number, depth: number, isList: boolean): void {
    if (this.#hasLines && (isList || this.#wasList))
      this.#add(`${this.text === "" ? "" : "\n"}${gutter(offset)}${" ".repeat(Math.min(depth, DEEPEST_INDENT))}`);
    else if (!this.text.endsWith("(") && this.text !== "") this.#add(" ");
    this.#wasList = false;
  }

  #add(text: string): void {
    if (this.text.length + text.length > SHOWN_CHARACTERS && !this.#hasLines) this.#isCut = true;
    if (!this.#isCut) this.text += text;
  }
}

function gutter(offset: number): string {
  return `${String(offset).padStart(6)}  `;
}

function inspectBytes(bytes: Uint8Array): string {
  const text = String.fromCharCode(...bytes.subarray(0, SHOWN_TEXT));
  if (text.length === bytes.length && /^[\w./+-]*[A-Za-z_][\w./+-]*$/.test(text)) return text;
  if (/^[\x20-\x7e\n\r\t]*$/.test(text)) return `'${text.replace(/[\\'\n\r\t]/g, escape)}'${restOf(bytes, SHOWN_TEXT)}`;
  const hex = Array.from(bytes.subarray(0, SHOWN_HEX), (byte) => byte.toString(16).padStart(2, "0"));
  return `<${hex.join("")}${restOf(bytes, SHOWN_HEX)}>`;
}

function restOf(bytes: Uint8Array, shown: number): string {
  return bytes.length > shown ? `… ${bytes.length} bytes` : "";
}

function escape(character: string): string {
  const letter = { "\n": "n", "\r": "r", "\t": "t" }[character];
  return `\\${letter ?? character}`;
}
