// `inspect` prints expressions and bytes as readable text.

import { BananaError } from "./errors.js";
import { limitError } from "./limits.js";
import { formatFloat } from "./expression/expression.js";
import type { Expression, ExpressionReader } from "./expression/expression.js";
import { completeOptions } from "./options.js";
import type { CodecOptions } from "./options.js";
import { BananaReader } from "./reading/reader.js";
import { Scanner } from "./reading/scanner.js";
import { TreeReader } from "./expression/tree-reader.js";
import { pb } from "./format/vocabulary.js";

/** Longer byte strings are cut: so many characters, or so many bytes in hexadecimal, are enough to recognize one. */
const MAX_TEXT = 1024;
const MAX_HEX = 64;
/** Deeper lists are not indented further, so that lines stay readable. */
const MAX_INDENT = 40;
/**
 * The text of one expression is cut after so many characters, because error messages contain expressions from a peer.
 */
const MAX_LINE = 20_000;

/**
 * Prints an expression as an s-expression: `(message 1 root echo 1 (tuple 1) (dictionary))`. Byte strings that are not
 * plain words are quoted, or hexadecimal in `<>`. Floats have a decimal point, integers do not.
 *
 * A `Uint8Array` that is valid Banana, or that is passed with options, is printed as the expressions it encodes. Each
 * list that contains other lists starts a line, and each line starts with the offset of its first element. When the
 * bytes become invalid, the last line is the error; `inspect` does not throw. The default dialect is `pb`, which can
 * decode everything that `none` can. Any other `Uint8Array` is printed as a byte string, as {@link inspectExpression}
 * prints every `Uint8Array`.
 */
export function inspect(value: Uint8Array | Expression, options?: CodecOptions): string {
  const given: unknown = value;
  if (given === null || given === undefined || typeof given === "string")
    throw new TypeError("Expected a Uint8Array or an expression");
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

/** Prints an expression on one line, as {@link inspect} does. A `Uint8Array` is printed as a byte string. */
export function inspectExpression(expression: Expression): string {
  const printer = new Printer(false);
  printer.print(new TreeReader(expression), Infinity);
  return printer.text;
}

function inspectStream(bytes: Uint8Array, options: CodecOptions = {}): string {
  const { dialect, limits } = completeOptions(options, pb);
  const reader = new BananaReader().reset(bytes, 0, bytes.length, dialect, 0);
  const { depth } = limits;
  const blocks: string[] = [];
  while (reader.offset < bytes.length) {
    const printer = new Printer(true);
    try {
      printer.print(reader, depth);
      blocks.push(printer.text);
    } catch (error) {
      if (!(error instanceof BananaError)) throw error;
      const { code, message } = prefixError(bytes, reader.offset, limits.prefixBytes) ?? error;
      blocks.push(
        ...(printer.text === "" ? [] : [printer.text]),
        `${offsetColumn(reader.offset)}! ${code}: ${message}`,
      );
      break;
    }
  }
  return blocks.join("\n");
}

/**
 * The error for a prefix that is over the limit. The reader has no such limit, and takes a file of plain text for the
 * beginning of an element.
 */
function prefixError(bytes: Uint8Array, offset: number, limit: number): BananaError | undefined {
  const digits = bytes.subarray(offset, offset + limit + 1);
  if (digits.length <= limit || digits.some((byte) => byte >= 0x80)) return undefined;
  return limitError("PREFIX_TOO_LONG", digits.length, limit, offset);
}

/** Prints expressions as text, on one line or on a line for each nested list. */
class Printer {
  text = "";
  readonly #isMultiline: boolean;
  #isCut = false;
  #wasList = false;

  constructor(isMultiline: boolean) {
    this.#isMultiline = isMultiline;
  }

  /** Reads the next expression and appends it to {@link text}. */
  print(reader: ExpressionReader, depth: number): void {
    /** For each open list, the number of elements that are not printed yet, plus one. */
    const missing: number[] = [];
    this.#wasList = true;
    do {
      const { offset } = reader;
      const kind = reader.kind();
      if (kind === "list") {
        if (missing.length === depth)
          throw new BananaError("BANANA_TOO_DEEP", `Lists are nested more than ${depth} deep`, { offset });
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
    } while (missing.length > 0 && !this.#isCut);
    if (this.#isCut) this.text += " …";
  }

  /** Appends the space, or the line break and indentation, before an element. */
  #separate(offset: number, depth: number, isList: boolean): void {
    if (this.#isMultiline && (isList || this.#wasList))
      this.#add(`${this.text === "" ? "" : "\n"}${offsetColumn(offset)}${" ".repeat(Math.min(depth, MAX_INDENT))}`);
    else if (!this.text.endsWith("(") && this.text !== "") this.#add(" ");
    this.#wasList = false;
  }

  #add(text: string): void {
    if (this.text.length + text.length > MAX_LINE && !this.#isMultiline) this.#isCut = true;
    if (!this.#isCut) this.text += text;
  }
}

function offsetColumn(offset: number): string {
  return `${String(offset).padStart(6)}  `;
}

function inspectBytes(bytes: Uint8Array): string {
  const text = String.fromCharCode(...bytes.subarray(0, MAX_TEXT));
  if (text.length === bytes.length && /^[\w./+-]*[A-Za-z_][\w./+-]*$/.test(text)) return text;
  if (/^[\x20-\x7e\n\r\t]*$/.test(text)) return `'${text.replace(/[\\'\n\r\t]/g, escape)}'${restOf(bytes, MAX_TEXT)}`;
  const hex = Array.from(bytes.subarray(0, MAX_HEX), (byte) => byte.toString(16).padStart(2, "0"));
  return `<${hex.join("")}${restOf(bytes, MAX_HEX)}>`;
}

function restOf(bytes: Uint8Array, shown: number): string {
  return bytes.length > shown ? `… ${bytes.length} bytes` : "";
}

function escape(character: string): string {
  const letter = { "\n": "n", "\r": "r", "\t": "t" }[character];
  return `\\${letter ?? character}`;
}
