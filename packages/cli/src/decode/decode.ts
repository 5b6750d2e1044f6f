// `pb decode`: prints the messages of a recording, or of raw bytes.

import { exitStatus } from "../errors.js";
import type { CliIo } from "../io.js";
import { Printer } from "../observe/printer.js";
import { observeFile } from "./observe-file.js";

export interface DecodeFlags {
  readonly json?: true;
  readonly redact?: readonly string[];
}

/** Prints a line for each message. Rejects with `CliError`, after everything that can be read. */
export async function decode(file: string, flags: DecodeFlags, io: CliIo): Promise<number> {
  const printer = new Printer(io, flags.json === true);
  try {
    await observeFile(file, flags.redact, [printer], io);
  } finally {
    printer.flush();
  }
  return exitStatus.success;
}
