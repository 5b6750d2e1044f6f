// The object that the worker passes to the master at login (its mind). The master calls its methods.

import { Referenceable } from "@pb/broker";
import { mkdirSync, readFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { join, resolve } from "node:path";
import { Builder } from "./builder.js";
import { commands } from "./commands/index.js";

/** The version of the command protocol that Buildbot 3 masters expect. */
const COMMANDS_VERSION = "3.1";

export interface BotOptions {
  /** The folder for all builders. */
  readonly basedir: string;
  /** Receives the messages of the master. */
  readonly log: (text: string) => void;
  /** Called when the master shuts down this worker. */
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
    this.#options.log(`master: ${message}`);
  }

  /** Describes this worker and its commands. */
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

  /** Replaces the list of builders. Builders that stay in the list remain the same objects. */
  remote_setBuilderList(wanted: readonly (readonly [name: string, folder: string])[]): Map<string, Builder> {
    const builders = wanted.map(([name, folder]) => {
      const existing = this.#builders.get(name);
      return [name, existing?.folder === folder ? existing : this.#newBuilder(folder)] as const;
    });
    const removed = [...this.#builders.keys()].filter((name) => !wanted.some(([kept]) => kept === name));
    for (const name of removed) this.#builders.get(name)!.builder.stop("the builder was removed");
    this.#builders = new Map(builders);
    return new Map(builders.map(([name, { builder }]) => [name, builder]));
  }

  remote_shutdown(): void {
    this.#options.onShutdown();
  }

  /** Stops all running commands. */
  stop(reason: string): void {
    for (const { builder } of this.#builders.values()) builder.stop(reason);
  }

  #newBuilder(folder: string): { readonly folder: string; readonly builder: Builder } {
    const path = join(this.#options.basedir, folder);
    mkdirSync(path, { recursive: true });
    return { folder, builder: new Builder(path) };
  }

  /** Reads a file in `info/`, which the administrator of the worker writes. Null when it does not exist. */
  #info(name: string): string | null {
    try {
      return readFileSync(join(this.#options.basedir, "info", name), "utf8");
    } catch {
      return null;
    }
  }
}
