// Byte strings, which travel bare.

import type { TypeHandler } from "../handler.js";

/** `Uint8Array` and what extends it, such as Node's Buffer. */
export const byteArray: TypeHandler<Uint8Array> = {
  atoms: [],
  classes: [Uint8Array],
  subclasses: true,
  isScalar: true,
  jelly: (value, { writer }) => writer.bytes(value),
  unjelly: () => undefined,
};

export const arrayBuffer: TypeHandler<ArrayBuffer> = {
  atoms: [],
  classes: [ArrayBuffer],
  isScalar: true,
  jelly: (value, { writer }) => writer.bytes(new Uint8Array(value)),
  unjelly: () => undefined,
};
