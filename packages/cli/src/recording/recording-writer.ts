// Writes a recording.

import { open } from "node:fs/promises";
import type { FileHandle } from "node:fs/promises";
import { printable } from "@pb/jelly-types";
import { CliError } from "../errors.js";
import { dataEntries, formatEntry, formatHeader } from "./format.js";
import type { DataEntry, RecordingEntry, RecordingHeader } from "./format.js";

/** Characters that wait to be written until {@link RecordingWriter.isFull}. */
const FULL = 1024 * 1024;

/** Milliseconds that lines wait for others, unless {@link BATCH} characters wait (bench `tap`). */
const WAIT_MS = 20;
const BATCH = 64 * 1024;

/**
 * Writes the lines of a recording to a file that only its owner can read. When the process is killed, the lines of the
 * last 20 ms are lost, and what `pb tap` had not decoded.
 */
export class RecordingWriter {
  readonly #file: FileHandle;
  #lines: string[] = [];
  #length = 0;
  #writing: Promise<void> | undefined;
  #error: CliError | undefined;
  /** Called with the error of a write, after which nothing more is written. */
  onError: ((error: CliError) => void) | undefined;

  private constructor(file: FileHandle) {
    this.#file = file;
  }

  /** Creates the file. Rejects with `CliError` `CLI_FILE`, also if it exists: a recording is not replaced. */
  static async create(path: string, header: RecordingHeader): Promise<RecordingWriter> {
    let file: FileHandle;
    try {
      file = await open(path, "wx", 0o600);
    } catch (error) {
      throw fileError(path, error);
    }
    const writer = new RecordingWriter(file);
    writer.#write(formatHeader(header));
    return writer;
  }

  /** Whether no more should be written before {@link drained} resolves. */
  get isFull(): boolean {
    return this.#length > FULL;
  }

  write(entry: Exclude<RecordingEntry, DataEntry>): void {
    this.#write(formatEntry(entry));
  }

  /** Writes the entries of one message. The bytes may be changed afterwards. */
  writeData(entry: DataEntry): void {
    for (const piece of dataEntries(entry)) this.#write(formatEntry(piece));
  }

  /** Resolves when everything so far is written, or cannot be written. */
  async drained(): Promise<void> {
    while (this.#writing !== undefined) await this.#writing;
  }

  /** Writes the last line, and closes the file. Rejects with the error that a write had. */
  async finish(timeMs: number): Promise<void> {
    this.write({ kind: "finish", timeMs });
    await this.drained();
    await this.#file.close().catch((error: unknown) => (this.#error ??= fileError("the recording", error)));
    if (this.#error !== undefined) throw this.#error;
  }

  #write(line: string): void {
    if (this.#error !== undefined) return;
    this.#lines.push(line);
    this.#length += line.length;
    this.#writing ??= this.#flush();
  }

  async #flush(): Promise<void> {
    if (this.#length < BATCH) await new Promise((resolve) => setTimeout(resolve, WAIT_MS));
    else await new Promise((resolve) => setImmediate(resolve));
    const text = this.#lines.join("");
    this.#lines = [];
    try {
      await this.#file.appendFile(text);
    } catch (error) {
      this.#error = fileError("the recording", error);
      this.#lines = [];
      this.#length = text.length;
      this.onError?.(this.#error);
    }
    this.#length -= text.length;
    this.#writing = undefined;
    if (this.#lines.length > 0) this.#writing = this.#flush();
  }
}

function fileError(path: string, cause: unknown): CliError {
  return new CliError("CLI_FILE", `${printable(path)} cannot be written: ${(cause as Error).message}`, { cause });
}
