// Conversions of byte arrays: to plain `Uint8Array`s, and from and to text.

/** `Uint8Array<ArrayBuffer>`: not a view of shared memory. TypeScript before 5.7 does not know the difference. */
export type Bytes = ReturnType<typeof Uint8Array.of>;

/**
 * Returns the same bytes as a plain `Uint8Array`, because `slice` of a Node `Buffer` does not copy. Returns undefined
 * for shared memory, which another thread may change while it is read.
 */
export function plainBytes(bytes: Uint8Array): Bytes | undefined {
  const { buffer } = bytes;
  if (!(buffer instanceof ArrayBuffer)) return undefined;
  if (bytes.constructor === Uint8Array) return bytes as Bytes;
  return new Uint8Array(buffer, bytes.byteOffset, bytes.byteLength);
}

/** Throws `TypeError` for anything but a `Uint8Array`, of any realm. */
export function requireBytes(value: unknown): asserts value is Uint8Array {
  if ((value as Partial<Uint8Array> | null | undefined)?.BYTES_PER_ELEMENT !== 1)
    throw new TypeError("Expected a Uint8Array");
}

/** Whether `value` is a `Uint8Array` of another realm, such as a frame or a `vm` context. */
export function isForeignBytes(value: unknown): value is Uint8Array {
  return ArrayBuffer.isView(value) && Object.prototype.toString.call(value) === "[object Uint8Array]";
}

/** Converts bytes to text, one character for each byte. */
export function toLatin1(bytes: Uint8Array, start = 0, end: number = bytes.length): string {
  let text = "";
  for (let position = start; position < end; position++) text += String.fromCharCode(bytes[position]!);
  return text;
}

/** Converts ASCII text to bytes. Throws `TypeError` when a character is not ASCII. */
export function fromAscii(text: string): Uint8Array {
  const bytes = new Uint8Array(text.length);
  for (let index = 0; index < text.length; index++) {
    bytes[index] = text.charCodeAt(index);
    if (text.charCodeAt(index) > 0x7f) throw new TypeError(`Not ASCII: ${JSON.stringify(text)}`);
  }
  return bytes;
}
