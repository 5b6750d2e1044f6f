// Runs `pb` in this process, with streams of its own.

import { PassThrough } from "node:stream";
import { pathToFileURL } from "node:url";
import { run } from "@pb/cli";
import type { CliIo } from "@pb/cli";
import { bundled } from "../../../tools/process/bundled.js";
import { workerFile } from "../src/worker-file.js";

workerFile.url = pathToFileURL(bundled("packages/cli/src/worker.ts")!);

export interface Ran {
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunOptions {
  readonly env?: CliIo["env"];
  readonly signal?: AbortSignal;
  /** The width of a terminal. Without it, the output is no terminal. */
  readonly columns?: number;
  /** Gets what is written, at once. */
  readonly seen?: { stdout: string; stderr: string };
  /** What stdin contains. Default: it is open, and empty. */
  readonly stdin?: Uint8Array | undefined;
  /** What is typed after the first prompt. */
  readonly typed?: string;
  /** Called with what is written to stdout. */
  readonly onOutput?: (text: string) => void;
}

export async function pb(args: readonly string[], options: RunOptions = {}): Promise<Ran> {
  const { env = {}, signal = new AbortController().signal, columns, typed, onOutput } = options;
  const written = options.seen ?? { stdout: "", stderr: "" };
  const stdin = Object.assign(new PassThrough(), { isTTY: typed !== undefined });
  if (options.stdin !== undefined) stdin.end(options.stdin);
  const output = (name: "stdout" | "stderr") => ({
    isTTY: columns !== undefined,
    columns,
    write: (text: string) => {
      written[name] += text;
      if (name === "stdout") onOutput?.(text);
      if (name === "stderr" && text.endsWith(": ") && typed !== undefined) stdin.write(typed);
    },
  });
  const status = await run(args, { stdin, stdout: output("stdout"), stderr: output("stderr"), env, signal });
  stdin.destroy();
  return { status, ...written };
}
