// Reads an expression tree directly from scanned bytes.
/* eslint-disable @typescript-eslint/no-unsafe-enum-comparison -- type bytes come as numbers */

import { toExactFloat } from "../expression/expression.js";
import type { Expression } from "../expression/expression.js";
import { checkLimit } from "../limits.js";
import { BYTES_HEAP, FLOAT_HEAP, LIST_HEAP, NUMBER_HEAP, SLOT_HEAP } from "./heap.js";
import { readDigits } from "../format/base128.js";
import { fromAscii } from "../format/bytes.js";
import { countDigits4, readDigits4, Token, typeAfter } from "../format/tokens.js";
import type { Dialect } from "../format/vocabulary.js";

/**
 * Reads the expression at `position` as a tree. A `Scanner` must have checked that it is complete and within the other
 * limits. Throws `BANANA_HEAP_TOO_LARGE` before the tree takes more than `heapBytes`.
 */
export function readTree(
  bytes: Uint8Array,
  view: DataView,
  position: number,
  { vocabulary }: Dialect,
  heapBytes: number,
): Expression {
  const lastFour = bytes.length - 4;
  let heap = 0;
  let empty: Uint8Array | undefined;
  const open: { list: Expression[]; index: number }[] = [];
  let list = new Array<Expression>(1);
  let index = 0;
  while (true) {
    if (heap > heapBytes) checkLimit("HEAP_TOO_LARGE", heap, heapBytes);
    while (index === list.length) {
      const outer = open.pop();
      if (outer === undefined) return list[0]!;
      ({ list, index } = outer);
    }
    const four = position <= lastFour ? view.getInt32(position, true) : 0;
    let digits = countDigits4(four);
    let number = readDigits4(four, digits);
    let type = typeAfter(four, digits);
    if (digits === 4) {
      // More than three digits, or one of the last elements.
      digits = 0;
      while ((type = bytes[position + digits]!) < 0x80) digits++;
      const long = readDigits(bytes, position, position + digits);
      heap += NUMBER_HEAP + digits;
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
      // Consecutive integers are read without returning to the start of the loop.
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
      heap += LIST_HEAP + SLOT_HEAP * number;
      if (heap > heapBytes) continue; // An announced list is not allocated.
      open.push({ list, index: index + 1 });
      list = list[index] = new Array<Expression>(number);
      index = 0;
    } else if (type === Token.STRING) {
      heap += number === 0 ? 0 : BYTES_HEAP + number;
      list[index++] = number === 0 ? (empty ??= new Uint8Array(0)) : bytes.slice(position, (position += number));
    } else if (type === Token.VOCAB) {
      heap += BYTES_HEAP;
      list[index++] = fromAscii(vocabulary!.word(number)!);
    } else if (type === Token.FLOAT) {
      const value = (list[index++] = toExactFloat(view, position));
      heap += typeof value === "number" ? NUMBER_HEAP : FLOAT_HEAP;
      position += 8;
    } else {
      list[index++] = 0 - number;
    }
  }
}
