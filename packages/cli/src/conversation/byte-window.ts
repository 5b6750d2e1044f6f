// The bytes of a stream that do not belong to a complete message yet.

/** Takes chunks, and gives back the bytes of one message at a time. A message inside one chunk is not copied. */
export class ByteWindow {
  #chunks: Uint8Array[] = [];
  #length = 0;
  /** The offset in the stream of the first byte. */
  start = 0;

  get length(): number {
    return this.#length;
  }

  push(chunk: Uint8Array): void {
    if (chunk.length === 0) return;
    this.#chunks.push(chunk);
    this.#length += chunk.length;
  }

  /** Removes the first `length` bytes, which must be there. */
  take(length: number): Uint8Array {
    this.start += length;
    this.#length -= length;
    const first = this.#chunks[0];
    if (first !== undefined && first.length >= length) {
      if (first.length === length) this.#chunks.shift();
      else this.#chunks[0] = first.subarray(length);
      return first.subarray(0, length);
    }
    return this.#join(length);
  }

  #join(length: number): Uint8Array {
    const bytes = new Uint8Array(length);
    let filled = 0;
    let used = 0;
    while (filled < length) {
      const chunk = this.#chunks[used]!;
      const part = chunk.subarray(0, length - filled);
      bytes.set(part, filled);
      filled += part.length;
      if (part.length < chunk.length) this.#chunks[used] = chunk.subarray(part.length);
      else used++;
    }
    this.#chunks = this.#chunks.slice(used);
    return bytes;
  }

  clear(): void {
    this.start += this.#length;
    this.#chunks = [];
    this.#length = 0;
  }
}
