// Reads values without contents straight from bytes, the way they are nearly always written: at one look, not by a call for each element.

import type { BananaReader } from "@pb/banana";
import { ListHead } from "@pb/banana";
import { BOOLEAN } from "./types/boolean.js";
import { UNICODE } from "./types/text.js";

const TRUE = new ListHead(1, "true");
const FALSE = new ListHead(1, "false");
const LIST_OF_ONE = 0x8001;
const NONE = new ListHead(1, "None");

/**
 * The next value, when it is a short text, a small integer, a float, a boolean or None. Undefined, and nothing is read, when it is something
 * else, written in an unusual way, wrong, or close to the end of the bytes (bench `jelly`).
 */
export function readScalar(reader: BananaReader): string | number | boolean | null | undefined {
  const { position, view, end } = reader;
  // Room for `(boolean true)`: whatever is looked at without asking again.
  if (position + 17 > end) return undefined;
  const four = view.getInt32(position, true);
  if (four === UNICODE.four) {
    const first = view.getInt32(position + 4, true);
    const last = view.getInt32(position + 7, true);
    if (first === UNICODE.first && last === UNICODE.last) return reader.shortText(position + 11);
    if (first === BOOLEAN.first && last === BOOLEAN.last) return readTruth(reader, position + 11);
    return undefined;
  }
  if ((four & 0xff80) === 0x8100) {
    reader.position = position + 2;
    return four & 0x7f;
  }
  if ((four & 0xff) === 0x84) {
    reader.position = position + 9;
    return view.getFloat64(position + 1);
  }
  if ((four & 0xff8080) === 0x810000) {
    reader.position = position + 3;
    return (four & 0x7f) | ((four >>> 1) & 0x3f80);
  }
  return (four & 0xffff) === LIST_OF_ONE && reader.begins(NONE) ? null : undefined;
}

function readTruth(reader: BananaReader, position: number): boolean | undefined {
  const { view } = reader;
  const head = view.getUint16(position, true);
  const first = view.getInt32(position + 2, true);
  if (head === TRUE.four >>> 16 && first === TRUE.first) {
    reader.position = position + 6;
    return true;
  }
  if (head === FALSE.four >>> 16 && first === FALSE.first && position + 7 <= reader.end) {
    if (view.getInt32(position + 3, true) !== FALSE.last) return undefined;
    reader.position = position + 7;
    return false;
  }
  return undefined;
}
