// A builder as the worker has it: a folder, and the commands that run in it.

import { PBError, Referenceable } from "@pb/broker";
import { pathIn } from "./command.js";
import type { Command } from "./command.js";
import { commands } from "./commands/index.js";
import type { Remote, RemoteCommand } from "./master.js";
import { Report } from "./report.js";

/** The names are those that masters know from Buildbot's own worker. */
class UnknownCommand extends PBError {
  static override readonly remoteType = "buildbot_worker.base.UnknownCommand";
}

class MissingArguments extends PBError {
  static override readonly remoteType = "builtins.ValueError";
}

export class Builder extends Referenceable {
  readonly #folder: string;
  readonly #running = new Map<string, AbortController>();

  constructor(folder: string) {
    super();
    this.#folder = folder;
  }

  /** The master says that a build begins. Each of its steps comes as a command. */
  remote_startBuild(): void {}

  /** Answers at once; what the command has to say goes to `remote`. */
  remote_startCommand(
    remote: Remote<RemoteCommand>,
    id: string,
    name: string,
    args: Readonly<Record<string, unknown>>,
  ): void {
    const command = Object.hasOwn(commands, name) ? commands[name] : undefined;
    if (command === undefined) throw new UnknownCommand(`There is no command ${JSON.stringify(name)} here`);
    const missing = command.needs.filter((need) => !Object.hasOwn(args, need));
    if (missing.length > 0) throw new MissingArguments(`${name} misses the arguments ${missing.join(", ")}`);
    void this.#run(command, id, remote, args);
  }

  remote_interruptCommand(id: string, why: string): void {
    this.#running.get(id)?.abort(why);
  }

  /** Stops all that runs. */
  stop(why: string): void {
    for (const controller of this.#running.values()) controller.abort(why);
  }

  async #run(
    command: Command,
    id: string,
    remote: Remote<RemoteCommand>,
    args: Record<string, unknown>,
  ): Promise<void> {
    const controller = new AbortController();
    using _watch = remote.notifyOnDisconnect(() => controller.abort("the connection to the master is lost"));
    this.#running.set(id, controller);
    const report = new Report(remote);
    const { signal } = controller;
    let error: unknown;
    try {
      report.tell({ rc: await command.run({ args, report, signal, path: pathIn(this.#folder) }) });
    } catch (thrown) {
      error = inform(report, signal, thrown);
    } finally {
      this.#running.delete(id);
    }
    // When it cannot be told, the master is gone, and has given up the build by itself.
    await report.complete(error).catch(() => undefined);
  }
}

/** Tells what went wrong where a number and a sentence can say it; gives back any other error. */
function inform(report: Report, signal: AbortSignal, error: unknown): unknown {
  if (signal.aborted) {
    report.text("header", `stopped: ${String(signal.reason)}\n`);
    report.tell({ rc: -1 });
    return undefined;
  }
  const { errno, syscall, message } = error as NodeJS.ErrnoException;
  if (errno === undefined || syscall === undefined) return error;
  report.text("stderr", `${message}\n`);
  report.tell({ rc: Math.abs(errno) });
  return undefined;
}
