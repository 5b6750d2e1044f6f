// The same two interfaces on arrays instead of bytes, for people who want to look.

import { isForeignBytes } from "./bytes.js";
import { BananaError } from "./errors.js";
import { Float } from "./expression.js";
import type { Expression, ExpressionReader, ExpressionWriter, Kind, ListHead } from "./expression.js";

const utf8 = new TextEncoder();
const fromUtf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** The head of a list whose elements follow. */
class OpenList {
  constructor(readonly length: number) {}
}

/** An {@link ExpressionWriter} that builds an {@link Expression}. Checks no limits: nothing leaves the process. */
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
    const isInteger = typeof value === "number" && Number.isSafeInteger(value) && !Object.is(value, -0);
    this.#items.push(isInteger ? new Float(value) : value);
  }

  bytes(value: Uint8Array): void {
    this.#items.push(value.slice());
  }

  word(value: string): void {
    this.#items.push(utf8.encode(value));
  }

  text(value: string): void {
    if (!value.isWellFormed()) {
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

  /** The one expression written. Throws `TypeError` when it is not exactly one. */
  take(): Expression {
    const expressions = build(this.#inserted());
    this.#items = [];
    this.#insertions = [];
    const [expression] = expressions;
    if (expression === undefined || expressions.length > 1) {
      throw new TypeError(`${expressions.length} expressions were written, not one`);
    }
    return expression;
  }

  /** All items, with every insertion where it belongs. */
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
  if (open.length > 1) throw new TypeError("A list was started and not filled");
  return top;
}

function isFull(list: { elements: Expression[]; length: number } | undefined): boolean {
  return list !== undefined && list.elements.length === list.length;
}

/** An {@link ExpressionReader} on an {@link Expression}. */
export class TreeReader implements ExpressionReader {
  /** What is still to be read, the next one last. */
  readonly #ahead: Expression[];
  #offset = 0;

  constructor(expression: Expression) {
    this.#ahead = [expression];
  }

  get offset(): number {
    return this.#offset;
  }

  kind(): Kind {
    const next = this.#peek();
    if (Array.isArray(next)) return "list";
    if (next instanceof Uint8Array) return "bytes";
    if (typeof next === "bigint") return "integer";
    return typeof next === "number" && Number.isSafeInteger(next) && !Object.is(next, -0) ? "integer" : "float";
  }

  list(): number {
    const list = this.#read("list") as Expression[];
    for (let index = list.length - 1; index >= 0; index--) this.#ahead.push(list[index]!);
    return list.length;
  }

  begins({ length, word }: ListHead): boolean {
    const list = this.#peek();
    if (!Array.isArray(list) || list.length !== length) return false;
    const [first] = list;
    if (!(first instanceof Uint8Array) || first.length !== word.length || latin1(first) !== word) return false;
    this.list();
    this.skip();
    return true;
  }

  integers(into: unknown[], index: number): number {
    while (index < into.length && this.kind() === "integer") into[index++] = this.integer();
    return index;
  }

  integer(): number | bigint {
    const value = this.#read("integer") as number | bigint;
    return typeof value === "bigint" && BigInt.asIntN(53, value) === value ? Number(value) : value;
  }

  float(): number {
    return Number(this.#read("float"));
  }

  exactFloat(): number | Float {
    return this.#read("float") as number | Float;
  }

  bytes(): Uint8Array {
    return (this.#read("bytes") as Uint8Array).slice();
  }

  word(): string {
    return latin1(this.#read("bytes") as Uint8Array);
  }

  text(): string {
    const bytes = this.#read("bytes") as Uint8Array;
    try {
      return fromUtf8.decode(bytes);
    } catch (cause) {
      throw new BananaError("BANANA_BAD_UTF8", "These bytes are not UTF-8", { offset: this.#offset, cause });
    }
  }

  skip(): void {
    this.#peek();
    this.#ahead.pop();
    this.#offset++;
  }

  #read(kind: Kind): Expression {
    const found = this.kind();
    if (found !== kind) {
      throw new BananaError("BANANA_UNEXPECTED_KIND", `Expected ${kind}, found ${found}`, { offset: this.#offset });
    }
    this.#offset++;
    return this.#ahead.pop()!;
  }

  #peek(): Expression {
    const next = this.#ahead[this.#ahead.length - 1];
    if (next === undefined)
      throw new BananaError("BANANA_TRUNCATED", "Nothing is left to read", { offset: this.#offset });
    return next;
  }
}

function latin1(bytes: Uint8Array): string {
  let text = "";
  for (const byte of bytes) text += String.fromCharCode(byte);
  return text;
}

/**
 * Writes a tree to any writer. Throws `TypeError` for what Banana does not have: text, booleans, null, objects. Lists may be nested `depth`
 * deep, which also ends a list that contains itself.
 */
export function writeExpression(writer: ExpressionWriter, expression: Expression, depth = 1024): void {
  if (!Array.isArray(expression)) {
    writeLeaf(writer, expression);
    return;
  }
  const open: { list: Expression[]; index: number }[] = [];
  let list = expression;
  let index = 0;
  writer.list(list.length);
  while (true) {
    if (index === list.length) {
      const around = open.pop();
      if (around === undefined) return;
      ({ list, index } = around);
      continue;
    }
    const element = list[index++]!;
    if (!Array.isArray(element)) {
      writeLeaf(writer, element);
      continue;
    }
    open.push({ list, index });
    if (open.length === depth)
      throw new BananaError("BANANA_TOO_DEEP", `Lists nested more than ${depth} deep cannot be sent`);
    list = element;
    index = 0;
    writer.list(list.length);
  }
}

function writeLeaf(writer: ExpressionWriter, leaf: Exclude<Expression, Expression[]>): void {
  if (typeof leaf === "number") {
    if (Number.isSafeInteger(leaf) && !Object.is(leaf, -0)) writer.integer(leaf);
    else writer.float(leaf);
  } else if (typeof leaf === "bigint") {
    writer.integer(leaf);
  } else if (leaf instanceof Uint8Array || isForeignBytes(leaf)) {
    writer.bytes(leaf);
  } else if (leaf instanceof Float) {
    writer.float(leaf);
  } else {
    const stray: unknown = leaf;
    throw new TypeError(
      `Banana has no ${stray === null ? "null" : typeof stray}: it carries integers, floats, byte strings and lists`,
    );
  }
}

/** Reads one expression as a tree. The reader must have checked the nesting depth, as a `Scanner` does. */
export function readExpression(reader: ExpressionReader): Expression {
  const kind = reader.kind();
  if (kind !== "list") return readLeaf(reader, kind);
  const open: { list: Expression[]; index: number }[] = [];
  let list = new Array<Expression>(reader.list());
  let index = 0;
  while (true) {
    if (index === list.length) {
      const around = open.pop();
      if (around === undefined) return list;
      ({ list, index } = around);
      continue;
    }
    const kind = reader.kind();
    if (kind === "list") {
      open.push({ list, index: index + 1 });
      list = list[index] = new Array<Expression>(reader.list());
      index = 0;
      continue;
    }
    if (kind === "integer") index = reader.integers(list, index);
    if (index < list.length && (kind !== "integer" || reader.kind() === "integer"))
      list[index++] = readLeaf(reader, kind);
  }
}

function readLeaf(reader: ExpressionReader, kind: Exclude<Kind, "list">): Expression {
  switch (kind) {
    case "integer":
      return reader.integer();
    case "bytes":
      return reader.bytes();
    case "float":
      return reader.exactFloat();
  }
}
