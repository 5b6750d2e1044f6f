// The bytes of a stream that do not belong to a complete message yet.

/** The first buffer for the bytes of an incomplete message. */
const FIRST_BYTES = 256;

/**
 * Takes chunks, and gives back the bytes of one message at a time. A message inside one chunk is not copied. The bytes
 * of an incomplete message are: a view of a few bytes would keep all bytes in memory that were read with them.
 */
export class ByteWindow {
  /** The last chunk, or a buffer of this window. */
  #bytes: Uint8Array = NO_BYTES;
  #start = 0;
  #end = 0;
  #isOwn = false;
  /** The offset in the stream of the first byte. */
  start = 0;

  get length(): number {
    return this.#end - this.#start;
  }

  /** Adds a chunk, which must not be changed before {@link keep}. Bytes that were taken before may change. */
  push(chunk: Uint8Array): void {
    if (this.length === 0) this.#use(chunk, chunk.length, false);
    else {
      this.#makeRoom(chunk.length);
      this.#bytes.set(chunk, this.#end);
      this.#end += chunk.length;
    }
  }

  /** Removes the first `length` bytes, which must be there. They may change with the next {@link push}. */
  take(length: number): Uint8Array {
    const { buffer, byteOffset } = this.#bytes;
    // A view of its own is made faster than by `subarray`, which makes a Buffer of a Buffer (bench `tap`).
    const bytes = new Uint8Array(buffer, byteOffset + this.#start, length);
    this.start += length;
    this.#start += length;
    return bytes;
  }

  /** Copies what is left of the last chunk. Call it when no message of it can be taken any more. */
  keep(): void {
    if (this.length === 0) this.#use(NO_BYTES, 0, false);
    else if (!this.#isOwn) this.#makeRoom(0);
  }

  clear(): void {
    this.start += this.length;
    this.#use(NO_BYTES, 0, false);
  }

  /** Makes sure that there is a buffer of this window with room for so many further bytes. */
  #makeRoom(more: number): void {
    const { length } = this;
    const needed = length + more;
    if (this.#isOwn && this.#bytes.length >= needed) {
      if (this.#end + more > this.#bytes.length) this.#bytes.copyWithin(0, this.#start, this.#end);
      else return;
    } else {
      const larger = new Uint8Array(Math.max(FIRST_BYTES, needed, this.#isOwn ? 2 * this.#bytes.length : 0));
      larger.set(this.#bytes.subarray(this.#start, this.#end));
      this.#bytes = larger;
    }
    this.#use(this.#bytes, length, true);
  }

  #use(bytes: Uint8Array, length: number, isOwn: boolean): void {
    this.#bytes = bytes;
    this.#start = 0;
    this.#end = length;
    this.#isOwn = isOwn;
  }
}

const NO_BYTES = new Uint8Array(0);
