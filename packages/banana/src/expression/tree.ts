// Writes an expression tree to any writer, and reads one from any reader.

import { isForeignBytes } from "../format/bytes.js";
import { Float, isInteger, notAnExpression } from "./expression.js";
import type { Expression, ExpressionReader, ExpressionWriter, Kind } from "./expression.js";
import { checkLimit } from "../limits.js";
import {
  BYTES_HEAP,
  FLOAT_HEAP,
  LIST_HEAP,
  NUMBER_HEAP,
  SLOT_HEAP,
  charge,
  defaultAllowance,
} from "../reading/heap.js";
import type { HeapAllowance } from "../reading/heap.js";
import { runSteps, STEP_BYTES } from "../reading/steps.js";
import type { Steps } from "../reading/steps.js";

type Leaf = Exclude<Expression, Expression[]>;

/** The methods of a writer that trees need. */
type PlainWriter = Pick<ExpressionWriter, "list" | "integer" | "float" | "bytes">;

/**
 * Writes a tree. Throws `TypeError` for values that Banana does not have: text, booleans, null, objects. Throws
 * `BANANA_TOO_DEEP` when lists are nested more than `depth` deep, which also stops a list that contains itself.
 */
export function writeExpression(writer: PlainWriter, expression: Expression, depth = 1024): void {
  if (!Array.isArray(expression)) {
    writeLeaf(writer, expression); // Such as almost every request id.
    return;
  }
  const open: { list: Expression[]; index: number }[] = [];
  let list: Expression[] = [expression];
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
    throw notAnExpression(leaf);
  }
}

/**
 * Reads one expression as a tree. Does not limit the nesting depth: a `Scanner` must have checked it. Throws
 * `BANANA_HEAP_TOO_LARGE` before the tree takes more memory than `allowance`. Subtracts the memory that the tree takes
 * from `allowance`.
 */
export function readExpression(reader: ExpressionReader, allowance: HeapAllowance = defaultAllowance()): Expression {
  const kind = reader.kind();
  return kind === "list" ? runSteps(readTree(reader, allowance, Infinity)) : readLeaf(reader, kind, allowance);
}

/** As {@link readExpression}, with a pause after each step. */
export function* readExpressionInSteps(reader: ExpressionReader, allowance: HeapAllowance): Steps<Expression> {
  const kind = reader.kind();
  return kind === "list" ? yield* readTree(reader, allowance, STEP_BYTES) : readLeaf(reader, kind, allowance);
}

function* readTree(reader: ExpressionReader, allowance: HeapAllowance, stepBytes: number): Steps<Expression[]> {
  const open: { list: Expression[]; index: number }[] = [];
  let list = readHead(reader, allowance);
  let index = 0;
  let pause = reader.offset + stepBytes;
  while (true) {
    if (index === list.length) {
      const outer = open.pop();
      if (outer === undefined) return list;
      ({ list, index } = outer);
      continue;
    }
    if (reader.offset > pause) {
      yield;
      pause = reader.offset + stepBytes;
    }
    const kind = reader.kind();
    if (kind === "list") {
      open.push({ list, index: index + 1 });
      list = list[index] = readHead(reader, allowance);
      index = 0;
      continue;
    }
    if (kind === "integer") index = reader.integers(list, index);
    if (index < list.length && (kind !== "integer" || reader.kind() === "integer"))
      list[index++] = readLeaf(reader, kind, allowance);
  }
}

function readHead(reader: ExpressionReader, allowance: HeapAllowance): Expression[] {
  const length = reader.list();
  charge(allowance, LIST_HEAP + SLOT_HEAP * length);
  return new Array<Expression>(length);
}

function readInteger(reader: ExpressionReader, allowance: HeapAllowance): number | bigint {
  const { offset } = reader;
  const value = reader.integer();
  // A digit has seven bits.
  if ((Number(value) | 0) !== value) charge(allowance, NUMBER_HEAP + reader.offset - offset);
  return value;
}

function readLeaf(reader: ExpressionReader, kind: Exclude<Kind, "list">, allowance: HeapAllowance): Expression {
  switch (kind) {
    case "integer":
      return readInteger(reader, allowance);
    case "bytes": {
      const bytes = reader.bytes();
      charge(allowance, bytes.length === 0 ? 0 : BYTES_HEAP + bytes.length);
      return bytes;
    }
    case "float": {
      const value = reader.exactFloat();
      charge(allowance, typeof value === "number" ? NUMBER_HEAP : FLOAT_HEAP);
      return value;
    }
  }
}
