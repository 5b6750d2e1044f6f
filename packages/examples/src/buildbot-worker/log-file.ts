// A file that a program writes while it runs, told to the master as it grows.

import { statSync } from "node:fs";
import { open } from "node:fs/promises";
import { Lines } from "./lines.js";

/** Milliseconds between two looks at it. */
const INTERVAL = 500;
const BLOCK = 64 * 1024;

export class LogFile {
  readonly #path: string;
  readonly #tell: (text: string) => void;
  readonly #lines = new Lines();
  readonly #before: string;
  readonly #timer: NodeJS.Timeout;
  #position: number;
  #reading: Promise<void> | undefined;

  /** What stands in it already is told only when the program touches it; with `follow` never. */
  constructor(
    { filename, follow = false }: { readonly filename: string; readonly follow?: boolean },
    path: (filename: string) => string,
    tell: (text: string) => void,
  ) {
    this.#path = path(filename);
    this.#tell = tell;
    this.#before = this.#mark();
    this.#position = follow ? this.#size() : 0;
    this.#timer = setInterval(() => void this.#look(), INTERVAL);
  }

  /** Tells the rest. */
  async end(): Promise<void> {
    clearInterval(this.#timer);
    await this.#reading;
    await this.#look();
    this.#tell(this.#lines.end());
  }

  #look(): Promise<void> {
    return (this.#reading ??= this.#read().finally(() => (this.#reading = undefined)));
  }

  async #read(): Promise<void> {
    if (this.#mark() === this.#before) return;
    try {
      await using file = await open(this.#path);
      for (;;) {
        const { bytesRead, buffer } = await file.read(new Uint8Array(BLOCK), 0, BLOCK, this.#position);
        if (bytesRead === 0) return;
        this.#position += bytesRead;
        this.#tell(this.#lines.feed(buffer.subarray(0, bytesRead)));
      }
    } catch {
      // Not there yet, or not any more.
    }
  }

  #mark(): string {
    const stats = statSync(this.#path, { throwIfNoEntry: false });
    return stats === undefined ? "" : `${stats.ino} ${stats.size} ${stats.mtimeMs}`;
  }

  #size(): number {
    return statSync(this.#path, { throwIfNoEntry: false })?.size ?? 0;
  }
}
