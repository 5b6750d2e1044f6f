// Follows a log file that a program writes, and passes on the text that is added to it.

import { statSync } from "node:fs";
import { open } from "node:fs/promises";
import { LineDecoder } from "./line-decoder.js";

/** Milliseconds between two reads of the file. */
const INTERVAL_MS = 500;
const BLOCK_SIZE = 64 * 1024;

export class LogFile {
  readonly #path: string;
  readonly #onText: (text: string) => void;
  readonly #lines = new LineDecoder();
  readonly #initialStamp: string;
  readonly #timer: NodeJS.Timeout;
  #position: number;
  #reading: Promise<void> | undefined;

  /** Starts to follow the file. Passes on its present text only if the program changes it; with `follow`, never. */
  constructor(
    { filename, follow = false }: { readonly filename: string; readonly follow?: boolean },
    path: (filename: string) => string,
    onText: (text: string) => void,
  ) {
    this.#path = path(filename);
    this.#onText = onText;
    this.#initialStamp = this.#stamp();
    this.#position = follow ? this.#size() : 0;
    this.#timer = setInterval(() => void this.#readOnce(), INTERVAL_MS);
  }

  /** Passes on the rest of the file and stops. */
  async end(): Promise<void> {
    clearInterval(this.#timer);
    await this.#reading;
    await this.#readOnce();
    this.#onText(this.#lines.flush());
  }

  #readOnce(): Promise<void> {
    return (this.#reading ??= this.#read().finally(() => (this.#reading = undefined)));
  }

  async #read(): Promise<void> {
    if (this.#stamp() === this.#initialStamp) return;
    try {
      await using file = await open(this.#path);
      for (;;) {
        const { bytesRead, buffer } = await file.read(new Uint8Array(BLOCK_SIZE), 0, BLOCK_SIZE, this.#position);
        if (bytesRead === 0) return;
        this.#position += bytesRead;
        this.#onText(this.#lines.decode(buffer.subarray(0, bytesRead)));
      }
    } catch {
      // The file does not exist yet, or was deleted.
    }
  }

  #stamp(): string {
    const stats = statSync(this.#path, { throwIfNoEntry: false });
    return stats === undefined ? "" : `${stats.ino} ${stats.size} ${stats.mtimeMs}`;
  }

  #size(): number {
    return statSync(this.#path, { throwIfNoEntry: false })?.size ?? 0;
  }
}
