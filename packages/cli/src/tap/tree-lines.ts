// A message as lines, indented by the depth of its lists.

import { inspectExpression } from "@pb/banana";
import type { Expression } from "@pb/banana";

/** Lines of one message. */
const MOST_LINES = 200;

/** Characters of one line. */
const LONGEST = 200;

/** Lists that fit into a line have one. */
const ONE_LINE = 60;

export function treeLines(tree: Expression): string[] {
  const lines: string[] = [];
  add(tree, 0, lines);
  return lines.length > MOST_LINES ? [...lines.slice(0, MOST_LINES), "…"] : lines;
}

function add(value: Expression, depth: number, lines: string[]): void {
  if (lines.length > MOST_LINES) return;
  const margin = "  ".repeat(Math.min(depth, 30));
  const isLong = Array.isArray(value) && value.length > 40;
  const text = isLong ? "" : inspectExpression(value);
  if (!Array.isArray(value) || (!isLong && text.length <= ONE_LINE)) {
    lines.push(margin + (text.length > LONGEST ? `${text.slice(0, LONGEST)}…` : text));
    return;
  }
  const [head, ...rest] = value;
  const isTag = head instanceof Uint8Array;
  lines.push(`${margin}(${isTag ? inspectExpression(head).slice(0, LONGEST) : ""}`);
  for (const item of isTag ? rest : value) {
    if (lines.length > MOST_LINES) return;
    add(item, depth + 1, lines);
  }
}
