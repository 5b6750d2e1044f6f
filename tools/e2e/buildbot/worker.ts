// Our worker, as the program it is, at work for a master.

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Program } from "../program.js";
import type { Programs } from "../programs.js";
import { accounts } from "./master.js";
import type { Master } from "./master.js";

export class WorkerProgram extends Program {
  readonly #basedir: string;

  private constructor(basedir: string, command: readonly [string, ...string[]]) {
    super("our worker", command);
    this.#basedir = basedir;
  }

  /** One that is logged in. */
  static async start(master: Master, programs: Programs, ...options: string[]): Promise<WorkerProgram> {
    const basedir = mkdtempSync(join(tmpdir(), "pb-worker-"));
    const program = programs.path("buildbot-worker/main");
    const command = [process.execPath, program, master.endpoint, ...accounts.worker] as const;
    const worker = new WorkerProgram(basedir, [...command, "--basedir", basedir, ...options]);
    await worker.says("attached to the master");
    return worker;
  }

  override async [Symbol.asyncDispose](): Promise<void> {
    await super[Symbol.asyncDispose]();
    rmSync(this.#basedir, { recursive: true, force: true });
  }
}
