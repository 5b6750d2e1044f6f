// The sources of a connection answer in turns, so that an answer of another call is behind few bytes of streams.

import type { Connection } from "../calls/callable.js";
import { BATCH_BYTES } from "./stream-items.js";

/**
 * Bytes of the streams of a connection that are written before its link has to send them: as many as the outbox sends
 * at once. With half of them, ten streams were slower (bench `stream-latency`).
 */
const UNSENT_BYTES = 2 * BATCH_BYTES;

/** A source that may have to wait. */
interface Source {
  /** Answers the calls that wait, as far as it may. */
  advance(): void;
}

/** What the sources of one connection have written. */
class StreamTurns {
  readonly #connection: Connection;
  /** In the order in which they answer. */
  readonly #waiting = new Set<Source>();
  /** Bytes of items that were written since everything had left the process. */
  #unsentBytes = 0;
  #isDraining = false;

  constructor(connection: Connection) {
    this.#connection = connection;
  }

  get #mustWait(): boolean {
    return this.#isDraining;
  }

  /** Whether a source may answer a call now. If not, its `advance` is called when it may. */
  admits(source: Source): boolean {
    if (this.#mustWait) this.#waiting.add(source);
    return !this.#mustWait;
  }

  /** A source has answered with so many bytes. */
  add(bytes: number): void {
    this.#unsentBytes += bytes;
    if (this.#unsentBytes >= UNSENT_BYTES) this.#drain();
  }

  /** Waits until the link has sent the answers. */
  #drain(): void {
    this.#isDraining = true;
    this.#unsentBytes = 0;
    const drained = (): void => this.#wake();
    // Later, when the answer has been written. An error is the end of the connection, which closes the sources.
    void Promise.resolve()
      .then(() => this.#connection.drained())
      .then(drained, drained);
  }

  #wake(): void {
    this.#isDraining = false;
    for (const source of this.#waiting) {
      this.#waiting.delete(source);
      source.advance();
      if (this.#mustWait) return; // It has called `add`. The others keep their places.
    }
  }
}

const turns = new WeakMap<Connection, StreamTurns>();

/** The turns that all sources of a connection share. */
export function turnsOf(connection: Connection): StreamTurns {
  let known = turns.get(connection);
  if (known === undefined) turns.set(connection, (known = new StreamTurns(connection)));
  return known;
}
