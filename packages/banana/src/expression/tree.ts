// Expressions as trees: written to any writer, read from any reader or from bytes that were scanned.

import { isForeignBytes } from "../format/bytes.js";
import { Float, isInteger } from "./expression.js";
import type { Expression, ExpressionReader, ExpressionWriter, Kind } from "./expression.js";
import { checkLimit } from "../limits.js";

type Leaf = Exclude<Expression, Expression[]>;

/** As much of a writer as a tree needs. */
type PlainWriter = Pick<ExpressionWriter, "list" | "integer" | "float" | "bytes">;

/**
 * Writes a tree to any writer. Throws `TypeError` for what Banana does not have: text, booleans, null, objects. Lists may be nested `depth`
 * deep, which also ends a list that contains itself.
 */
export function writeExpression(writer: PlainWriter, expression: Expression, depth = 1024): void {
  const open: { list: Expression[]; index: number }[] = [];
  let list = [expression];
  let index = 0;
  while (true) {
    while (index === list.length) {
      const around = open.pop();
      if (around === undefined) return;
      ({ list, index } = around);
    }
    const element = list[index++]!;
    if (!Array.isArray(element)) {
      writeLeaf(writer, element);
      continue;
    }
    open.push({ list, index });
    checkLimit("TOO_DEEP", open.length, depth);
    list = element;
    index = 0;
    writer.list(list.length);
  }
}

function writeLeaf(writer: PlainWriter, leaf: Leaf): void {
  if (typeof leaf === "number") {
    if (isInteger(leaf)) writer.integer(leaf);
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
      `Banana has no ${stray === null ? "null" : typeof stray}, only integers, floats, byte strings and lists`,
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
