// A Buildbot master of Debian's, unmodified, that runs while it is needed; and everything that asks it how it is.

import { execFile } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { freePort } from "../port.js";

const here = fileURLToPath(new URL("./", import.meta.url));
const run = promisify(execFile);

/** A build as the master has recorded it. */
export interface Build {
  readonly number: number;
  readonly complete: boolean;
  readonly results: string | null;
  readonly steps: readonly Step[];
}

export interface Step {
  readonly name: string;
  readonly results: string | null;
  /** What has arrived so far. */
  readonly logs: Readonly<Record<string, string | { readonly stdout: string }>>;
}

/** What a program printed, and how it ended. */
export interface Outcome {
  readonly status: number;
  readonly text: string;
}

/** The accounts of master.cfg. */
export const accounts = {
  worker: ["ts-worker", "worker-pw"],
  change: "change:changepw",
  try: "tryuser:trypw",
} as const;

export class Master implements AsyncDisposable {
  readonly port: number;
  readonly #state: string;

  private constructor(port: number, state: string) {
    this.port = port;
    this.#state = state;
  }

  /** A new one, without any builds. */
  static async start(): Promise<Master> {
    const master = new Master(await freePort(), mkdtempSync(join(tmpdir(), "pb-buildbot-")));
    await master.start();
    return master;
  }

  /** Where workers and clients find it. */
  get endpoint(): string {
    return `tcp:127.0.0.1:${this.port}`;
  }

  /** Starts it again, with all that it knew. */
  async start(): Promise<void> {
    await this.#script("start.sh", String(this.port));
  }

  async stop(): Promise<void> {
    await this.#script("stop.sh", String(this.port));
  }

  /** Its builds of one builder, oldest first. */
  async builds(builder: string): Promise<Build[]> {
    return JSON.parse(await this.#script("status.py", "--port", String(this.port), "builds", builder)) as Build[];
  }

  /** Resolves when it has finished this build. */
  async build(builder: string, number: number): Promise<Build> {
    const wait = ["wait", builder, "--number", String(number), "--timeout", "120"];
    return JSON.parse(await this.#script("status.py", "--port", String(this.port), ...wait)) as Build;
  }

  /** Has Buildbot's own client send changes, and compares the builds with what Buildbot's own worker does. */
  check(...builders: string[]): Promise<Outcome> {
    return this.#outcome("check.py", "--port", String(this.port), "--timeout", "180", ...builders);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
    rmSync(this.#state, { recursive: true, force: true });
  }

  async #script(name: string, ...args: string[]): Promise<string> {
    const { status, text } = await this.#outcome(name, ...args);
    if (status !== 0) throw new Error(`${name} ${args.join(" ")} ends with ${status}:\n${text}`);
    return text;
  }

  async #outcome(name: string, ...args: string[]): Promise<Outcome> {
    const interpreter = name.endsWith(".py") ? "/usr/bin/python3" : "bash";
    const env = { ...process.env, PBREAL_STATE: this.#state, PYTHONDONTWRITEBYTECODE: "1" };
    try {
      const { stdout } = await run(interpreter, [here + name, ...args], { env, maxBuffer: 256 * 1024 * 1024 });
      return { status: 0, text: stdout };
    } catch (error) {
      const { code, stdout, stderr } = error as { code?: unknown; stdout?: string; stderr?: string };
      return { status: typeof code === "number" ? code : 1, text: `${stdout ?? String(error)}${stderr ?? ""}` };
    }
  }
}
