// Byte strings, which are written as Banana strings without a list around them.

import type { WritingHandler } from "../handler.js";

/** Writes `Uint8Array` and its subclasses, such as Node's `Buffer`. */
export const byteArray: WritingHandler<Uint8Array> = {
  atoms: [],
  classes: [Uint8Array],
  subclasses: true,
  isScalar: true,
  jelly: (value, { writer }) => writer.bytes(plainView(value)),
};

/**
 * A plain `Uint8Array` of the same bytes, because a subclass may override methods: `slice` of a Node `Buffer` does not
 * copy.
 */
function plainView(bytes: Uint8Array): Uint8Array {
  return Object.getPrototypeOf(bytes) === Uint8Array.prototype
    ? bytes
    : new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.length);
}

export const arrayBuffer: WritingHandler<ArrayBuffer> = {
  atoms: [],
  classes: [ArrayBuffer],
  isScalar: true,
  jelly: (value, { writer }) => writer.bytes(new Uint8Array(value)),
};
