// What the thread that passes bytes on and the thread that decodes them send each other.

import { CliError, codeOf } from "../errors.js";
import type { CliErrorCode } from "../errors.js";
import type { CliIo } from "../io.js";
import type { RecordingHeader } from "../recording/format.js";
import type { Batch } from "./batch.js";

/** What is shown and written, and where. */
export interface DecoderSettings {
  /** The file of the recording. */
  readonly output: string | undefined;
  readonly header: RecordingHeader;
  readonly redact: readonly string[];
  readonly json: boolean;
  readonly quiet: boolean;
  readonly inspect: boolean;
  readonly env: CliIo["env"];
  /** Whether stdout is a terminal. */
  readonly isTTY: boolean;
  readonly columns: number | undefined;
}

/** From the thread that passes bytes on. */
export type ToDecoder =
  | { readonly kind: "open"; readonly settings: DecoderSettings }
  | { readonly kind: "batch"; readonly batch: Batch }
  /** The terminal has another width. */
  | { readonly kind: "columns"; readonly columns: number | undefined }
  | { readonly kind: "finish"; readonly timeMs: number };

/** From the thread that decodes. */
export type FromDecoder =
  /** `url` is the address of the page of `--inspect`. */
  | { readonly kind: "opened"; readonly url: string | undefined }
  | { readonly kind: "output"; readonly to: "stdout" | "stderr"; readonly text: string }
  /** A batch of this size is decoded, and the recording is not behind. */
  | { readonly kind: "decoded"; readonly size: number }
  | { readonly kind: "finished" }
  | { readonly kind: "failed"; readonly error: PlainError };

/** An error, for another thread: a copy of an `Error` would have no code. */
export interface PlainError {
  readonly code: string | undefined;
  readonly message: string;
  readonly stack: string | undefined;
}

export function plainError(error: unknown): PlainError {
  const { message, stack } = error instanceof Error ? error : new Error(String(error));
  return { code: codeOf(error), message, stack };
}

/** The opposite of {@link plainError}. */
export function errorOf({ code, message, stack }: PlainError): Error {
  if (code?.startsWith("CLI_") === true) return new CliError(code as CliErrorCode, message);
  const error = Object.assign(new Error(message), code === undefined ? {} : { code });
  if (stack !== undefined) error.stack = stack;
  return error;
}
