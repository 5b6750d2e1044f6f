// A Buildbot worker: stays logged in to a master, runs its commands, and stops when the master shuts it down.

import { RemoteError } from "@pb/broker";
import { login, UsernamePassword } from "@pb/cred";
import { reconnecting } from "@pb/node-transport";
import type { ReconnectingClient, ReconnectState } from "@pb/node-transport";
import { Bot } from "./bot.js";
import type { MasterPerspective } from "./master.js";

export interface WorkerOptions {
  /** The endpoint of the master: `tcp:build.example.org:9989`. */
  readonly master: string;
  readonly name: string;
  readonly password: string;
  readonly basedir: string;
  /** Seconds between two keepalive calls. Default 600, as in Buildbot. */
  readonly keepalive?: number | undefined;
  /** The longest time between two attempts to connect, in seconds. Default 300, as in Buildbot. */
  readonly maxDelay?: number | undefined;
  readonly log?: ((text: string) => void) | undefined;
}

export class Worker {
  readonly #client: ReconnectingClient<MasterPerspective>;
  readonly #bot: Bot;
  readonly #keepaliveMs: number;
  readonly #log: (text: string) => void;
  #keepalive: NodeJS.Timeout | undefined;
  #resolveStopped!: (cause: Error | undefined) => void;
  /** Resolves when the worker has stopped: with the error that stopped it, or undefined after `close` or a shutdown. */
  readonly stopped = new Promise<Error | undefined>((resolve) => (this.#resolveStopped = resolve));

  constructor({
    master,
    name,
    password,
    basedir,
    keepalive = 600,
    maxDelay = 300,
    log = () => undefined,
  }: WorkerOptions) {
    this.#log = log;
    this.#keepaliveMs = keepalive * 1000;
    // setImmediate: the answer to `shutdown` is sent before the connection closes.
    this.#bot = new Bot({ basedir, log, onShutdown: () => void setImmediate(() => void this.close()) });
    this.#client = reconnecting<MasterPerspective>(master, {
      login: (connection, signal) => login(connection, new UsernamePassword(name, password), this.#bot, { signal }),
      backoff: { highestMs: maxDelay * 1000 },
      // A wrong password is retried, because the configuration of the master may change. A duplicate worker is not.
      isFinal: (error) => error instanceof RemoteError && error.message === "rejecting duplicate worker",
      onState: (state) => this.#onState(state),
    });
  }

  /** Asks the master for a shutdown. The master calls `shutdown` of the bot when the running builds are complete. */
  async shutdown(): Promise<void> {
    try {
      await this.#client.with({ whileDown: "fail", timeoutMs: 60_000 }).callRemote("shutdown");
      this.#log("asked the master for a shutdown");
    } catch (error) {
      this.#log(`the master did not accept the shutdown (${String(error)}): stopping now`);
      await this.close();
    }
  }

  /** Stops running commands and closes the connection. */
  async close(): Promise<void> {
    this.#bot.stop("the worker stopped");
    await this.#client.close();
  }

  #onState(state: ReconnectState<MasterPerspective>): void {
    clearInterval(this.#keepalive);
    switch (state.is) {
      case "connecting":
        break;
      case "ready":
        this.#log("attached to the master");
        this.#keepalive = setInterval(() => void this.#keepAlive(), this.#keepaliveMs);
        break;
      case "waiting":
        this.#log(`next attempt to connect at ${state.until.toISOString()}: ${String(state.cause)}`);
        break;
      case "stopped":
        this.#resolveStopped(state.cause as Error | undefined);
        break;
    }
  }

  /** Tells the master that this worker is alive. The transport detects a dead master by itself. */
  async #keepAlive(): Promise<void> {
    try {
      await this.#client.with({ whileDown: "fail" }).callRemote("keepalive");
      this.#log("the master answered the keepalive");
    } catch (error) {
      this.#log(`the keepalive failed: ${String(error)}`);
    }
  }
}
