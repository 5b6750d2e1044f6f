// The worker as the master sees it: the mind of the login.

import { Referenceable } from "@pb/broker";
import { mkdirSync, readFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { join, resolve } from "node:path";
import { Builder } from "./builder.js";
import { commands } from "./commands/index.js";

/** The version of the commands' protocol that a master of today speaks. */
const COMMANDS_VERSION = "3.1";

export interface BotOptions {
  /** Everything happens below it. */
  readonly basedir: string;
  /** Told what the master says. */
  readonly say: (text: string) => void;
  /** The master sends us home. */
  readonly onShutdown: () => void;
}

export class Bot extends Referenceable {
  static readonly parameters = { print: ["message"] };
  readonly #options: BotOptions;
  #builders = new Map<string, { readonly folder: string; readonly builder: Builder }>();

  constructor(options: BotOptions) {
    super();
    this.#options = options;
  }

  remote_print(message: string): void {
    this.#options.say(`master: ${message}`);
  }

  /** Who we are, and what we can do. */
  remote_getWorkerInfo(): Record<string, unknown> {
    const { basedir } = this.#options;
    return {
      worker_commands: Object.fromEntries(Object.keys(commands).map((name) => [name, COMMANDS_VERSION])),
      version: COMMANDS_VERSION,
      basedir: resolve(basedir),
      system: process.platform === "win32" ? "nt" : "posix",
      environ: { ...process.env },
      numcpus: availableParallelism(),
      admin: this.#info("admin"),
      host: this.#info("host"),
      access_uri: this.#info("access_uri"),
    };
  }

  /** The builders there shall be: those that are there already keep their references. */
  remote_setBuilderList(wanted: readonly (readonly [name: string, folder: string])[]): Map<string, Builder> {
    const builders = wanted.map(([name, folder]) => {
      const there = this.#builders.get(name);
      return [name, there?.folder === folder ? there : this.#newBuilder(folder)] as const;
    });
    const gone = [...this.#builders.keys()].filter((name) => !wanted.some(([kept]) => kept === name));
    for (const name of gone) this.#builders.get(name)!.builder.stop("the builder was removed");
    this.#builders = new Map(builders);
    return new Map(builders.map(([name, { builder }]) => [name, builder]));
  }

  remote_shutdown(): void {
    this.#options.onShutdown();
  }

  /** Stops all that runs. */
  stop(why: string): void {
    for (const { builder } of this.#builders.values()) builder.stop(why);
  }

  #newBuilder(folder: string): { readonly folder: string; readonly builder: Builder } {
    const path = join(this.#options.basedir, folder);
    mkdirSync(path, { recursive: true });
    return { folder, builder: new Builder(path) };
  }

  /** What the owner of this worker wrote into `info/`. */
  #info(name: string): string | null {
    try {
      return readFileSync(join(this.#options.basedir, "info", name), "utf8");
    } catch {
      return null;
    }
  }
}
