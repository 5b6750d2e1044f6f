// Byte strings, which travel bare.

import type { TypeHandler } from "../handler.js";

/** `Uint8Array` and what extends it, such as Node's Buffer. */
export const byteArray: TypeHandler<Uint8Array> = {
  atoms: [],
  classes: [Uint8Array],
  subclasses: true,
  isScalar: true,
  jelly: (value, { writer }) => writer.bytes(plainView(value)),
  unjelly: () => undefined,
};

/** The same bytes without what a subclass changes: `slice` of a Node Buffer does not copy. */
function plainView(bytes: Uint8Array): Uint8Array {
  return Object.getPrototypeOf(bytes) === Uint8Array.prototype
    ? bytes
    : new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.length);
}

export const arrayBuffer: TypeHandler<ArrayBuffer> = {
  atoms: [],
  classes: [ArrayBuffer],
  isScalar: true,
  jelly: (value, { writer }) => writer.bytes(new Uint8Array(value)),
  unjelly: () => undefined,
};
