// Runs our example worker as a program that is logged in to a master.

import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { example, Program } from "../../process/program.js";
import type { Command } from "../../process/program.js";
import { accounts } from "./master.js";
import type { Master } from "./master.js";

export class WorkerProgram extends Program {
  readonly #basedir: string;

  private constructor(basedir: string, command: Command) {
    super("the worker", command);
    this.#basedir = basedir;
    this.letSlowBuildsEnd(true);
  }

  /** Starts a worker. Resolves when it is logged in. */
  static async start(master: Master, ...options: string[]): Promise<WorkerProgram> {
    const basedir = mkdtempSync(join(tmpdir(), "pb-worker-"));
    const command = example("buildbot-worker/main", master.endpoint, ...accounts.worker);
    const worker = new WorkerProgram(basedir, [...command, "--basedir", basedir, ...options]);
    await worker.waitForOutput("attached to the master");
    return worker;
  }

  /** Whether a build of the builder "slow" ends by itself, or runs until it may end. True at first. */
  letSlowBuildsEnd(mayEnd: boolean): void {
    const file = join(this.#basedir, "slow-builds-may-end"); // The command in master.cfg waits for this file.
    if (mayEnd) writeFileSync(file, "");
    else rmSync(file);
  }

  override async [Symbol.asyncDispose](): Promise<void> {
    await super[Symbol.asyncDispose]();
    rmSync(this.#basedir, { recursive: true, force: true });
  }
}
