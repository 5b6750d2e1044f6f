// Prints expressions so that a person can read them.

import { Float, formatFloat } from "./expression.js";
import type { Expression } from "./expression.js";

/** An expression as an s-expression: `(message 1 root echo 1 (tuple 1) (dictionary))`. Byte strings that are not plain words are quoted, or hex in `<>`. */
export function inspect(expression: Expression): string {
  if (typeof expression === "bigint") return expression.toString();
  if (typeof expression === "number") {
    return Number.isSafeInteger(expression) && !Object.is(expression, -0)
      ? String(expression)
      : formatFloat(expression);
  }
  if (expression instanceof Float) return expression.toString();
  if (expression instanceof Uint8Array) return inspectBytes(expression);
  return `(${expression.map(inspect).join(" ")})`;
}

function inspectBytes(bytes: Uint8Array): string {
  const text = String.fromCharCode(...bytes.subarray(0, 1024));
  if (/^[\w./+-]*[A-Za-z_][\w./+-]*$/.test(text) && bytes.length <= 1024) return text;
  if (/^[\x20-\x7e\n\t]*$/.test(text) && bytes.length <= 1024) return `'${text.replace(/[\\'\n\t]/g, escape)}'`;
  const hex = Array.from(bytes.subarray(0, 64), (byte) => byte.toString(16).padStart(2, "0")).join("");
  return bytes.length <= 64 ? `<${hex}>` : `<${hex}… ${bytes.length} bytes>`;
}

function escape(character: string): string {
  return character === "\n" ? "\\n" : character === "\t" ? "\\t" : `\\${character}`;
}
