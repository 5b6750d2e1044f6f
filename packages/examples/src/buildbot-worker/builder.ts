// A builder on the worker: a folder, and the commands that run in it.

import { PBError, Referenceable } from "@pb/broker";
import { pathIn } from "./command.js";
import type { Command } from "./command.js";
import { commands } from "./commands/index.js";
import type { Remote, RemoteCommand } from "./master.js";
import { Report } from "./report.js";

// The remote types of these errors are those of Buildbot's own worker.

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

  /** Called when a build begins. The master then starts a command for each step. */
  remote_startBuild(): void {}

  /** Starts a command and returns immediately. Updates and the result are sent to `remote`. */
  remote_startCommand(
    remote: Remote<RemoteCommand>,
    id: string,
    name: string,
    args: Readonly<Record<string, unknown>>,
  ): void {
    const command = Object.hasOwn(commands, name) ? commands[name] : undefined;
    if (command === undefined) throw new UnknownCommand(`Unknown command ${JSON.stringify(name)}`);
    const missing = command.requiredArgs.filter((arg) => !Object.hasOwn(args, arg));
    if (missing.length > 0) throw new MissingArguments(`${name} needs the arguments ${missing.join(", ")}`);
    void this.#run(command, id, remote, args);
  }

  remote_interruptCommand(id: string, reason: string): void {
    this.#running.get(id)?.abort(reason);
  }

  /** Stops all running commands. */
  stop(reason: string): void {
    for (const controller of this.#running.values()) controller.abort(reason);
  }

  async #run(
    command: Command,
    id: string,
    remote: Remote<RemoteCommand>,
    args: Record<string, unknown>,
  ): Promise<void> {
    const controller = new AbortController();
    using _subscription = remote.notifyOnDisconnect(() => controller.abort("the connection to the master was lost"));
    this.#running.set(id, controller);
    const report = new Report(remote);
    const { signal } = controller;
    let error: unknown;
    try {
      report.update({ rc: await command.run({ args, report, signal, path: pathIn(this.#folder) }) });
    } catch (thrown) {
      error = reportError(report, signal, thrown);
    } finally {
      this.#running.delete(id);
    }
    // Fails when the master is disconnected. The master then ends the build by itself.
    await report.complete(error).catch(() => undefined);
  }
}

/** Reports an interrupt or a system error as output and an exit status. Returns any other error. */
function reportError(report: Report, signal: AbortSignal, error: unknown): unknown {
  if (signal.aborted) {
    report.text("header", `stopped: ${String(signal.reason)}\n`);
    report.update({ rc: -1 });
    return undefined;
  }
  const { errno, syscall, message } = error as NodeJS.ErrnoException;
  if (errno === undefined || syscall === undefined) return error;
  report.text("stderr", `${message}\n`);
  report.update({ rc: Math.abs(errno) });
  return undefined;
}
