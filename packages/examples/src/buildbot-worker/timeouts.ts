// The two timeouts of a program: the longest time without output, and the longest time in total.

export interface TimeoutOptions {
  /** Seconds without output. No limit by default. */
  readonly idle?: number | null | undefined;
  /** Seconds in total. No limit by default. */
  readonly total?: number | null | undefined;
}

export class Timeouts {
  readonly #idle: number | undefined;
  readonly #onTimeout: (reason: string) => void;
  #idleTimer: NodeJS.Timeout | undefined;
  #totalTimer: NodeJS.Timeout | undefined;

  /** Starts both timers. `onTimeout` is called once for each timeout that expires. */
  constructor({ idle, total }: TimeoutOptions, onTimeout: (reason: string) => void) {
    this.#idle = idle ?? undefined;
    this.#onTimeout = onTimeout;
    if (typeof total === "number") {
      this.#totalTimer = setTimeout(() => onTimeout(`timed out: ${total} seconds elapsed`), total * 1000);
    }
    this.restartIdle();
  }

  /** Restarts the idle timer. Call it for each piece of output. */
  restartIdle(): void {
    if (this.#idle === undefined) return;
    clearTimeout(this.#idleTimer);
    const reason = `timed out: ${this.#idle} seconds without output`;
    this.#idleTimer = setTimeout(() => this.#onTimeout(reason), this.#idle * 1000);
  }

  clear(): void {
    clearTimeout(this.#idleTimer);
    clearTimeout(this.#totalTimer);
  }
}
