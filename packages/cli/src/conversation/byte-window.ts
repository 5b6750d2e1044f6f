// The bytes of a stream that do not belong to a complete message yet.

/** Takes chunks, and gives back the bytes of one message at a time. A message inside one chunk is not copied. */
export class ByteWindow {
  #chunks: Uint8Array[] = [];
  /** Bytes of the first chunk that were taken. */
  #taken = 0;
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
    const end = this.#taken + length;
    if (first === undefined || first.length < end) return this.#join(length);
    // A view of its own is made faster than by `subarray`, which makes a Buffer of a Buffer (bench `tap`).
    const bytes = new Uint8Array(first.buffer, first.byteOffset + this.#taken, length);
    this.#taken = end;
    if (first.length === end) this.#removeFirst();
    return bytes;
  }

  #join(length: number): Uint8Array {
    const bytes = new Uint8Array(length);
    let filled = 0;
    let used = 0;
    while (filled < length) {
      const chunk = this.#chunks[used]!;
      const part = chunk.subarray(this.#taken, this.#taken + length - filled);
      bytes.set(part, filled);
      filled += part.length;
      this.#taken += part.length;
      if (this.#taken < chunk.length) continue;
      used++;
      this.#taken = 0;
    }
    this.#chunks = this.#chunks.slice(used);
    return bytes;
  }

  #removeFirst(): void {
    this.#chunks.shift();
    this.#taken = 0;
  }

  clear(): void {
    this.start += this.#length;
    this.#chunks = [];
    this.#taken = this.#length = 0;
  }
}
