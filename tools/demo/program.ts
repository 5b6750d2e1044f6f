// A program that the demo runs, which tells what happens to it (auction/tell.ts).

import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { pythonEnvironment } from "../twisted/twisted.js";

/** A program and its arguments. */
export type Command = readonly [string, ...string[]];

/** What happened, and with which outcome. */
export type Told = readonly [what: string, outcome: unknown];

export interface ProgramOptions {
  /** After so long it is stopped, whatever it does. */
  readonly limitMs: number;
  /** Gets what it says on stderr. */
  readonly complain: (text: string) => void;
}

const root = fileURLToPath(new URL("../../", import.meta.url));

export class Program implements AsyncDisposable {
  readonly name: string;
  readonly #child: ChildProcess;
  readonly #lines: AsyncIterator<string>;
  /** Resolves with the exit status, or with what ended it instead. */
  readonly #ended: Promise<number | string>;

  /** Starts it. */
  constructor(name: string, [command, ...args]: Command, { limitMs, complain }: ProgramOptions) {
    this.name = name;
    const child = spawn(command, args, { cwd: root, stdio: ["ignore", "pipe", "pipe"], env: pythonEnvironment() });
    child.stderr.setEncoding("utf8").on("data", complain);
    this.#child = child;
    this.#lines = createInterface(child.stdout)[Symbol.asyncIterator]();

    // There is nothing that it would have to put away, so it gets the signal that works at once.
    const kill = (): void => void child.kill("SIGKILL");
    let isLate = false;
    const timer = setTimeout(() => {
      isLate = true;
      kill();
    }, limitMs);
    process.once("exit", kill);
    this.#ended = new Promise<number | string>((resolve) => {
      child.once("error", (error) => resolve(error.message));
      child.once("close", (status, signal) => resolve(isLate ? `not done in ${limitMs} ms` : (status ?? signal ?? "")));
    }).finally(() => {
      clearTimeout(timer);
      process.off("exit", kill);
    });
  }

  /** The next thing it tells. Rejects when it ends instead. */
  async next(): Promise<Told> {
    const { value, done } = await this.#lines.next();
    if (done === true) throw await this.#failure("has nothing more to tell");
    try {
      return JSON.parse(value) as Told;
    } catch {
      throw await this.#failure(`tells what is no JSON: ${value}`);
    }
  }

  /** Waits until it has done its work. Rejects when it tells something else, or ends in another way. */
  async end(): Promise<void> {
    const { value, done } = await this.#lines.next();
    if (done !== true) throw await this.#failure(`also tells ${value}`);
    if ((await this.#ended) !== 0) throw await this.#failure("failed");
  }

  /** Never resolves. Rejects when it ends with anything but success. */
  async failed(): Promise<never> {
    if ((await this.#ended) !== 0) throw await this.#failure("failed");
    return new Promise(() => undefined);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#child.kill("SIGKILL");
    await this.#ended;
  }

  async #failure(what: string): Promise<Error> {
    this.#child.kill("SIGKILL");
    return new Error(`${this.name} ${what} (it ended with: ${await this.#ended})`);
  }
}
