// Records what an observation reports.

import type { Message, Side } from "../conversation/messages.js";
import type { Ending, Observer } from "../observe/observer.js";
import type { RecordingWriter } from "../recording/recording-writer.js";

export class RecordingObserver implements Observer {
  readonly #writer: RecordingWriter;

  constructor(writer: RecordingWriter) {
    this.#writer = writer;
  }

  opened(connection: number, address: string, timeMs: number): void {
    this.#writer.write({ kind: "open", timeMs, connection, address });
  }

  message(connection: number, { from, timeMs, bytes, size, redacted }: Message): void {
    if (bytes === undefined) this.#writer.write({ kind: "opaque", timeMs, connection, from, size });
    else if (redacted === 0) this.#writer.writeData({ kind: "data", timeMs, connection, from, bytes });
    else this.#writer.writeData({ kind: "data", timeMs, connection, from, bytes, size, redacted });
  }

  finished(connection: number, from: Side, timeMs: number): void {
    this.#writer.write({ kind: "fin", timeMs, connection, from });
  }

  closed(connection: number, { timeMs, by, code }: Ending): void {
    if (by === "recording") return; // It has no end: the reader of a recording says so.
    this.#writer.write({ kind: "close", timeMs, connection, by, ...(code === undefined ? {} : { code }) });
  }
}
