// What stands in expressions: the little that a peer without a broker has to know of them.

import type { Expression } from "@pb/banana";

export function word(text: string): Uint8Array {
  return Uint8Array.from(Buffer.from(text, "latin1"));
}

/** The request id of a message that wants an answer: what is true in Python. */
export function requestOf(expression: Expression): string | undefined {
  if (!Array.isArray(expression) || expression.length !== 7) return undefined;
  const wish = expression[4] as number | bigint | { readonly length: number };
  const isWanted = typeof wish === "object" ? wish.length > 0 : wish !== 0;
  return isWanted ? idOf(expression, ["message", "cachemessage"]) : undefined;
}

export function idOf(expression: Expression, commands: readonly string[]): string | undefined {
  if (!Array.isArray(expression) || !commands.some((command) => isWord(expression[0], command))) return undefined;
  const id = expression[1];
  return typeof id === "number" || typeof id === "bigint" ? String(id) : undefined;
}

export function isWord(expression: Expression | undefined, text: string): boolean {
  return expression instanceof Uint8Array && Buffer.from(expression).toString("latin1") === text;
}

/** The word and the number that a list begins with; no word for other expressions. */
export function headOf(expression: Expression): { word: string; id: number } {
  const [head, id] = Array.isArray(expression) ? (expression as readonly Expression[]) : [];
  const isOne = head instanceof Uint8Array && typeof id === "number";
  return isOne ? { word: Buffer.from(head).toString("latin1"), id } : { word: "", id: 0 };
}

/** Where values may stand: an entry of a dictionary is a list, and no value. */
export function partsOf(expression: Expression): readonly Expression[] {
  if (!Array.isArray(expression)) return [];
  const parts = expression as readonly Expression[];
  return isWord(parts[0], "dictionary") ? parts.slice(1).flat() : parts;
}
