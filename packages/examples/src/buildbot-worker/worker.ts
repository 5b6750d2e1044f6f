// A worker: stays logged in to its master, builds what it is given, and goes home when it is sent.

import { RemoteError } from "@pb/broker";
import { login, UsernamePassword } from "@pb/cred";
import { reconnecting } from "@pb/node-transport";
import type { ReconnectingClient, ReconnectState } from "@pb/node-transport";
import { Bot } from "./bot.js";
import type { MasterPerspective } from "./master.js";

export interface WorkerOptions {
  /** Where the master listens: `tcp:build.example.org:9989`. */
  readonly master: string;
  readonly name: string;
  readonly password: string;
  readonly basedir: string;
  /** Seconds between two signs of life. Default 600. */
  readonly keepalive?: number | undefined;
  /** The longest wait, in seconds, before the master is looked for again. Default 300. */
  readonly maxDelay?: number | undefined;
  readonly say?: ((text: string) => void) | undefined;
}

export class Worker {
  readonly #client: ReconnectingClient<MasterPerspective>;
  readonly #bot: Bot;
  readonly #keepaliveMs: number;
  readonly #say: (text: string) => void;
  #keepalive: NodeJS.Timeout | undefined;
  #settleStopped!: (cause: Error | undefined) => void;
  /** Resolves when it has stopped: with what made it give up, or undefined when it was meant to. */
  readonly stopped = new Promise<Error | undefined>((resolve) => (this.#settleStopped = resolve));

  constructor({
    master,
    name,
    password,
    basedir,
    keepalive = 600,
    maxDelay = 300,
    say = () => undefined,
  }: WorkerOptions) {
    this.#say = say;
    this.#keepaliveMs = keepalive * 1000;
    // The answer to `shutdown` leaves first.
    this.#bot = new Bot({ basedir, say, onShutdown: () => void setImmediate(() => void this.close()) });
    this.#client = reconnecting<MasterPerspective>(master, {
      login: (connection, signal) => login(connection, new UsernamePassword(name, password), this.#bot, { signal }),
      backoff: { highestMs: maxDelay * 1000 },
      // A password may get right when the master's configuration does; a second worker of the same name does not.
      isFinal: (error) => error instanceof RemoteError && error.message === "rejecting duplicate worker",
      onState: (state) => this.#changed(state),
    });
  }

  /** Asks the master for an end: it sends us home when what runs is done. */
  async shutdown(): Promise<void> {
    try {
      await this.#client.with({ whileDown: "fail", timeoutMs: 60_000 }).callRemote("shutdown");
    } catch (error) {
      this.#say(`the master cannot send us home (${String(error)}): going at once`);
      await this.close();
    }
  }

  /** Stops what runs, and hangs up. */
  async close(): Promise<void> {
    this.#bot.stop("the worker stops");
    await this.#client.close();
  }

  #changed(state: ReconnectState<MasterPerspective>): void {
    clearInterval(this.#keepalive);
    switch (state.is) {
      case "connecting":
        break;
      case "ready":
        this.#say("attached to the master");
        this.#keepalive = setInterval(() => void this.#keepAlive(), this.#keepaliveMs);
        break;
      case "waiting":
        this.#say(`no master until ${state.until.toISOString()}: ${String(state.cause)}`);
        break;
      case "stopped":
        this.#settleStopped(state.cause as Error | undefined);
        break;
    }
  }

  /** The master notes that we are there. Whether it still is, the transport finds out by itself. */
  async #keepAlive(): Promise<void> {
    try {
      await this.#client.with({ whileDown: "fail" }).callRemote("keepalive");
      this.#say("the master knows that we are alive");
    } catch (error) {
      this.#say(`keepalive: ${String(error)}`);
    }
  }
}
