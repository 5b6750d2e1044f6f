// Expressions as trees: written to any writer, read from any reader or from bytes that were scanned.
/* eslint-disable @typescript-eslint/no-unsafe-enum-comparison -- type bytes come as numbers */

import { readDigits } from "./base128.js";
import { fromAscii, isForeignBytes } from "./bytes.js";
import { Float, isInteger, toExactFloat } from "./expression.js";
import type { Expression, ExpressionReader, ExpressionWriter, Kind } from "./expression.js";
import { checkLimit } from "./limits.js";
import { countDigits4, readDigits4, Token, typeAfter } from "./tokens.js";
import type { Dialect } from "./vocabulary.js";

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

/** The expression that begins at `position`. A scanner has found it complete, and within the limits. */
export function readTree(bytes: Uint8Array, view: DataView, position: number, { vocabulary }: Dialect): Expression {
  const lastFour = bytes.length - 4;
  const open: { list: Expression[]; index: number }[] = [];
  let list = new Array<Expression>(1);
  let index = 0;
  while (true) {
    while (index === list.length) {
      const around = open.pop();
      if (around === undefined) return list[0]!;
      ({ list, index } = around);
    }
    const four = position <= lastFour ? view.getInt32(position, true) : 0;
    let digits = countDigits4(four);
    let number = readDigits4(four, digits);
    let type = typeAfter(four, digits);
    if (digits === 4) {
      // A long head, or the last bytes.
      digits = 0;
      while ((type = bytes[position + digits]!) < 0x80) digits++;
      const long = readDigits(bytes, position, position + digits);
      if (typeof long === "bigint" && type !== Token.FLOAT) {
        list[index++] = type === Token.INT || type === Token.LONGINT ? long : -long;
        position += digits + 1;
        continue;
      }
      number = Number(long);
    }
    position += digits + 1;
    if (type === Token.INT || type === Token.LONGINT) {
      list[index++] = number;
      // Integers come in rows.
      while (index < list.length && position <= lastFour) {
        const next = view.getInt32(position, true);
        if ((next & 0xff80) === Token.INT << 8) {
          list[index++] = next & 0x7f;
          position += 2;
        } else if ((next & 0xff8080) === Token.INT << 16) {
          list[index++] = (next & 0x7f) | ((next >>> 1) & 0x3f80);
          position += 3;
        } else if ((next & (0xff808080 | 0)) === Token.INT << 24) {
          list[index++] = (next & 0x7f) | ((next >>> 1) & 0x3f80) | ((next >>> 2) & 0x1fc000);
          position += 4;
        } else {
          break;
        }
      }
    } else if (type === Token.LIST) {
      open.push({ list, index: index + 1 });
      list = list[index] = new Array<Expression>(number);
      index = 0;
    } else if (type === Token.STRING) {
      list[index++] = bytes.slice(position, (position += number));
    } else if (type === Token.VOCAB) {
      list[index++] = fromAscii(vocabulary!.word(number)!);
    } else if (type === Token.FLOAT) {
      list[index++] = toExactFloat(view, position);
      position += 8;
    } else {
      list[index++] = 0 - number;
    }
  }
}
