// Clients that call servers without a pause while these are restarted, and what has become of their calls.

import { OutcomeUnknownError, reconnecting } from "@pb/node-transport";
import type { ReconnectingClient } from "@pb/node-transport";
import { until } from "./echo.js";

/** The object of `programs/restarted.ts`. */
interface Counter {
  run(id: string): string;
}

/** What `programs/restarted.ts` prints at its end. */
export interface Report {
  /** Calls in flight when the time of `close` was over. */
  readonly cut: number;
  /** The ids of the calls that it has run. */
  readonly ids: readonly string[];
}

/** Calls without a pause, three at a time for each client, until it is stopped. */
export class Load {
  readonly #clients: readonly ReconnectingClient<Counter>[];
  readonly #running: Promise<unknown>;
  readonly #answered: string[] = [];
  readonly #failed: string[] = [];
  #isStopped = false;

  constructor(endpoint: string, clients: number) {
    this.#clients = Array.from({ length: clients }, () =>
      reconnecting<Counter>(endpoint, { backoff: { firstMs: 50, highestMs: 200 } }),
    );
    this.#running = Promise.all(
      this.#clients.flatMap((client, index) => [0, 1, 2].map((lane) => this.#call(client, `${index}.${lane}`))),
    );
  }

  /** Resolves when there are ten more answers for each client. */
  async proceed(): Promise<void> {
    const enough = this.#answered.length + 10 * this.#clients.length;
    await until(() => this.#answered.length > enough, `all clients call: ${this.#failed.join()}`);
  }

  /** Makes no further calls, waits for those in flight, for which there has to be a server, and closes the clients. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    await this.#running;
    await Promise.all(this.#clients.map((client) => client.close()));
  }

  /** What went wrong, when all servers have ended with these reports. */
  mistakes(reports: readonly Report[]): unknown {
    const ids = reports.flatMap((report) => report.ids);
    const ran = new Set(ids);
    return {
      failed: this.#failed,
      cut: reports.reduce((sum, { cut }) => sum + cut, 0),
      ranTwice: ids.length - ran.size,
      answeredButNotRun: this.#answered.filter((id) => !ran.has(id)).length,
    };
  }

  async #call(client: ReconnectingClient<Counter>, name: string): Promise<void> {
    for (let count = 0; !this.#isStopped; count++) {
      const id = `${name}.${count}`;
      try {
        await client.callRemote("run", id);
        this.#answered.push(id);
      } catch (error) {
        this.#failed.push(`${id}: ${String(error instanceof OutcomeUnknownError ? error.cause : error)}`);
      }
    }
  }
}

/** The result of {@link Load.mistakes} if nothing went wrong. */
export const noMistakes = { failed: [], cut: 0, ranTwice: 0, answeredButNotRun: 0 };
