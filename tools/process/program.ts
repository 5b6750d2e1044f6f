// Runs a program as a child process: collects its output, waits for what it prints, and stops it.

import { spawn } from "node:child_process";
import type { ChildProcessWithoutNullStreams } from "node:child_process";
import { once } from "node:events";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { bundled } from "./bundled.js";

/** A program and its arguments. */
export type Command = readonly [string, ...string[]];

/** The command that runs a TypeScript program of this repository, from its sources. */
export function typescript(file: string, ...args: readonly string[]): Command {
  const bundle = bundled(file);
  const run = bundle === undefined ? ["--import", "tsx", "--conditions=@pb/source", file] : [...SOURCE_MAPS, bundle];
  return [process.execPath, ...run, ...args];
}

const SOURCE_MAPS = ["--enable-source-maps"];

/** The command that runs an example: `example("howto/first-calls/pb1server", "8800")`. */
export function example(name: string, ...args: readonly string[]): Command {
  return typescript(`packages/examples/src/${name}.ts`, ...args);
}

export interface ProgramOptions {
  readonly cwd?: string;
  readonly env?: NodeJS.ProcessEnv;
  /** Milliseconds until the program is killed. Only ends a program that hangs, so the default is 15 minutes. */
  readonly timeoutMs?: number;
}

/** What kills the programs that run. */
const running = new Set<() => void>();
process.once("exit", () => {
  for (const kill of running) kill();
});

/** A running program. It is killed when this process exits. Errors name it as `name`. */
export class Program implements AsyncDisposable {
  readonly name: string;
  /** Resolves when the program has exited: with its exit status, the signal that ended it, or why it did not start. */
  readonly exit: Promise<number | string>;
  hasExited = false;
  /** The output so far. */
  stdout = "";
  stderr = "";
  readonly #child: ChildProcessWithoutNullStreams;
  #readOffset = 0;

  constructor(name: string, [command, ...args]: Command, options: ProgramOptions = {}) {
    const { timeoutMs = 15 * 60_000, ...spawnOptions } = options;
    this.name = name;
    const child = spawn(command, args, { ...spawnOptions, stdio: "pipe" });
    this.#child = child;
    child.stdout.setEncoding("utf8").on("data", (text: string) => (this.stdout += text));
    child.stderr.setEncoding("utf8").on("data", (text: string) => (this.stderr += text));
    child.stdin.on("error", () => undefined); // The exit status reports a program that no longer reads.

    const kill = (): void => void child.kill("SIGKILL");
    let timedOut = false;
    const timer = setTimeout(() => {
      timedOut = true;
      kill();
    }, timeoutMs);
    running.add(kill);
    this.exit = new Promise((resolve) => {
      child.once("error", (error) => resolve(error.message));
      child.once("close", (status, signal) => resolve(timedOut ? `killed after ${timeoutMs} ms` : (status ?? signal!)));
    });
    void this.exit.then(() => {
      this.hasExited = true;
      clearTimeout(timer);
      running.delete(kill);
    });
  }

  get pid(): number {
    return this.#child.pid!;
  }

  kill(signal: NodeJS.Signals = "SIGKILL"): void {
    this.#child.kill(signal);
  }

  /**
   * Stops the program until `kill("SIGCONT")`, and resolves when it no longer runs. On a busy machine, a program with
   * several threads goes on for a while after the signal: the thread that gets it must run to stop the others.
   */
  async freeze(): Promise<void> {
    this.kill("SIGSTOP");
    const threads = `/proc/${this.pid}/task`;
    if (!existsSync(threads)) return; // Not Linux.
    const isStopped = (thread: string): boolean => {
      const stat = readFileSync(`${threads}/${thread}/stat`, "latin1");
      return stat.slice(stat.lastIndexOf(")")).startsWith(") T");
    };
    await until(() => readdirSync(threads).every(isStopped), `${this.name} to stop`);
  }

  /** Writes a line to the standard input of the program. */
  writeLine(line: string): void {
    this.#child.stdin.write(`${line}\n`);
  }

  /** Closes the standard input of the program, and waits until it exits by itself. */
  async endInput(): Promise<void> {
    this.#child.stdin.end();
    await this.exit;
  }

  /** Resolves with the next line of stdout. Rejects when the program exits before that. */
  async nextLine(): Promise<string> {
    const end = await this.#find(() => this.stdout.indexOf("\n", this.#readOffset));
    if (end < 0) throw await this.failure("exited before its next line");
    const line = this.stdout.slice(this.#readOffset, end);
    this.#readOffset = end + 1;
    return line;
  }

  /** Resolves with the value of the next line of stdout, which must be JSON. */
  async nextJson<Value>(): Promise<Value> {
    const line = await this.nextLine();
    try {
      return JSON.parse(line) as Value;
    } catch {
      throw await this.failure(`printed a line that is not JSON: ${line}`);
    }
  }

  /** Resolves when stdout contains `text` at or after `offset`. Rejects when the program exits before that. */
  async waitForOutput(text: string, offset = 0): Promise<void> {
    if ((await this.#find(() => this.stdout.indexOf(text, offset))) >= 0) return;
    throw await this.failure(`did not print ${JSON.stringify(text)}`);
  }

  /** Kills the program. Resolves with an error that says `what` went wrong and how the program ended. */
  async failure(what: string): Promise<Error> {
    this.kill();
    return new Error(`${this.name} ${what} (exit: ${await this.exit})\n${this.stdout}${this.stderr}`.trimEnd());
  }

  /** Stops the program with SIGTERM, and with SIGKILL when it is still running 30 seconds later. */
  async stop(): Promise<void> {
    this.kill("SIGTERM");
    const timer = setTimeout(() => this.kill(), 30_000);
    await this.exit;
    clearTimeout(timer);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  /** Repeats `search` after each piece of output, until it returns an index or the program has exited. */
  async #find(search: () => number): Promise<number> {
    for (;;) {
      const index = search();
      if (index >= 0 || this.hasExited) return index;
      await Promise.race([once(this.#child.stdout, "data"), this.exit]);
    }
  }
}

/**
 * Polls until `condition` returns true. Throws when it has not done so after `timeoutMs`, which only ends a test that
 * hangs: the default of 2 minutes is long enough for a machine that is busy with other work.
 */
export async function until(
  condition: () => boolean | Promise<boolean>,
  what: string,
  timeoutMs = 120_000,
): Promise<void> {
  const end = performance.now() + timeoutMs;
  while (!(await condition())) {
    if (performance.now() > end) throw new Error(`Timed out after ${timeoutMs} ms while waiting for ${what}`);
    await sleep(10);
  }
}
