// Runs `pb` in this process.

import { run } from "./cli.js";
import { exitStatus } from "./errors.js";

/**
 * Runs `pb` with the arguments of this process, and sets its exit status. SIGINT and SIGTERM close the connections;
 * a second one ends the process at once. When nothing reads the output any more, the command closes its connections
 * too, and ends without a message.
 */
export async function main(): Promise<void> {
  const interrupt = new AbortController();
  let isUnread = false as boolean;
  const stop = (): void => {
    if (interrupt.signal.aborted) process.exit(exitStatus.interrupted);
    interrupt.abort(new DOMException("Interrupted", "AbortError"));
  };
  process.on("SIGINT", stop).on("SIGTERM", stop);
  for (const output of [process.stdout, process.stderr]) {
    output.on("error", (error: NodeJS.ErrnoException) => {
      if (error.code !== "EPIPE") throw error;
      isUnread = true;
      interrupt.abort(new DOMException("Nothing reads the output", "AbortError"));
    });
  }
  const { stdin, stdout, stderr, env } = process;
  process.exitCode = await run(process.argv.slice(2), { stdin, stdout, stderr, env, signal: interrupt.signal });
  if (isUnread) process.exitCode = exitStatus.success;
  process.off("SIGINT", stop).off("SIGTERM", stop);
}
