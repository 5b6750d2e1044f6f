// Reads the bytes of a file or of stdin, until a signal aborts.

import { printable } from "@pb/jelly-types";
import type { Readable } from "node:stream";
import { CliError } from "../errors.js";

/**
 * Yields the chunks of a stream, which is called `name` in errors. Throws `CliError` `CLI_FILE` for an error of the
 * stream. Throws the reason of the signal as soon as it aborts, also while nothing arrives: a stream would wait until a
 * FIFO has a writer.
 */
export async function* readChunks(
  source: Readable,
  name: string,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array, undefined, undefined> {
  const chunks = source[Symbol.asyncIterator]() as AsyncIterator<Uint8Array | string, undefined>;
  let reject: ((reason: unknown) => void) | undefined;
  const stop = (): void => reject?.(signal.reason);
  signal.addEventListener("abort", stop);
  try {
    for (;;) {
      signal.throwIfAborted();
      const { value, done } = await new Promise<IteratorResult<Uint8Array | string, undefined>>((resolve, refuse) => {
        reject = refuse;
        chunks.next().then(resolve, refuse);
      });
      if (done === true) return undefined;
      yield typeof value === "string" ? Buffer.from(value) : value;
    }
  } catch (error) {
    if (signal.aborted) throw error;
    const text = `${printable(name)} cannot be read: ${(error as Error).message}`;
    throw new CliError("CLI_FILE", text, { cause: error });
  } finally {
    signal.removeEventListener("abort", stop);
    source.destroy();
  }
}
