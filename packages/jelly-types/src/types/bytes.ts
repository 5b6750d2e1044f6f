// Byte strings, which are written as Banana strings without a list around them.

import { JellyError } from "../errors.js";
import type { WritingHandler } from "../handler.js";

/** Writes `Uint8Array` and its subclasses, such as Node's `Buffer`. */
export const byteArray: WritingHandler<Uint8Array> = {
  atoms: [],
  classes: [Uint8Array],
  subclasses: true,
  isScalar: true,
  jelly(value, { writer }) {
    const bytes = plainView(value);
    if (bytes.length === 0) requireAttached(bytes);
    writer.bytes(bytes);
  },
};

/**
 * Throws `JELLY_NOT_JELLYABLE` for bytes whose buffer was transferred, for example to a worker, or has become smaller:
 * they look empty. Of all methods without an effect, `at` is one that the engine refuses for them.
 */
function requireAttached(bytes: Uint8Array): void {
  try {
    bytes.at(0);
  } catch (cause) {
    throw detached(cause);
  }
}

function detached(cause: unknown): JellyError {
  const text =
    "The bytes cannot be sent: their buffer was transferred or has become smaller. Send them before, or a copy";
  return new JellyError("JELLY_NOT_JELLYABLE", text, { cause });
}

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
  jelly: (value, { writer }) => writer.bytes(bytesOf(value)),
};

function bytesOf(buffer: ArrayBuffer): Uint8Array {
  try {
    return new Uint8Array(buffer);
  } catch (cause) {
    throw detached(cause);
  }
}
