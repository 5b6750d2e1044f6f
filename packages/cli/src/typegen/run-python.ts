// Runs `python/describe.py` with the interpreter of the user's program.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import { CliError, usageError } from "../errors.js";
import { describeScript } from "../python-files.js";
import type { Description } from "./description.js";

/** Milliseconds to read what is left when the interpreter has ended, while a process that it started keeps the pipe. */
const REST_MS = 500;

type Output = Description | { readonly refused: string } | { readonly traceback: string };

/** The longest output of the program that an error shows, in UTF-16 code units. */
const LONGEST_OUTPUT = 2_000;

/**
 * Imports the modules of the targets in `python`, and describes their classes. Throws `CliError`: `CLI_USAGE` if there
 * is no such interpreter, and `CLI_PYTHON` for an error of a module, with the last lines of its traceback. The process
 * is killed when the signal aborts.
 */
export async function describeClasses(
  python: string,
  targets: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
  signal: AbortSignal,
): Promise<Description> {
  const { stdout, stderr, end } = await runScript(python, targets, env, signal);
  const output = parseOutput(stdout);
  if (output !== undefined && "classes" in output) return output;
  if (output === undefined) {
    const text = `${python} ended without a description${end}:\n${stderr.slice(-LONGEST_OUTPUT)}`;
    throw new CliError("CLI_PYTHON", text);
  }
  throw new CliError("CLI_PYTHON", "refused" in output ? output.refused : ownLines(output.traceback));
}

/** What the interpreter has written, and the signal that has ended it. */
interface Ended {
  readonly stdout: string;
  readonly stderr: string;
  readonly end: string;
}

async function runScript(
  python: string,
  targets: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
  signal: AbortSignal,
): Promise<Ended> {
  signal.throwIfAborted();
  const child = spawn(python, [describeScript(), ...targets], {
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...env, PYTHONDONTWRITEBYTECODE: "1", PYTHONIOENCODING: "utf8" },
  });
  const written = { stdout: "", stderr: "" };
  for (const name of ["stdout", "stderr"] as const)
    child[name].setEncoding("utf8").on("data", (part: string) => (written[name] += part));
  const kill = (): void => void child.kill("SIGKILL");
  signal.addEventListener("abort", kill);
  try {
    await Promise.race([once(child, "close"), once(child, "exit").then(() => sleep(REST_MS))]);
    signal.throwIfAborted();
    return { ...written, end: child.signalCode === null ? "" : ` (${child.signalCode})` };
  } catch (error) {
    signal.throwIfAborted();
    throw usageError(`--python ${python} cannot be started: ${(error as Error).message}`);
  } finally {
    signal.removeEventListener("abort", kill);
    child.stdout.destroy();
    child.stderr.destroy();
  }
}

function parseOutput(stdout: string): Output | undefined {
  try {
    return JSON.parse(stdout) as Output;
  } catch {
    return undefined; // The module has ended the process.
  }
}

/** A traceback without the lines of this package and of the import system. */
function ownLines(traceback: string): string {
  const isForeign =
    /^ {2}File "(?:[^"]*[\\/]describe\.py|<frozen importlib[^"]*|[^"]*[\\/]importlib[\\/]__init__\.py)"/;
  const entries = traceback.trimEnd().split(/\n(?= {2}File "|\S)/);
  return entries.filter((entry) => !isForeign.test(entry)).join("\n");
}
