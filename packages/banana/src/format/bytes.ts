// Byte arrays as they come from outside, and as we hand them on.

/**
 * The same bytes as a plain `Uint8Array`: a Node `Buffer` has a `slice` that does not copy. Undefined when others may change the bytes
 * while we read them (shared memory).
 */
export function plainBytes(bytes: Uint8Array): Uint8Array<ArrayBuffer> | undefined {
  const { buffer } = bytes;
  if (!(buffer instanceof ArrayBuffer)) return undefined;
  if (bytes.constructor === Uint8Array) return bytes as Uint8Array<ArrayBuffer>;
  return new Uint8Array(buffer, bytes.byteOffset, bytes.byteLength);
}

/** Whether this is a `Uint8Array` of another realm: of a frame, or of the sandbox a test runs in. */
export function isForeignBytes(value: unknown): value is Uint8Array {
  return ArrayBuffer.isView(value) && Object.prototype.toString.call(value) === "[object Uint8Array]";
}

/** Bytes as text, one character a byte. */
export function toLatin1(bytes: Uint8Array, start = 0, end: number = bytes.length): string {
  let text = "";
  for (let position = start; position < end; position++) text += String.fromCharCode(bytes[position]!);
  return text;
}

/** Text of ASCII characters as bytes. Throws `TypeError` for any other. */
export function fromAscii(text: string): Uint8Array {
  const bytes = new Uint8Array(text.length);
  for (let index = 0; index < text.length; index++) {
    bytes[index] = text.charCodeAt(index);
    if (text.charCodeAt(index) > 0x7f) throw new TypeError(`Not ASCII: ${JSON.stringify(text)}`);
  }
  return bytes;
}
