// The streams that arrive over a connection share the bytes that may be on the way, so that an answer of another call
// is behind few bytes of streams, however many streams are read.

/**
 * Bytes of the streams of a connection that are on the way, and of one stream that wait to be read together with those
 * on the way. Two megabytes in each round trip: up to 200 megabytes a second over a network with 10 ms.
 */
export const WINDOW_BYTES: number = 2 * 1024 * 1024;

/** A stream counts as long as it has brought one of so many large batches: not while it waits for its source. */
const REMEMBERED_BATCHES = 64;

/** Divides {@link WINDOW_BYTES} between the streams of a connection that bring much. */
export class StreamShare {
  #batches = 0;
  /** The number of the last batch of each stream, in ascending order. The keys do not keep their readers in memory. */
  readonly #last = new Map<object, number>();

  /** Bytes of each stream that may be on the way. */
  get bytes(): number {
    return WINDOW_BYTES / Math.max(this.#last.size, 1);
  }

  /** A stream has brought a large batch. */
  add(stream: object): void {
    this.#last.delete(stream);
    this.#last.set(stream, ++this.#batches);
    for (const [oldest, batch] of this.#last) {
      if (batch > this.#batches - REMEMBERED_BATCHES) return;
      this.#last.delete(oldest);
    }
  }

  /** A stream has ended. */
  delete(stream: object): void {
    this.#last.delete(stream);
  }
}

const shares = new WeakMap<object, StreamShare>();

/** What all streams that arrive over a connection share. */
export function shareOf(connection: object): StreamShare {
  let known = shares.get(connection);
  if (known === undefined) shares.set(connection, (known = new StreamShare()));
  return known;
}
