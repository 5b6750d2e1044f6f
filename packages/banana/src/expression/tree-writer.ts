// `TreeWriter`: an `ExpressionWriter` that creates an expression tree.

import { BananaError } from "../errors.js";
import { isWellFormed } from "../format/text.js";
import { Float, isInteger } from "./expression.js";
import type { Expression, ExpressionWriter } from "./expression.js";
import type { ListHead } from "./list-head.js";

const utf8 = new TextEncoder();

/** The head of a list, followed by its elements. */
class OpenList {
  constructor(readonly length: number) {}
}

/** Creates an {@link Expression}. Checks no limits, which apply to bytes only. */
export class TreeWriter implements ExpressionWriter {
  #items: (OpenList | Exclude<Expression, Expression[]>)[] = [];
  #insertions: { position: number; items: (OpenList | Exclude<Expression, Expression[]>)[] }[] = [];

  get position(): number {
    return this.#items.length;
  }

  list(length: number): void {
    this.#items.push(new OpenList(length));
  }

  begin({ length, word }: ListHead): void {
    this.list(length);
    this.word(word);
  }

  integer(value: number | bigint): void {
    const isSafe = value >= Number.MIN_SAFE_INTEGER && value <= Number.MAX_SAFE_INTEGER;
    this.#items.push(typeof value === "bigint" && isSafe ? Number(value) : value);
  }

  float(value: number | Float): void {
    this.#items.push(isInteger(value) ? new Float(value) : value);
  }

  bytes(value: Uint8Array): void {
    this.#items.push(value.slice());
  }

  word(value: string): void {
    this.#items.push(utf8.encode(value));
  }

  text(value: string): void {
    if (!isWellFormed(value)) {
      throw new BananaError("BANANA_LONE_SURROGATE", "Text with a lone surrogate has no UTF-8 form and cannot be sent");
    }
    this.#items.push(utf8.encode(value));
  }

  insert(position: number, write: (writer: ExpressionWriter) => void): void {
    const start = this.#items.length;
    write(this);
    this.#insertions.push({ position, items: this.#items.splice(start) });
  }

  truncate(position: number): void {
    this.#items.length = position;
    this.#insertions = this.#insertions.filter((insertion) => insertion.position < position);
  }

  /** Returns the expression that was written. Throws `TypeError` when it is not exactly one. */
  take(): Expression {
    const expressions = build(this.#inserted());
    this.#items = [];
    this.#insertions = [];
    const [expression] = expressions;
    if (expression === undefined || expressions.length > 1) {
      throw new TypeError(`Expected exactly one expression, not ${expressions.length}`);
    }
    return expression;
  }

  /** All items in their final order, with the insertions. */
  *#inserted(): Iterable<OpenList | Exclude<Expression, Expression[]>> {
    let position = 0;
    for (const insertion of this.#insertions.sort((a, b) => a.position - b.position)) {
      while (position < insertion.position) yield this.#items[position++]!;
      yield* insertion.items;
    }
    while (position < this.#items.length) yield this.#items[position++]!;
  }
}

function build(items: Iterable<OpenList | Exclude<Expression, Expression[]>>): Expression[] {
  const top: Expression[] = [];
  const open = [{ elements: top, length: Infinity }];
  for (const item of items) {
    const innermost = open[open.length - 1]!;
    if (item instanceof OpenList) {
      const elements: Expression[] = [];
      innermost.elements.push(elements);
      open.push({ elements, length: item.length });
    } else {
      innermost.elements.push(item);
    }
    while (isFull(open[open.length - 1])) open.pop();
  }
  if (open.length > 1) throw new TypeError("The last list is not complete");
  return top;
}

function isFull(list: { elements: Expression[]; length: number } | undefined): boolean {
  return list !== undefined && list.elements.length === list.length;
}
