/**
 * A process that answers requests: one JSON line on stdin for each request, one JSON line on stdout for each answer.
 */

import { spawn } from "node:child_process";
import type { ChildProcessByStdio } from "node:child_process";
import { createInterface } from "node:readline";
import type { Readable, Writable } from "node:stream";
import { fileURLToPath } from "node:url";
import { findTwisted, noTwisted, pythonEnvironment } from "../twisted/twisted.js";

export class ChildProcess implements Disposable {
  readonly #name: string;
  readonly #child: ChildProcessByStdio<Writable, Readable, null>;
  readonly #lines: AsyncIterator<string>;

  constructor(name: string, [command, ...args]: readonly string[]) {
    this.#name = name;
    this.#child = spawn(command!, args, { stdio: ["pipe", "pipe", "inherit"], env: pythonEnvironment() });
    this.#child.stdin.on("error", () => undefined); // reported by the next request
    this.#lines = createInterface({ input: this.#child.stdout })[Symbol.asyncIterator]();
  }

  request<Answer>(request: object): Promise<Answer> {
    this.#child.stdin.write(`${JSON.stringify(request)}\n`);
    return this.nextAnswer<Answer>();
  }

  /** Reads a line that the process prints without a request. */
  async nextAnswer<Answer>(): Promise<Answer> {
    const { value, done } = await this.#lines.next();
    if (done === true) throw new Error(`${this.#name} ended early`);
    return JSON.parse(value) as Answer;
  }

  /** Closes stdin and waits until the process exits by itself: a profiler writes its file then. */
  async end(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const closed = new Promise((resolve) => this.#child.once("close", resolve));
    this.#child.stdin.end();
    await closed;
  }

  [Symbol.dispose](): void {
    this.#child.kill("SIGKILL");
  }
}

/** The command of twisted_bench.py. Undefined, and a line on stderr, where there is no Twisted. */
export function twistedCommand(): readonly string[] | undefined {
  const twisted = findTwisted();
  if (twisted !== undefined) return [twisted.python, fileURLToPath(new URL("twisted_bench.py", import.meta.url))];
  console.error(noTwisted);
  return undefined;
}
