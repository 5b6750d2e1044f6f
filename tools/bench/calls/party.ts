// One side of a contender: a process that does what it is asked.

import { spawn } from "node:child_process";
import type { ChildProcessByStdio } from "node:child_process";
import { createInterface } from "node:readline";
import type { Readable, Writable } from "node:stream";
import { pythonEnvironment } from "../../twisted/twisted.js";

/** What a work took. */
export interface Took {
  readonly seconds: number;
  /** Seconds of processor time of this process, during the work. */
  readonly cpu: number;
  /** The same since the process began. */
  readonly cpuSoFar: number;
}

export interface Memory {
  /** Bytes in use after a garbage collection; of Python, what the system sees. */
  readonly used: number;
}

export class Party implements Disposable {
  readonly #name: string;
  readonly #child: ChildProcessByStdio<Writable, Readable, null>;
  readonly #lines: AsyncIterator<string>;

  /** Starts it and resolves with it and the facts that it tells first. */
  static async start(name: string, command: readonly string[]): Promise<{ party: Party; facts: object }> {
    const party = new Party(name, command);
    return { party, facts: await party.#told<object>() };
  }

  private constructor(name: string, [command, ...args]: readonly string[]) {
    this.#name = name;
    this.#child = spawn(command!, args, { stdio: ["pipe", "pipe", "inherit"], env: pythonEnvironment() });
    this.#child.stdin.on("error", () => undefined); // that it is gone shows when it is asked
    this.#lines = createInterface({ input: this.#child.stdout })[Symbol.asyncIterator]();
  }

  /** Has it do something so many times. */
  ask<Outcome = Took>(act: string, times = 1): Promise<Outcome> {
    this.#child.stdin.write(`${JSON.stringify({ act, times })}\n`);
    return this.#told<Outcome>();
  }

  /** Lets it end by itself, as a profiler needs it. */
  async end(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const ended = new Promise((resolve) => this.#child.once("close", resolve));
    this.#child.stdin.end();
    await ended;
  }

  [Symbol.dispose](): void {
    this.#child.kill("SIGKILL");
  }

  async #told<Outcome>(): Promise<Outcome> {
    const { value, done } = await this.#lines.next();
    if (done === true) throw new Error(`${this.#name} ended in the middle of the bench`);
    return JSON.parse(value) as Outcome;
  }
}
