// Runs the programs of this folder in child processes.

import { spawn } from "node:child_process";
import type { ChildProcess, StdioOptions } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { typescript } from "../../../../tools/process/program.js";

const root = fileURLToPath(new URL("../../../../", import.meta.url));

export interface RunOptions {
  readonly nodeFlags?: readonly string[];
  /** A command that runs the program, such as `ip netns exec …`. */
  readonly wrapper?: readonly string[];
  readonly env?: NodeJS.ProcessEnv;
  readonly stdio?: StdioOptions;
}

/** A program in the folder `programs`, run from its sources. */
export class Program implements AsyncDisposable {
  readonly process: ChildProcess;
  readonly #lines: AsyncIterator<string>;

  constructor(name: string, args: readonly string[], options: RunOptions = {}) {
    const { nodeFlags = [], wrapper = [], env = {}, stdio = ["pipe", "pipe", "inherit"] } = options;
    const script = fileURLToPath(new URL(`programs/${name}`, import.meta.url));
    const [node, ...run] = typescript(script, ...args);
    const [command, ...rest] = [...wrapper, node, ...nodeFlags, ...run];
    this.process = spawn(command!, rest, { cwd: root, env: { ...process.env, ...env }, stdio });
    this.#lines = createInterface(this.process.stdout!)[Symbol.asyncIterator]();
  }

  /** The next line that the program prints. Rejects when the program ends. */
  async line(): Promise<string> {
    const { value, done } = await this.#lines.next();
    if (done === true) throw new Error("The program ended");
    return value;
  }

  /** Writes a line to the program and returns the JSON value that it prints. */
  async ask(question = ""): Promise<unknown> {
    this.process.stdin!.write(`${question}\n`);
    return JSON.parse(await this.line()) as unknown;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.process.exitCode !== null || this.process.signalCode !== null) return;
    const exited = once(this.process, "exit");
    this.process.kill("SIGKILL");
    await exited;
  }
}
