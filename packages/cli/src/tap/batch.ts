// Events of connections, packed for another thread: many events take one message, and their bytes one buffer.

import type { Side } from "../conversation/messages.js";
import type { CloseEntry } from "../recording/format.js";

/** Is told what happens on connections, which have numbers from 1. Times are milliseconds since the start. */
export interface ConnectionEvents {
  opened(connection: number, address: string, timeMs: number): void;
  /** `bytes` may be changed after the call. */
  data(connection: number, from: Side, bytes: Uint8Array, timeMs: number): void;
  /** A side sends nothing more. */
  finished(connection: number, from: Side, timeMs: number): void;
  closed(connection: number, by: CloseEntry["by"], code: string | undefined, timeMs: number): void;
}

/** Events of one or more connections, in the order in which they happened. */
export interface Batch {
  /** Four numbers for each event: its kind, the connection, the time, and a length or the number of a text. */
  readonly rows: Float64Array<ArrayBuffer>;
  /** The bytes of all events, one after the other. */
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly texts: readonly string[];
  /** The memory that the batch takes, in bytes. */
  readonly size: number;
}

/** The kinds of events. Their indexes stand in the rows. */
const KINDS = [
  ...(["data client", "data server", "finished client", "finished server", "opened"] as const),
  ...(["closed client", "closed server", "closed tap", "closed target"] as const),
];
type Kind = (typeof KINDS)[number];
const numbers = Object.fromEntries(KINDS.map((kind, index) => [kind, index])) as Record<Kind, number>;

const ROW = 4;

/** The first buffer for bytes: one read of a socket fits. */
const FIRST_BYTES = 64 * 1024;

/** The number of a text that is missing. */
const NO_TEXT = -1;

/** Collects events. */
export class BatchWriter implements ConnectionEvents {
  #rows: number[] = [];
  #bytes = new Uint8Array(0);
  #length = 0;
  #texts: string[] = [];

  /** The memory that the events take, in bytes. 0: there are none. */
  get size(): number {
    return this.#length + this.#rows.length * Float64Array.BYTES_PER_ELEMENT;
  }

  opened(connection: number, address: string, timeMs: number): void {
    this.#rows.push(numbers.opened, connection, timeMs, this.#text(address));
  }

  data(connection: number, from: Side, bytes: Uint8Array, timeMs: number): void {
    const end = this.#length + bytes.length;
    if (end > this.#bytes.length) this.#grow(end);
    this.#bytes.set(bytes, this.#length);
    this.#length = end;
    this.#rows.push(numbers[`data ${from}`], connection, timeMs, bytes.length);
  }

  finished(connection: number, from: Side, timeMs: number): void {
    this.#rows.push(numbers[`finished ${from}`], connection, timeMs, NO_TEXT);
  }

  closed(connection: number, by: CloseEntry["by"], code: string | undefined, timeMs: number): void {
    this.#rows.push(numbers[`closed ${by}`], connection, timeMs, code === undefined ? NO_TEXT : this.#text(code));
  }

  /** Returns the events since the last call. The buffers are not used again: they can be transferred. */
  take(): Batch {
    const { size } = this;
    const bytes = this.#bytes.subarray(0, this.#length);
    const batch = { rows: new Float64Array(this.#rows), bytes, texts: this.#texts, size };
    this.#rows = [];
    this.#bytes = new Uint8Array(0);
    this.#length = 0;
    this.#texts = [];
    return batch;
  }

  #text(text: string): number {
    return this.#texts.push(text) - 1;
  }

  #grow(least: number): void {
    const larger = new Uint8Array(Math.max(FIRST_BYTES, least, this.#bytes.length * 2));
    larger.set(this.#bytes.subarray(0, this.#length));
    this.#bytes = larger;
  }
}

/** Tells the events of a batch. */
export function readBatch({ rows, bytes, texts }: Batch, events: ConnectionEvents): void {
  let offset = 0;
  for (let row = 0; row < rows.length; row += ROW) {
    const [kind, connection, timeMs, value] = rows.subarray(row, row + ROW) as unknown as [
      number,
      number,
      number,
      number,
    ];
    const [what, side] = KINDS[kind]!.split(" ") as [string, CloseEntry["by"]];
    if (what === "data") {
      events.data(connection, side as Side, bytes.subarray(offset, offset + value), timeMs);
      offset += value;
    } else if (what === "finished") events.finished(connection, side as Side, timeMs);
    else if (what === "opened") events.opened(connection, texts[value]!, timeMs);
    else events.closed(connection, side, texts[value], timeMs);
  }
}
