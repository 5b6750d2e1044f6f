// Runs `pb` in this process.

import { run } from "./cli.js";
import { exitStatus } from "./errors.js";

/**
 * Runs `pb` with the arguments of this process, and sets its exit status. SIGINT and SIGTERM close the connections;
 * a second one ends the process at once. When the output cannot be written, the command closes its connections too. It
 * ends without a message when nothing reads the output any more.
 */
export async function main(): Promise<void> {
  const interrupt = new AbortController();
  /** The exit status after an error of the output, which may come after the command has ended. */
  let failed: number | undefined;
  const stop = (): void => {
    if (interrupt.signal.aborted) process.exit(exitStatus.interrupted);
    interrupt.abort(new DOMException("Interrupted", "AbortError"));
  };
  process.on("SIGINT", stop).on("SIGTERM", stop);
  for (const output of [process.stdout, process.stderr]) {
    output.on("error", (error: NodeJS.ErrnoException) => {
      failed ??= error.code === "EPIPE" ? exitStatus.success : exitStatus.usage;
      if (failed === exitStatus.usage && output === process.stdout && !interrupt.signal.aborted)
        process.stderr.write(`pb: the output cannot be written: ${error.message} (${String(error.code)})\n`);
      process.exitCode = failed;
      interrupt.abort(new DOMException("The output cannot be written", "AbortError"));
    });
  }
  const { stdin, stdout, stderr, env } = process;
  const status = await run(process.argv.slice(2), { stdin, stdout, stderr, env, signal: interrupt.signal });
  process.exitCode = failed ?? status;
  process.off("SIGINT", stop).off("SIGTERM", stop);
}
