// Parses the notation that `inspect` prints, so that a test can write messages as the wire specification does.

import { Float } from "@pb/banana";
import type { Expression } from "@pb/banana";

const utf8 = new TextEncoder();

/**
 * Parses `(message 1 root echo 1 (tuple 'a b' <ff00> 2.0) (dictionary))`. Words and quoted text become byte strings,
 * `<ff00>` is a byte string in hex.
 */
export function sexp(text: string): Expression {
  const tokens = text.match(/[()]|'(?:\\.|[^'\\])*'|<[0-9a-f]*>|[^\s()]+/g) ?? [];
  const expression = next(tokens);
  if (tokens.length > 0) throw new Error(`Unexpected text after the expression: ${tokens.join(" ")}`);
  return expression;
}

function next(tokens: string[]): Expression {
  const token = tokens.shift();
  if (token === undefined) throw new Error("Unexpected end of the expression");
  if (token === "(") {
    const list: Expression[] = [];
    while (tokens[0] !== ")") list.push(next(tokens));
    tokens.shift();
    return list;
  }
  if (token.startsWith("'")) return utf8.encode(token.slice(1, -1).replace(/\\(.)/g, unescape));
  if (token.startsWith("<")) return Uint8Array.from(Buffer.from(token.slice(1, -1), "hex"));
  if (/^-?\d+$/.test(token)) return Number.isSafeInteger(Number(token)) ? Number(token) : BigInt(token);
  if (/^-?\d*\.\d+$/.test(token)) return new Float(Number(token));
  return utf8.encode(token);
}

function unescape(_all: string, character: string): string {
  return { n: "\n", t: "\t" }[character] ?? character;
}
