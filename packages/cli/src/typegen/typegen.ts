// `pb typegen`: writes the types of a Python program.

import { readFile, writeFile } from "node:fs/promises";
import { printable } from "@pb/jelly-types";
import { withDeadline } from "../deadline.js";
import { CliError, exitStatus, usageError } from "../errors.js";
import { escaped } from "../escape.js";
import type { CliIo } from "../io.js";
import { differences } from "./differences.js";
import { renderFile } from "./render.js";
import { describeClasses } from "./run-python.js";

export interface TypegenFlags {
  readonly python: string;
  readonly output?: string;
  readonly check?: true;
  readonly timeout: string;
  readonly json?: true;
}

/**
 * Writes the types of the targets to `--output`, or to stdout. With `--check`, the result is the status `different` if
 * the file is not what would be written. Rejects with `CliError`.
 */
export async function typegen(targets: readonly string[], flags: TypegenFlags, io: CliIo): Promise<number> {
  if (flags.check === true && flags.output === undefined) throw usageError("--check needs --output FILE");
  for (const target of targets) checkTarget(target);
  const description = await withDeadline(flags.timeout, io.signal, (signal) =>
    describeClasses(flags.python, targets, io.env, signal),
  );
  const file = escaped(renderFile(description, commandLine(targets, flags)));
  if (flags.output === undefined) {
    io.stdout.write(file);
    return exitStatus.success;
  }
  if (flags.check === true) return report(differences(await present(flags.output), file), flags.output, flags, io);
  await write(flags.output, file);
  if (flags.json === true) io.stdout.write(`${escaped(JSON.stringify({ output: flags.output, differences: [] }))}\n`);
  return exitStatus.success;
}

/** Node passes each target as one argument. An option in its place would become one of Python. */
function checkTarget(target: string): void {
  if (
    /^[\p{L}_][\p{L}\p{N}_.]*(:[\p{L}_][\p{L}\p{N}_.]*)?$/u.test(target) ||
    /\.py(:[\p{L}_][\p{L}\p{N}_.]*)?$/u.test(target)
  )
    return;
  throw usageError(`${printable(JSON.stringify(target))}: expected module, module:Class or file.py:Class`);
}

function commandLine(targets: readonly string[], { python, output }: TypegenFlags): string {
  const words = ["pb", "typegen", "--python", python, ...targets, ...(output === undefined ? [] : ["-o", output])];
  return words.map((word) => (/^[\w./:@%+,=-]+$/.test(word) ? word : JSON.stringify(word))).join(" ");
}

function report(found: readonly string[], output: string, flags: TypegenFlags, io: CliIo): number {
  const text = found.length === 0 ? "" : `${output} is out of date:\n${found.join("\n")}\n`;
  io.stdout.write(escaped(flags.json === true ? `${JSON.stringify({ output, differences: found })}\n` : text));
  return found.length === 0 ? exitStatus.success : exitStatus.different;
}

async function present(file: string): Promise<string> {
  try {
    return await readFile(file, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return "";
    throw fileError(file, "read", error);
  }
}

async function write(file: string, text: string): Promise<void> {
  try {
    await writeFile(file, text);
  } catch (error) {
    throw fileError(file, "written", error);
  }
}

function fileError(file: string, verb: string, error: unknown): CliError {
  return new CliError("CLI_FILE", `${printable(file)} cannot be ${verb}: ${(error as Error).message}`, {
    cause: error,
  });
}
