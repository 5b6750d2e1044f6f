// A program that runs beside the tests: what it has printed so far, and its end.

import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { setTimeout as sleep } from "node:timers/promises";

export class Program implements AsyncDisposable {
  readonly #child: ChildProcess;
  readonly name: string;
  /** Resolves with the exit status, or the signal that ended it. */
  readonly ended: Promise<number | string>;
  stdout = "";
  stderr = "";
  isOver = false;

  constructor(name: string, [command, ...args]: readonly [string, ...string[]], env: NodeJS.ProcessEnv = process.env) {
    this.name = name;
    const child = spawn(command, args, { env, stdio: ["ignore", "pipe", "pipe"] });
    this.#child = child;
    child.stdout.setEncoding("utf8").on("data", (text: string) => (this.stdout += text));
    child.stderr.setEncoding("utf8").on("data", (text: string) => (this.stderr += text));
    const kill = (): void => void child.kill("SIGKILL");
    process.once("exit", kill);
    this.ended = new Promise((resolve) => {
      child.once("error", (error) => resolve(error.message));
      child.once("close", (status, signal) => resolve(status ?? signal ?? ""));
    });
    void this.ended.then(() => {
      this.isOver = true;
      process.off("exit", kill);
    });
  }

  signal(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  /** Resolves when it has printed this: after what it had printed before, when `since` says how much that was. */
  async says(text: string, { since = 0, limitMs = 60_000 } = {}): Promise<void> {
    const isSaid = (): boolean => this.stdout.slice(since).includes(text);
    if (await until(() => isSaid() || this.isOver, limitMs)) if (isSaid()) return;
    throw new Error(`${this.name} did not say ${JSON.stringify(text)}:\n${this.stdout}\n${this.stderr}`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.signal("SIGTERM");
    if (await until(() => this.isOver, 5_000)) return;
    this.signal("SIGKILL");
    await this.ended;
  }
}

/** Looks again and again until it is so: true; or the time is over: false. */
export async function until(isSo: () => boolean | Promise<boolean>, limitMs: number): Promise<boolean> {
  const end = performance.now() + limitMs;
  for (;;) {
    if (await isSo()) return true;
    if (performance.now() > end) return false;
    await sleep(25);
  }
}
