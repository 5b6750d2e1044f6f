// Runs Debian's unmodified Buildbot master with our example worker, sends changes to it with Buildbot's own client, and
// reads its builds.

import { execFile } from "node:child_process";
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { freePort } from "../../process/ports.js";
import { example, Program, until } from "../../process/program.js";
import { aptInstall } from "../../twisted/install.js";

const here = fileURLToPath(new URL("./", import.meta.url));
/** Only ends a program that hangs. */
const TIMEOUT_MS = 10 * 60_000;

/** Whether Buildbot's programs exist or can be installed, which needs root on Debian. Blocks while it installs. */
export function provideBuildbot(): boolean {
  // The Debian packages have the names of the programs.
  const missing = ["buildbot", "buildbot-worker"].filter((program) => !existsSync(`/usr/bin/${program}`));
  return missing.length === 0 || aptInstall(missing);
}

/** A build as the master has recorded it. */
export interface Build {
  readonly number: number;
  readonly complete: boolean;
  readonly results: string | null;
  readonly steps: readonly {
    readonly name: string;
    readonly results: string | null;
    /** The text received so far: one string, or one for each stream. */
    readonly logs: Readonly<Record<string, string | Readonly<Record<string, string>>>>;
  }[];
}

/** The accounts in master.cfg. */
export const accounts = {
  worker: ["ts-worker", "worker-pw"],
  change: "change:changepw",
  try: "tryuser:trypw",
} as const;

export class Master implements AsyncDisposable {
  /** Where workers and clients connect. */
  readonly endpoint: string;
  readonly #folder: string;
  readonly #workerFolder: string;
  readonly #env: NodeJS.ProcessEnv;
  #program: Program | undefined;

  /** Starts a master without builds. */
  static async start(): Promise<Master> {
    const master = new Master(await freePort(), mkdtempSync(join(tmpdir(), "pb-buildbot-")));
    await master.#run("/usr/bin/buildbot", "create-master", "--relocatable", "--no-logrotate", master.#folder);
    copyFileSync(`${here}master.cfg`, join(master.#folder, "master.cfg"));
    await master.start();
    return master;
  }

  private constructor(port: number, folder: string) {
    this.endpoint = `tcp:127.0.0.1:${port}`;
    this.#folder = folder;
    this.#workerFolder = join(folder, "worker");
    // Debian's Python, without settings of this process.
    this.#env = { PATH: "/usr/bin:/bin", HOME: folder, LANG: "C.UTF-8", PB_MASTER_PORT: String(port) };
  }

  /** Starts the master, with the builds of its previous runs. */
  async start(): Promise<void> {
    const log = join(this.#folder, "twistd.log");
    writeFileSync(log, "");
    const command = ["/usr/bin/buildbot", "start", "--nodaemon", this.#folder] as const;
    const program = new Program("the master", command, { cwd: this.#folder, env: this.#env });
    this.#program = program;
    const isRunning = (): boolean => readFileSync(log, "utf8").includes("BuildMaster is running");
    await until(() => isRunning() || program.hasExited, "the master to start", TIMEOUT_MS);
    if (!isRunning()) throw await program.failure(`did not start:\n${readFileSync(log, "utf8").slice(-5000)}`);
  }

  /** Starts our worker, whose base folder is in the folder of the master. Resolves when it is logged in. */
  async startWorker(...options: string[]): Promise<Program> {
    const args = [...accounts.worker, "--basedir", this.#workerFolder, ...options];
    mkdirSync(this.#workerFolder);
    this.letSlowBuildsEnd(true);
    const worker = new Program("the worker", example("buildbot-worker/main", this.endpoint, ...args));
    await worker.waitForOutput("attached to the master");
    return worker;
  }

  /** Whether a build of the builder "slow" ends by itself, or runs until it may end. True at first. */
  letSlowBuildsEnd(mayEnd: boolean): void {
    const file = join(this.#workerFolder, "slow-builds-may-end"); // The command in master.cfg waits for this file.
    if (mayEnd) writeFileSync(file, "");
    else rmSync(file);
  }

  async stop(): Promise<void> {
    await this.#program?.stop();
  }

  /**
   * Sends a change for a builder with `buildbot sendchange`, whose output is returned. The branch is the name of the
   * builder (master.cfg).
   */
  async sendChange(builder: string, endpoint: string = this.endpoint): Promise<string> {
    const options = { who: "someone <s@example.org>", branch: builder, revision: "r1", comments: "a change" };
    const more = { category: "cat", project: "proj", repository: "repo", property: "p1:v1", auth: accounts.change };
    const all = { master: endpoint.replace("tcp:", ""), ...options, ...more };
    const args = Object.entries(all).flatMap(([name, value]) => [`--${name}`, value]);
    return this.#run("/usr/bin/buildbot", "sendchange", ...args, "file1.c", "dir/file2.c");
  }

  /** The builds of one builder, oldest first. With `number`, waits until that build is complete. */
  async builds(builder: string, number?: number): Promise<Build[]> {
    const args = [this.#folder, builder, ...(number === undefined ? [] : [String(number)])];
    return JSON.parse(await this.#run("/usr/bin/python3", `${here}builds.py`, ...args)) as Build[];
  }

  /** Resolves with one build when it is complete. */
  async build(builder: string, number: number): Promise<Build> {
    return (await this.builds(builder, number)).find((build) => build.number === number)!;
  }

  /** Reads a file that a worker has uploaded. Undefined when it does not exist. */
  uploaded(path: string): Buffer | undefined {
    const file = join(this.#folder, path);
    return existsSync(file) ? readFileSync(file) : undefined;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
    rmSync(this.#folder, { recursive: true, force: true });
  }

  async #run(command: string, ...args: string[]): Promise<string> {
    const options = { env: this.#env, cwd: this.#folder, maxBuffer: 2 ** 28, timeout: TIMEOUT_MS };
    return (await promisify(execFile)(command, args, options)).stdout;
  }
}
