// Reads a recording, line by line, in constant memory.

import { CliError } from "../errors.js";
import { parseEntry, parseHeader } from "./format.js";
import type { RecordingEntry, RecordingHeader } from "./format.js";

/** The longest line, in bytes: a writer makes lines of at most 64 KiB. */
const LONGEST_LINE = 1024 * 1024;

/** How every recording begins. */
const START = '{"pb":';

/** Whether these first bytes of a file belong to a recording. Undefined: more are needed. */
export function isRecording(first: Uint8Array): boolean | undefined {
  const text = Buffer.from(first.subarray(0, START.length)).toString("latin1");
  if (!START.startsWith(text)) return false;
  return text.length === START.length ? true : undefined;
}

/** A recording that is being read. */
export class RecordingReader implements AsyncIterable<RecordingEntry> {
  readonly header: RecordingHeader;
  readonly #lines: AsyncGenerator<string, void, undefined>;
  #number = 1;

  private constructor(header: RecordingHeader, lines: AsyncGenerator<string, void, undefined>) {
    this.header = header;
    this.#lines = lines;
  }

  /** Reads the first line. Rejects with `CliError`, whose code begins with `CLI_RECORDING_`. */
  static async open(source: AsyncIterable<Uint8Array>): Promise<RecordingReader> {
    const lines = linesOf(source);
    const first = await lines.next();
    if (first.done === true) throw new CliError("CLI_RECORDING_INVALID", "The recording is empty");
    return new RecordingReader(parseHeader(first.value), lines);
  }

  /**
   * Yields the entries. Throws `CLI_RECORDING_INVALID` for a line that is wrong. Throws `CLI_RECORDING_TRUNCATED` after
   * the last entry of a recording that has no end: the tap was killed, or still runs.
   */
  async *[Symbol.asyncIterator](): AsyncGenerator<RecordingEntry, void, undefined> {
    for await (const line of this.#lines) {
      const entry = parseEntry(line, ++this.#number);
      yield entry;
      if (entry.kind === "finish") return;
    }
    throw truncated("The recording has no end: pb tap was killed, or still runs");
  }
}

async function* linesOf(source: AsyncIterable<Uint8Array>): AsyncGenerator<string, void, undefined> {
  let parts: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of source) {
    let start = 0;
    for (let end = chunk.indexOf(10); end >= 0; end = chunk.indexOf(10, start)) {
      yield Buffer.concat([...parts, chunk.subarray(start, end)]).toString();
      parts = [];
      length = 0;
      start = end + 1;
    }
    const rest = chunk.subarray(start);
    length += rest.length;
    if (length > LONGEST_LINE) {
      throw new CliError("CLI_RECORDING_INVALID", `The recording has a line of more than ${LONGEST_LINE} bytes`);
    }
    if (rest.length > 0) parts.push(rest);
  }
  if (length > 0) throw truncated("The recording ends within a line: pb tap was killed, or still runs");
}

function truncated(text: string): CliError {
  return new CliError("CLI_RECORDING_TRUNCATED", text);
}
