// Writes an expression tree to any writer, and reads one from any reader.

import { isForeignBytes } from "../format/bytes.js";
import { Float, isInteger } from "./expression.js";
import type { Expression, ExpressionReader, ExpressionWriter, Kind } from "./expression.js";
import { checkLimit } from "../limits.js";

type Leaf = Exclude<Expression, Expression[]>;

/** The methods of a writer that trees need. */
type PlainWriter = Pick<ExpressionWriter, "list" | "integer" | "float" | "bytes">;

/**
 * Writes a tree. Throws `TypeError` for values that Banana does not have: text, booleans, null, objects. Throws
 * `BANANA_TOO_DEEP` when lists are nested more than `depth` deep, which also stops a list that contains itself.
 */
export function writeExpression(writer: PlainWriter, expression: Expression, depth = 1024): void {
  const open: { list: Expression[]; index: number }[] = [];
  let list = [expression];
  let index = 0;
  while (true) {
    while (index === list.length) {
      const outer = open.pop();
      if (outer === undefined) return;
      ({ list, index } = outer);
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
    const other: unknown = leaf;
    throw new TypeError(
      `Banana has no ${other === null ? "null" : typeof other}, only integers, floats, byte strings and lists`,
    );
  }
}

/** Reads one expression as a tree. Does not limit the nesting depth: a `Scanner` must have checked it.  */
export function readExpression(reader: ExpressionReader): Expression {
  const kind = reader.kind();
  if (kind !== "list") return readLeaf(reader, kind);
  const open: { list: Expression[]; index: number }[] = [];
  let list = new Array<Expression>(reader.list());
  let index = 0;
  while (true) {
    if (index === list.length) {
      const outer = open.pop();
      if (outer === undefined) return list;
      ({ list, index } = outer);
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
