// Bytes that have arrived and wait for a receiver that is paused.

/** Messages below this size are joined: an array costs more memory than the few bytes in it. */
const SMALL_BYTES = 1024;

/** The largest chunk of joined messages. */
const JOINED_BYTES = 16 * 1024;

/** A queue of chunks, whose memory is at most a few times that of its bytes, however small the messages were. */
export class HeldBytes {
  readonly #chunks: Uint8Array[] = [];
  #length = 0;
  /** The buffer of the last chunk, if that consists of joined messages, and how much of it is used. */
  #buffer: Uint8Array = new Uint8Array(0);
  #used = 0;

  /** The number of bytes. */
  get length(): number {
    return this.#length;
  }

  /** Adds a message. A large one is not copied. */
  add(bytes: Uint8Array): void {
    this.#length += bytes.length;
    if (bytes.length < SMALL_BYTES) this.#join(bytes);
    else {
      this.#chunks.push(bytes);
      this.#used = 0;
    }
  }

  /** Removes the first chunk. Undefined if there is none. */
  take(): Uint8Array | undefined {
    const chunk = this.#chunks.shift();
    this.#length -= chunk?.length ?? 0;
    if (this.#chunks.length === 0) this.#used = 0;
    return chunk;
  }

  /** Removes everything. */
  clear(): void {
    this.#chunks.length = this.#length = this.#used = 0;
  }

  /** Adds to the last chunk, or as a new one. */
  #join(bytes: Uint8Array): void {
    const isNew = this.#used === 0 || this.#used + bytes.length > JOINED_BYTES;
    const used = isNew ? 0 : this.#used;
    this.#used = used + bytes.length;
    if (isNew || this.#used > this.#buffer.length) {
      const joined = this.#buffer.subarray(0, used);
      this.#buffer = new Uint8Array(Math.min(2 * this.#used, JOINED_BYTES));
      this.#buffer.set(joined);
    }
    this.#buffer.set(bytes, used);
    if (!isNew) this.#chunks.pop();
    this.#chunks.push(this.#buffer.subarray(0, this.#used));
  }
}
