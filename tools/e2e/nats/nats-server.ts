// Runs Debian's nats-server with JetStream on loopback.

import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { freePort, isListening } from "../../process/ports.js";
import { Program, until } from "../../process/program.js";
import { aptInstall } from "../../twisted/install.js";

const PATH = `${process.env.PATH ?? ""}:/usr/sbin`;

/** Whether there is a nats-server. In CI, it is installed from Debian's packages. */
export function hasNats(install = process.env.CI === "true"): boolean {
  const isThere = (): boolean => spawnSync("nats-server", ["--version"], { env: { PATH } }).status === 0;
  return isThere() || (install && aptInstall(["nats-server"]) && isThere());
}

/** A nats-server whose records are in a temporary folder, until it is disposed of. */
export class NatsServer implements AsyncDisposable {
  readonly host: string;
  readonly port: number;
  readonly #folder = mkdtempSync(join(tmpdir(), "pb-nats-"));
  #args: readonly string[];
  #program!: Program;

  /** Starts a server at a free port of `host`. `args`: instead of `-js`, which starts JetStream. */
  static async start(host = "127.0.0.1", args: readonly string[] = ["-js"]): Promise<NatsServer> {
    const server = new NatsServer(host, await freePort(), args);
    await server.start();
    return server;
  }

  private constructor(host: string, port: number, args: readonly string[]) {
    this.host = host;
    this.port = port;
    this.#args = args;
  }

  get pid(): number {
    return this.#program.pid;
  }

  /** For `natsEngine`. */
  get servers(): string {
    return `${this.host}:${this.port}`;
  }

  /** Starts it again, at the same port and with the same records. `given`: other arguments from now on. */
  async start(given = this.#args): Promise<void> {
    this.#args = given;
    const args = ["-a", this.host, "-p", String(this.port), "-sd", this.#folder, ...this.#args];
    this.#program = new Program("nats-server", ["nats-server", ...args], { env: { PATH } });
    const program = this.#program;
    await until(async () => program.hasExited || isListening(this.port, this.host), "nats-server to listen");
    if (program.hasExited) throw await program.failure("did not start");
  }

  async kill(): Promise<void> {
    this.#program.kill();
    await this.#program.exit;
  }

  /** Stops it, without closing its connections. */
  async freeze(): Promise<void> {
    await this.#program.freeze();
  }

  /** Lets it go on after `freeze`. */
  thaw(): void {
    this.#program.kill("SIGCONT");
  }

  /** Kills it, and starts it without its records, as on another disk. */
  async loseRecords(): Promise<void> {
    await this.kill();
    rmSync(this.#folder, { recursive: true });
    await this.start();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
    rmSync(this.#folder, { recursive: true, force: true });
  }
}
